"""Planted faults: each is patched in, one at a time, and a named check must notice."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Literal, NamedTuple
from unittest.mock import patch

import backends
from tests.conformance import cases
from tests.conformance.catalogue import perform
from tests.meta.patches import (
    Patch,
    all_layers,
    another_layer,
    begun_anew,
    betas_swapped,
    biased_running_variance,
    changed_clip,
    changed_layer,
    changed_optimizer,
    changed_phase,
    changed_term,
    changed_terms,
    changed_workload,
    chunk_used_twice,
    cut_from_its_own_chunk,
    epochs_begun_anew,
    epsilon_inside_the_root,
    exponential,
    fake_before_real,
    fakes_in_train_mode,
    flipped_kernels,
    given_else,
    heads_exchanged,
    ignored_seed,
    lighter_ones,
    masks_exchanged,
    nothing_detached,
    one_iteration_less,
    rates_by_steps,
    rewired,
    samples_in_train_mode,
    samples_with_live_parameters,
    shared_noise,
    stale_noise,
    unseeded,
    unsorted,
)
from tests.meta.patches_draws import (
    echoes,
    frozen_epochs,
    labels_of_the_next,
    masks_of_another_rate,
    never_the_last,
    uniform_for_normal,
)
from tests.meta.patches_extremes import (
    clipped_cross_entropy,
    fast_variance,
    tiny_is_zero,
    unstable_softplus,
)
from tests.meta.patches_flow import (
    an_iteration_late,
    graphs_cut,
    left_out_at_first,
    one_after_the_other,
    rates_as_if_all_ran,
    remade,
    samples_of_the_iteration,
    slots_drawn_one_by_one,
)
from tests.meta.patches_grid import (
    dropped_by_pixel,
    growth_at_the_near_side,
    images_on_two_axes,
    shuffled_as_keras_does,
    upsampled_by_height,
)
from tests.meta.patches_jax import pieces_alike
from tests.meta.patches_state import (
    broken_by_an_error,
    exports_that_live_on,
    first_samples,
    last_numbers,
    live_variables,
    moved_by_apply,
    moved_by_gradients,
    never_compiled,
    one_state,
)


class Fault(NamedTuple):
    """A fault, the workload it is planted in, and the check that must fail."""

    name: str
    check: str
    workload: str
    patches: Callable[[str], list[Patch]]
    rows: tuple[str, ...] = ()
    """Empty: every row."""
    timed: Literal["first", "last"] | None = None
    """Planted where it would do harm: in float32, as it is timed, in that one of the row's modes.

    In the first where compiling would take most of a test's time."""

    @property
    def precision(self) -> str:
        """In which the fault is planted."""
        return "float32" if self.timed else "float64"


WORKLOADS = "tests/meta/workloads"
VOCABULARY_A, VOCABULARY_B = f"{WORKLOADS}/vocabulary_a.toml", f"{WORKLOADS}/vocabulary_b.toml"
VOCABULARY_C, CRITIC = f"{WORKLOADS}/vocabulary_c.toml", f"{WORKLOADS}/critic.toml"
MANY, FLOW = f"{WORKLOADS}/many_numbers.toml", f"{WORKLOADS}/flow.toml"
PORTS, LABELS = f"{WORKLOADS}/ports.toml", f"{WORKLOADS}/labels.toml"
CHAIN, LAZY = f"{WORKLOADS}/chain.toml", f"{WORKLOADS}/lazy.toml"
POOL, LAYERS = f"{WORKLOADS}/pool.toml", f"{WORKLOADS}/layers.toml"
"""What no built-in workload has."""
THREEFRY = ("flax_nnx", "keras3-jax")
"""Rows that draw many numbers in pieces on a CPU."""
IN_PLACE = ("pytorch", "keras3-tensorflow")
"""Rows whose states are changed in place."""
KERAS = ("keras3-jax", "keras3-tensorflow")

OTHER_SOURCES = "long_draws_of_other_sources"
FAULTS = (
    Fault("Adam's epsilon in another place", "optimizers", "mlp_square", epsilon_inside_the_root),
    Fault(
        "Adam's betas swapped",
        "optimizers",
        "mlp_square",
        changed_optimizer("adam", lambda o: {"beta_1": o.beta_2, "beta_2": o.beta_1}),
    ),
    Fault(
        "networks that do not learn",
        "only_intended_move",
        "mlp_square",
        changed_optimizer("adam", lambda o: {"learning_rate": 0.0}),
    ),
    Fault(
        "SGD's rate 1 % too high",
        "optimizers",
        "gaussian",
        changed_optimizer("sgd", lambda o: {"learning_rate": 1.01 * o.learning_rate}),
    ),
    Fault(
        "batch norm's momentum mirrored",
        "batch_statistics",
        "dcgan_32",
        changed_layer("batch_norm", keep=0.1),
    ),
    Fault(
        "batch norm's epsilon 1e-3", "layers", "dcgan_32", changed_layer("batch_norm", epsilon=1e-3)
    ),
    Fault(
        "statistics not kept", "batch_statistics", "dcgan_32", changed_layer("batch_norm", keep=1.0)
    ),
    Fault(
        "running variance biased",
        "batch_statistics",
        "dcgan_32",
        biased_running_variance,
        ("flax_nnx", "keras3-jax", "keras3-tensorflow"),
    ),
    Fault("fake before real", "batch_statistics", "dcgan_32", changed_phase(fake_before_real)),
    Fault("kernel flipped", "layers", "dcgan_32", flipped_kernels),
    Fault(
        "LeakyReLU's slope 0.01", "layers", "mlp_square", changed_layer("leaky_relu", slope=0.01)
    ),
    Fault(
        "epsilon of the moments 1e-6", "layers", "gaussian", changed_layer("moments", epsilon=1e-6)
    ),
    Fault("missing detach", "detached_gradients", "mlp_square", changed_phase(nothing_detached)),
    Fault("stale noise for G", "iteration", "mlp_square", stale_noise),
    Fault(
        "mean of the two halves, not their sum",
        "gradients",
        "mlp_square",
        changed_term(lambda term: {"weight": 0.5 * term.weight}),
    ),
    Fault(
        "real and fake labels exchanged",
        "golden_losses",
        "mlp_square",
        changed_term(lambda term: {"target": 1.0 - term.target}),
    ),
    Fault("n - 1 iterations in run", "run", "mlp_square", one_iteration_less),
    Fault("a chunk used twice in run", "run", "mlp_square", chunk_used_twice),
    Fault("n - 1 iterations, as timed", "run", "mlp_square", one_iteration_less, timed="last"),
    Fault("a chunk used twice, as timed", "run", "mlp_square", chunk_used_twice, timed="last"),
    Fault("stale noise, as timed", "run", "mlp_square", stale_noise, timed="last"),
    Fault("stale noise in a DCGAN, as timed", "run", "dcgan_32", stale_noise, timed="first"),
    Fault(
        "betas swapped in a DCGAN, as timed",
        "run",
        "dcgan_32",
        changed_workload(betas_swapped),
        timed="first",
    ),
    Fault(
        "batch norm's momentum mirrored, as timed",
        "run",
        "dcgan_32",
        changed_layer("batch_norm", keep=0.1),
        timed="first",
    ),
    Fault(
        "target 1 weighs 1 % less, as timed",
        "run",
        "dcgan_32",
        changed_workload(lighter_ones),
        timed="first",
    ),
    Fault("G and D share their noise", "draws", "mlp_square", shared_noise),
    Fault("draws that ignore the seed", "draws", "mlp_square", ignored_seed),
    Fault("a piece drawn again and again", "draws", MANY, pieces_alike, rows=THREEFRY),
    Fault("each chunk begins an epoch", "draws", "mlp_square", epochs_begun_anew),
    Fault("a run that goes on from its first draws", "cut_run", "mlp_small", begun_anew),
    Fault("chunks counted from the cut", "cut_run", "mlp_small", cut_from_its_own_chunk),
    Fault(
        "a shared draw made anew for a phase",
        "iteration",
        FLOW,
        given_else("second", lambda draws: {"shared/noise": -draws["shared/noise"]}),
    ),
    Fault(
        "drawn labels for a sample's own",
        "iteration",
        LABELS,
        given_else("d", lambda draws: {"d/x.label": draws["shared/wanted"]}),
    ),
    Fault("labels of the next sample", "draws", LABELS, labels_of_the_next),
    Fault("the other head", "gradients", PORTS, changed_workload(heads_exchanged)),
    Fault("run does not keep to its seed", "same_seed", "mlp_square", unseeded),
    Fault("GELU's other form", "layers", VOCABULARY_A, changed_layer("gelu", form="tanh")),
    Fault("ELU's alpha 1", "layers", VOCABULARY_A, changed_layer("elu", alpha=1.0)),
    Fault("ELU's alpha 1, in fuzz", "random_gan", VOCABULARY_A, changed_layer("elu", alpha=1.0)),
    Fault("softplus as ReLU", "layers", VOCABULARY_A, another_layer("softplus", "relu")),
    Fault(
        "group norm's epsilon 1e-3",
        "layers",
        VOCABULARY_A,
        changed_layer("group_norm", epsilon=1e-3),
    ),
    Fault(
        "group norm over one group", "layers", VOCABULARY_A, changed_layer("group_norm", groups=1)
    ),
    Fault(
        "layer norm as instance norm",
        "layers",
        VOCABULARY_A,
        another_layer("layer_norm", "instance_norm"),
    ),
    Fault(
        "running variance unbiased",
        "batch_statistics",
        VOCABULARY_A,
        changed_layer("batch_norm", running_variance="unbiased"),
    ),
    Fault(
        "concatenated in the other order",
        "networks",
        VOCABULARY_A,
        changed_workload(rewired("concatenate", lambda names: names[::-1])),
    ),
    Fault(
        "a skip left out",
        "gradients",
        VOCABULARY_A,
        changed_workload(rewired("add", lambda names: (names[1], names[1]))),
    ),
    Fault(
        "least squares with another target",
        "gradients",
        VOCABULARY_A,
        changed_workload(changed_terms("least_squares", target=0.9)),
    ),
    Fault(
        "D's fakes in train mode", "iteration", VOCABULARY_A, changed_workload(fakes_in_train_mode)
    ),
    Fault(
        "RMSprop's epsilon outside the root",
        "optimizers",
        VOCABULARY_A,
        changed_optimizer("rmsprop", lambda o: {"epsilon_place": "outside_root"}),
    ),
    Fault(
        "RMSprop's momentum 0.8",
        "optimizers",
        VOCABULARY_A,
        changed_optimizer("rmsprop", lambda o: {"momentum": 0.8 if o.momentum else 0.0}),
    ),
    Fault(
        "AdamW without its decay",
        "optimizers",
        VOCABULARY_A,
        changed_optimizer("adamw", lambda o: {"weight_decay": 0.0}),
    ),
    Fault(
        "Nesterov's momentum as plain momentum",
        "optimizers",
        VOCABULARY_B,
        changed_optimizer("sgd", lambda o: {"nesterov": False}),
    ),
    Fault(
        "hinge for real samples taken for fakes",
        "gradients",
        VOCABULARY_B,
        changed_workload(changed_terms("hinge", sign=-1)),
    ),
    Fault(
        "clipped before the step",
        "optimizers",
        VOCABULARY_B,
        changed_workload(changed_clip(when="before_step")),
    ),
    Fault("clipped at 0.2", "optimizers", VOCABULARY_B, changed_workload(changed_clip(limit=0.2))),
    Fault(
        "epsilon hat as epsilon outside the root",
        "optimizers",
        "mlp_wide",
        changed_optimizer("adam", lambda o: {"epsilon_place": "outside_root"}),
    ),
    Fault("dropout not scaled up", "layers", VOCABULARY_C, changed_layer("dropout", rate=0.0)),
    Fault("masks of real and fake exchanged", "gradients", VOCABULARY_C, masks_exchanged),
    Fault(
        "masks at another rate",
        "draws",
        VOCABULARY_C,
        changed_workload(all_layers("dropout", rate=0.1)),
    ),
    Fault(
        "averages that decay by 0.8",
        "iteration",
        VOCABULARY_C,
        changed_workload(lambda workload: {"averages": dict.fromkeys(workload.averages, 0.8)}),
    ),
    Fault("samples without the averages", "generate", VOCABULARY_C, samples_with_live_parameters),
    Fault(
        "linear rates as exponential ones",
        "optimizers",
        VOCABULARY_C,
        changed_workload(exponential),
    ),
    Fault("rates by steps, not by iterations", "optimizers", VOCABULARY_C, rates_by_steps),
    Fault(
        "masks of real and fake exchanged, as timed",
        "run",
        VOCABULARY_C,
        masks_exchanged,
        timed="last",
    ),
    Fault("rates by steps, as timed", "run", VOCABULARY_C, rates_by_steps, timed="last"),
    Fault(
        "RMSprop's momentum 0.8 in a critic",
        "iteration",
        CRITIC,
        changed_optimizer("rmsprop", lambda o: {"momentum": 0.8}),
    ),
    Fault(
        "RMSprop's decay 0.99 in a critic",
        "trajectory",
        CRITIC,
        changed_optimizer("rmsprop", lambda o: {"decay": 0.99}),
    ),
    Fault(
        "a critic clipped at 0.11, as timed",
        "run",
        CRITIC,
        changed_workload(changed_clip(limit=0.11)),
        timed="first",
    ),
    Fault("rows not sorted", "draws", "gaussian_raw", changed_workload(unsorted)),
    Fault("samples in train mode", "generate", "dcgan_32", samples_in_train_mode),
    Fault("grown at the near side", "grid_sample", "mlp_small", growth_at_the_near_side, KERAS),
    Fault("instance norm on images", "grid_sample", "mlp_small", images_on_two_axes, ("pytorch",)),
    Fault("upsampled as if square", "grid_sample", "mlp_small", upsampled_by_height),
    Fault(
        "a state's own variables handed out",
        "live_states",
        "mlp_small",
        live_variables,
        ("keras3-tensorflow",),
    ),
    Fault("one state for all", "live_states", "mlp_small", one_state, IN_PLACE),
    Fault("exports that live on", "exports_are_copies", "mlp_small", exports_that_live_on),
    Fault("moved by gradients", "reads_leave_states", "mlp_small", moved_by_gradients, IN_PLACE),
    Fault("moved by a forward pass", "reads_leave_states", "mlp_small", moved_by_apply, IN_PLACE),
    Fault("samples of the first state", "samples_after_training", "mlp_small", first_samples),
    Fault("broken by an error", "used_after_an_error", "mlp_small", broken_by_an_error),
    Fault(
        "numbers of the last program",
        "programs_beside_each_other",
        "mlp_small",
        last_numbers,
        ("pytorch",),
    ),
    Fault("compiled in name only", "compiled", "mlp_small", never_compiled, ("keras3-jax",)),
    Fault(
        "compiled in name only, as timed",
        "compiled",
        "mlp_small",
        never_compiled,
        ("pytorch",),
        timed="last",
    ),
    Fault("old fakes made anew", "run", CHAIN, remade),
    Fault("a graph that is cut", "gradients", CHAIN, changed_workload(graphs_cut)),
    Fault("steps not taken together", "iteration", CHAIN, changed_workload(one_after_the_other)),
    Fault("a lazy phase an iteration late", "run", LAZY, an_iteration_late),
    Fault("a lazy phase left out at first", "cut_run", LAZY, left_out_at_first),
    Fault("rates as if all phases ran", "trajectory", LAZY, rates_as_if_all_ran),
    Fault("epochs that follow iterations", "draws", LAZY, samples_of_the_iteration),
    Fault(
        "a pool that always exchanges",
        "run",
        POOL,
        given_else("d", lambda draws: {"d/shown.swap": 0.0 * draws["d/shown.swap"] + 1.0}),
    ),
    Fault(
        "a pool that never exchanges",
        "run",
        POOL,
        given_else("d", lambda draws: {"d/shown.swap": 0.0 * draws["d/shown.swap"]}),
    ),
    Fault(
        "a slot of a pool used twice",
        "run",
        POOL,
        given_else("d", lambda draws: {"d/shown.slot": draws["d/shown.slot"] * 0}),
    ),
    Fault("a pool's slots drawn one by one", "draws", POOL, slots_drawn_one_by_one),
    Fault("pixels shuffled in Keras's order", "iteration", LAYERS, shuffled_as_keras_does),
    Fault("channels dropped by pixel", "iteration", LAYERS, dropped_by_pixel),
    Fault(
        "a relativistic loss against its own mean",
        "gradients",
        LAYERS,
        changed_workload(changed_terms("relativistic", against="fake")),
    ),
    Fault("epochs that freeze", "long_draws", "mlp_square", frozen_epochs),
    Fault("a sample never drawn", "long_draws", "mlp_wide", never_the_last),
    Fault("uniform noise for normal", "long_draws", "mlp_wide", uniform_for_normal),
    Fault("noise with an echo", "long_draws", "mlp_wide", echoes),
    Fault("a sample never chosen", OTHER_SOURCES, "mlp_small", never_the_last),
    Fault("masks of another rate", OTHER_SOURCES, "mlp_small", masks_of_another_rate),
    Fault("softplus as it is written", "extreme_activations", "mlp_small", unstable_softplus),
    Fault("probabilities clipped", "extreme_losses", "mlp_small", clipped_cross_entropy),
    Fault("variance in one pass", "extreme_norms", "mlp_small", fast_variance, ("flax_nnx",)),
    Fault("tiny gradients as none", "extreme_optimizers", "mlp_small", tiny_is_zero),
)


def perform_fault(name: str, row: str, mode: str, planted: bool) -> dict[str, Any]:
    """In the row's worker: the fault's check, with the fault planted or as the control."""
    fault = next(fault for fault in FAULTS if fault.name == name)
    arguments = (fault.check, row, fault.workload, mode, fault.precision, "cpu")
    if not planted:
        return perform(*arguments)
    backends.load(row)
    with ExitStack() as stack:
        # Programs made before the fault know nothing of it, nor may those with it live on.
        stack.enter_context(patch.dict(cases.PROGRAMS, clear=True))
        for target, key, replacement in fault.patches(row.partition("-")[0]):
            if isinstance(target, dict):
                stack.enter_context(patch.dict(target, {key: replacement}))
            else:
                stack.enter_context(patch.object(target, key, replacement))
        return perform(*arguments)
