"""One random GAN in one row against the reference; runs in the row's worker."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import backends
from backends.protocol import Arrays, Program, Settings
from bench.proof.closeness import CheckFailed, Measured, loss_error
from bench.proof.sensitivity import Moved, parameter_of
from bench.proof.timed_path import rows_of, told
from spec import data, randomness, tolerances
from spec.flow import needs_iteration
from spec.phases import Phase
from spec.short_form import ShortForm, expand, is_short
from spec.state import averages, init_state, is_count, parameters, shapes, statistics
from spec.workload import Workload
from tests.conformance.cases import Case
from tests.conformance.checks import by_head

SEED = 30
NOISE = 1e-3
"""A tensor this much smaller than the largest beside it is compared with that one's norm: where a
gradient is structurally zero, such as a bias before batch norm, what is left of it is rounding."""
STARTED = 2
"""Iterations that the counters say have passed: a schedule's rate is another one then."""
ZERO = 1e-11
"""Weights and inputs are of the order of 1 here: what is below this is rounding, compared as it is.
The mean of a batch-normalised score, say, has no gradient at all."""

Metrics = dict[str, Any]


def workload_of(gan: Mapping[str, Any]) -> Workload:
    """The workload that a mapping in one of the two forms means."""
    if not is_short(dict(gan)):
        return Workload.model_validate_json(json.dumps(gan))
    short = ShortForm.model_validate_json(json.dumps(gan))
    return Workload.model_validate_json(json.dumps(expand(short)))


def compare(row: str, gan: str, mode: str, device: str) -> dict[str, Any]:
    """{status, max_error, limit, where, message} of a comparison with the reference.

    In the short form of forward passes, losses, gradients and one iteration; in the long form of a
    run over a period and one iteration more, and of the gradients of phases that hang together.
    `gan` is JSON. A difference is `failed`; whatever else goes wrong is an exception.
    """
    raw = json.loads(gan)
    workload = workload_of(raw)
    settings = Settings(mode, "float64", device, 1)  # type: ignore[arg-type]
    measured = Measured()
    status, message = "passed", ""
    try:
        compared = _Comparison(workload, backends.prepare(row, workload, settings), measured)
        compared.all() if is_short(raw) else compared.long()
    except CheckFailed as failure:
        status, message = "failed", str(failure)
    return {
        "status": status,
        "max_error": measured.max_error,
        "limit": measured.limit,
        "where": measured.where,
        "message": message,
    }


def check_random_gan(case: Case) -> None:
    """The comparison as a check, for a GAN from a file: so that faults can be planted."""
    _Comparison(case.workload, case.program, case.measured).all()


class _Comparison:
    """A program, the reference, and the reference moved by rounding."""

    def __init__(self, workload: Workload, program: Program, measured: Measured) -> None:
        self.workload, self.program, self.measured = workload, program, measured
        settings = Settings("eager", "float64", "cpu", 1)
        self.oracle = backends.load(backends.ORACLE).program(workload, settings)
        self.first = init_state(workload, SEED)
        for key in self.first if workload.period == 1 else ():  # in the midst of a schedule
            if key == "iteration" or key.endswith("/step"):  # pools are empty
                name = key.split("/")[-2] if "/" in key else None
                made = workload.pace(name).before(STARTED) if name else STARTED
                self.first[key] = np.array(made, np.int64)
        for key, parameter in statistics(workload).items():  # of batches that came before
            (channels,) = parameter.shape
            drawn = randomness.normal(f"fuzz/{key}", 0, channels, ())
            variance = key.endswith("/variance")
            self.first[key] = np.exp(0.3 * drawn) if variance else 0.3 * drawn
        self.moved = Moved(workload, self.first, "float64", SEED)
        self.arrays = data.synthetic(workload, SEED)
        self.draws = randomness.draws(workload, SEED, 0, self.arrays)

    def all(self) -> None:
        """Every comparison."""
        exported = self.program.export_state(self.program.import_state(self.first))
        found = {key: tuple(value.shape) for key, value in exported.items()}
        self.measured.true(found == shapes(self.workload), "names and shapes of the state")
        self.forward()
        self.gradients(self.workload.phases)
        self.iteration()

    def long(self) -> None:
        """What the long form has beside: phases that hang together, and a run of all."""
        chained = [phase for phase in self.workload.phases if needs_iteration(phase, None)]
        self.gradients(chained)
        self.run()

    def run(self) -> None:
        """Metrics and state of a run over each place of a period, and the first once more."""
        n, placed = self.workload.period + 1, self.program.place(self.arrays)
        chunks = list(self.program.draws(placed, SEED, n))
        rows = rows_of(self.workload, chunks, n)

        def trained(program: Program, state: Arrays) -> tuple[Metrics, Arrays]:
            live = program.import_state(state)
            found: dict[str, list[float]] = {}
            for i, row in enumerate(rows):
                live, metrics = program.train_step(live, row, i)
                for name, value in metrics.items():
                    found.setdefault(name, []).append(value)
            return {name: np.array(of) for name, of in found.items()}, program.export_state(live)

        live, metrics = self.program.run(self.program.import_state(self.first), placed, SEED, n)
        end = told(self.program, live, metrics)
        expected, theirs = trained(self.oracle, self.first)
        moved = self.moved.each(trained)
        self._losses("run", end.metrics, expected, [run[0] for run in moved])
        self._states("after the run:", end.state, theirs, [run[1] for run in moved])

    def forward(self) -> None:
        """Each network in train and in eval mode."""
        for name, network in self.workload.networks.items():
            inputs = randomness.inputs(network, f"fuzz/{name}", 4)
            self._forward(name, inputs, train=True)
            self._forward(name, inputs, train=False)

    def _forward(self, name: str, inputs: Any, *, train: bool) -> None:
        network = self.workload.networks[name]
        masks = randomness.masks(network, "fuzz", 4) if train else {}

        def output(program: Program, state: Arrays) -> Arrays:
            live = program.import_state(state)
            made = program.apply(live, name, inputs, train=train, masks=masks)
            return {f"{name} {head}": value for head, value in by_head(made).items()}

        where = f"forward {'train' if train else 'eval'}"
        self._tensors("forward", where, *self._three(output))

    def gradients(self, phases: Sequence[Phase]) -> None:
        """Losses and gradients of these phases."""
        for phase in phases:
            own = [*self.workload.drawn(phase), *self.workload.shared_keys(phase)]
            given = {key: self.draws[key][0] for key in own}
            if needs_iteration(phase, None):
                given = self.draws

            def of(program: Program, state: Arrays, p: str = phase.name, d: Any = given) -> Any:
                return program.losses_and_gradients(program.import_state(state), p, d)

            (loss, ours), (expected, theirs), moved = self._three(of)
            self._losses(f"phase {phase.name}", loss, expected, [run[0] for run in moved])
            states = [run[1] for run in moved]
            self._tensors("gradient", f"phase {phase.name} gradient", ours, theirs, states)

    def iteration(self) -> None:
        """All of the state after one iteration."""

        def step(program: Program, state: Arrays) -> tuple[Metrics, Arrays]:
            live, metrics = program.train_step(program.import_state(state), self.draws)
            return metrics, program.export_state(live)

        (loss, ours), (expected, theirs), moved = self._three(step)
        states = [run[1] for run in moved]
        self.generate(theirs, states)
        self._losses("iteration", loss, expected, [run[0] for run in moved])
        self._states("after one iteration:", ours, theirs, states)

    def _states(self, where: str, ours: Arrays, theirs: Arrays, states: list[Arrays]) -> None:
        keys = set(theirs)
        self.measured.true(set(ours) == keys, f"names in the state {where}")
        counters = {key for key in keys if is_count(key)}
        groups = [
            counters,
            set(parameters(self.workload)),
            set(averages(self.workload)),
            set(statistics(self.workload)),
        ]
        groups.append(keys.difference(*groups))
        for group in groups:
            part = [{key: state[key] for key in sorted(group)} for state in (ours, theirs, *states)]
            self._tensors("iteration", where, part[0], part[1], part[2:])

    def generate(self, trained: Arrays, shaken: list[Arrays]) -> None:
        """Samples after the reference's iteration, when averages are no longer the parameters."""
        name, network = next(iter(self.workload.networks.items()))
        inputs = randomness.inputs(network, "fuzz/generate", 4)

        def samples(program: Program, state: Arrays) -> Arrays:
            live = program.import_state(state)
            made = by_head(program.generate(live, name, inputs))
            return {f"samples {head}": value for head, value in made.items()}

        moved = [samples(self.oracle, state) for state in shaken]
        ours, theirs = (samples(program, trained) for program in (self.program, self.oracle))
        self._tensors("forward", "generate", ours, theirs, moved)

    def _three(self, call: Any) -> tuple[Any, Any, Any]:
        """What the row, the reference and the moved references give."""
        ours, theirs = (call(program, self.first) for program in (self.program, self.oracle))
        return ours, theirs, self.moved.each(call)

    def _losses(self, where: str, ours: Metrics, theirs: Metrics, moved: list[Metrics]) -> None:
        self.measured.true(set(ours) == set(theirs), f"{where}: names of metrics")
        growth = max(loss_error(run[name], theirs[name]) for run in moved for name in theirs)
        limit = tolerances.trajectory_limit("float64", "loss", growth)
        for name, expected in theirs.items():
            self.measured.within(loss_error(ours[name], expected), limit, f"{where} {name}")

    def _tensors(
        self,
        quantity: tolerances.Quantity,
        where: str,
        ours: Arrays,
        theirs: Arrays,
        moved: list[Arrays],
    ) -> None:
        self.measured.true(set(ours) == set(theirs), f"{where} names")
        largest = max((float(np.linalg.norm(value)) for value in theirs.values()), default=0.0)
        growth = {k: max(_error(run[k], theirs[k], largest) for run in moved) for k in theirs}
        # What has no gradient has steps of rounding: such a tensor is measured by its own growth.
        alone = {k for k in theirs if parameter_of(k) in self.moved.undetermined}
        shared = max((growth[k] for k in theirs if k not in alone), default=0.0)
        for key in theirs:
            own = growth[key] if key in alone else shared
            limit = tolerances.trajectory_limit("float64", quantity, own)
            self.measured.within(_error(ours[key], theirs[key], largest), limit, f"{where} {key}")


def _error(actual: Any, expected: Any, largest: float) -> float:
    """|a - b| / max(|b|, NOISE * largest) in the 2-norm; absolute where all is rounding."""
    a, b = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    if a.shape != b.shape or not np.isfinite(a).all():
        return float("inf")
    difference = float(np.linalg.norm(a - b))
    scale = max(float(np.linalg.norm(b)), NOISE * largest)
    return difference / scale if scale > ZERO else difference
