"""Workers that answer as they are told, and what a run's items need beside them."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.plan.cells import Cell, Control, Plan
from bench.timing import cell as in_worker
from bench.timing import costs
from bench.timing import test_train_step as items

CELL = Cell("mlp_square", "keras3-jax", "multistep", "float32", "cpu", 8, "mlp_square", '{"a": 1}')
PAIR = Cell("mlp_square", "pytorch", "compiled", "float32", "cpu", 8, "mlp_square")
CONTROL = Control("bench.controls.a_program", "pytorch", "cpu")
FOUND: dict[str, Any] = {name: f"the {name}" for name in items.FACTS} | {
    "iterations_per_round": 48,
    "chunk_iterations": 8,
    "turns": [0, 2],
    "blocks": [0, 1],
    "backend": {"versions": {"jax": "1"}, "device": "a card", "precision": {"tf32": False}},
}


class Answering:
    """Workers: each function has an answer, or raises it."""

    def __init__(self, answers: dict[Callable[..., Any], Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[Any, Any, dict[str, Any]]] = []
        self.ended: list[Any] = []

    def call(self, where: Any, function: Any, arguments: dict[str, Any], timeout_s: float) -> Any:
        """The next answer of several, or the only one."""
        self.asked.append((where, function, arguments))
        answer = self.answers[function]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def end(self, where: Any) -> None:
        """The end of one."""
        self.ended.append(where)


class Timer:
    """pytest-benchmark's fixture: it calls once, and keeps what it is told."""

    def __init__(self) -> None:
        self.extra_info: dict[str, Any] = {}
        self.has_error = False
        self.stats = SimpleNamespace(as_dict=lambda include_data: {"stats": {"data": [0.5]}})
        self.options: dict[str, int] = {}

    def pedantic(self, call: Callable[[], None], **options: int) -> None:
        """As often as it is told."""
        self.options = options
        for _ in range(options["rounds"]):
            call()


def answers(**other: Any) -> dict[Callable[..., Any], Any]:
    counted = {"iterations_run": 56, "iterations_counted": 56, "left_at": None}
    found: dict[Callable[..., Any], Any] = {
        in_worker.time_round: [
            {"round_s": 9.0, "device_s": None},
            {"round_s": 0.5, "device_s": 0.25},
        ],
        in_worker.count: counted,
        costs.latency: {"1": 0.1},
        costs.ceiling: {"gflop_per_s": 100.0, "size": 512.0},
        costs.memory: {"peak_memory_bytes": 5, "peak_memory_kind": "process"},
    }
    return found | {getattr(in_worker, name): value for name, value in other.items()}


def plan_in(folder: Path) -> Plan:
    fields: dict[str, Any] = {"absent": (), "pythons": {}, "memory": False, "identity": {}}
    fields |= {"blocks": 3, "turns": 3, "round_s": 0.1, "costs": True, "seed": 1}
    return Plan(cells=(CELL, PAIR), folder=str(folder), controls=(CONTROL,), **fields)


def measuring_with(workers: Answering, **other: Any) -> Any:
    prepared = {cell.id: dict(FOUND) for cell in (CELL, PAIR)}
    fields = {"workers": workers, "prepared": prepared, "anew": lambda cell: prepared[cell.id]}
    return SimpleNamespace(**fields, reference="the reference", **other)


def read(plan: Plan, place: str) -> Any:
    return json.loads((Path(plan.folder) / place).read_text(encoding="utf-8"))


def written(plan: Plan) -> set[str]:
    folder = Path(plan.folder)
    return {str(path.relative_to(folder)) for path in folder.rglob("*.json")}
