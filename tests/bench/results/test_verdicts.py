"""What a run says in words, and what its cells cost beside their speed."""

from collections.abc import Mapping
from typing import Any

import pytest

from bench.results.costs import add_costs, ceilings
from bench.results.statistics import Blocks
from bench.results.verdicts import comparisons, sentences

QUIET = [0.0, 0.001, -0.001, 0.002, -0.002, 0.001, 0.0, -0.001, 0.001, -0.001]


def cell(row: str, mode: str, speed: float, again: bool = False, **more: Any) -> dict[str, Any]:
    end = "-again" if again else ""
    return {
        "id": f"gan-{row}-{mode}-float32-b64{end}",
        "row": row,
        "mode": mode,
        "again": again,
        "workload": "gan",
        "precision": "float32",
        "batch_size": 64,
        "steps_per_s": speed,
        "first_step_s": 1 / speed,
        "gflop_per_s": speed,
        **more,
    }


def blocks(cells: list[dict[str, Any]], noise: float = 1.0) -> dict[str, Blocks]:
    """Each cell's medians: its own speed, and noise that differs from cell to cell."""
    return {
        c["id"]: {
            i: {0: (1 + noise * QUIET[(3 * number + i) % len(QUIET)]) / c["steps_per_s"]}
            for i in range(10)
        }
        for number, c in enumerate(cells)
    }


def said(cells: list[dict[str, Any]], times: Mapping[str, Blocks]) -> str:
    (comparison,) = comparisons(cells, times)
    return " ".join(sentences(comparison, cells))


def test_a_clear_winner_is_named_with_its_interval() -> None:
    cells = [cell("a", "compiled", 120.0), cell("b", "compiled", 100.0), cell("b", "eager", 10.0)]
    cells.append(cell("a", "compiled", 120.0, again=True))
    text = said(cells, blocks(cells))
    assert text.startswith(
        "a compiled is ahead. a compiled is 1.20 times [1.20, 1.20] as fast as b compiled"
    )
    assert "a compiled twice: 1.000" in text
    assert "within 2.0% are not claimed" in text


def test_short_rounds_name_no_row_however_clear_it_is() -> None:
    """They are for the same row in two runs; between rows they have a share that is no step's."""
    cells = [cell("a", "compiled", 200.0), cell("b", "compiled", 100.0)]
    cells.append(cell("a", "compiled", 200.0, again=True))
    (found,) = comparisons(cells, blocks(cells), short_rounds=True)
    assert [v["verdict"] for v in found["versus"]] == ["no difference shown"]
    text = " ".join(sentences(found, cells))
    assert text.startswith("No row is named: rounds were short")
    assert "ahead" not in text
    assert "a compiled twice: 1.000" in text


def test_a_tie_is_a_tie() -> None:
    cells = [cell("a", "compiled", 101.0), cell("b", "compiled", 100.0), cell("b", "eager", 10.0)]
    text = said(cells, blocks(cells))
    assert "No difference shown between a compiled and b compiled." in text
    assert "a compiled is 10.10 times" in text
    assert "is ahead" not in text


def test_a_noisy_machine_is_said_first_and_names_fewer_winners() -> None:
    cells = [cell("a", "compiled", 112.0), cell("b", "compiled", 100.0)]
    cells.append(cell("a", "compiled", 112.0, again=True))
    text = said(cells, blocks(cells, noise=100.0))
    assert text.startswith("This machine was too noisy")
    assert "No difference shown" in text


def test_two_blocks_name_nobody() -> None:
    cells = [cell("a", "compiled", 200.0), cell("b", "compiled", 100.0)]
    times = {name: {i: of[i] for i in (0, 1)} for name, of in blocks(cells).items()}
    text = said(cells, times)
    assert "Too few blocks to name a winner" in text
    assert "is ahead" not in text


def test_compiling_pays_for_itself_after_as_many_iterations_as_it_costs() -> None:
    """Eager: 0.1 s an iteration. Compiled: 0.05 s, and 1.99 s more at the start: 40 iterations."""
    cells = [
        cell("a", "eager", 10.0, first_step_s=0.1),
        cell("a", "compiled", 20.0, first_step_s=2.04),
        cell("a", "multistep", 5.0, first_step_s=9.0),
    ]
    first = {c["id"]: 1 for c in cells}
    best = [
        {"row": "a", "precision": "float32", "gflop_per_s": 40.0, "size": 512},
        {"row": "b", "precision": "float32", "gflop_per_s": 80.0, "size": 512},
    ]
    add_costs(cells, {}, best, first)
    eager, compiled, slower = (c["cost"] for c in cells)
    assert compiled["break_even_iterations"] == 40
    assert compiled["start_s"] == pytest.approx(1.99)
    assert eager["break_even_iterations"] is None
    assert slower["break_even_iterations"] is None
    assert compiled["ceiling_share"] == pytest.approx(20.0 / 80.0)
    assert ceilings(best)["a"]["gflop_per_s"] == 40.0
