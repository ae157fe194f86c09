"""The page from files; it needs packages that measuring does not, so they are imported late."""

from collections.abc import Callable
from pathlib import Path

from bench.report import reading
from bench.report.groups import Result
from bench.report.parts import Chapter
from spec.errors import UserError

More = Callable[[list[Result]], list[Chapter]]
"""What another room adds to the page of these results."""


def write(
    files: list[Path],
    target: Path,
    conformance: Path | None = None,
    more: More = lambda results: [],
) -> Path:
    """Write the page of some results, and of what else there is to be said beside them.

    UserError for wrong files and for packages not installed.
    """
    results = reading.read_all(files, conformance)
    try:
        from bench.report import page

        chapters = more(results)
    except ImportError as error:
        raise UserError(
            f"the page needs {error.name or error}, which is not installed here"
        ) from None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        page.write(results, target, chapters)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}") from None
    return target


def after_run(result: Path) -> str:
    """Write the page beside a fresh result, and say in a line where it is, or why it is not.

    Never raises: what was measured is already kept, and is worth more than its page.
    """
    try:
        return f"page: {write([result], result.with_suffix('.html'))}"
    except Exception as error:
        why = str(error).strip().split("\n")[0] or type(error).__name__
        return f"no page: {why}; `nox -s report -- {result}` writes it"
