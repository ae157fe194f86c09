"""A GAN that leaves the finite numbers is nobody's fault; a row that does alone has failed."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.commands.running import run_and_show
from bench.plan.cells import Cell, with_pairs
from bench.results.provenance import provenance
from bench.timing import leaving
from bench.timing.cell import count
from bench.workers.pool import Where, Workers
from tests.bench.commands.test_run import TINY, small_plan
from tests.bench.timing import poisoning

RUNAWAY = "tests/bench/commands/runaway.toml"
SLOWER = '{"optimizers.generator.learning_rate": 0.1}'


def cell(overrides: str = "{}", workload: str = RUNAWAY, label: str = "runaway") -> Cell:
    return Cell(workload, "reference", "eager", "float32", "cpu", 6, label, overrides)


def strictly(text: str) -> Any:
    """The JSON of a parser that knows no NaN and no Infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def measured(folder: Path, *cells: Cell, **other: Any) -> tuple[int, dict[str, Any], str, str]:
    """(exit code, result as it was written, what was printed, page) of a small run."""
    console = Console(record=True, width=300)
    plan, target = small_plan(folder, cells, **other), folder / "r.json"
    code, _ = run_and_show(plan, {}, target, console, provenance())
    page = target.with_suffix(".html").read_text(encoding="utf-8")
    written = strictly(target.read_text(encoding="utf-8"))
    return code, written, console.export_text(), page


def lines(text: str, words: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if words in line]


def test_a_gan_that_diverges_at_once_is_one_line_and_nobodys_fault(tmp_path: Path) -> None:
    pair = with_pairs((cell(),))
    code, written, printed, page = measured(tmp_path, *pair, blocks=2)
    assert code == 1
    assert (written["summary"], written["failures"]) == ([], [])
    assert {one["id"] for one in written["diverged"]} == {one.id for one in pair}
    (said,) = set(lines(printed, "this GAN diverges"))
    words = r"runaway: this GAN diverges: the reference is not finite from iteration \d\d on"
    assert re.fullmatch(words, said)
    assert "0 cells measured, 0 cells declared absent with reason, 0 failed, 2 diverge" in printed
    assert said in page
    assert "nan%" not in page + printed


def test_a_gan_that_diverges_while_it_is_timed_is_nobodys_fault_either(tmp_path: Path) -> None:
    steady = Cell(TINY, "reference", "eager", "float32", "cpu", 6, "tiny")
    # A round is a chunk at least, 32 iterations: those of five blocks are more than a hundred.
    slow, other = cell(SLOWER), {"round_s": 0.2, "blocks": 5}
    code, written, printed, page = measured(tmp_path, slow, steady, **other)
    assert code == 1
    assert written["failures"] == []
    assert [one["id"] for one in written["diverged"]] == [slow.id]
    assert [one["workload"] for one in written["summary"]] == ["tiny"]
    (said,) = set(lines(printed, "this GAN diverges"))
    assert said.startswith("runaway: this GAN diverges: reference eager left the finite numbers at")
    assert said.partition(": ")[2] in page


def test_a_row_that_diverges_alone_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Workers.call

    def poisoned(
        self: Workers, where: Where, function: Any, arguments: Mapping[str, Any], timeout_s: float
    ) -> Any:
        if function is count:
            call(self, where, poisoning.poison, arguments, timeout_s)
        return call(self, where, function, arguments, timeout_s)

    monkeypatch.setattr(Workers, "call", poisoned)
    alone = cell(workload=TINY, label="tiny")
    code, written, printed, _ = measured(tmp_path, alone, blocks=1)
    assert code == 1
    assert (written["diverged"], written["summary"]) == ([], [])
    (failure,) = written["failures"]
    assert failure["kind"] == "left"
    assert "reference eager left the finite numbers at iteration" in failure["error"]
    assert "the reference was finite to iteration" in failure["error"]
    assert len(lines(printed, "failed tiny")) == 1


def test_the_other_rows_decide() -> None:
    """All of them left: the GAN diverges. One did not: the row has left alone."""
    rows = [Cell("x", row, "eager", "float32", "cpu", 8, "x") for row in ("a", "b", "b", "c")]
    own, beside = rows[0], leaving.others(rows[0], rows)
    assert [one.row for one in beside] == ["b", "c"]
    left: dict[str, int | None] = {"b": 41, "c": 39}

    class Pool(Workers):
        def call(self, where: Where, function: Any, arguments: Any, timeout_s: float) -> Any:
            assert arguments["n"] >= 80  # beyond where the cell left
            return {"iterations": arguments["n"], "left_at": left[where[0]]}

    pool, nobody = Pool({}), Workers({})
    found = leaving.reason(own, 40, beside, pool, nobody)
    assert found.kind == "Diverges"
    assert str(found) == (
        "a eager left the finite numbers at iteration 40, b eager at 41, c eager at 39"
    )
    left["c"] = None
    found = leaving.reason(own, 40, beside, pool, nobody)
    assert found.kind == "left"
    assert str(found).endswith("iteration 40; c eager was finite to iteration 80")
