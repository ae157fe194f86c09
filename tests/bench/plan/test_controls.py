"""Which control programs a run has, and how many iterations their rounds have."""

import json
from pathlib import Path
from typing import Any

from bench.plan.cells import Cell, Control, Plan
from bench.plan.controls import controls_of, iterations_so_far

TORCH = "bench.controls.pytorch_mlp_square"
JAX = "bench.controls.jax_mlp_square"
TENSORFLOW = "bench.controls.tensorflow_mlp_square"


def cell(row: str, mode: str = "eager") -> Cell:
    return Cell("mlp_small", row, mode, "float32", "cuda", 8, "mlp_small")


def test_one_for_each_framework_in_the_first_row_that_has_it() -> None:
    rows = ("keras3-jax", "reference", "pytorch", "flax_nnx", "keras3-tensorflow")
    once = (
        Control(JAX, "keras3-jax", "cuda"),
        Control(TORCH, "pytorch", "cuda"),
        Control(TENSORFLOW, "keras3-tensorflow", "cuda"),
    )
    assert controls_of(cell(row, mode) for row in rows for mode in ("eager", "compiled")) == once
    again = tuple(Control(one.program, one.row, "cuda", again=True) for one in once)
    assert controls_of(map(cell, rows), twice=True) == (*once, *again)
    assert controls_of([cell("flax_nnx")]) == (Control(JAX, "flax_nnx", "cuda"),)


def test_no_control_without_a_framework() -> None:
    assert controls_of(cells=[], twice=True) == ()
    assert controls_of([cell("reference")]) == ()


def test_each_has_a_program_of_its_framework() -> None:
    for name in (TORCH, JAX, TENSORFLOW):
        assert Path(__file__).parents[3].joinpath(*name.split(".")).with_suffix(".py").is_file()


def test_iterations_of_a_round_are_found_once(tmp_path: Path) -> None:
    control = Control(TORCH, "pytorch", "cpu")
    again = Control(TORCH, "pytorch", "cpu", again=True)
    fields: dict[str, Any] = {"pythons": {}, "costs": False, "memory": False, "identity": {}}
    fields |= {"cells": (), "absent": (), "blocks": 2, "turns": 3, "round_s": 0.25, "seed": 1}
    plan = Plan(folder=str(tmp_path), **fields)
    given = Plan(folder=str(tmp_path), rounds={control.id: 7, again.id: 8}, **fields)

    def record(name: str, iterations: int) -> None:
        (tmp_path / "controls").mkdir(exist_ok=True)
        path = tmp_path / "controls" / f"{name}.json"
        path.write_text(json.dumps({"iterations_per_round": iterations, "a": "\xe9"}), "utf-8")

    record("jax_mlp_square-cpu-gan-float32-b8-0-0", 5)
    record("pytorch_mlp_square-cuda-gan-float32-b8-0-0", 6)
    for one in (control, again):
        assert iterations_so_far(plan, one) is None
        assert iterations_so_far(given, one) == 7  # as the first process has, in the other result
    record("pytorch_mlp_square-cpu-gan-float32-b8-0-0", 11)
    for one in (control, again):
        assert iterations_so_far(plan, one) == 11
        assert iterations_so_far(given, one) == 11
