"""Every check on every row, workload, mode and precision, each in the row's own process."""

from pathlib import Path
from typing import Any

import pytest

import spec
from backends.protocol import absent_mode, declared
from bench.workers.pool import DETERMINISTIC, Where, WorkerFailed, Workers
from spec.layers import Convolution
from tests.conformance.catalogue import BY_NAME, CATALOGUE, LARGE, OF_LARGE, Check, perform
from tests.conftest import Recorder, Selection, of_row, selection_of

TIMEOUT_S = {"convergence": 3000.0}
DEFAULT_TIMEOUT_S = 900.0
AS_TIMED = ("grid_sample",)
"""In float64 too, XLA compiles a sample of hundreds of layers as it does for benchmarks."""
PARTS = ("layers", "networks", "gradients", "optimizers", "round_trip")
"""Checks of a program's parts, which are run once: on a CPU XLA compiles them as quickly as it can,
in float32 too but for `--full`. The rest in float32 it compiles as for benchmarks."""
OFTEN = ("convergence",)
"""A check that makes thousands of iterations."""


ROOM = Path(__file__).parent.parent
FLOW = [
    *(
        ROOM / "meta" / "workloads" / f"{name}.toml"
        for name in ("chain", "flow", "labels", "layers", "lazy", "pool", "ports", "sixteen")
    ),
    *sorted((ROOM / "spec" / "long").glob("*.toml")),
]
"""Small GANs in the long form, each with something that no built-in one has."""
WITH_A_POOL = ROOM / "meta" / "workloads" / "pool.toml"
IN_FIRST = (
    "gradients",
    "detached_gradients",
    "only_intended_move",
    "optimizers",
    "iteration",
    "pools",
    "trajectory",
    "draws",
    "run",
    "cut_run",
    "reads_leave_states",
    "generate",
    "round_trip",
)
IN_LAST = ("iteration", "run", "cut_run")
SLOWLY_COMPILED = ("pytorch", ("chain", "lazy"))
"""A mode that takes a minute to compile is asked of a sample."""
IN_ONE_MODE = ("sixteen",)
"""Many steps of a period of sixteen take minutes to compile: asked for by hand, as a workload."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    selection = selection_of(metafunc.config)
    if "flow" in metafunc.fixturenames:
        flows = [(row, path) for row in selection.rows for path in FLOW]
        named = [of_row(flow, flow[0], f"{flow[0]}-{flow[1].stem}") for flow in flows]
        metafunc.parametrize("flow", named)
    if "case" in metafunc.fixturenames:
        cases = [case for row in selection.rows for case in _cases(selection, row)]
        metafunc.parametrize("case", [of_row(case, case[0], "-".join(case)) for case in cases])
    if "exchange" in metafunc.fixturenames:
        pairs = [
            (giver, taker, workload)
            for giver in selection.rows
            for taker in selection.rows
            for workload in _exchanged(selection)
            if giver != taker
            and "float64" in selection.precisions
            and all(_modes(selection, row, workload) for row in (giver, taker))
        ]
        named = [
            of_row((giver, taker, of), "exchange", f"{giver}-{taker}-{Path(of).stem}")
            for giver, taker, of in pairs
        ]
        metafunc.parametrize("exchange", named)


def _cases(selection: Selection, row: str) -> list[tuple[str, str, str, str, str]]:
    """(row, precision, workload, mode, check), in the order that keeps one worker busy."""
    cases = []
    for precision in selection.precisions:
        for workload in selection.workloads:
            modes = _modes(selection, row, workload)
            if precision == "float64":
                cases += [(row, precision, workload, m, "mode") for m in selection.modes]
            for i, mode in enumerate(modes):
                cases += [
                    (row, precision, workload, mode, check.name)
                    for check in CATALOGUE
                    if _applies(check, precision, workload, i, len(modes))
                    and (
                        selection.full
                        or workload not in LARGE
                        or (i == 0 and OF_LARGE.get(check.name) == precision)
                    )
                ]
    return cases


def _exchanged(selection: Selection) -> list[str]:
    """Workloads whose states are exchanged; a small one with a pool in place of the large ones."""
    own = [name for name in selection.workloads if selection.full or name not in LARGE]
    return own if len(own) == len(selection.workloads) else [*own, str(WITH_A_POOL)]


def _modes(selection: Selection, row: str, workload: str) -> list[str]:
    """The modes asked for that the row has."""
    device = selection.device
    loaded = spec.load(workload)
    return [m for m in selection.modes if absent_mode(row, m, loaded, device) is None]


def _applies(check: Check, precision: str, workload: str, place: int, modes: int) -> bool:
    """Whether a check runs in the mode at this place among the row's modes."""
    wanted = {"every": True, "first": place == 0, "others": place > 0, "last": place == modes - 1}
    return (
        check.name != "mode"
        and precision in check.precisions
        and workload in (check.workloads or (workload,))
        and (not check.built_in or workload in spec.names())
        and check.where(spec.load(workload))
        and wanted[check.modes]
        and (place == 0 or precision not in check.in_first_only)
    )


def test_conformance(
    case: tuple[str, str, str, str, str],
    selection: Selection,
    workers: Workers,
    simple_workers: Workers,
    quick_workers: Workers,
    record_property: Recorder,
) -> None:
    """The row keeps the promise, or declares that it does not and why."""
    row, precision, workload, mode, check = case
    modes = _modes(selection, row, workload) or [mode]
    extra = {"first_mode": modes[0], "full": selection.full}
    pools = {"as timed": workers, "simply": simple_workers, "quickly": quick_workers}
    for pool in pools.values():
        pool.keep_only(_where(selection, row, precision, check))
    asked = pools[_compiled(selection, precision, workload, check)]
    result = _ask(asked, selection, row, precision, workload, mode, check, extra)
    if check == "grid":
        asked.stop()  # hundreds of programs
    deviation = declared(row, check, mode, spec.load(workload), selection.device)
    if deviation and result["status"] in ("failed", "refused"):
        result["status"] = deviation.kind
    record_property("result", (row, workload, mode, precision, check, result))
    if deviation and result["status"] == deviation.kind:
        pytest.xfail(f"{deviation.kind}: {deviation.reason}")
    if deviation:
        pytest.fail(f"declared as {deviation.kind}, but it passes: delete the deviation")
    if result["status"] != "passed":
        pytest.fail(result["message"], pytrace=False)


def test_flow(
    flow: tuple[str, Path], selection: Selection, quick_workers: Workers, record_property: Recorder
) -> None:
    """Phases that share, reuse, wait and pool, in the row's first and last mode."""
    row, path = flow
    modes = _modes(selection, row, str(path))
    row_of_slow, sample = SLOWLY_COMPILED
    plan = [(modes[0], check) for check in IN_FIRST]
    if path.stem not in IN_ONE_MODE and (row != row_of_slow or path.stem in sample):
        plan += [(modes[-1], check) for check in IN_LAST if len(modes) > 1]
    loaded = spec.load(str(path))
    quick_workers.keep_only(_where(selection, row, "float64", ""))
    for mode, check in ((m, c) for m, c in plan if BY_NAME[c].where(loaded)):
        arguments = (row, "float64", str(path), mode, check, {"first_mode": modes[0]})
        result = _ask(quick_workers, selection, *arguments)
        record_property("result", (row, path.stem, mode, "float64", check, result))
        assert result["status"] == "passed", f"{mode} {check}: {result['message']}"


def test_exchange(
    exchange: tuple[str, str, str],
    selection: Selection,
    workers: Workers,
    simple_workers: Workers,
    record_property: Recorder,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A state saved by one row is read by another bit for bit, and training goes on from it."""
    giver, taker, workload = exchange
    asked = simple_workers if selection.device == "cpu" else workers
    folder = tmp_path_factory.getbasetemp()
    file = Path(folder) / f"{giver}-{spec.load(workload).spec_hash}.safetensors"
    for row, check in ((giver, "saves_state"), (taker, "continues_from")):
        if check == "saves_state" and file.exists():
            continue
        modes = _modes(selection, row, workload)
        arguments = (row, "float64", workload, modes[0], check, {"file": str(file)})
        result = _ask(asked, selection, *arguments)
        if row == taker or result["status"] != "passed":
            name = f"exchange_from_{giver}"
            of = Path(workload).stem
            record_property("result", (taker, of, modes[0], "float64", name, result))
        if result["status"] != "passed":
            pytest.fail(f"{row} {check}: {result['message']}", pytrace=False)


def _compiled(selection: Selection, precision: str, workload: str, check: str) -> str:
    """How XLA compiles for a check, on a CPU: what asks whether formulas are right need not run
    fast, but convolutions that are compiled quickly are slow."""
    if selection.device != "cpu" or check in AS_TIMED:
        return "as timed"
    if workload in LARGE and not selection.full:
        return "quickly"
    if precision == "float32":
        once = check in PARTS and not _convolves(workload) and not selection.full
        return "quickly" if once else "as timed"
    slow = check in OFTEN or (_convolves(workload) and check != "grid")
    return "simply" if slow and workload not in LARGE else "quickly"


def _convolves(workload: str) -> bool:
    """Whether a network has a convolution."""
    networks = spec.load(workload).networks.values()
    return any(isinstance(layer, Convolution) for of in networks for layer in of.layers)


def _where(selection: Selection, row: str, precision: str, check: str) -> Where:
    """The worker that a check is made in: a GPU's fastest kernels do not add in a fixed order."""
    apart = check == "same_seed" and selection.device != "cpu"
    return (row, precision, selection.device, *([DETERMINISTIC] if apart else []))


def _ask(
    workers: Workers,
    selection: Selection,
    row: str,
    precision: str,
    workload: str,
    mode: str,
    check: str,
    extra: dict[str, Any],
) -> dict[str, Any]:
    arguments = {
        "check": check,
        "row": row,
        "workload": workload,
        "mode": mode,
        "precision": precision,
        "device": selection.device,
        **extra,
    }
    where = _where(selection, row, precision, check)
    try:
        return workers.call(
            where,
            perform,
            arguments | {"deterministic": DETERMINISTIC in where},
            TIMEOUT_S.get(check, DEFAULT_TIMEOUT_S),
        )
    except WorkerFailed as failure:
        message = f"{failure.kind}: {failure}\n{failure.details}"
        return {"status": "error", "max_error": None, "limit": None, "message": message}
