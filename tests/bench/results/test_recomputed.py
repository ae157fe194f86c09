"""Every number of a result, worked out once more from the raw records by NumPy and SciPy.

The records are made here, so what they should come to is known; nothing of `bench.results` is used
for it. A field of a summary, comparison or ceiling that is not worked out here fails the test.
"""

from collections import defaultdict
from dataclasses import asdict, replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bench.plan.cells import Cell, Plan
from bench.plan.records import write_atomically
from bench.results.assemble import measured

BLOCKS, TURNS = 10, 3
ONE = Cell("a.toml", "row_a", "compiled", "float32", "cpu", 8, "gan")
CELLS = (
    ONE,
    replace(ONE, mode="eager"),
    replace(ONE, row="row_b"),
    replace(ONE, row="row_b", mode="eager"),
    replace(ONE, row="row_b", mode="multistep"),
    replace(ONE, again=True),
)
SPEEDS = dict(zip(CELLS, (100.0, 40.0, 60.0, 97.0, 99.5, 100.0), strict=True))
LONG = CELLS[1]
"""Its rounds are long: the middle turn of every second block."""
COMMON = {
    "workload": "gan",
    "precision": "float32",
    "batch_size": 8,
    "device": "cpu",
    "updates_per_iteration": 6,
    "images_per_iteration": 40,
    "multiply_adds_per_iteration": 7_000_000,
}


def facts_of(cell: Cell, random: np.random.Generator) -> dict[str, Any]:
    number = CELLS.index(cell)
    return COMMON | {
        "cell": cell.id,
        "mode": cell.mode,
        "optimizer": "own" if number % 2 else "native",
        "iterations_per_round": 3 + number,
        "first_step_s": float(random.uniform(0.5, 3.0)) if number != 1 else 0.001,
        "first_iterations": 4 if cell.mode == "multistep" else 1,
        "draws_s_per_iteration": float(random.uniform(1e-3, 2e-2)),
        "overhead_s": float(random.uniform(1e-6, 1e-5)),
        "call_s": float(random.uniform(1e-4, 2e-4)),
        "proof": {
            "status": "recognised" if number == 2 else "proved",
            "max_error": 1e-3 * (number + 1),
            "limit": 0.05 if number != 3 else 0.0,
            "sensitive": number == 4,
        },
    }


def turn_of(cell: Cell, facts: dict[str, Any], drift: float, random: Any) -> dict[str, Any]:
    """A round's seconds on four instruments."""
    n = facts["iterations_per_round"]
    seconds = n / SPEEDS[cell] * drift * float(random.gamma(40.0, 1 / 40.0))
    on_gpu = cell.row == "row_b"
    return {
        "seconds": seconds,
        "caller_clock_s": seconds * float(random.uniform(1.0, 1.05)) + facts["call_s"],
        "device_clock_s": seconds * float(random.uniform(0.9, 1.0)) if on_gpu else None,
        "energy_j": float(random.uniform(5.0, 50.0)) if on_gpu else None,
    }


@pytest.fixture(name="made", params=[1, 2, 3])
def _made(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Plan, dict, dict, dict, list]:
    """(plan, facts by cell, rounds by cell and block and turn, costs by cell, ceilings)."""
    random, folder = np.random.default_rng(request.param), tmp_path / "x.records"
    fields: dict[str, Any] = {"pythons": {}, "folder": str(folder), "identity": {}, "absent": ()}
    fields |= {"costs": True, "memory": True, "seed": 1, "round_s": 0.1}
    plan = Plan(cells=CELLS, blocks=BLOCKS, turns=TURNS, **fields)
    facts = {cell: facts_of(cell, random) for cell in CELLS}
    rounds: dict[Cell, dict[int, dict[int, Any]]] = {c: defaultdict(dict) for c in CELLS}
    for block in range(BLOCKS):
        for turn in range(TURNS):
            drift = float(random.uniform(1.0, 1.5))
            for cell in CELLS:
                if cell == LONG and (turn != 1 or block % 2):
                    continue
                rounds[cell][block][turn] = one = turn_of(cell, facts[cell], drift, random)
                benchmark = {"param": cell.id, "stats": {"data": [one["seconds"]]}}
                content = {"cell": asdict(cell), "block": block, "turn": turn}
                content["benchmark"] = benchmark | {"extra_info": facts[cell]}
                rest = {name: one[name] for name in one if name != "seconds"}
                path = folder / "blocks" / f"{cell.id}-{block}-{turn}.json"
                write_atomically(path, content | rest)
    costs = {
        cell: {"latency_s": {"1": 0.5, "64": 0.75}, "peak_memory_bytes": 10 + i}
        for i, cell in enumerate(CELLS[:3])
    }
    for cell, found in costs.items():
        write_atomically(folder / "costs" / f"{cell.id}.json", {"cell": asdict(cell)} | found)
    ceilings = [
        {"row": row, "precision": "float32", "device": "cpu", "gflop_per_s": g, "size": size}
        for row, g, size in (("row_a", 3.0, 512), ("row_b", 5.0, 1024))
    ]
    for record in ceilings:
        write_atomically(folder / "ceilings" / f"{record['row']}-float32.json", record)
    return plan, facts, rounds, costs, ceilings


def over_blocks(rounds: dict[int, dict[int, Any]], of_block: Any) -> float:
    """The median over blocks of what a block comes to."""
    return float(np.median([of_block(list(turns.values())) for turns in rounds.values()]))


def per_turn(turns: list[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([turn[name] for turn in turns])


def speed_of(cell: Cell, made: Any) -> float:
    _, facts, rounds, *_ = made
    n = facts[cell]["iterations_per_round"]
    return over_blocks(rounds[cell], lambda turns: n / np.median(per_turn(turns, "seconds")))


def start_of(cell: Cell, made: Any) -> float:
    own = made[1][cell]
    return max(0.0, own["first_step_s"] - own["first_iterations"] / speed_of(cell, made))


def cost_of(cell: Cell, made: Any) -> dict[str, Any]:
    _, facts, _, costs, ceilings = made
    speed, found = speed_of(cell, made), costs.get(cell, {})
    eager = next((c for c in CELLS if c.row == cell.row and c.mode == "eager"), None)
    even = None
    if eager and eager != cell and speed > speed_of(eager, made):
        saved = 1 / speed_of(eager, made) - 1 / speed
        even = max(0, ceil((start_of(cell, made) - start_of(eager, made)) / saved))
    gflop = 2 * facts[cell]["multiply_adds_per_iteration"] * speed / 1e9
    return {
        "latency_s": found.get("latency_s", {}),
        "peak_memory_bytes": found.get("peak_memory_bytes"),
        "imported_bytes": None,
        "peak_memory_kind": "process",
        "energy_j_per_iteration": energy_of(cell, made),
        "gflop_per_s": pytest.approx(gflop, rel=1e-12),
        "ceiling_share": pytest.approx(gflop / max(c["gflop_per_s"] for c in ceilings)),
        "start_s": pytest.approx(start_of(cell, made), rel=1e-12, abs=1e-15),
        "break_even_iterations": even,
        "failed": None,
    }


def energy_of(cell: Cell, made: Any) -> Any:
    if cell.row != "row_b":
        return None
    n = made[1][cell]["iterations_per_round"]
    joules = over_blocks(made[2][cell], lambda turns: np.mean(per_turn(turns, "energy_j")) / n)
    return pytest.approx(joules, rel=1e-12)


def summary_of(cell: Cell, made: Any) -> dict[str, Any]:
    _, facts, rounds, *_ = made
    own, n = facts[cell], facts[cell]["iterations_per_round"]
    speed = speed_of(cell, made)
    speeds = [
        n / np.median([turn["seconds"] for turn in turns.values()])
        for turns in rounds[cell].values()
    ]
    by_caller = over_blocks(
        rounds[cell],
        lambda turns: np.median(
            (per_turn(turns, "caller_clock_s") - own["call_s"]) / per_turn(turns, "seconds") - 1
        ),
    )
    by_device = (
        over_blocks(
            rounds[cell],
            lambda turns: (
                np.median(per_turn(turns, "seconds") / per_turn(turns, "device_clock_s")) - 1
            ),
        )
        if cell.row == "row_b"
        else None
    )
    proof = own["proof"]
    return {
        "id": cell.id,
        "row": cell.row,
        "again": cell.again,
        "workload": "gan",
        "mode": cell.mode,
        "precision": "float32",
        "batch_size": 8,
        "device": "cpu",
        "optimizer": own["optimizer"],
        "blocks": 5 if cell == LONG else 10,
        "steps_per_s": pytest.approx(speed, rel=1e-12),
        "spread": pytest.approx(np.ptp(speeds) / 2 / speed, rel=1e-12),
        "updates_per_s": pytest.approx(6 * speed, rel=1e-12),
        "images_per_s": pytest.approx(40 * speed, rel=1e-12),
        "gflop_per_s": pytest.approx(0.014 * speed, rel=1e-12),
        "first_step_s": own["first_step_s"],
        "draws_share": pytest.approx(min(1.0, own["draws_s_per_iteration"] * speed), rel=1e-12),
        "overhead_share": pytest.approx(own["overhead_s"] / (n / speed), rel=1e-12),
        "call_s": own["call_s"],
        "clocks_differ": pytest.approx(by_caller, rel=1e-9),
        "device_clock_differs": by_device and pytest.approx(by_device, rel=1e-9),
        "energy_j_per_iteration": energy_of(cell, made),
        "proof_share": pytest.approx(proof["max_error"] / 0.05 if proof["limit"] else 0.0),
        "proof_sensitive": proof["sensitive"],
        "proof": proof["status"],
        "cost": cost_of(cell, made),
    }


def ratio_of(one: Cell, other: Cell, made: Any) -> tuple[dict[str, Any], float, float]:
    """({value, low, high, blocks}, low, high): SciPy's t-interval over blocks, of logarithms."""
    _, facts, rounds, *_ = made
    logs = []
    for block in sorted(rounds[one].keys() & rounds[other].keys()):
        times = [
            {turn: s["seconds"] / facts[c]["iterations_per_round"] for turn, s in of.items()}
            for c, of in ((one, rounds[one][block]), (other, rounds[other][block]))
        ]
        if times[0].keys() == times[1].keys():
            logs.append(np.median([np.log(times[1][t]) - np.log(times[0][t]) for t in times[0]]))
        else:
            middles = [np.median(list(of.values())) for of in times]
            logs.append(np.log(middles[1]) - np.log(middles[0]))
    low, high = np.exp(
        stats.t.interval(0.95, len(logs) - 1, loc=np.mean(logs), scale=stats.sem(logs))
    )
    numbers = {
        "value": pytest.approx(stats.gmean(np.exp(logs)), rel=1e-12),
        "low": pytest.approx(low, rel=1e-10),
        "high": pytest.approx(high, rel=1e-10),
        "blocks": len(logs),
    }
    return numbers, float(low), float(high)


def test_every_field_of_the_summary(made: Any) -> None:
    found = measured(made[0])["summary"]
    assert [cell["id"] for cell in found] == [cell.id for cell in CELLS]
    for cell, line in zip(CELLS, found, strict=True):
        expected = summary_of(cell, made)
        assert line.keys() == expected.keys()
        assert line == expected, cell.id


def test_every_field_of_a_comparison(made: Any) -> None:
    (found,) = measured(made[0])["comparisons"]
    speeds = {cell: speed_of(cell, made) for cell in CELLS if not cell.again}
    order = sorted(speeds, key=lambda cell: -speeds[cell])
    pair, low, high = ratio_of(CELLS[0], CELLS[-1], made)
    band = max(0.02, 1 / low - 1, low - 1, 1 / high - 1, high - 1)
    versus = []
    for cell in order[1:]:
        ratio, low, high = ratio_of(cell, order[0], made)
        verdict = "no difference shown"
        if low > 1 + band:
            verdict = "faster"
        elif high < 1 / (1 + band):
            verdict = "slower"
        versus.append({"id": cell.id, **ratio, "verdict": verdict})
    assert found == {
        "workload": "gan",
        "precision": "float32",
        "batch_size": 8,
        "fastest": order[0].id,
        "same_twice": {CELLS[0].id: pair},
        "band": pytest.approx(band, rel=1e-9),
        "short_rounds": False,
        "too_noisy": band > 0.05,
        "versus": versus,
    }
    assert {v["verdict"] for v in versus} == {"slower", "no difference shown"}


def test_every_field_of_a_ceiling(made: Any) -> None:
    expected = {
        c["row"]: {name: c[name] for name in ("gflop_per_s", "size", "precision")} for c in made[4]
    }
    assert measured(made[0])["ceilings"] == expected


def test_every_block_is_among_the_benchmarks(made: Any) -> None:
    """With the seconds of its turns in their order, and pytest-benchmark's statistics of them."""
    _, facts, rounds, *_ = made
    found = {
        (b["params"]["cell"], b["params"]["block"]): b for b in measured(made[0])["benchmarks"]
    }
    assert found.keys() == {(cell.id, block) for cell in CELLS for block in rounds[cell]}
    for cell in CELLS:
        n = facts[cell]["iterations_per_round"]
        for block, turns in rounds[cell].items():
            benchmark = found[cell.id, block]
            data = [turns[turn]["seconds"] for turn in sorted(turns)]
            extra, told = benchmark["extra_info"], benchmark["stats"]
            assert told["data"] == data
            assert extra["step_time_s"] == {
                t: pytest.approx(turns[t]["seconds"] / n) for t in turns
            }
            assert extra["steps_per_s"] == pytest.approx(n / np.median(data), rel=1e-12)
            assert (told["rounds"], told["median"]) == (len(data), pytest.approx(np.median(data)))
            assert (told["min"], told["max"]) == (min(data), max(data))
            if len(data) > 1:
                assert told["stddev"] == pytest.approx(np.std(data, ddof=1))
