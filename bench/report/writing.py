"""The page from files; it needs packages that measuring does not, so they are imported late."""

from pathlib import Path

from bench.report import reading
from spec.errors import UserError


def write(files: list[Path], target: Path, conformance: Path | None = None) -> Path:
    """Write the page of some results. UserError for wrong files and for packages not installed."""
    results = reading.read_all(files, conformance)
    try:
        from bench.report import page
    except ImportError as error:
        raise UserError(
            f"the page needs {error.name or error}, which is not installed here"
        ) from None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        page.write(results, target)
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
