"""A result as it is read: its cells, processes, groups, bands and rounds."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.plan.turns import TURNS
from bench.results.reading import Result, read, read_runs, rounds_of
from spec.errors import UserError
from tests.bench.compare.made import made

FIRST, SECOND = "gan-pytorch-mode0-float32-b8", "gan-pytorch-mode1-float32-b8"


def content(**how: Any) -> dict[str, Any]:
    """Two cells; the first was timed a second time, and another of which there is no block."""
    whole = made(1, cells=2, iterations=7, **how)
    again = f"{FIRST}-again"
    whole["summary"] += [whole["summary"][0] | {"id": again, "again": True}]
    whole["summary"] += [whole["summary"][1] | {"id": "gan-pytorch-mode2-float32-b8"}]
    timing = whole["benchmarks"][0]
    extra = timing["extra_info"] | {"cell": again, "steps_per_s": 4.0}
    extra |= {"step_time_s": {"0": 0.5, "2": 0.25}}
    whole["benchmarks"] += [{"params": {"cell": again, "block": 3}, "extra_info": extra}]
    return whole


def test_cells_are_those_with_blocks_once_each() -> None:
    found = Result.model_validate(content())
    assert list(found.cells) == [FIRST, SECOND]
    assert found.timings["gan-pytorch-mode2-float32-b8"] == {}
    assert sorted(found.timings[FIRST]) == list(range(10))


def test_seconds_are_the_turns_or_the_block_as_one() -> None:
    raw = content()
    found = Result.model_validate(raw)
    own = [b["extra_info"] for b in raw["benchmarks"] if b["extra_info"]["cell"] == FIRST]
    assert found.seconds(FIRST) == {b: {0: 1 / own[b]["steps_per_s"]} for b in range(10)}
    assert found.processes(FIRST) == (found.seconds(FIRST), {3: {0: 0.5, 2: 0.25}})
    assert found.processes(SECOND) == (found.seconds(SECOND),)


def test_a_group_its_spread_and_its_band() -> None:
    raw = content(band=0.07)
    other = {"workload": "gan", "precision": "float32", "batch_size": 16, "band": 0.5}
    raw["comparisons"] += [other, other | {"batch_size": 8, "precision": "float64"}]
    found = Result.model_validate(raw)
    assert found.group(FIRST) == found.group(SECOND)
    assert found.band(FIRST) == 0.07
    assert found.spread_of(FIRST) == "whole"
    raw |= {"spread": {found.group(FIRST): "halves"}, "comparisons": [other]}
    found = Result.model_validate(raw)
    assert (found.spread_of(SECOND), found.band(FIRST)) == ("halves", 0.0)


def test_rounds_of_cells_and_controls() -> None:
    found = Result.model_validate(content())
    controls = {"pytorch_mlp_square-cpu", "jax_mlp_square-cpu"}
    assert found.rounds == dict.fromkeys([FIRST, SECOND, *controls], 7)
    assert Result.model_validate(made(1)).rounds == {}
    for turns, short in ((None, False), (TURNS, False), (TURNS + 1, True)):
        assert Result.model_validate(made(1, turns=turns)).short_rounds == short


def test_a_file_and_a_folder(tmp_path: Path) -> None:
    for number in (2, 1):
        text = json.dumps(made(number, turns=5, iterations=3 + number))
        (tmp_path / f"{number}.json").write_text(text, encoding="utf-8")
    runs = read_runs(tmp_path)
    assert [run.rounds[FIRST] for run in runs] == [4, 5]
    assert read_runs(tmp_path / "2.json") == (read(tmp_path / "2.json"),)
    turns, rounds = rounds_of(tmp_path / "1.json")
    assert (turns, rounds[FIRST]) == (5, 4)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty: a folder without a \.json file"):
        read_runs(tmp_path / "empty")


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (99, "newer than what this version reads, 2 to 4; update"),
        (1, "older than what this version reads, 2 to 4; run it again with"),
    ],
)
def test_another_schema(schema: int, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(made(1) | {"gantlet_schema": schema}), encoding="utf-8")
    with pytest.raises(UserError, match=words):
        read(path)
