"""The file of a result: taken up as it is, refused where it is of something else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.convergence import recognising, results
from bench.convergence.plan import Convergence
from bench.convergence.results import OfWorkload, Training
from bench.plan.cells import Cell
from spec.errors import UserError
from tests.bench.convergence.made import TARGET, changed, of_workload, training

SETTLES = "tests/bench/convergence/settles.toml"
CELL = Cell(SETTLES, "reference", "eager", "float64", "cpu", 8, "settles")


def plan(**fields: object) -> Convergence:
    own = {"cells": (CELL,), "put": {}, "target": TARGET, "seeds": (0,), "to_end": False}
    return Convergence(**(own | fields))  # type: ignore[arg-type]


def kept(path: Path) -> results.Result:
    """A file with a training in it."""
    result = results.begin(path, (plan(),), {"time_utc": "then"})
    settings = {"mode": "eager", "precision": "float64", "device": "cpu"}
    row = results.Row(**settings, backend={}, first_chunk_s=[1.0], trainings=[training(0, 50)])
    result.workloads["settles"].rows["reference"] = row
    results.write(path, result)
    return result


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "one.json"
    written = kept(path)
    assert results.read(path) == written
    again = results.begin(path, (plan(seeds=(0, 1)),), {"time_utc": "now"})
    assert [one["time_utc"] for one in again.sittings] == ["then", "now"]
    assert again.workloads["settles"].rows["reference"].trainings == [training(0, 50)]


def test_numbers_that_are_not_finite_are_null(tmp_path: Path) -> None:
    path, result = tmp_path / "one.json", results.Result()
    result.workloads["a"] = of_workload(row=[50.0])
    result.workloads["a"].rows["row"].trainings[0].quality["mean_error"][0] = None
    results.write(path, result)
    assert results.read(path) == result


OTHER = {
    "target": plan(target=changed(hold=3)),
    "put": plan(put={"schedule.batch_size": 4}),
    "to_end": plan(to_end=True),
    "precision": plan(cells=(Cell(SETTLES, "reference", "eager", "float32", "cpu", 8, "settles"),)),
    "spec_hash": plan(cells=(Cell(SETTLES, "reference", "eager", "float64", "cpu", 9, "settles"),)),
}


@pytest.mark.parametrize("what", OTHER)
def test_trainings_of_another_kind_are_never_mixed(tmp_path: Path, what: str) -> None:
    path = tmp_path / "one.json"
    kept(path)
    before = path.read_bytes()
    with pytest.raises(UserError, match=f"with another {what}; give another file") as told:
        results.begin(path, (OTHER[what],), {})
    assert "\n" not in str(told.value)
    assert path.read_bytes() == before


def test_other_words_for_a_target_make_no_other_one(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    kept(path)
    again = results.begin(path, (plan(target=changed(reason="another")),), {})
    assert again.workloads["settles"].target.reason == "another"
    assert len(again.workloads["settles"].rows["reference"].trainings) == 1


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"convergence_format": 2}', '{"workloads": {"a": {}}}', '{"a": 1}']
)
def test_what_is_no_result_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "one.json"
    path.write_text(content, encoding="utf-8")
    for given in (path, tmp_path / "none.json", tmp_path):
        with pytest.raises(UserError, match="not a result of `converge`") as told:
            results.read(given)
        assert "\n" not in str(told.value)


BROKEN: dict[str, tuple[Callable[[OfWorkload], object], str]] = {
    "an evaluation less": (lambda a: of_row(a).quality["mean_error"].pop(), "each evaluation"),
    "a second less": (lambda a: of_row(a).seconds.pop(), "each evaluation"),
    "no evaluation": (lambda a: emptied(of_row(a)), "each evaluation"),
    "another quantity": (lambda a: of_row(a).quality.update(x=[0.0] * 6), "mean_error and std"),
    "a quantity less": (lambda a: of_row(a).quality.pop("std_error"), "mean_error and std_error"),
    "a seed twice": (lambda a: a.rows["row"].trainings.append(of_row(a)), "two trainings of one"),
    "no process": (lambda a: a.rows["row"].first_chunk_s.clear(), "or none of a process"),
    "a name for no drawing": (lambda a: a.rows.update({"a\x01": a.rows["row"]}), "match pattern"),
}


def of_row(found: OfWorkload) -> Training:
    return found.rows["row"].trainings[0]


def emptied(one: Training) -> None:
    one.seconds.clear()
    for values in one.quality.values():
        values.clear()


@pytest.mark.parametrize("name", BROKEN)
def test_trainings_that_nobody_made_are_one_line(tmp_path: Path, name: str) -> None:
    path, (change, said) = tmp_path / "one.json", BROKEN[name]
    result = results.Result(workloads={"a": of_workload(row=[50.0, 60.0])})
    results.write(path, result)
    assert results.read(path) == result
    change(result.workloads["a"])
    results.write(path, result)
    with pytest.raises(UserError, match=said) as told:
        results.read(path)
    assert "not a result of `converge`" in str(told.value)
    assert "\n" not in str(told.value)


def test_times_that_are_no_numbers_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    kept(path)
    path.write_text(path.read_text("utf-8").replace("1.0\n", "NaN\n"), encoding="utf-8")
    assert "NaN" in path.read_text("utf-8")
    with pytest.raises(UserError, match="finite number"):
        results.read(path)
    target = changed(set={"data.hold_out": [0.25]})
    results.write(
        path, results.Result(workloads={"a": of_workload().model_copy(update={"target": target})})
    )
    path.write_text(path.read_text("utf-8").replace("0.25\n", "NaN\n"), encoding="utf-8")
    assert "NaN" in path.read_text("utf-8")
    with pytest.raises(UserError, match="finite number"):
        results.read(path)


def test_a_file_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    assert not recognising.is_one(path)
    kept(path)
    assert recognising.is_one(path)
    assert recognising.FORMAT in results.Result.model_fields
    for other in ("{", "[" * 10**5, '["convergence_format"]', '{"gantlet_schema": 4}', "\ud800"):
        path.write_bytes(other.encode("utf-8", "surrogatepass"))
        assert not recognising.is_one(path)


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="--output: cannot write"):
        results.write(tmp_path / "file" / "one.json", results.Result())
