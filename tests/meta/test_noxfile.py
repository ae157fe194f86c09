"""What nox does before it installs: the noxfile itself, with a stub in the place of nox."""

import re
import runpy
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from bench.workers.pool import ROOT

OF_ROWS = ("bench", "conformance", "doctor", "fuzz", "tests")
"""Sessions that need the rows' environments."""


class Session:
    """Keeps what a session runs, installs and says."""

    def __init__(self, folder: Path | None = None) -> None:
        self.ran: list[tuple[str, ...]] = []
        self.installed: list[tuple[str, ...]] = []
        self.said: list[str] = []
        self.virtualenv = SimpleNamespace(location=str(folder))

    def run(self, *command: str, **_: object) -> None:
        """Keep the command."""
        self.ran.append(command)

    def install(self, *packages: str) -> None:
        """Keep what pip is given."""
        self.installed.append(packages)

    def run_install(self, *command: str, **_: object) -> None:
        """Keep what nox runs under `--install-only` too."""
        self.installed.append(command)

    def log(self, line: str) -> None:
        """Keep the line."""
        self.said.append(line)


def sessions(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str
) -> tuple[dict[str, dict[str, Any]], SimpleNamespace, dict[str, Any]]:
    """(session -> how it was declared, nox's options, the noxfile's names) for a command line."""
    found: dict[str, dict[str, Any]] = {}

    def session(function: Callable[..., Any] | None = None, **how: Any) -> Any:
        def declare(of: Callable[..., Any]) -> Callable[..., Any]:
            found[how.get("name", of.__name__)] = how
            return of

        return declare(function) if function else declare

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    stub: Any = ModuleType("nox")
    stub.options, stub.session, stub.Session = SimpleNamespace(), session, Session
    groups = project["dependency-groups"]
    stub.project = SimpleNamespace(
        load_toml=lambda _: project, dependency_groups=lambda _, *names: groups[names[0]][1:]
    )
    stub.parametrize = lambda *_, **__: lambda function: function
    monkeypatch.setitem(sys.modules, "nox", stub)
    monkeypatch.setattr(sys, "argv", ["nox", *arguments])
    monkeypatch.chdir(folder)
    return found, stub.options, runpy.run_path(str(ROOT / "noxfile.py"))


@pytest.mark.parametrize("name", OF_ROWS)
@pytest.mark.parametrize("device", [[], ["--device", "cuda"], ["--device=cuda"]], ids=str)
def test_the_driver_is_asked_before_anything_is_installed(
    name: str, device: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, options, names = sessions(monkeypatch, tmp_path, "-s", name, "--", *device)
    assert found[name]["requires"][0] == "beforehand"
    assert found["beforehand"] == {"venv_backend": "none"}
    assert options.stop_on_first_error == (bool(device) or name == "bench")
    session = Session()
    names["beforehand"](session)
    assert session.ran == ([(sys.executable, "-m", "bench.plan.driver")] if device else [])
    (line,) = session.said
    assert ("23 GB" in line) == bool(device)
    assert ("4.7 GB" in line) == (not device)


def test_of_what_is_installed_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("bench", "pytorch-cpu"):
        folder = tmp_path / ".nox" / f"env-{name}"
        folder.mkdir(parents=True)
        (folder / "installed.json").write_text("{}", encoding="utf-8")
    for rows, expected in {
        "pytorch": [],
        "pytorch,flax_nnx": ["flax_nnx-cpu; about 0.8 GB"],
    }.items():
        *_, names = sessions(monkeypatch, tmp_path, "-s", "bench", "--", "--backend", rows)
        session = Session()
        names["beforehand"](session)
        assert [line.removeprefix("to be installed: ") for line in session.said] == [
            f"{line} on disk" for line in expected
        ]


def test_what_is_installed_for_later_is_compiled_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--install-only` makes what others copy: without bytecode each process makes its own."""
    *_, names = sessions(monkeypatch, tmp_path, "-s", "bench", "--install-only")
    folder = tmp_path / ".nox" / "env-bench"
    folder.mkdir(parents=True)
    for commands in (["--no-compile", "compileall"], []):
        session = Session(folder)
        names["env"](session, "bench")
        assert session.ran == []
        found = [w for of in session.installed for w in of if w in ("--no-compile", "compileall")]
        assert found == commands
        assert (folder / "installed.json").exists()


def test_no_session_writes_into_a_session_s_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, *_ = sessions(monkeypatch, tmp_path, "-s", "executed")
    source = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    written = set(re.findall(r'ENVIRONMENTS / "([^"]+)"', source))
    assert {"executed-lib", "executed-lines"} <= written
    assert not written & set(found)
