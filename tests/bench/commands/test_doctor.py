"""What `doctor` finds of each row, and the plot that it draws."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import backends
from backends.protocol import Settings
from bench.commands import doctor
from bench.timing.one_step import WORKLOAD, train_once
from bench.workers.pool import WorkerFailed
from spec import load, randomness
from spec.data import load as load_data
from spec.state import init_state

STEP = {
    "mode": "eager",
    "metrics": {"d_loss": 0.693147, "g_loss": 1.5, "d_real": 0.5},
    "versions": {"torch": "2.0", "numpy": "2.1"},
    "devices": ["cpu", "cuda"],
}


class Asked:
    """In place of `Workers`: each row answers in its own way."""

    answers: Any = None

    def __init__(self, pythons: Any) -> None:
        self.pythons, self.ended = pythons, False

    def python(self, row: str) -> str:
        """Told apart by the row."""
        return f"python of {row}"

    def call(self, where: Any, function: Any, arguments: Any, timeout_s: float) -> Any:
        """The row's answer."""
        row = where[0]
        assert where == (row, "float32", "a device")
        assert function is train_once
        assert arguments == {"row": row, "device": "a device"}
        answer = self.answers[row]
        if isinstance(answer, WorkerFailed):
            raise answer
        return answer

    def stop(self) -> None:
        """The end of its processes."""
        self.ended = True


@pytest.fixture(name="found")
def _found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is found where these rows answer so; a row that is not named is not installed."""

    def found(**answers: Any) -> dict[str, Any]:
        monkeypatch.setattr(Asked, "answers", answers)
        monkeypatch.setattr(doctor, "Workers", Asked)
        lacking = lambda row, python: () if row in answers else (f"{python}'s package",)  # noqa: E731
        monkeypatch.setattr(doctor, "missing_packages", lacking)
        return doctor.diagnose("a device", {}, tmp_path / "made" / "plot.png")

    return found


def test_a_row_is_ok_absent_or_failed(found: Any) -> None:
    failure = WorkerFailed("ImportError", "no such library")
    result = found(pytorch=STEP, flax_nnx=failure)
    rows = result["rows"]
    assert list(rows) == list(backends.names())
    assert rows["pytorch"]["status"] == "ok"
    assert rows["pytorch"].items() >= STEP.items()
    assert rows["flax_nnx"] == {"status": "failed", "error": "ImportError: no such library"}
    missing = ["python of keras3-jax's package"]
    assert rows["keras3-jax"] == {"status": "absent", "missing": missing}
    assert not result["ok"]
    assert result["machine"]["python"]


def test_what_is_not_installed_is_no_fault(found: Any) -> None:
    assert found(pytorch=STEP)["ok"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_step_that_is_not_finite_is_a_fault(found: Any, value: float) -> None:
    result = found(pytorch=STEP | {"metrics": {"d_loss": 0.5, "g_loss": value}})
    assert not result["ok"]
    assert result["rows"]["pytorch"]["status"] == "failed"
    assert result["rows"]["pytorch"]["error"] == "losses are not finite"


def test_workers_end_whatever_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[Asked] = []

    class Noted(Asked):
        def __init__(self, pythons: Any) -> None:
            super().__init__(pythons)
            made.append(self)

        def call(self, *given: Any, **named: Any) -> Any:
            raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "Workers", Noted)
    monkeypatch.setattr(doctor, "missing_packages", lambda *_: ())
    with pytest.raises(KeyboardInterrupt):
        doctor.diagnose("a device", {"pytorch": "/a"}, tmp_path / "plot.png")
    assert [one.ended for one in made] == [True]
    assert made[0].pythons == {"pytorch": "/a"}


def test_the_plot_is_the_first_sixteen_digits(tmp_path: Path) -> None:
    """Four by four, row by row, each pixel four by four, black at -1 and white at 1."""
    doctor.draw_plot(tmp_path / "plot.png")
    pixels = np.asarray(Image.open(tmp_path / "plot.png"))
    digits = load_data(load(WORKLOAD))["x"]
    side = digits.shape[1]
    assert pixels.shape == (16 * side, 16 * side)
    for number in range(16):
        top, left = 4 * side * (number // 4), 4 * side * (number % 4)
        shown = pixels[top : top + 4 * side, left : left + 4 * side]
        expected = np.floor(255 * (digits[number, :, :, 0] + 1) / 2).repeat(4, 0).repeat(4, 1)
        np.testing.assert_array_equal(shown, expected)
    assert pixels.min() == 0
    assert pixels.max() == 255


def test_each_row_has_a_line(found: Any) -> None:
    console = Console(record=True, width=200)
    failure = WorkerFailed("ImportError", "no such library")
    result = found(pytorch=STEP, flax_nnx=failure)
    doctor.show(console, result)
    lines = console.export_text().splitlines()
    machine = result["machine"]
    assert (
        lines[0] == f"{machine['cpu']}, {machine['cpus_usable']} CPUs, Python {machine['python']}"
    )
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
    by_row = {cell[0]: cell[1:] for cell in cells}
    losses = "eager: d_loss 0.6931, g_loss 1.5000"
    assert by_row["pytorch"] == ["ok", "torch 2.0, numpy 2.1", "cpu, cuda", losses]
    assert by_row["flax_nnx"] == ["failed", "", "", "ImportError: no such library"]
    assert by_row["keras3-jax"] == ["absent", "", "", "missing python of keras3-jax's package"]
    assert lines[-1] == f"plot: {result['plot']}"


def test_one_step_is_a_step_of_the_workload_s_own_draws() -> None:
    found = train_once("reference", "cpu")
    workload = load(WORKLOAD)
    settings = Settings("eager", "float32", "cpu", 1)
    program = backends.load("reference").program(workload, settings)
    draws = randomness.draws(workload, 0, 0, load_data(workload))
    _, metrics = program.train_step(program.import_state(init_state(workload, 0)), draws)
    assert found["mode"] == "eager"
    assert found["metrics"] == metrics
    assert found["sample_shape"] == [4, *workload.sources["x"].shape]
    assert found["devices"] == ["cpu"]
    assert "numpy" in found["versions"]
