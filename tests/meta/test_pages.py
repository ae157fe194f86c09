"""The pages of prose hold: narrow, their links lead somewhere, their commands are there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from bench.cli import app
from bench.workers.pool import ROOT

README = ROOT / "README.md"
FOLDERS = ("spec", "backends", "bench", "tests", "docs", "results")
PAGES = sorted([*ROOT.glob("*.md"), *(p for f in FOLDERS for p in (ROOT / f).rglob("*.md"))])
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
COLUMNS = 100
OF_BENCH = {"bench": "run", "arguments": "run"} | {
    name: name for name in ("doctor", "list", "train", "converge", "generate")
}
"""Sessions of nox that hand their arguments to a command of `python -m bench`."""


def lines(page: Path) -> list[str]:
    return page.read_text(encoding="utf-8").splitlines()


def prose(page: Path) -> Iterator[str]:
    """What can be wrapped: no table, no example of code or of output; of a URL nothing."""
    code = False
    for line in lines(page):
        fence = line.lstrip().startswith("```")
        code ^= fence
        if not code and not fence and not line.startswith("|"):
            yield re.sub(r"\S*://\S*", "", line)


def test_readme_is_short_and_narrow() -> None:
    assert len(lines(README)) <= 130
    assert [line for line in lines(README) if len(line) > COLUMNS] == []


@EVERY_PAGE
def test_prose_is_narrow(page: Path) -> None:
    assert [line for line in prose(page) if len(line) > COLUMNS] == []


def anchors(page: Path) -> set[str]:
    """A page's headings as GitHub names them in a link."""
    titles = (line.lstrip("#").strip().lower() for line in prose(page) if line.startswith("#"))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


@EVERY_PAGE
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", "\n".join(prose(page))):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def sessions() -> set[str]:
    """The names of nox's sessions, as its file has them."""
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {
        function.name.rstrip("_")
        for function in functions
        if any(ast.unparse(one).startswith("nox.session") for one in function.decorator_list)
    }


def of_command(name: str) -> set[str]:
    """The options of a command of `python -m bench`; KeyError where there is none."""
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    return {option for parameter in command.params for option in parameter.opts}


def options(session: str) -> set[str]:
    """What may stand behind `--`: options of the command, or of the project's own tests."""
    if session in OF_BENCH:
        return of_command(OF_BENCH[session])
    place = "mutation/__main__.py" if session == "mutate" else "conftest.py"
    text = (ROOT / "tests" / place).read_text(encoding="utf-8")
    return set(re.findall(r'add(?:option|_argument)\(\s*"(--[\w-]+)"', text))


@EVERY_PAGE
def test_commands_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for session, arguments in re.findall(r"nox -s (\w+)(?: -- ([^`#\n]*))?", text):
        assert session in sessions()
        given = set(re.findall(r"(?<!\S)--[a-z][\w-]*", arguments))
        assert given <= options(session), f"nox -s {session} -- {arguments}"
    for command, arguments in re.findall(r"python -m bench (\w+)([^`#\n]*)", text):
        given = set(re.findall(r"(?<!\S)--[a-z][\w-]*", arguments))
        assert given <= of_command(command), f"python -m bench {command}{arguments}"
    for module in re.findall(r"python -m ((?:bench|spec|tests)(?:\.\w+)+)", text):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
