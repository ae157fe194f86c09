"""What `train` and `generate` are asked for: each mistake is one line, before anything starts."""

from pathlib import Path

import pytest

from bench.commands.training import write_plan
from bench.training import asked
from bench.training.asked import Given, read
from bench.training.plan import Training
from spec.errors import UserError
from tests.bench.commands.test_cli import bench
from tests.spec.data.files import write_mnist

NOTHING: dict[str, object] = dict.fromkeys(Given.__dataclass_fields__) | {"put": (), "pythons": {}}
WANTED: dict[str, object] = {"workload": "gaussian", "backend": "pytorch"}


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As though every row were installed, on a CPU."""
    monkeypatch.setattr(asked, "select_rows", lambda row, pythons: ((row,), {}))
    monkeypatch.setattr(asked, "resolve_device", lambda wanted, rows, pythons: "cpu")


def given(**fields: object) -> Given:
    return Given(**(NOTHING | fields))  # type: ignore[arg-type]


def kept_in(folder: Path) -> Training:
    """A training of which a folder knows."""
    plan, _ = read(given(**WANTED, output=folder / "run", seed=5, iterations=40))
    write_plan(plan, {})
    return plan


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "no workload": ({"workload": None}, "--workload: missing"),
    "two workloads": ({"workload": "gaussian,wgan"}, "one workload"),
    "no such workload": ({"workload": "gausian"}, "did you mean gaussian"),
    "no row": ({"backend": None}, "--backend: missing"),
    "two rows": ({"backend": "pytorch,flax_nnx"}, "--backend: given 'pytorch,flax_nnx'"),
    "no such mode": ({"mode": "fast"}, "--mode: given 'fast'; allowed: eager"),
    "a mode that the row has not": ({"backend": "flax_nnx", "mode": "eager"}, "has no eager"),
    "no such precision": ({"precision": "half"}, "--precision: given 'half'"),
    "no such draws": ({"draws": "mine"}, "--draws: given 'mine'; allowed: own, spec"),
    "a negative seed": ({"seed": -1}, "--seed: given -1"),
    "no iteration": ({"iterations": 0}, "--iterations: given 0"),
    "no interval": ({"interval": 0}, "--interval: given 0"),
    "no time": ({"minutes": 0.0}, "--minutes: given 0.0"),
    "a year": ({"minutes": 525600.0}, "--minutes: given 525600.0"),
    "no number": ({"minutes": float("nan")}, "--minutes: given nan"),
    "no sample": ({"batch_size": 0}, "--batch-size: given 0"),
    "no such place": ({"put": ("schedule.size=3",)}, "schedule.size"),
    "a folder that has something": ({"output": Path("tests")}, "not an empty folder"),
    "a file": ({"output": Path("README.md")}, "--output: cannot make README.md"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_one_line(name: str, tmp_path: Path) -> None:
    fields, expected = WRONG[name]
    with pytest.raises(UserError) as told:
        read(given(**({**WANTED, "output": tmp_path / "run"} | fields)))
    assert expected in str(told.value)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "run").exists() or not any((tmp_path / "run").iterdir())


def test_defaults_are_the_workload_s(tmp_path: Path) -> None:
    plan, goes_on = read(given(**WANTED, output=tmp_path / "run"))
    assert not goes_on
    assert (plan.cell.mode, plan.cell.precision, plan.cell.batch_size) == (
        "compiled",
        "float32",
        100,
    )
    assert (plan.seed, plan.draws, plan.iterations, plan.minutes) == (0, "own", None, None)
    assert Path(plan.folder) == tmp_path / "run"


def test_a_run_that_is_resumed_keeps_its_own_and_may_change_its_row(tmp_path: Path) -> None:
    before = kept_in(tmp_path)
    plan, goes_on = read(given(resume=Path(before.folder)))
    assert goes_on
    assert plan == before
    other, _ = read(given(resume=Path(before.folder), backend="flax_nnx", iterations=80))
    assert (other.cell.row, other.iterations, other.seed) == ("flax_nnx", 80, 5)


@pytest.mark.parametrize(
    ("name", "value"),
    [("workload", "wgan"), ("batch_size", 8), ("put", ("a=1",)), ("seed", 1), ("draws", "spec")],
)
def test_what_cannot_change_is_refused(tmp_path: Path, name: str, value: object) -> None:
    before = kept_in(tmp_path)
    with pytest.raises(UserError, match="keeps its own; leave it out"):
        read(given(resume=Path(before.folder), **{name: value}))


def test_what_is_no_run_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "training.json").write_text("[]", encoding="utf-8")
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match="no training can be read there"):
            read(given(resume=folder))


def test_the_commands_say_it_in_one_line(tmp_path: Path) -> None:
    for words in (
        ("train",),
        ("train", "--resume", str(tmp_path)),
        ("generate", "--from", str(tmp_path)),
        ("generate", "--from", str(tmp_path / "none.safetensors")),
        ("generate", "--from", str(tmp_path), "--count", "0"),
    ):
        done = bench(*words)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert done.stderr.startswith("error: ")


def test_training_holds_samples_out_unless_the_file_says_how_many(tmp_path: Path) -> None:
    of = {"backend": "pytorch", "seed": 1}
    digits, _ = read(given(**of, workload="mlp_square", output=tmp_path / "a"))
    assert digits.cell.load().arrays["x"].hold_out == 0.1
    put = ("data.hold_out=0.25",)
    more, _ = read(given(**of, workload="mlp_square", put=put, output=tmp_path / "b"))
    assert more.cell.load().arrays["x"].hold_out == 0.25
    both, _ = read(given(**of, workload="cyclegan_64", output=tmp_path / "c"))
    assert {source.hold_out for source in both.cell.load().arrays.values()} == {0.1}


def test_data_come_from_a_folder_in_a_resumed_run_too(tmp_path: Path) -> None:
    folder = write_mnist(tmp_path / "mnist")
    put = ("data.kind=mnist", "schedule.batch_size=4")
    fields = {"workload": "mlp_square", "backend": "pytorch", "put": put}
    with pytest.raises(UserError, match="--data"):
        read(given(**fields, output=tmp_path / "run"))
    plan, _ = read(given(**fields, data=folder, output=tmp_path / "run"))
    assert plan.cell.folder == folder
    write_plan(plan, {})
    assert read(given(resume=tmp_path / "run"))[0].cell == plan.cell
    with pytest.raises(UserError, match="--data: a run that is resumed keeps its own"):
        read(given(resume=tmp_path / "run", data=folder))


def test_keep_going_is_of_one_sitting(tmp_path: Path) -> None:
    plan, _ = read(given(**WANTED, output=tmp_path / "run", keep_going=True))
    assert plan.keep_going is True
    write_plan(plan, {})
    for now in (True, False):
        resumed, _ = read(given(resume=tmp_path / "run", keep_going=now))
        assert resumed.keep_going is now
