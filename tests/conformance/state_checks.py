"""What `backends/protocol.py` promises of states and programs: each `check_*` is one promise.

The other checks start from a fresh state each; here states live beside each other, are read, and
are used after something else has happened to their program.
"""

import backends
from backends.protocol import Arrays, Settings
from bench.proof.closeness import relative_error
from bench.proof.sensitivity import rounded
from spec import randomness, tolerances
from spec.state import init_state
from tests.conformance.cases import CHUNK, SEED, Case, oracle
from tests.conformance.checks import by_head, check_one_iteration, identical
from tests.conformance.gradient_checks import given_to
from tests.conformance.run_checks import RUN_ITERATIONS


def check_live_states(case: Case) -> None:
    """A state that waits stays as it is while another of the same program trains."""
    program, placed = case.program, case.program.place(case.arrays)
    stepped, _ = program.train_step(program.import_state(case.first), case.draws(0))
    waiting = program.import_state(_other(case))
    ran, _ = program.run(program.import_state(case.first), placed, SEED, _n(case))
    states = {"after train_step": stepped, "imported": waiting, "after run": ran}
    before = {name: program.export_state(state) for name, state in states.items()}
    for _ in range(2):
        program.train_step(program.import_state(_other(case)), case.draws(1))
        program.run(program.import_state(_other(case)), placed, SEED + 1, _n(case))
    for name, state in states.items():
        what = f"the state {name}, when another has trained"
        identical(case.measured, program.export_state(state), before[name], what)
    # And it goes on from where it was, as a copy of it does.
    _goes_on_alike(case, stepped, before["after train_step"])
    ran, _ = program.run(ran, placed, SEED, _n(case))
    copy, _ = program.run(program.import_state(before["after run"]), placed, SEED, _n(case))
    what = "run again, as a copy is"
    identical(case.measured, program.export_state(ran), program.export_state(copy), what)


def check_reads_leave_states(case: Case) -> None:
    """`apply`, `losses_and_gradients`, `generate` and `export_state` change nothing."""
    program = case.program
    live, _ = program.train_step(program.import_state(case.first), case.draws(0))
    before = program.export_state(live)
    for name, network in case.workload.networks.items():
        inputs = case.inputs(f"reads/{name}", network)
        masks = randomness.masks(network, "reads", len(next(iter(inputs.values()))))
        program.apply(live, name, inputs, train=True, masks=masks)
        program.apply(live, name, inputs, train=False)
        program.generate(live, name, inputs)
    for phase in case.workload.phases:
        program.losses_and_gradients(live, phase.name, given_to(case, phase, 1))
    list(program.draws(program.place(case.arrays), SEED, CHUNK))
    identical(case.measured, program.export_state(live), before, "a state that was only read")
    _goes_on_alike(case, live, before)


def check_reads_leave_statistics(case: Case) -> None:
    """The same of a workload with batch statistics, which a forward in train mode keeps."""
    check_reads_leave_states(case)


def check_exports_are_copies(case: Case) -> None:
    """What was exported does not change with the state, nor a state with what it came from."""
    program = case.program
    given = {key: value.copy() for key, value in case.first.items()}
    live = program.import_state(given)
    for value in given.values():
        value[...] = 7
    identical(case.measured, program.export_state(live), case.first, "the state's own numbers")
    out = program.export_state(live)
    kept = {key: value.copy() for key, value in out.items()}
    program.train_step(live, case.draws(0))
    identical(case.measured, out, kept, "what was exported, when its state has trained")


def check_samples_after_training(case: Case) -> None:
    """Samples come from the state that is given, after iterations and after `run` alike."""
    program, placed = case.program, case.program.place(case.arrays)
    limit = tolerances.limit(case.precision, "forward")
    name, network = next(iter(case.workload.networks.items()))
    inputs = case.inputs("after training", network)
    early = program.import_state(case.first)
    program.generate(early, name, inputs)
    stepped, _ = program.train_step(early, case.draws(0))
    ran, _ = program.run(program.import_state(case.first), placed, SEED, _n(case))
    for after, state in {"train_step": stepped, "run": ran}.items():
        exported = program.export_state(state)
        given = {key: value.astype("float64") for key, value in exported.items()}
        for what, found, expected in (
            (
                "samples",
                program.generate(state, name, inputs),
                case.oracle.generate(given, name, inputs),
            ),
            (
                "outputs in eval mode",
                program.apply(state, name, inputs, train=False),
                case.oracle.apply(given, name, inputs, train=False),
            ),
        ):
            theirs = by_head(expected)
            for head, value in by_head(found).items():
                error = relative_error(value, theirs[head])
                case.measured.within(error, limit, f"{what} after {after}, {head}")


def check_used_after_an_error(case: Case) -> None:
    """A program that was given a wrong array raises, and is right afterwards."""
    program, draws = case.program, case.draws(0)
    for key, value in draws.items():
        raised = False
        wrong = {**draws, key: value[..., :0]}
        try:
            program.train_step(program.import_state(case.first), wrong)
        except Exception:
            raised = True
        case.measured.true(raised, f"{key} without a number is no array that fits")
    check_one_iteration(case, case.first, draws, "after an error:")


def check_programs_beside_each_other(case: Case) -> None:
    """Two programs of one row in one process, with other numbers: each trains by its own."""
    other = case.workload.model_copy(
        update={
            "name": f"{case.workload.name}_beside",
            "optimizers": {
                name: optimizer.model_copy(update={"learning_rate": 2 * optimizer.learning_rate})
                for name, optimizer in case.workload.optimizers.items()
            },
        }
    )
    settings = Settings(case.mode, case.precision, case.device, CHUNK)  # type: ignore[arg-type]
    beside = backends.prepare(case.row, other, settings)
    live = beside.import_state(case.first)
    for i in range(2):
        check_one_iteration(case, case.first, case.draws(i), "beside another program:", i)
        live, _ = beside.train_step(live, case.draws(i), i)
    expected, reference = dict(case.first), oracle(other)
    for i in range(2):
        expected, _ = reference.train_step(expected, case.draws(i), i)
    exported = beside.export_state(live)
    limit = tolerances.CEILING[case.precision, "iteration"]
    case.measured.tensors(exported, expected, limit, "the other program's state")


def _goes_on_alike(case: Case, live: object, exported: Arrays) -> None:
    """A state trains on as a fresh copy of what was exported of it does."""
    program = case.program
    copy, _ = program.train_step(program.import_state(exported), case.draws(2), 2)
    own, _ = program.train_step(live, case.draws(2), 2)
    what = "trained on, as a copy is"
    identical(case.measured, program.export_state(own), program.export_state(copy), what)


def _other(case: Case) -> Arrays:
    return rounded(init_state(case.workload, SEED + 1), case.precision)


def _n(case: Case) -> int:
    return RUN_ITERATIONS[case.precision]
