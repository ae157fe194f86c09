"""A mistake in what is asked for is one line, before anything is trained."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import spec
from bench.convergence.asked import Given, read
from spec.errors import UserError
from tests.bench.commands.test_cli import bench
from tests.bench.convergence.test_results import SETTLES

GIVEN = Given(
    workload=SETTLES,
    backend="reference",
    mode="compiled",
    precision="float32",
    device="cpu",
    put=(),
    seeds=10,
    calibrate=False,
    to_end=False,
    minutes=None,
    data=None,
    output=None,
    against=None,
    pythons={},
)
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such workload": ({"workload": "gausian"}, "did you mean gaussian"),
    "no target": ({"workload": "wgan"}, "wgan has no [target]"),
    "no such row": ({"backend": "torch"}, "no backend is called 'torch'"),
    "no such mode": ({"mode": "fast"}, "--mode: given 'fast'"),
    "no such precision": ({"precision": "float16"}, "--precision: given 'float16'"),
    "no such device": ({"device": "tpu"}, "--device: given 'tpu'"),
    "no seed": ({"seeds": 0}, "--seeds: given 0; allowed: 1 to 100"),
    "too many seeds": ({"seeds": 101}, "--seeds: given 101; allowed: 1 to 100"),
    "no time": ({"minutes": 0.0}, "--minutes: given 0.0"),
    "a number that is none": ({"minutes": float("nan")}, "--minutes: given nan"),
    "no such place": ({"put": ("target.houd=3",)}, "hold"),
    "evaluations off the grid": (
        {"put": ("target.every=40", "target.longest=400")},
        "multiples of 32",
    ),
    "a length off the grid": ({"put": ("target.longest=100",)}, "multiple of every, 32"),
    "shorter than it has to hold": ({"put": ("target.longest=64",)}, "at least hold times as long"),
    "a margin that allows nothing": ({"put": ("target.margin=1.0",)}, "above 1"),
    "an unknown kind": ({"put": ("target.kind=fid",)}, "mean_and_std, kernel_distance"),
    "a target of images for rows": (
        {
            "put": (
                "target={kind='kernel_distance', features='components', below=1.0, samples=50, "
                "every=32, hold=1, longest=64, margin=2.0, reason='none'}",
            )
        },
        "needs an array of images",
    ),
    "a target of rows for images": (
        {
            "workload": "mlp_square",
            "put": (
                "target={kind='mean_and_std', mean_within=1.0, "
                "std_within=1.0, samples=50, every=32, hold=1, longest=64, margin=2.0, "
                "reason='none'}",
            ),
        },
        "for samples of a gaussian_stream",
    ),
    "a place that the file does not have": (
        {"put": ("target.set={'schedule.size'=3}",)},
        "schedule.size",
    ),
    "data for a GAN that needs none": ({"data": Path("tests")}, "--data: given tests"),
    "another result that is none": ({"against": Path("README.md")}, "not a result of `converge`"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_one_line(name: str) -> None:
    fields, expected = WRONG[name]
    with pytest.raises(UserError) as told:
        _read(replace(GIVEN, **fields))
    assert expected in str(told.value)
    assert "\n" not in str(told.value)


def _read(given: Given) -> Any:
    from bench.commands.converging import converge
    from bench.report.printing import console

    return converge(given, console()) if given.against else read(given)


def test_the_reference_is_in_float64_and_only_where_it_is_named() -> None:
    (plan,), _ = read(replace(GIVEN, mode="multistep"))
    (cell,) = plan.cells
    assert (cell.row, cell.mode, cell.precision) == ("reference", "eager", "float64")
    with pytest.raises(UserError, match="no backend is installed"):
        read(replace(GIVEN, backend="all"))


def test_seeds_to_calibrate_on_are_none_of_the_published_ones() -> None:
    (published,), _ = read(replace(GIVEN, seeds=100))
    (calibrating,), _ = read(replace(GIVEN, seeds=100, calibrate=True))
    assert not set(published.seeds) & set(calibrating.seeds)
    assert published.seeds[:10] == tuple(range(10))
    assert read(replace(GIVEN, seeds=3))[0][0].seeds == (0, 1, 2)


def test_what_the_target_puts_in_is_trained_and_what_is_set_wins() -> None:
    put = ("schedule.batch_size=200", "data.shape=[100]")
    (plan,), _ = read(replace(GIVEN, workload="gaussian", put=put))
    workload = plan.cells[0].load()
    assert workload.networks["generator"].output == (100,)
    assert (workload.schedule.batch_size, plan.cells[0].batch_size) == (200, 200)
    assert plan.put == {"schedule.batch_size": 200, "data.shape": [100]}
    more = read(replace(GIVEN, workload="mlp_square", put=("data.hold_out=0.3",)))[0][0]
    assert more.cells[0].load().arrays["x"].hold_out == 0.3


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text("[]", encoding="utf-8")
    for words in (
        ("--workload", "wgan"),
        ("--seeds", "0"),
        ("--workload", SETTLES, "--backend", "reference", "--output", str(tmp_path / "one.json")),
    ):
        done = bench("converge", *words)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert done.stderr.startswith("error: ")


def test_the_built_in_targets_can_be_asked_for() -> None:
    plans, _ = read(replace(GIVEN, workload="gaussian,mlp_square"))
    assert [plan.name for plan in plans] == ["gaussian", "mlp_square"]
    assert [plan.target for plan in plans] == [spec.load(plan.name).target for plan in plans]
