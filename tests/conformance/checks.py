"""What a backend promises: each `check_*` is one promise, and fails by CheckFailed.

The reference decides what is right, and spec.tolerances how close is close enough. Checks that go
through a mode's own code run in every mode; the others once per row.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import spec
from backends.protocol import Arrays
from bench.proof.closeness import CheckFailed, Measured, loss_error, relative_error
from bench.proof.sensitivity import ZERO_GRADIENT, Moved, limits, rounded
from bench.proof.timed_path import comparable
from spec import randomness, state, tolerances
from spec.errors import UnsupportedError
from spec.flow import needs_iteration
from spec.network import OUTPUT
from spec.phases import Phase
from spec.workload import Workload
from tests.conformance.cases import SEED, Case, oracle
from tests.conformance.golden import read_golden
from tests.conformance.probes import (
    alone,
    probe,
)

TRAJECTORY_ITERATIONS = 10


def check_mode(case: Case) -> None:
    """The mode exists, or its absence is declared with a reason."""
    case.measured.true(case.program is not None, "the mode can be prepared")


def check_parameters(case: Case) -> None:
    """Names, shapes and counts of an exported state are the spec's."""
    exported = case.program.export_state(case.program.import_state(case.first))
    shapes = {key: tuple(value.shape) for key, value in exported.items()}
    case.measured.true(shapes == state.shapes(case.workload), "names and shapes of the state")
    for network in case.workload.networks:
        count = state.parameter_count(case.workload, network, exported)
        expected = sum(
            int(np.prod(p.shape)) for p in state.parameters(case.workload, (network,)).values()
        )
        case.measured.true(count == expected, f"{network} has {count} parameters, not {expected}")


def check_output_shapes(case: Case) -> None:
    """Every network maps (batch, *input) to (batch, *output)."""
    live = case.program.import_state(case.first)
    for name, network in case.workload.networks.items():
        for samples in (2, 5):
            inputs = case.inputs("shapes", network, samples)
            masks = randomness.masks(network, "shapes", samples)
            outputs = case.program.apply(live, name, inputs, train=True, masks=masks)
            found = {head: value.shape for head, value in by_head(outputs).items()}
            expected = {head: (samples, *shape) for head, shape in network.made.items()}
            case.measured.true(found == expected, f"{name} gives {found}")


def check_layers(case: Case) -> None:
    """Each layer alone, forward in train and eval mode, with random asymmetric parameters."""
    limit = tolerances.limit(case.precision, "forward")
    for network_name, network in case.workload.networks.items():
        for layer_name, layer, shape in network.named_layers():
            if layer.inputs and len(layer.inputs) > 1:
                continue  # a sum or a concatenation has no numbers of its own
            one = alone(layer, shape)
            single = probe(case.workload, one)
            values = random_state(case, single)
            inputs = case.inputs(f"{network_name}/{layer_name}", one)
            for train in (True, False):
                _compare_apply(case, single, values, inputs, train, limit, layer_name)


def check_networks(case: Case) -> None:
    """Each whole network, forward in train and eval mode."""
    limit = tolerances.limit(case.precision, "forward")
    for name, network in case.workload.networks.items():
        whole = probe(case.workload, network)
        values = random_state(case, whole)
        inputs = case.inputs(f"whole/{name}", network)
        for train in (True, False):
            _compare_apply(case, whole, values, inputs, train, limit, name)


def check_golden_losses(case: Case) -> None:
    """Losses on fixed seeds are those that the reference once wrote down."""
    golden = read_golden(case.name)
    case.measured.true(
        golden["spec_hash"] == case.workload.spec_hash, "golden losses are of this very spec"
    )
    limit = tolerances.limit(case.precision, "loss")
    live = case.program.import_state(case.first)
    # Below float64 Adam's first step is partly the sign of rounding, so only one iteration counts.
    rows = golden["iterations"] if case.precision == "float64" else golden["iterations"][:1]
    for i, expected in enumerate(rows):
        live, metrics = case.program.train_step(live, case.draws(i), i)
        case.measured.losses(metrics, expected, limit, f"iteration {i}")


def check_optimizers(case: Case) -> None:
    """Each optimizer alone, fed the same gradients for several steps."""
    limit = tolerances.limit(case.precision, "optimizer")
    live = case.program.import_state(case.first)
    expected = case.oracle.import_state(case.first)
    for step in range(4):
        for phase in case.workload.phases:
            gradients = _random_gradients(case, phase.updates, step)
            live = case.program.update(live, phase.name, gradients)
            expected = case.oracle.update(expected, phase.name, gradients)
    case.measured.tensors(case.program.export_state(live), expected, limit, "after 4 steps:")


def check_iteration(case: Case) -> None:
    """All of the state after one full iteration."""
    check_one_iteration(case, case.first, case.draws(0), "after one iteration:")


def check_batch_statistics(case: Case) -> None:
    """Running statistics after one iteration: kept by every forward in train mode, in order."""
    live, _ = case.program.train_step(case.program.import_state(case.first), case.draws(0))
    expected, _ = case.reference(1)
    exported = case.program.export_state(live)
    limit = tolerances.limit(case.precision, "statistic")
    for key in state.statistics(case.workload):
        error = relative_error(exported[key], expected[key])
        case.measured.within(error, limit, f"statistic {key}")


def check_pools(case: Case) -> None:
    """An iteration from empty pools, from half full ones and from full ones."""
    for what, share in {"empty": 0.0, "half full": 0.5, "full": 1.0}.items():
        filled = state.with_pools(case.workload, case.first, lambda n, s=share: int(n * s))  # type: ignore[misc]
        first = rounded(filled, case.precision)
        if case.workload.pools():  # else it has compared nothing, which is an error
            check_one_iteration(case, first, case.draws(0), f"with pools {what}:")


def check_trajectory(case: Case) -> None:
    """Ten iterations stay within 100 times what one ulp in the weights makes of the reference."""
    live = case.program.import_state(case.first)
    for i in range(TRAJECTORY_ITERATIONS):
        live, _ = case.program.train_step(live, case.draws(i), i)
    expected, _ = case.reference(TRAJECTORY_ITERATIONS)
    exported = case.program.export_state(live)
    for quantity, keys in comparable(case.workload, case.precision).items():
        for key, limit in case.limits(TRAJECTORY_ITERATIONS, keys, quantity).items():
            case.measured.within(relative_error(exported[key], expected[key]), limit, key)


def check_only_intended_move(case: Case) -> None:
    """A phase moves the parameters that it names, all that have a gradient, and no others.

    A critic's last bias has none: it moves real and generated scores alike.
    """
    phases = case.workload.phases
    for i, phase in enumerate(phases):
        # A phase that reuses what others made runs behind these, and once more they alone.
        chained = needs_iteration(phase, None)
        before, _ = _state_after(case, phases[:i] if chained else ())
        after, draws = _state_after(case, phases[: i + 1] if chained else (phase,))
        alone = case.workload.model_copy(
            update={"phases": phases[: i + 1] if chained else (phase,)}
        )
        given = draws if chained else {key: value[0] for key, value in draws.items()}
        first = rounded(state.init_state(alone, SEED), case.precision)
        _, gradients = oracle(alone).losses_and_gradients(first, phase.name, given)
        sizes = {key: float(np.abs(gradient).max()) for key, gradient in gradients.items()}
        pulled = {key for key, size in sizes.items() if size > ZERO_GRADIENT * max(sizes.values())}
        intended = state.parameters(alone, phase.updates)
        for key in state.parameters(alone):
            moved = not np.array_equal(after[key], before[key].astype(after[key].dtype))
            right = moved if key in pulled else not moved or key in intended
            case.measured.true(right, f"phase {phase.name}: {key} moved={moved}")


def _state_after(case: Case, phases: tuple[Phase, ...]) -> tuple[Arrays, Arrays]:
    """(what an iteration of these phases makes of the first state, its draws)."""
    alone = case.workload.model_copy(update={"phases": phases})
    first = rounded(state.init_state(alone, SEED), case.precision)
    if not phases:
        return first, {}
    program, wanted = case.prepare(alone, case.mode), alone.draw_table()
    draws = {key: value for key, value in case.draws(0).items() if key in wanted}
    live, _ = program.train_step(program.import_state(first), draws)
    return program.export_state(live), draws


def check_partial_batch(case: Case) -> None:
    """An epoch's last, smaller batch counts with its own size."""
    iteration = 2  # synthetic data hold two full batches and a partial one
    draws = case.draws(iteration)
    sizes = {len(value[0]) for value in draws.values()}
    expected_size = case.workload.schedule.batch_size // 2
    case.measured.true(sizes == {expected_size}, f"batch sizes are {sizes}")
    check_one_iteration(case, case.first, draws, "after partial batch:", iteration)


def check_generate(case: Case) -> None:
    """Samples in eval mode, of every network: running statistics, not the batch's."""
    trained = rounded(case.reference(1)[0], case.precision)
    limit = tolerances.limit(case.precision, "forward")
    for name, network in case.workload.networks.items():
        inputs = case.inputs("generate", network)
        live = case.program.import_state(trained)
        samples = by_head(case.program.generate(live, name, inputs))
        expected = case.oracle.generate(case.oracle.import_state(trained), name, inputs)
        for head, value in by_head(expected).items():
            error = relative_error(samples[head], value)
            case.measured.within(error, limit, f"samples of {name}, {head}")


def check_round_trip(case: Case) -> None:
    """A state goes in and out, and through a file, without a change of one bit."""
    full = random_state(case, case.workload)
    exported = case.program.export_state(case.program.import_state(full))
    identical(case.measured, exported, full, "exported state")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.safetensors"
        state.save(exported, path)
        identical(case.measured, state.read(path), full, "state from a file")


def check_saves_state(case: Case) -> None:
    """The state after one iteration, written to a file for the other rows."""
    live, _ = case.program.train_step(case.program.import_state(case.first), case.draws(0))
    state.save(case.program.export_state(live), Path(case.extra["file"]))
    case.measured.true(True, "written")


def check_continues_from(case: Case) -> None:
    """Another row's file is read without a change, and training goes on as the reference does."""
    found = state.read(Path(case.extra["file"]))
    live = case.program.import_state(found)
    identical(case.measured, case.program.export_state(live), found, "state read")
    check_one_iteration(case, found, case.draws(1), "next iteration:", 1)


def check_refusals(case: Case) -> None:
    """Workloads that parse but that nobody computes yet are refused in one sentence."""
    files = sorted((Path(__file__).parent.parent / "spec" / "variants").glob("*.toml"))
    case.measured.true(len(files) >= 2, "variants to refuse")
    for path in files:
        variant = spec.load(str(path))
        try:
            case.prepare(variant, case.mode)
        except UnsupportedError as error:
            one_line = "\n" not in str(error) and variant.name in str(error)
            case.measured.true(one_line, f"{path.name}: {error}")
        else:
            raise CheckFailed(f"{path.name} was not refused")


def check_one_iteration(case: Case, first: Arrays, draws: Arrays, what: str, i: int = 0) -> None:
    """Metrics and all of the state after iteration number i, from `first`."""
    live, metrics = case.program.train_step(case.program.import_state(first), draws, i)
    exported = case.program.export_state(live)
    expected, wanted = case.oracle.train_step(case.oracle.import_state(first), draws, i)
    moved = Moved(case.workload, first, case.precision, SEED)
    runs = moved.each(lambda way, start: way.train_step(way.import_state(start), draws, i))
    growth = max(loss_error(shifted[name], wanted[name]) for _, shifted in runs for name in wanted)
    loss = tolerances.trajectory_limit(case.precision, "iteration", growth)
    case.measured.losses(metrics, wanted, loss, "metric")
    case.measured.true(set(exported) == set(expected), f"{what} names differ")
    exact = int(exported["iteration"]) == int(expected["iteration"])
    case.measured.true(exact, f"{what} the iteration count")
    for quantity, keys in comparable(case.workload, case.precision).items():
        states = [state for state, _ in runs]
        given = (expected, states, keys, quantity, case.precision, moved.undetermined)
        for key, limit in limits(*given).items():
            error = relative_error(exported[key], expected[key])
            case.measured.within(error, limit, f"{what} {key}")


def _compare_apply(
    case: Case,
    probe: Workload,
    values: Arrays,
    inputs: Arrays,
    train: bool,
    limit: float,
    what: str,
) -> None:
    program, reference = case.prepare(probe, case.mode), oracle(probe)
    samples = len(next(iter(inputs.values())))
    masks = randomness.masks(probe.networks["probe"], what, samples) if train else {}
    live, state = program.import_state(values), reference.import_state(values)
    actual = by_head(program.apply(live, "probe", inputs, train=train, masks=masks))
    expected = by_head(reference.apply(state, "probe", inputs, train=train, masks=masks))
    for head, value in expected.items():
        where = f"{what} {'train' if train else 'eval'} {head}"
        case.measured.within(relative_error(actual[head], value), limit, where)


def by_head(outputs: Any) -> Arrays:
    """What `apply` and `generate` give back, by the output's name."""
    return outputs if isinstance(outputs, dict) else {OUTPUT: outputs}


def random_state(case: Case, workload: Workload) -> Arrays:
    """Random values everywhere, so that no symmetry can hide a transposition."""
    values = state.init_state(workload, SEED)
    for key, value in values.items():
        if value.dtype.kind == "f":
            drawn = randomness.normal(f"state/{key}", 0, value.size, ()).reshape(value.shape)
            positive = key.endswith(("/variance", "/scale")) or "second_moment" in key
            values[key] = 0.5 + np.abs(drawn) if positive else 0.3 * drawn
        else:
            values[key] = np.array(3, np.int64)
    return rounded(values, case.precision)


def _random_gradients(case: Case, networks: tuple[str, ...], step: int) -> Arrays:
    """Gradients of every size: Adam's epsilon shows only where they are small."""
    gradients = {}
    for key, parameter in state.parameters(case.workload, networks).items():
        size = int(np.prod(parameter.shape))
        drawn = randomness.normal(f"gradient/{step}/{key}", 0, size, ())
        scale = 10.0 ** (-9 + 8 * randomness.uniform(f"gradient scale/{key}", 0, size, ()))
        gradients[key] = (drawn * scale).reshape(parameter.shape)
    return rounded(gradients, case.precision)


def identical(measured: Measured, actual: Arrays, expected: Arrays, what: str) -> None:
    measured.true(set(actual) == set(expected), f"{what}: names differ")
    for key, value in expected.items():
        same = actual[key].shape == value.shape and np.array_equal(
            np.asarray(actual[key], np.float64), np.asarray(value, np.float64)
        )
        measured.true(same, f"{what}: {key}")
