"""A run's end against a replay whose numbers are made up: limits, growth, what is sensitive."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import spec
from bench.proof import timed_path
from bench.proof.closeness import CheckFailed, Measured
from bench.proof.replay import Replay, course, unmoved
from bench.proof.sensitivity import oracle
from bench.proof.timed_path import Ended, ended, is_close, judge, prove_run, rows_of
from bench.workers.pool import ROOT
from spec import data, randomness
from spec.sources import Draw
from spec.state import init_state
from spec.workload import Workload

N = 2
VOCABULARY = str(ROOT / "tests" / "meta" / "workloads" / "vocabulary_b.toml")


@pytest.fixture(name="workload", scope="module")
def _workload() -> Workload:
    return spec.load("mlp_small", {"schedule.batch_size": 4})


def replay_of(workload: Workload, metrics: dict[str, Any], **moved: Any) -> tuple[Ended, Replay]:
    state = init_state(workload, 0) | {"iteration": np.array(N)}
    up = {name: values + moved.get(name, 0.0) for name, values in metrics.items()}
    return Ended(state, metrics), Replay(state, metrics, [(state, up)], frozenset())


def names_of(workload: Workload) -> tuple[str, set[str], set[str]]:
    """(the first phase's loss, what it tells before its update, all metrics of other phases)."""
    first, *others = workload.phases
    untouched = {f"{first.name}_loss", *first.metrics}
    return f"{first.name}_loss", untouched, {f"{phase.name}_loss" for phase in others}


def judged(workload: Workload, off: str, i: int, by: float, **moved: Any) -> Measured:
    _, untouched, others = names_of(workload)
    metrics = {name: np.full(N, 0.5) for name in (*untouched, *others)}
    end, found = replay_of(workload, metrics, **moved)
    wrong = np.array(metrics[off])
    wrong[i] += by
    measured = Measured()
    own = Ended(end.state, end.metrics | {off: wrong})
    judge(measured, workload, own, found, "float32", N)
    return measured


def test_before_the_first_update_nothing_may_have_grown(workload: Workload) -> None:
    """There 1e-5 is the limit; later, and of later phases, three times what rounding makes."""
    first, untouched, others = names_of(workload)
    later = next(iter(others))
    moved: Any = {later: np.array([1e-3, 0.0])}
    for name in untouched:
        assert judged(workload, name, 0, 0.9e-5, **moved).share == pytest.approx(0.9)
        with pytest.raises(CheckFailed, match=rf"run\(2\) iteration 0 {name}: "):
            judged(workload, name, 0, 1.1e-5, **moved)
    assert judged(workload, first, 1, 2.9e-3, **moved).limit == pytest.approx(3e-3)
    assert judged(workload, later, 0, 2.9e-3, **moved).share == pytest.approx(2.9 / 3)
    with pytest.raises(CheckFailed, match=f"iteration 1 {first}: "):
        judged(workload, first, 1, 3.1e-3, **moved)


def test_where_the_first_phase_repeats_it_has_grown() -> None:
    workload = spec.load("mlp_small", {"schedule.batch_size": 4, "steps.d_steps": 2})
    first, _, others = names_of(workload)
    assert workload.phases[0].repeat == 2
    moved: Any = {next(iter(others)): np.array([1e-3, 0.0])}
    assert judged(workload, first, 0, 2.9e-3, **moved).max_error == pytest.approx(2.9e-3)


def test_a_loss_beyond_its_ceiling_is_sensitive(workload: Workload) -> None:
    first, _, others = names_of(workload)
    later = next(iter(others))
    for growth, sensitive in ((0.009, False), (0.011, True)):
        for at in range(N):
            moved: Any = {later: growth * (np.arange(N) == at)}
            assert judged(workload, first, 1, 0.0, **moved).sensitive is sensitive


def states(workload: Workload, key: str, off: float, moved: float, precision: str) -> Measured:
    _, untouched, others = names_of(workload)
    metrics = {name: np.full(N, 0.5) for name in (*untouched, *others)}
    _, found = replay_of(workload, metrics)
    one = np.ones(found.state[key].shape)
    found.state |= {key: one}
    found.moved[0] = (found.state | {key: one * (1 + moved)}, metrics)
    measured = Measured()
    wrong = Ended(found.state | {key: one * (1 + off)}, metrics)
    judge(measured, workload, wrong, found, precision, N)
    return measured


def test_a_state_beyond_its_ceiling_is_sensitive_in_float32_alone(workload: Workload) -> None:
    slot = next(key for key in timed_path.comparable(workload, "float32")["moment"])
    assert not states(workload, slot, 0.0, 0.49, "float32").sensitive
    assert states(workload, slot, 0.0, 0.51, "float32").sensitive
    found = states(workload, slot, 0.29, 0.1, "float32")
    assert (found.where, found.share) == (f"run(2) moment {slot}", pytest.approx(0.29 / 0.3))
    with pytest.raises(CheckFailed, match=slot):
        states(workload, slot, 0.31, 0.1, "float32")
    assert not states(workload, slot, 0.0, 0.9, "float64").sensitive


def test_what_float32_has_lost_is_not_held_against_a_row(workload: Workload) -> None:
    """Where rounding alone moves the reference by more than all of it: a finite number is asked."""
    slot = next(key for key in timed_path.comparable(workload, "float32")["moment"])
    found = states(workload, slot, 21.3, 1.05, "float32")
    assert found.sensitive
    with pytest.raises(CheckFailed, match=f"{slot} is not finite"):
        states(workload, slot, np.inf, 1.05, "float32")
    with pytest.raises(CheckFailed, match=slot):
        states(workload, slot, 21.3, 0.95, "float32")
    with pytest.raises(CheckFailed, match=slot):
        states(workload, slot, 1e-6, 1.05, "float64")


def test_so_with_losses(workload: Workload) -> None:
    first, _, others = names_of(workload)
    lost, known = ({next(iter(others)): np.array([by, 0.0])} for by in (1.05, 0.95))
    assert judged(workload, first, 1, 21.3, **lost).sensitive
    with pytest.raises(CheckFailed, match=f"iteration 1 {first} is not finite"):
        judged(workload, first, 1, np.nan, **lost)
    with pytest.raises(CheckFailed, match=f"iteration 0 {first}: "):
        judged(workload, first, 0, 21.3, **lost)
    with pytest.raises(CheckFailed, match=f"iteration 1 {first}: "):
        judged(workload, first, 1, 21.3, **known)


def _drawing(**every: int) -> Any:
    """A workload that draws these, in every so many iterations."""
    source: Any = None
    table = {key: Draw(1, source, key, key, often) for key, often in every.items()}
    return SimpleNamespace(draw_table=lambda: table)


def test_rows_are_the_iterations_of_all_chunks_in_order() -> None:
    chunks: Any = [
        {"x": np.arange(6).reshape(2, 3), "z": [7.0, 8.0]},
        {"x": np.array([[9, 9, 9]]), "z": [1.0]},
    ]
    found = rows_of(_drawing(x=1, z=1), iter(chunks), 3)
    assert [row["x"].tolist() for row in found] == [[0, 1, 2], [3, 4, 5], [9, 9, 9]]
    assert [float(row["z"]) for row in found] == [7.0, 8.0, 1.0]
    assert all(isinstance(value, np.ndarray) for row in found for value in row.values())
    assert rows_of(_drawing(x=1), [], 0) == []


def test_what_is_not_drawn_in_each_iteration_is_in_the_rows_of_its_own() -> None:
    chunks: Any = [
        {"x": np.arange(4), "lazy": np.array([10, 11])},
        {"x": np.arange(4, 7), "lazy": np.array([12, 13])},
    ]
    found = rows_of(_drawing(x=1, lazy=2), chunks, 7)
    assert [int(row["x"]) for row in found] == list(range(7))
    assert [int(row.get("lazy", 0)) for row in found] == [10, 0, 11, 0, 12, 0, 13]


def test_an_end_is_waited_for_and_exported(workload: Workload) -> None:
    asked: list[Any] = []

    class Lazy(list[float]):
        """What lies on a device: numbers one by one."""

        shape = (2,)

    def noted(given: Any, answer: Any) -> Any:
        asked.append(given)
        return answer

    program: Any = SimpleNamespace(
        import_state=lambda state: noted(state, "imported"),
        run=lambda *given: noted(given, ("state", {"loss": Lazy([0.5, 0.25])})),
        block_until_ready=lambda tree: asked.append(("waited", tree[0])),
        export_state=lambda state: {"exported": state},
    )
    found = ended(program, workload, "data", 3, 2)
    assert found.state == {"exported": "state"}
    assert found.metrics["loss"].tolist() == [0.5, 0.25]
    first = init_state(workload, 3)
    assert all(np.array_equal(asked[0][key], first[key]) for key in first)
    assert asked[1:] == [("imported", "data", 3, 2, 0), ("waited", "state")]


class Short:
    """The reference, which notes how long its runs and their draws are."""

    def __init__(self, workload: Workload) -> None:
        self.own: Any = oracle(workload)
        self.ran: list[int] = []
        self.drawn: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)

    def run(self, state: Any, data: Any, seed: int, n: int, first: int) -> Any:
        """As it is."""
        self.ran.append(n)
        return self.own.run(state, data, seed, n, first)

    def draws(self, data: Any, seed: int, n: int, first: int) -> Any:
        """As they are."""
        self.drawn.append(n)
        return self.own.draws(data, seed, n, first)


@pytest.mark.parametrize("close", [True, False])
@pytest.mark.parametrize(
    ("precision", "n", "ran"),
    [("float32", 3, [1, 3]), ("float64", 3, [3]), ("float32", 1, [1])],
)
def test_a_run_is_proved_with_as_few_runs_of_the_reference_as_can_be(
    precision: str, n: int, ran: list[int], close: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once over all iterations; moved by rounding only where that alone is not close enough."""
    workload = spec.load(VOCABULARY, {"schedule.batch_size": 2})
    asked: list[Any] = []

    def noted(name: str) -> Any:
        own = getattr(timed_path, name)

        def call(*given: Any, **more: Any) -> Any:
            asked.append((name, len(given[1]), *given[2:4]))
            return own(*given, **more)

        return call

    for name in ("course", "replay"):
        monkeypatch.setattr(timed_path, name, noted(name))
    monkeypatch.setattr(timed_path, "_COURSES", {})
    monkeypatch.setattr(timed_path, "_REPLAYS", {})
    if not close:
        monkeypatch.setattr(timed_path, "is_close", lambda *given: False)
    program: Any = Short(workload)
    placed = program.place(data.synthetic(workload, 1))
    given = Measured()
    found = prove_run(program, workload, placed, precision=precision, seed=5, n=n, measured=given)
    assert found is given
    assert program.ran == program.drawn == ran
    wanted = [("course", n, precision, 5), ("replay", n, precision, 5)][: 1 if close else 2]
    assert asked == wanted
    assert found.count > 0
    prove_run(program, workload, placed, precision=precision, seed=5, n=n)
    assert asked == wanted, "what is known is not run again"
    prove_run(program, workload, placed, precision=precision, seed=6, n=n)
    assert len(asked) == 2 * len(wanted)


@pytest.mark.parametrize(("far", "close"), [(0.0, True), (0.9e-4, True), (1.1e-4, False)])
def test_close_is_within_the_limits_of_one_step(far: float, close: bool) -> None:
    workload = spec.load("mlp_small", {"schedule.batch_size": 2})
    arrays = data.synthetic(workload, 1)
    rows = [randomness.draws(workload, 0, i, arrays) for i in range(2)]
    exact = course(workload, rows, "float32", 0, "exact")
    whole, first = unmoved(exact)
    key = next(k for k in exact.last[0] if "first_moment" in k and k.endswith("kernel"))
    for (state, metrics), found, n in ((exact.last, whole, 2), (exact.first, first, 1)):
        assert (found.moved, found.undetermined, found.state) == ([], frozenset(), state)
        off = Ended(dict(state) | {key: state[key] * (1.0 + far)}, metrics)
        assert is_close(workload, off, found, "float32", n) is close
