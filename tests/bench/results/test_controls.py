"""What a run's folder holds of its control programs."""

from pathlib import Path
from typing import Any

from bench.plan.cells import Control, Plan
from bench.plan.records import write_atomically
from bench.results.controls import measured

ONE = Control("bench.controls.one_program", "pytorch", "cpu")
OTHER = Control("bench.controls.other_program", "flax_nnx", "cpu")
FACTS: dict[str, Any] = {
    "versions": {"torch": "2"},
    "program_hash": "abc",
    "iterations_per_round": 7,
}


def test_turns_are_sorted_by_group_and_block(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"absent": (), "pythons": {}, "memory": False, "identity": {}}
    fields |= {"blocks": 2, "turns": 2, "round_s": 0.1, "costs": False, "seed": 1}
    plan = Plan(cells=(), folder=str(tmp_path), controls=(ONE, OTHER), **fields)
    number = 0.0
    for group in ("a", "b"):
        for block, turn in ((0, 0), (0, 1), (1, 0)):
            number += 1.0
            record: dict[str, Any] = {"id": ONE.id, "group": group, "block": block, "turn": turn}
            record |= {"seconds_per_iteration": number, **FACTS}
            write_atomically(tmp_path / "controls" / f"{group}{block}{turn}.json", record)
    failure = {"id": OTHER.id, "error": "it died"}
    write_atomically(tmp_path / "control_failures" / f"{OTHER.id}.json", failure)
    groups = {"a": {0: {0: 1.0, 1: 2.0}, 1: {0: 3.0}}, "b": {0: {0: 4.0, 1: 5.0}, 1: {0: 6.0}}}
    assert measured(plan) == [
        {"id": "one_program-cpu", "groups": groups, "error": None, **FACTS},
        {"id": "other_program-cpu", "groups": {}, "error": "it died"},
    ]
