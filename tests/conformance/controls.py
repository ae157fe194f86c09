"""A backend against the straight-line program in the same framework, which knows no spec."""

import importlib

from bench.plan.controls import FRAMEWORKS
from bench.proof.closeness import loss_error, relative_error
from spec import state, tolerances
from tests.conformance.cases import Case

ITERATIONS = 5


def check_control(case: Case) -> None:
    """Five iterations from the same weights and draws end at the same losses and weights."""
    module = importlib.import_module(f"bench.controls.{FRAMEWORKS[case.row]}_{case.name}")
    networks = (*state.parameters(case.workload), *state.statistics(case.workload))
    step, export = module.make({key: case.first[key] for key in networks}, case.precision)
    live = case.program.import_state(case.first)
    limit = tolerances.limit(case.precision, "control")
    for i in range(ITERATIONS):
        draws = case.draws(i)
        x, z_d, z_g = draws.values()  # in the order of the phases, as the documents draw them
        given = (x[0], z_d[0], z_g[0])
        losses = [float(loss) for loss in step(*given)]
        live, metrics = case.program.train_step(live, draws)
        names = [f"{phase.name}_loss" for phase in case.workload.phases]
        for name, loss in zip(names, losses, strict=True):
            case.measured.within(loss_error(metrics[name], loss), limit, f"iteration {i} {name}")
    ours, theirs = case.program.export_state(live), export()
    case.measured.true(set(theirs) == set(networks), "names in the control's export")
    for key, value in theirs.items():
        case.measured.within(relative_error(ours[key], value), limit, f"after 5 iterations: {key}")
