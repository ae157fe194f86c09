"""In a row's worker: what is made, started, run to be proved and written, with known programs."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.plan.cells import Cell
from bench.proof import starting
from bench.proof.arrays import read_arrays, read_rows
from bench.proof.timed_path import name_of
from spec.state import init_state

CELL = Cell(
    "tests/meta/workloads/vocabulary_b.toml", "reference", "eager", "float32", "cpu", 4, "small"
)
CHUNK = 5


class Program:
    """It counts iterations, and says what it was asked."""

    def __init__(self, settings: Any, size: int, clock: list[float]) -> None:
        self.settings, self.size, self.clock = settings, size, clock
        self.asked: list[Any] = []

    def place(self, arrays: Any) -> Any:
        """On the device."""
        return ("placed", sorted(arrays))

    def import_state(self, arrays: Any) -> Any:
        """As it is; slow."""
        self.clock[0] += 100.0
        first = init_state(CELL.load(self.size), starting.SEED)
        assert all(np.array_equal(arrays[key], value) for key, value in first.items())
        return dict(arrays)

    def run(self, state: Any, data: Any, seed: int, n: int, first: int = 0) -> Any:
        """A second each."""
        assert (data[0], first) == ("placed", 0)
        self.asked.append((seed, n))
        self.clock[0] += n
        return state | {"iteration": np.array(n)}, {"loss": np.arange(float(n))}

    def block_until_ready(self, tree: Any) -> None:
        """Half a second."""
        assert tree is not None
        self.clock[0] += 0.5

    def export_state(self, state: Any) -> Any:
        """As it is."""
        return dict(state)

    def draws(self, data: Any, seed: int, n: int) -> Any:
        """A chunk of the iterations' numbers."""
        assert (data[0], seed) == ("placed", starting.SEED)
        yield {"d/z": np.arange(n * 2.0).reshape(n, 2)}


@pytest.fixture(name="made")
def _made(monkeypatch: pytest.MonkeyPatch) -> list[Program]:
    """The programs that are prepared, in their order; on a clock that is known."""
    made: list[Program] = []
    clock = [0.0]

    def prepare(row: str, workload: Any, settings: Any) -> Program:
        assert row == "reference"
        made.append(Program(settings, workload.schedule.batch_size, clock))
        return made[-1]

    monkeypatch.setattr(starting, "_STARTED", {})
    monkeypatch.setattr(starting.backends, "prepare", prepare)
    monkeypatch.setattr(starting.time, "perf_counter", lambda: clock[0])
    own = type(CELL.load())
    monkeypatch.setattr(own, "chunk_iterations", lambda self: CHUNK)
    monkeypatch.setattr(starting.data, "load", lambda *_: {"images": np.arange(3.0)})
    return made


def cell(**change: Any) -> dict[str, Any]:
    return CELL.as_dict() | change


@pytest.mark.parametrize(("mode", "first"), [("eager", 1), ("compiled", 1), ("multistep", CHUNK)])
def test_a_first_call_is_timed_until_it_is_ready(
    made: list[Program], mode: str, first: int
) -> None:
    found = starting.start(cell(mode=mode))
    assert found == {"first_step_s": first + 0.5, "first_iterations": first}
    (program,) = made
    assert (tuple(program.settings), program.size) == ((mode, "float32", "cpu", CHUNK), 4)
    assert program.asked == [(0, first)]
    one = starting.started(Cell(**cell(mode=mode)).id)
    assert (one.chunk, one.to_prove, one.proved) == (CHUNK, CHUNK + 1, one)
    assert one.program is program  # type: ignore[comparison-overlap]
    assert one.placed == ("placed", ["images"])


@pytest.mark.parametrize(("mode", "n"), [("eager", 3), ("compiled", 3), ("multistep", 5)])
def test_in_float64_few_iterations_are_proved(made: list[Program], mode: str, n: int) -> None:
    """A chunk of two and the edge to the next; two chunks where a dispatch is one."""
    starting.start_in_float64(cell(mode=mode, precision="float64"))
    (program,) = made
    assert tuple(program.settings) == (mode, "float64", "cpu", 2)
    assert program.asked == []
    name = Cell(**cell(mode=mode, precision="float64")).id
    told = starting.run_to_prove(name)
    assert (told["iterations"], told["chunk"]) == (n, 2)
    assert program.asked == [(0, n)]


@pytest.mark.parametrize(("size", "proved"), [(127, 127), (128, 128), (129, 128), (4096, 128)])
def test_batches_of_128_are_the_largest_that_are_proved(
    made: list[Program], size: int, proved: int
) -> None:
    starting.start(cell(batch_size=size))
    told = starting.run_to_prove(Cell(**cell(batch_size=size)).id)
    assert [one.size for one in made] == ([size] if size == proved else [size, proved])
    assert told["batch_size"] == proved
    assert made[-1].asked[-1] == (0, CHUNK + 1)


def test_all_that_a_proof_depends_on_is_told(
    made: list[Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = SimpleNamespace(describe=lambda: {"device": "an abacus"})
    monkeypatch.setattr(starting.backends, "load", lambda row: SimpleNamespace(device=device))
    starting.start(cell())
    one = starting.started(CELL.id)
    told = starting.run_to_prove(CELL.id)
    assert told == {
        "fingerprint": one.ends[CHUNK + 1].fingerprint,
        "iterations": CHUNK + 1,
        "batch_size": 4,
        "chunk": CHUNK,
        "seed": 0,
        "spec_hash": CELL.load().spec_hash,
        "data": starting._hash({"images": np.arange(3.0)}),
        "backend": {"device": "an abacus"},
        "numpy": np.__version__,
    }
    assert len(made) == 1


@pytest.mark.parametrize(("mode", "more"), [("eager", []), ("multistep", [(0, 1)])])
def test_ends_and_draws_are_written_once_each(
    made: list[Program], tmp_path: Path, mode: str, more: list[tuple[int, int]]
) -> None:
    starting.start(cell(mode=mode))
    name = Cell(**cell(mode=mode)).id
    starting.run_to_prove(name)
    (program,) = made
    before = len(program.asked)
    found = starting.save_to_prove(name, str(tmp_path), {})
    assert list(found) == [1, CHUNK + 1]
    assert program.asked[before:] == more, "the long run has been made, and a first step"
    for n, files in found.items():
        end = read_arrays(Path(files["end"]))
        assert int(end["state"]["iteration"]) == n
        assert end["metrics"]["loss"].tolist() == list(range(n))
        assert end["state"].keys() == init_state(CELL.load(), 0).keys()
        rows = read_rows(Path(files["draws"]))
        assert [row["d/z"].tolist() for row in rows] == [[2.0 * i, 2.0 * i + 1] for i in range(n)]
        assert Path(files["draws"]).stem == name_of(rows)
        assert files["first"] == name_of(rows[:1])
    assert found[1]["first"] == found[CHUNK + 1]["first"] == Path(found[1]["draws"]).stem
    assert starting.started(name).ends == {}
    assert {path.parent for path in tmp_path.iterdir()} == {tmp_path}
    again = starting.save_to_prove(name, str(tmp_path), {})
    assert again == found, "made anew where it was given back"


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, [1]),
        ({"mode": "multistep"}, []),  # its first call is a chunk
        ({"precision": "float64"}, []),  # one run says all
        ({"batch_size": 129}, []),  # smaller batches are proved
    ],
)
def test_a_first_step_is_kept_where_it_is_proved(
    made: list[Program], change: dict[str, Any], kept: list[int]
) -> None:
    starting.start(cell(**change))
    ends = starting.started(Cell(**cell(**change)).id).ends
    assert list(ends) == kept
    for end in ends.values():
        assert int(end.state["iteration"]) == 1
        assert end.metrics["loss"].tolist() == [0.0]
    assert made[0].asked == [(0, CHUNK if change.get("mode") else 1)]


def test_in_float64_one_run_says_all(made: list[Program], tmp_path: Path) -> None:
    starting.start_in_float64(cell(precision="float64"))
    name = Cell(**cell(precision="float64")).id
    starting.run_to_prove(name)
    assert list(starting.save_to_prove(name, str(tmp_path), {})) == [3]
    assert made[0].asked == [(0, 3)]


def test_draws_of_another_mode_are_not_written_again(made: list[Program], tmp_path: Path) -> None:
    starting.start(cell())
    starting.run_to_prove(CELL.id)
    drawn = {1: {"draws": "there", "first": "abc", "end": "another's"}}
    found = starting.save_to_prove(CELL.id, str(tmp_path), drawn)
    assert (found[1]["draws"], found[1]["first"]) == ("there", "abc")
    assert found[1]["end"] == str(tmp_path / f"{CELL.id}-1.npz")
    assert Path(found[CHUNK + 1]["draws"]).parent == tmp_path
    assert drawn[1]["end"] == "another's", "what was given stays as it is"
    assert len(made) == 1


def test_what_is_forgotten_is_gone_and_the_others_stay(made: list[Program]) -> None:
    starting.start(cell())
    starting.start(cell(mode="compiled"))
    starting.forget([CELL.id, "another"])
    with pytest.raises(KeyError):
        starting.started(CELL.id)
    assert starting.started(Cell(**cell(mode="compiled")).id).program is made[1]  # type: ignore[comparison-overlap]


def test_a_hash_of_data_has_no_order() -> None:
    one: dict[str, Any] = {"a": np.arange(2.0), "b": np.arange(3)}
    assert starting._hash(one) == starting._hash(dict(reversed(one.items())))
    assert starting._hash(one) != starting._hash({"a": one["b"], "b": one["a"]})
