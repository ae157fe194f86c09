"""Planted faults: each is patched in, one at a time, and a named check must notice."""

from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import backends
from tests.conformance import cases
from tests.conformance.catalogue import perform
from tests.meta.changes import (
    all_layers,
    betas_swapped,
    changed_clip,
    changed_terms,
    exponential,
    fake_before_real,
    fakes_in_train_mode,
    lighter_ones,
    nothing_detached,
    rewired,
    unsorted,
)
from tests.meta.fault import (
    CRITIC,
    MANY,
    VOCABULARY_A,
    VOCABULARY_B,
    VOCABULARY_C,
    Fault,
)
from tests.meta.faults_flow import (
    FLOW_FAULTS,
)
from tests.meta.patches import (
    another_layer,
    begun_anew,
    biased_running_variance,
    changed_layer,
    changed_optimizer,
    changed_phase,
    changed_term,
    changed_workload,
    chunk_used_twice,
    cut_from_its_own_chunk,
    epochs_begun_anew,
    epsilon_inside_the_root,
    flipped_kernels,
    ignored_seed,
    masks_exchanged,
    one_iteration_less,
    rates_by_steps,
    samples_in_train_mode,
    samples_with_live_parameters,
    shared_noise,
    stale_noise,
    unseeded,
)
from tests.meta.patches_draws import (
    echoes,
    frozen_epochs,
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
from tests.meta.patches_grid import (
    growth_at_the_near_side,
    images_on_two_axes,
    upsampled_by_height,
)
from tests.meta.patches_jax import (
    pieces_alike,
)
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
    *FLOW_FAULTS,
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
