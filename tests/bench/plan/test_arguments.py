"""What a run is asked for, as a plan has it."""

import json
from pathlib import Path
from typing import Any

import pytest

import spec
from backends.protocol import MODES
from bench.plan.arguments import Asked, output_path, plan_of, read_arguments
from bench.plan.selection import overrides
from bench.plan.turns import BLOCK_S
from bench.results.reading import rounds_of
from spec.errors import SpecError, UserError
from tests.bench.compare.made import made

OTHERS = tuple(name for name in spec.names() if name != "gaussian")


def asked(**other: Any) -> Asked:
    """The arguments of a run of one cell."""
    given: dict[str, Any] = {
        "workload": "mlp_small",
        "backend": "pytorch",
        "mode": "eager",
        "precision": "float32",
        "batch_size": "",
        "device": "cpu",
        "put": (),
        "blocks": None,
        "turns": None,
        "like": None,
        "quick": False,
        "memory": False,
    }
    return read_arguments(**given | other)


@pytest.mark.parametrize(("turns", "cut", "controls"), [(None, 3, 1), (3, 3, 1), (15, 15, 2)])
def test_a_block_lasts_as_long_however_many_turns_it_has(
    turns: int | None, cut: int, controls: int, tmp_path: Path
) -> None:
    """And a run with short ones, for compare, has each control in two processes."""
    plan = plan_of(asked(turns=turns), ("pytorch",), "cpu", {}, tmp_path)
    assert (plan.turns, plan.turns * plan.round_s) == (cut, pytest.approx(BLOCK_S))
    assert plan.round_s == pytest.approx(0.25 if cut == 3 else 0.05)  # as ADR 11 has them
    assert len(plan.controls) == controls


def test_a_file_with_commas_in_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a, b,c.toml"
    path.write_bytes((Path(spec.__file__).parent / "workloads" / "mlp_small.toml").read_bytes())
    assert asked(workload=str(path)).workloads == (str(path),)
    with pytest.raises(SpecError, match="a comma parts names; a file that has one in its name is"):
        asked(workload=f"{path},gaussian")
    with pytest.raises(SpecError) as error:
        asked(workload="mlp_small,absent")
    assert "no workload is called 'absent'" in str(error.value)


def test_all_and_more_is_all() -> None:
    assert asked(workload="gaussian,all,gaussian").workloads == ("gaussian", *OTHERS)
    assert asked(mode="all,eager").modes == MODES
    assert asked(mode=None, quick=True).modes == ("compiled",)


def test_a_value_with_lines_of_its_own_is_text() -> None:
    """Or what stands behind the first would be lost."""
    assert overrides(["a=1\nb=2", "c=1 # one", "d=[1,\n2]"]) == {"a": "1\nb=2", "c": 1, "d": [1, 2]}


def test_a_result_s_name_is_tried_before_the_run(tmp_path: Path) -> None:
    for name in ("x" * 300, "x" * 248):  # the second is too long once .records is behind it
        with pytest.raises(UserError, match=r"cannot write .*: File name too long"):
            output_path(tmp_path / "new" / f"{name}.json")
    assert output_path(tmp_path / f"{'x' * 200}.json")


def test_rounds_are_those_of_another_result(tmp_path: Path) -> None:
    content = made(turns=15, iterations=12)
    content["controls"][0]["iterations_per_round"] = 11
    path = tmp_path / "old.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    plan = plan_of(asked(like=rounds_of(path)), ("pytorch",), "cpu", {}, tmp_path)
    assert plan.turns == 15
    assert plan.rounds == {
        "gan-pytorch-mode0-float32-b8": 12,
        "pytorch_mlp_square-cpu": 11,
        "jax_mlp_square-cpu": 12,
    }
