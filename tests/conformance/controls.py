"""A backend against the straight-line program in the same framework, which knows no spec."""

import importlib

import spec
from bench.plan.controls import FRAMEWORKS
from bench.proof.closeness import loss_error, relative_error
from bench.proof.sensitivity import rounded
from spec import data, randomness, state, tolerances
from tests.conformance.cases import BATCH, SEED, SMALL, Case

ITERATIONS = 5


def check_control(case: Case) -> None:
    """Five iterations from the same weights and draws end at the same losses and weights.

    In the document's own widths, which the control has and no shape of a state could tell it.
    """
    module = importlib.import_module(f"bench.controls.{FRAMEWORKS[case.row]}_{case.name}")
    batch = SMALL.get(case.name, BATCH)["schedule.batch_size"]
    workload = spec.load(case.name, {"schedule.batch_size": batch})
    program, arrays = case.prepare(workload, case.mode), data.synthetic(workload, SEED)
    networks = (*state.parameters(workload), *state.statistics(workload))
    first = rounded(state.init_state(workload, SEED), case.precision)
    step, export = module.make({key: first[key] for key in networks}, case.precision)
    live = program.import_state(first)
    limit = tolerances.limit(case.precision, "control")
    for i in range(ITERATIONS):
        draws = rounded(randomness.draws(workload, SEED, i, arrays), case.precision)
        x, z_d, z_g = draws.values()  # in the order of the phases, as the documents draw them
        given = (x[0], z_d[0], z_g[0])
        losses = [float(loss) for loss in step(*given)]
        live, metrics = program.train_step(live, draws)
        names = [f"{phase.name}_loss" for phase in workload.phases]
        for name, loss in zip(names, losses, strict=True):
            case.measured.within(loss_error(metrics[name], loss), limit, f"iteration {i} {name}")
    ours, theirs = program.export_state(live), export()
    case.measured.true(set(theirs) == set(networks), "names in the control's export")
    for key, value in theirs.items():
        case.measured.within(relative_error(ours[key], value), limit, f"after 5 iterations: {key}")
