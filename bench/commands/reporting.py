"""`report`: from files of results and folders of trainings to one page."""

from collections.abc import Sequence
from pathlib import Path

from bench.convergence import recognising
from bench.report import writing
from bench.report.groups import Result
from bench.report.panels import rows
from bench.report.parts import Chapter
from spec.errors import UserError


def report(paths: Sequence[Path], output: Path | None, conformance: Path | None) -> Path:
    """Write the page; where it is.

    UserError for what is no result of `bench run`, none of `converge` and no training.
    """
    target = output or _beside(paths[0])
    if target.suffix != ".html" or target.is_dir():
        raise UserError(f"--output: given {target}; give the path of a .html file")
    folders = [path for path in paths if path.is_dir()]
    times = [path for path in paths if path not in folders and recognising.is_one(path)]
    files = [path for path in paths if path not in (*folders, *times)]

    def chapters(results: list[Result]) -> list[Chapter]:
        known = [row for result in results for row in rows(result)]
        return [*_trainings(folders, known), *_to_targets(times, known)]

    written = writing.write(files, target, conformance, chapters)
    if folders:
        _draw(folders, written.with_suffix(".png"))
    return written


def _trainings(folders: Sequence[Path], known: Sequence[str]) -> list[Chapter]:
    """Trainings side by side; `known`: the rows that have a colour."""
    if not folders:
        return []
    from altair.utils.schemapi import debug_mode  # a second that only trainings need

    from bench.training.side_by_side import chapters

    with debug_mode(False):  # as the page draws those of results
        return chapters.of(folders, known)


def _to_targets(files: Sequence[Path], known: Sequence[str]) -> list[Chapter]:
    """Times to a target; `known`: the rows that have a colour."""
    if not files:
        return []
    from altair.utils.schemapi import debug_mode

    from bench.convergence import chapters

    with debug_mode(False):
        return chapters.of(chapters.read(files), known)


def _draw(folders: Sequence[Path], path: Path) -> None:
    """Samples as one picture, for where no page can be."""
    from bench.training.side_by_side import poster

    try:
        poster.write(folders, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None


def _beside(path: Path) -> Path:
    """Of `runs/A` that is `runs/A.html`, and of `.` its name beside it."""
    if not path.is_dir():
        return path.with_suffix(".html")
    folder = path.resolve()
    return folder.with_name(f"{folder.name}.html")
