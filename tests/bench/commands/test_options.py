"""What each option of `bench run` hands on, in this process, with everything behind it made up."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from bench import cli
from spec.errors import UserError

MISSING = {"flax_nnx": "jax not installed"}


class Behind:
    """What is behind the options: it notes what it is given, and measures nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
        self.given: dict[str, Any] = {}
        self.missing: dict[str, str] = {}
        self.code = 0
        self.asked = SimpleNamespace(lines=lambda: iter(["one fits", "other fits"]))
        self.plan = SimpleNamespace(folder=str(place / "run.records"))
        self.target = place / "run.json"
        self.python = place / "python"
        self.python.touch()
        for name in ("read_arguments", "plan_of", "output_path", "select_rows", "take_up"):
            monkeypatch.setattr(cli, name, getattr(self, name))
        monkeypatch.setattr(cli, "resolve_device", self.resolve_device)
        monkeypatch.setattr(cli, "run_and_show", self.run_and_show)
        monkeypatch.setattr(cli, "rounds_of", lambda path: (15, {path.name: 7}))
        monkeypatch.setattr(cli, "provenance", lambda: {"of": 1})

    def read_arguments(self, **given: Any) -> Any:
        """As bench.plan.arguments."""
        self.given["arguments"] = given
        return self.asked

    def output_path(self, output: Path | None) -> Path:
        """As bench.plan.arguments."""
        self.given["output"] = output
        return self.target

    def select_rows(self, *given: Any) -> Any:
        """As bench.plan.selection."""
        self.given["rows"] = given
        return ("pytorch",), self.missing

    def resolve_device(self, *given: Any) -> str:
        """As bench.plan.selection."""
        self.given["device"] = given
        return "chosen"

    def plan_of(self, *given: Any) -> Any:
        """As bench.plan.arguments."""
        self.given["plan"] = given
        return self.plan

    def take_up(self, *given: Any) -> Any:
        """As bench.plan.resuming."""
        self.given["resumed"] = given
        return self.plan

    def run_and_show(self, *given: Any) -> tuple[int, dict[str, Any]]:
        """As bench.commands.running."""
        *others, console, provenance = given
        self.given["run"] = (*others, provenance)
        self.given["stream"] = "stderr" if console.file is sys.stderr else "stdout"
        return self.code, {"a": float("inf"), "b": "s3cr3t-7f1c"}


@pytest.fixture(name="behind")
def _behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Behind:
    """Options that hand on to it."""
    monkeypatch.setenv("HF_TOKEN", "s3cr3t-7f1c")
    return Behind(monkeypatch, tmp_path)


def run(*words: str) -> Any:
    """`bench run` with these words; an error of its user is raised."""
    done = CliRunner().invoke(cli.app, ["run", *words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_a_run_without_options(behind: Behind) -> None:
    behind.missing = MISSING
    done = run()
    assert (done.exit_code, done.stdout) == (0, "absent flax_nnx: jax not installed\n")
    assert behind.given == {
        "arguments": {
            "workload": "dcgan_32,gaussian,mlp_square",
            "backend": "all",
            "mode": None,
            "precision": "float32",
            "batch_size": "",
            "device": "auto",
            "put": [],
            "blocks": None,
            "turns": None,
            "like": None,
            "quick": False,
            "memory": False,
            "prove_anew": False,
            "data": None,
        },
        "output": None,
        "rows": ("all", {}),
        "device": ("auto", ("pytorch",), {}),
        "plan": (behind.asked, ("pytorch",), "chosen", {}, Path(behind.plan.folder)),
        "run": (behind.plan, MISSING, behind.target, {"of": 1}),
        "stream": "stdout",
    }


def test_a_run_with_all_options(behind: Behind) -> None:
    behind.missing = MISSING
    words = "--workload a --backend b --mode c --precision d --batch-size e --device f --set g=1"
    words += " --set h=2 --blocks 4 --rounds-like i.json --memory --quick --output j.json"
    words += f" --data k --prove-anew --json --python pytorch={behind.python}"
    done = run(*words.split())
    assert behind.given["arguments"] == {
        "workload": "a",
        "backend": "b",
        "mode": "c",
        "precision": "d",
        "batch_size": "e",
        "device": "f",
        "put": ["g=1", "h=2"],
        "blocks": 4,
        "turns": None,
        "like": (15, {"i.json": 7}),
        "quick": True,
        "memory": True,
        "prove_anew": True,
        "data": Path("k"),
    }
    pythons = {"pytorch": str(behind.python)}
    assert behind.given["output"] == Path("j.json")
    assert behind.given["rows"] == ("b", pythons)
    assert behind.given["device"] == ("f", ("pytorch",), pythons)
    assert behind.given["plan"][3] == pythons
    assert behind.given["stream"] == "stderr"
    assert json.loads(done.stdout) == {"a": None, "b": "***"}
    assert done.stderr == "absent flax_nnx: jax not installed\n"
    run("--turns", "7")
    assert behind.given["arguments"]["turns"] == 7


@pytest.mark.parametrize("code", [0, 1, 130, 143])
def test_a_run_ends_with_its_own_code(code: int, behind: Behind) -> None:
    behind.code = code
    done = run("--json")
    assert (done.exit_code, json.loads(done.stdout)["b"]) == (code, "***")


def test_check_only_says_what_was_understood(behind: Behind) -> None:
    done = run("--check", "--output", "a.json")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "one fits\nother fits\n", "")
    assert sorted(behind.given) == ["arguments", "output"]
    done = run("--check", "--json")
    assert (done.stdout, done.stderr) == ("", "one fits\nother fits\n")


def test_turns_are_given_once(behind: Behind) -> None:
    with pytest.raises(UserError, match=r"^--turns: with --rounds-like they are that result's"):
        run("--turns", "3", "--rounds-like", "a.json")
    assert behind.given == {}


@pytest.mark.parametrize("json_", [False, True])
def test_a_run_that_is_resumed_keeps_its_plan(json_: bool, behind: Behind) -> None:
    behind.code = 1
    words = ("--resume", "a.json", "--python", f"pytorch={behind.python}")
    done = run(*words, *(["--json"] if json_ else []))
    assert behind.given == {
        "resumed": (Path("a.json"), {"pytorch": str(behind.python)}),
        "run": (behind.plan, {}, behind.target, {"of": 1}),
        "stream": "stderr" if json_ else "stdout",
    }
    assert (done.exit_code, bool(done.stdout)) == (1, json_)


def test_a_resumed_run_can_be_checked(behind: Behind) -> None:
    assert run("--resume", "a.json", "--check").exit_code == 0
    assert list(behind.given) == ["resumed"]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["--set", "a=1"], "--set"),
        (["--batch-size", "8"], "--batch-size"),
        (["--quick"], "--quick"),
        (["--device", "auto"], "--device"),  # given, if only what is usual
    ],
)
def test_a_resumed_run_takes_no_other_options(
    words: list[str], option: str, behind: Behind
) -> None:
    with pytest.raises(UserError, match=f"^{option}: a run that is resumed .* leave {option} out"):
        run("--resume", "a.json", *words)
    assert behind.given == {}
