"""How a run ends and what is kept of it, with a pytest whose exit code is known."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.commands import running
from bench.plan.cells import Cell, Control, Plan
from bench.plan.folder import read_plan
from tests.bench.plan.test_folder import plan_in

ONE = Cell("mlp_small", "pytorch", "eager", "float32", "cpu", 8, "small")
CONTROL = Control("bench.controls.jax_gan", "flax_nnx", "cpu")
Run = Callable[..., int]


class Ran:
    """What pytest is given, what it does, and what is put together afterwards."""

    def __init__(self, place: Path) -> None:
        self.plan = plan_in(place / "run.records", ONE)
        self.out = io.StringIO()
        self.console = Console(file=self.out, width=200)
        self.arguments: list[str] = []
        self.plugins: list[Any] = []
        self.code = 0
        self.meanwhile: Callable[[], None] = lambda: None
        self.result: dict[str, Any] = {"failures": [], "diverged": []}
        self.assembled: list[Any] = []

    def main(self, arguments: list[str], plugins: list[Any]) -> int:
        """As pytest's."""
        self.arguments, self.plugins = arguments, plugins
        assert read_plan(Path(self.plan.folder, "plan.json")).cells == self.plan.cells
        self.meanwhile()
        return self.code

    def assemble(self, plan: Plan, provenance: Any) -> dict[str, Any]:
        """As bench.results.assemble."""
        self.assembled.append((plan, provenance))
        if self.plugins:
            self.finishing = self.plugins[2].finishing
        return dict(self.result)


@pytest.fixture(name="ran")
def _ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """A run that is made up."""
    ran = Ran(tmp_path)
    monkeypatch.setattr(running.pytest, "main", ran.main)
    monkeypatch.setattr(running, "assemble", ran.assemble)
    return ran


def test_pytest_is_asked_for_the_plan_s_items_alone(ran: Ran) -> None:
    assert running.run_plan(ran.plan, ran.console, {"of": 1}) == (0, ran.result)
    assert ran.assembled == [(ran.plan, {"of": 1})]
    assert ran.finishing  # an interruption would be too late
    files = [word for word in ran.arguments if word.endswith(".py")]
    assert files == [str(running.ROOT / "bench" / "timing" / "test_train_step.py")]
    assert all(Path(file).is_file() for file in files)
    options = ran.arguments[1:]
    assert options == [
        "--override-ini=addopts=",
        "--override-ini=filterwarnings=",
        "--benchmark-quiet",
        "--benchmark-disable-gc",
        *("-p", "no:terminal", "-p", "no:cacheprovider"),
    ]
    given, watching, _ = ran.plugins
    assert (given.plan, watching.plan, watching.console) == (ran.plan, ran.plan, ran.console)


def test_controls_have_items_of_their_own(ran: Ran) -> None:
    ran.plan = plan_in(Path(ran.plan.folder), ONE, controls=(CONTROL,))
    running.run_plan(ran.plan, ran.console, {})
    files = [Path(word).name for word in ran.arguments if word.endswith(".py")]
    assert files == ["test_train_step.py", "test_controls.py"]


def test_after_each_group_there_is_a_result(ran: Ran) -> None:
    seen: list[Any] = []

    def a_group_ends() -> None:
        ran.plugins[1].after_group(ONE.group)

    ran.meanwhile = a_group_ends
    running.run_plan(ran.plan, ran.console, {"of": 1}, lambda *given: seen.append(given))
    assert seen == [(ran.result, ONE.group)]
    assert ran.assembled == [(ran.plan, {"of": 1})] * 2
    assert running.run_plan(ran.plan, ran.console, {})[0] == 0  # nobody has to ask for it


@pytest.mark.parametrize(
    ("code", "result", "expected"),
    [
        (0, {}, 0),
        (1, {}, 1),
        (5, {}, 0),  # a run that is taken up again, with nothing left to do
        (0, {"failures": [1]}, 1),
        (0, {"diverged": [1]}, 1),
        (5, {"diverged": [1]}, 1),
        (1, {"failures": [1], "diverged": [1]}, 1),
    ],
)
def test_exit_codes(code: int, result: dict[str, Any], expected: int, ran: Ran) -> None:
    ran.code = code
    ran.result |= result
    assert running.run_plan(ran.plan, ran.console, {}) == (expected, ran.result)


@pytest.mark.parametrize("signal", [2, 15])
def test_a_signal_s_own_code(signal: int, ran: Ran) -> None:
    def interrupt() -> None:
        with pytest.raises(KeyboardInterrupt):
            ran.plugins[2].interrupt(signal, None)

    ran.code, ran.meanwhile, ran.result["failures"] = 2, interrupt, [1]
    assert running.run_plan(ran.plan, ran.console, {}) == (128 + signal, ran.result)


@pytest.mark.parametrize("code", [3, 4])
def test_a_fault_of_the_harness_is_no_result(code: int, ran: Ran) -> None:
    ran.code = code
    with pytest.raises(RuntimeError, match=rf"exit code {code}; records are in .*run\.records"):
        running.run_plan(ran.plan, ran.console, {})
    assert ran.assembled == []


@pytest.mark.parametrize(("code", "last"), [(0, False), (1, False), (130, True), (143, True)])
def test_what_is_shown_and_kept(
    code: int, last: bool, ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, events = tmp_path / "new" / "run.json", list[Any]()
    result = {"a": 1, "b": float("nan")}

    def run_plan(plan: Plan, console: Console, provenance: Any, so_far: Any) -> Any:
        assert (plan, console, provenance) == (ran.plan, ran.console, {"of": 1})
        so_far({"a": 0}, ONE.group)
        events.append(kept())
        return code, result

    def kept() -> Any:
        return json.loads(target.read_text("utf-8"))

    monkeypatch.setattr(running, "run_plan", run_plan)
    monkeypatch.setattr(running.table, "show_group", lambda *given: events.append(given))
    monkeypatch.setattr(running.table, "show", lambda *given: events.append(given))
    monkeypatch.setattr(running.writing, "after_run", lambda path: f"a page of {path.name}")
    missing = {"flax_nnx": "jax not installed"}
    found = running.run_and_show(ran.plan, missing, target, ran.console, {"of": 1})
    assert found == (code, result)
    assert result["missing_rows"] == missing
    assert kept() == {"a": 1, "b": None, "missing_rows": missing}
    assert events == [
        (ran.console, {"a": 0}, ONE.group),
        {"a": 0, "missing_rows": missing},
        (ran.console, result),
    ]
    lines = ran.out.getvalue().splitlines()
    assert lines[:2] == ["a page of run.json", f"result: {target}"]
    assert lines[-1] == "a page of run.json"
    assert len(lines) == (4 if last else 3)
    assert (f"`--resume {target}`" in lines[2]) == last
