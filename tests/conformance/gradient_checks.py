"""Checks of a phase's losses and gradients, on given draws and on given values."""

from backends.protocol import Arrays
from bench.proof.closeness import CheckFailed
from bench.proof.sensitivity import rounded
from spec import randomness, state, tolerances
from spec.flow import needs_iteration
from spec.phases import Phase
from tests.conformance.cases import SEED, Case, oracle
from tests.conformance.probes import values_of_phases, with_a_detached_branch


def given_to(case: Case, phase: Phase, periods: int) -> Arrays:
    """What `losses_and_gradients` of a phase is given in the first iteration behind so many
    periods: one repetition's draws, or all of those before it too."""
    draws = case.draws(periods * case.workload.period)
    if needs_iteration(phase, None):
        return draws
    return {key: value[0] for key, value in draws.items()}


def check_gradients(case: Case) -> None:
    """Losses and the gradient of every parameter that a phase moves."""
    for phase in case.workload.phases:
        draws = given_to(case, phase, 0)
        live = case.program.import_state(case.first)
        metrics, gradients = case.program.losses_and_gradients(live, phase.name, draws)
        expected = case.oracle.losses_and_gradients(
            case.oracle.import_state(case.first), phase.name, draws
        )
        loss, gradient = _limits(case)
        case.measured.losses(metrics, expected[0], loss, f"phase {phase.name}")
        case.measured.tensors(gradients, expected[1], gradient, f"phase {phase.name} gradient")
    check_given_values(case)


def check_given_values(case: Case) -> None:
    """A phase that is given what it reuses, as arrays, needs no other, and has no gradient there.

    Of phases that train by something else too.
    """
    workload, live = case.workload, case.program.import_state(case.first)
    for phase, shapes in values_of_phases(workload):
        reused = {
            name: case.normal(f"{phase.name}/{name}", shape, workload.schedule.batch_size)
            for name, shape in shapes.items()
        }
        keys = (*workload.drawn(phase), *workload.shared_keys(phase))
        draws = {key: case.draws(0)[key][0] for key in keys}
        found = case.program.losses_and_gradients(live, phase.name, draws, reused)
        first = case.oracle.import_state(case.first)
        expected = case.oracle.losses_and_gradients(first, phase.name, draws, reused)
        loss, gradient = _limits(case)
        case.measured.losses(found[0], expected[0], loss, f"phase {phase.name} on given values")
        where = f"phase {phase.name} gradient on given values"
        case.measured.tensors(found[1], expected[1], gradient, where)


def _limits(case: Case) -> tuple[float, float]:
    """Of a phase's losses and of its gradients."""
    precision = case.precision
    return tolerances.limit(precision, "loss"), tolerances.limit(precision, "gradient")


def check_detached_gradients(case: Case) -> None:
    """No gradient flows back through a forward that is detached.

    A phase is made that trains G on two batches, one of them through a detached forward of G: the
    documents' own phases cannot show it, since what they detach is not what they train.
    """
    twice = with_a_detached_branch(case.workload)
    if twice is None:
        raise CheckFailed("no phase passes what it moves to another forward")
    program, reference = case.prepare(twice, case.mode), oracle(twice)
    first = rounded(state.init_state(twice, SEED), case.precision)
    drawn = rounded(randomness.draws(twice, SEED, 0, case.arrays), case.precision)
    draws = {key: value[0] for key, value in drawn.items()}
    _, gradients = program.losses_and_gradients(program.import_state(first), "both", draws)
    _, expected = reference.losses_and_gradients(reference.import_state(first), "both", draws)
    limit = tolerances.limit(case.precision, "gradient")
    case.measured.tensors(gradients, expected, limit, "gradient")
