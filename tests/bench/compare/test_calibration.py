"""What a machine's own runs vary by, worked out once more by NumPy; its name, and its file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.compare.calibration import (
    Calibration,
    Machine,
    calibrate,
    machine_of,
    read_calibration,
    record,
    run_to_run,
)
from bench.results.reading import Result
from spec.errors import UserError
from tests.bench.compare.made import CONTROLS, made, result

MACHINE = Machine(
    sd_normalised=0.25, sd_raw=0.5, runs=5, cells=2, git_revision=None, time_utc="2026"
)
NOISY: dict[str, Any] = {"together": 0.1, "run_to_run": 0.05}


def at(content: dict[str, Any], **provenance: Any) -> Result:
    content["provenance"] |= provenance
    return Result.model_validate(content)


def seconds_of(content: dict[str, Any]) -> dict[str, np.ndarray]:
    """Cell or control -> its seconds an iteration in each block."""
    found: dict[str, list[float]] = {}
    for benchmark in content["benchmarks"]:
        extra = benchmark["extra_info"]
        found.setdefault(extra["cell"], []).append(1 / extra["steps_per_s"])
    found |= {control["id"]: list(control["blocks"].values()) for control in content["controls"]}
    return {name: np.array(times) for name, times in found.items()}


def spread_of(contents: list[dict[str, Any]], *, normalised: bool) -> float:
    """Root of the mean over cells of the variance between runs, less that within them."""
    times, excess = [seconds_of(content) for content in contents], []
    for cell in times[0].keys() - set(CONTROLS):
        logs = [-np.log(run[cell]) for run in times]
        if normalised:
            stick = [np.mean([np.log(run[name]) for name in CONTROLS], axis=0) for run in times]
            logs = [own + by for own, by in zip(logs, stick, strict=True)]
        within = np.mean([np.var(own, ddof=1) / own.size for own in logs])
        excess.append(np.var([own.mean() for own in logs], ddof=1) - within)
    return float(np.sqrt(max(0.0, np.mean(excess))))


def test_the_standard_deviation_from_run_to_run_with_and_without_controls() -> None:
    contents = [made(i, cells=3, blocks=6 + i, noise=0.05, **NOISY) for i in range(4)]
    found = calibrate([Result.model_validate(content) for content in contents])
    assert found.sd_normalised == pytest.approx(spread_of(contents, normalised=True), rel=1e-9)
    assert found.sd_raw == pytest.approx(spread_of(contents, normalised=False), rel=1e-9)
    assert found.sd_normalised is not None
    assert found.sd_normalised > 0.05
    assert (found.runs, found.cells) == (4, 3)


def test_runs_that_differ_by_less_than_their_blocks_scatter_vary_by_nothing() -> None:
    runs = [result(1), at(made(1), time_utc="2"), at(made(1), time_utc="3")]
    assert (calibrate(runs).sd_normalised, calibrate(runs).sd_raw) == (0.0, 0.0)


def test_without_a_common_control_there_is_only_the_raw_one() -> None:
    contents = [made(i, **NOISY) | ({"controls": []} if i == 1 else {}) for i in range(3)]
    found = calibrate([Result.model_validate(content) for content in contents])
    assert found.sd_normalised is None
    assert found.sd_raw is not None


def test_the_last_run_dates_a_record() -> None:
    times = ("2026-11-02", "2026-11-03", "2026-11-01")
    runs = [at(made(i), time_utc=time, git_revision=None) for i, time in enumerate(times)]
    assert (calibrate(runs).time_utc, calibrate(runs).git_revision) == ("2026-11-03", None)
    assert calibrate([result(i) for i in range(3)]).git_revision == "a" * 40


def test_three_runs_of_five_blocks_are_enough_and_cells_of_one_spec_count() -> None:
    contents = [made(i, cells=3, blocks=5) for i in range(3)]
    for benchmark in contents[2]["benchmarks"][:5]:
        benchmark["extra_info"]["spec_hash"] = "other"  # of the first cell
    contents[1]["benchmarks"].pop()  # of the last
    assert calibrate([Result.model_validate(content) for content in contents]).cells == 1
    with pytest.raises(UserError, match=r"^given 2 results; 3 or more"):
        calibrate([result(0), result(1)])


def test_a_machine_is_what_decides_how_much_its_runs_differ() -> None:
    card = {"name": "card A", "driver_version": "5"}
    on_cuda = made(1)
    on_cuda["summary"][0]["device"] = "cuda"
    names = [
        machine_of(one)
        for one in (
            result(1),
            at(made(1), cpu="two abaci"),
            at(made(1), cpus_usable=3),
            at(made(1), gpu=card),
            Result.model_validate(on_cuda),
            result(1, cells=0),
        )
    ]
    assert len(set(names)) == len(names)
    assert machine_of(at(made(9), system="another")) == names[0]
    assert machine_of(at(made(1), gpu=card | {"driver_version": "6"})) == names[3]
    assert "card A" in names[3]
    assert machine_of(at(made(1), gpu={"driver_version": "5"})) == names[0]


def known(**machine: Any) -> Calibration:
    return Calibration(machines={machine_of(result(1)): MACHINE.model_copy(update=machine)})


def test_a_record_gives_the_variance_and_one_degree_less_than_runs() -> None:
    sides = ([result(1)], [result(2)])
    ((name, term),) = run_to_run(known(), sides, True).items()
    assert (name, term.variance, term.freedom) == (machine_of(result(1)), 0.0625, 4)
    (term,) = run_to_run(known(), sides, False).values()
    assert (term.variance, term.freedom) == (0.25, 4)
    assert run_to_run(known(sd_normalised=None), sides, True) == {}
    assert run_to_run(Calibration(), ([result(1), result(2)], [result(3)]), True) == {}
    there = [at(made(3), cpu="two abaci")]
    assert list(run_to_run(known(), (there, sides[0]), True)) == [name]


@pytest.mark.parametrize("turned", [False, True])
def test_of_record_and_sides_the_one_of_most_runs_counts(turned: bool) -> None:
    few = [result(i, **NOISY) for i in range(3)]
    many = [result(10 + i, **NOISY) for i in range(4)]
    sides = (many, few) if turned else (few, many)
    (term,) = run_to_run(Calibration(), sides, True).values()
    own = calibrate(many).sd_normalised
    assert own is not None
    assert (term.variance, term.freedom) == (pytest.approx(own**2), 3)
    (term,) = run_to_run(known(runs=4), sides, True).values()
    assert (term.variance, term.freedom) == (0.0625, 3), "of as many runs the record counts"
    (term,) = run_to_run(known(runs=3), sides, True).values()
    assert term.freedom == 3
    assert term.variance != 0.0625


def test_runs_of_too_few_blocks_say_nothing_of_their_machine() -> None:
    few = [result(i, blocks=4) for i in range(3)]
    assert run_to_run(Calibration(), (few, [result(9)]), True) == {}


def test_a_record_replaces_its_machine_s_and_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "calibration.json"
    record(path, "one", MACHINE)
    record(path, "other", MACHINE)
    record(path, "one", MACHINE.model_copy(update={"runs": 9, "sd_raw": None}))
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["calibration_schema"] == 1
    assert {name: machine["runs"] for name, machine in found["machines"].items()} == {
        "one": 9,
        "other": 5,
    }
    assert read_calibration(path).machines["one"].sd_raw is None


def test_a_file_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    assert read_calibration(path) == Calibration(machines={})
    with pytest.raises(UserError, match=r"cannot be read \(.*\)$"):
        read_calibration(tmp_path)
    machine = MACHINE.model_dump() | {"runs": 0}
    path.write_text(json.dumps({"machines": {"x": machine}}), encoding="utf-8")
    with pytest.raises(UserError, match=r"no calibration of this version: machines\.x\.runs "):
        read_calibration(path)
