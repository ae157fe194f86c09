"""Which checks there are, and on which modes, precisions and workloads each of them runs."""

import traceback
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import backends
from bench.proof.closeness import CheckFailed
from spec.errors import UserError
from spec.workload import Workload
from tests.conformance import (
    checks,
    device_checks,
    draw_checks,
    extremes,
    gradient_checks,
    grid,
    run_checks,
    state_checks,
)
from tests.conformance.cases import Case
from tests.conformance.controls import check_control
from tests.conformance.convergence import check_convergence
from tests.conformance.probes import with_a_detached_branch
from tests.fuzz.comparison import check_random_gan

BOTH = ("float64", "float32")

KEPT = ("dcgan_32",)
"""With batch statistics, which a forward in train mode keeps."""
ONCE = ("mlp_square",)
"""A small one of the headline's, for checks that one workload is enough for, or that make their
own."""


LARGE = ("dcgan_28", "dcgan_64", "pix2pix_64", "cyclegan_64")
"""Compiling them takes minutes, and `dcgan_32` has passed every check of convolutions."""
OF_LARGE = {"iteration": "float64", "run": "float32"}
"""What is asked of them but for `--full`, in the row's first mode: all of an iteration, and the
timed path, which XLA compiles quickly then."""


def has_a_detached_branch(workload: Workload) -> bool:
    """Whether a phase passes what it moves to another forward."""
    return with_a_detached_branch(workload) is not None


class Check(NamedTuple):
    """One check and where it applies."""

    function: Callable[[Case], None]
    modes: Literal["every", "first", "others", "last"]
    """`every` where it goes through the mode's own code; else once, in one of the row's modes."""
    precisions: tuple[str, ...] = ("float64",)
    workloads: tuple[str, ...] = ()
    """Empty: all of them."""
    built_in: bool = False
    """Needs what is committed beside a built-in workload."""
    where: Callable[[Workload], bool] = lambda workload: True
    """Whether a workload has what is checked."""
    in_first_only: tuple[str, ...] = ()
    """Precisions in which the row's first mode is enough: `run` is proved in all modes and both."""

    @property
    def name(self) -> str:
        """The check's name without `check_`."""
        return self.function.__name__.removeprefix("check_")


CATALOGUE = (
    Check(checks.check_mode, modes="every"),
    Check(checks.check_parameters, modes="first"),
    Check(checks.check_output_shapes, modes="first"),
    Check(checks.check_layers, modes="first", precisions=BOTH),
    Check(checks.check_networks, modes="first", precisions=BOTH),
    Check(gradient_checks.check_gradients, modes="first", precisions=BOTH),
    Check(gradient_checks.check_detached_gradients, modes="first", where=has_a_detached_branch),
    Check(checks.check_optimizers, modes="first", precisions=BOTH),
    Check(checks.check_only_intended_move, modes="first"),
    Check(checks.check_round_trip, modes="first", precisions=BOTH),
    Check(checks.check_refusals, modes="first", workloads=("mlp_square",)),
    Check(check_control, modes="first", workloads=("mlp_square", "dcgan_32", "mlp_wide")),
    Check(
        checks.check_golden_losses,
        modes="every",
        precisions=BOTH,
        built_in=True,
        in_first_only=("float32",),
    ),
    Check(checks.check_iteration, modes="every"),
    Check(
        checks.check_batch_statistics,
        modes="every",
        precisions=BOTH,
        workloads=("dcgan_32",),
    ),
    Check(checks.check_pools, modes="every", where=lambda workload: bool(workload.pools())),
    Check(checks.check_trajectory, modes="every"),
    Check(run_checks.check_draws, modes="every", precisions=BOTH),
    Check(run_checks.check_run, modes="every", precisions=BOTH),
    Check(run_checks.check_cut_run, modes="every", workloads=ONCE),
    Check(run_checks.check_modes_agree, modes="others"),
    Check(run_checks.check_compiled, modes="every", precisions=BOTH, workloads=ONCE),
    Check(run_checks.check_same_seed, modes="every", precisions=BOTH),
    Check(
        checks.check_partial_batch,
        modes="every",
        workloads=ONCE + KEPT,
    ),
    Check(checks.check_generate, modes="every", precisions=BOTH),
    Check(device_checks.check_device, modes="first", precisions=BOTH, workloads=ONCE),
    Check(state_checks.check_live_states, modes="every", workloads=ONCE),
    Check(state_checks.check_reads_leave_states, modes="every", workloads=ONCE),
    Check(state_checks.check_reads_leave_statistics, modes="first", workloads=KEPT),
    Check(state_checks.check_exports_are_copies, modes="every", workloads=ONCE),
    Check(state_checks.check_samples_after_training, modes="every", workloads=ONCE + KEPT),
    Check(state_checks.check_used_after_an_error, modes="every", workloads=ONCE),
    Check(state_checks.check_programs_beside_each_other, modes="every", workloads=ONCE),
    Check(
        draw_checks.check_long_draws,
        modes="first",
        precisions=BOTH,
        workloads=("mlp_square", "mlp_wide", "gaussian", "gaussian_raw"),
    ),
    Check(
        draw_checks.check_long_draws_of_other_sources,
        modes="first",
        precisions=BOTH,
        workloads=ONCE + KEPT,
    ),
    Check(grid.check_grid, modes="first", workloads=ONCE),
    Check(grid.check_grid_sample, modes="last", workloads=ONCE),
    Check(extremes.check_extreme_activations, modes="first", precisions=BOTH, workloads=ONCE),
    Check(extremes.check_extreme_losses, modes="first", precisions=BOTH, workloads=ONCE),
    Check(extremes.check_extreme_norms, modes="first", workloads=ONCE),
    Check(extremes.check_extreme_optimizers, modes="first", workloads=ONCE),
    Check(check_convergence, modes="last", workloads=("gaussian",)),
)
BY_NAME = {check.name: check for check in CATALOGUE}
BESIDE = {
    "saves_state": checks.check_saves_state,
    "continues_from": checks.check_continues_from,
    "random_gan": check_random_gan,
}
"""Checks that are asked for by name only."""


def perform(
    check: str,
    row: str,
    workload: str,
    mode: str,
    precision: str,
    device: str,
    deterministic: bool = False,
    **extra: Any,
) -> dict[str, Any]:
    """Run one check in this process: {status, max_error, limit, where, message}.

    `passed` or `failed` is the check's own word; anything else that goes wrong is an `error`.
    """
    case = Case(row, workload, mode, precision, device, extra)
    function = BESIDE[check] if check in BESIDE else BY_NAME[check].function
    status, message = "passed", ""
    if deterministic:
        backends.load(row).device.make_deterministic()
    try:
        function(case)
    except CheckFailed as failure:
        status, message = "failed", str(failure)
    except UserError as refusal:
        status, message = "refused", str(refusal)
    except Exception:
        status, message = "error", traceback.format_exc()
    if not case.measured.count and status == "passed":
        status, message = "error", f"check {check} compared nothing"
    return {
        "status": status,
        "max_error": case.measured.max_error,
        "limit": case.measured.limit,
        "where": case.measured.where,
        "message": message,
        "notes": case.extra.get("notes", {}),
    }
