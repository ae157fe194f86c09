"""A backend against the straight-line program in the same framework, which knows no spec."""

import importlib

from bench.measurement import loss_error, relative_error
from spec import state, tolerances
from tests.conformance.cases import Case

ITERATIONS = 5
CONTROLS = {
    "pytorch": "pytorch",
    "keras3-tensorflow": "tensorflow",
    "keras3-jax": "jax",
    "flax_nnx": "jax",
    "reference": "",
}


def check_control(case: Case) -> None:
    """Five iterations from the same weights and draws end at the same losses and weights."""
    module = importlib.import_module(f"bench.controls.{CONTROLS[case.row]}_{case.name}")
    networks = (*state.parameters(case.workload), *state.statistics(case.workload))
    step, export = module.make({key: case.first[key] for key in networks}, case.precision)
    live = case.program.import_state(case.first)
    limit = tolerances.limit(case.precision, "control")
    for i in range(ITERATIONS):
        draws = case.draws(i)
        given = (draws["d/x"][0], draws["d/z"][0], draws["g/z"][0])
        losses = [float(loss) for loss in step(*given)]
        live, metrics = case.program.train_step(live, draws)
        for name, loss in zip(("d_loss", "g_loss"), losses, strict=True):
            case.measured.within(loss_error(metrics[name], loss), limit, f"iteration {i} {name}")
    ours, theirs = case.program.export_state(live), export()
    case.measured.true(set(theirs) == set(networks), "names in the control's export")
    for key, value in theirs.items():
        case.measured.within(relative_error(ours[key], value), limit, f"after 5 iterations: {key}")
