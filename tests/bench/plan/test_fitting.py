"""What `--check` says of a workload that fits, and of data that do not."""

from pathlib import Path

import pytest

import spec
from bench.plan.cells import check_data
from bench.plan.fitting import describe
from bench.workers.pool import ROOT
from spec.errors import SpecError
from tests.bench.commands.test_cli import bench

MLP = (
    "mlp_square: fits; generator [784] -> [28, 28, 1], 468,240 parameters; "
    "discriminator [28, 28, 1] -> [1], 267,009 parameters; "
)


def test_one_line_a_workload() -> None:
    done = bench("run", "--check", "--workload", "mlp_square,gaussian")
    first, second = done.stdout.splitlines()
    assert done.returncode == 0
    assert first == f"{MLP}64 real samples an iteration"
    assert second.endswith("[1000] -> [1], 1,185 parameters; 10,000 real samples an iteration")


def test_the_line_leaves_json_alone() -> None:
    done = bench("run", "--check", "--json", "--workload", "mlp_square")
    assert (done.stdout, done.stderr) == ("", f"{MLP}64 real samples an iteration\n")


def test_every_batch_size_is_named() -> None:
    assert describe("mlp_square", spec.load("mlp_square"), (16, 32)) == (
        f"{MLP}16 or 32 real samples an iteration"
    )


def test_samples_are_those_of_all_updates_of_an_iteration() -> None:
    """Twenty updates of gaussian's discriminator see 100 samples each, whatever the batch."""
    for put, sizes, images in (
        ({}, (), "10,000"),
        ({"schedule.batch_size": 7}, (), "700"),
        ({"schedule.batch_size": 7}, (3, 20), "300 or 2,000"),
    ):
        line = describe("own", spec.load("gaussian", put), sizes)
        assert line.startswith("own: fits; generator [")
        assert line.endswith(f" parameters; {images} real samples an iteration")


def test_inputs_by_name_and_phases_that_wait() -> None:
    """Means over a period; whole numbers are no shapes."""
    cgan, wgan = (describe(name, spec.load(name), ()) for name in ("cgan", "wgan"))
    assert cgan.startswith("cgan: fits; generator z [100], label of 10 classes -> [32, 32, 1], ")
    assert cgan.endswith(" parameters; 64 real samples an iteration")
    assert wgan.endswith(
        "64 real samples an iteration on average; not in each iteration: g every 5; weights and "
        "rates are as written"
    )
    lazy = ROOT / "tests" / "meta" / "workloads" / "lazy.toml"
    found = describe("lazy", spec.load(str(lazy)), (3, 8))
    assert "; 6.75 or 18 real samples an iteration on average; " in found


def test_errors_about_data_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "second.toml"
    source = Path(spec.__file__).parent / "workloads" / "mlp_square.toml"
    path.write_text(source.read_text("utf-8").replace("count = 1797", "count = 5"), "utf-8")
    with pytest.raises(SpecError) as error:
        check_data(("mlp_square", str(path)), (), {})
    assert str(error.value).startswith(f"{path}: data.count: given 5, but there are 1,797")
    with pytest.raises(SpecError, match=r"^mlp_square: schedule\.batch_size: given 4096"):
        check_data(("mlp_square",), (4096,), {})
