"""A result of `converge` on one page that needs no network: the report's, of it alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from altair.utils.schemapi import debug_mode

from bench.convergence import chapters
from bench.convergence.comparing import Pair
from bench.convergence.results import Result
from bench.report import page


def write(path: Path, result: Result, against: Mapping[str, Sequence[Pair]]) -> Path:
    """Write the page beside the result's file; `against` as `chapters.of` takes it."""
    target = path.with_suffix(".html")
    with debug_mode(False):  # as the page draws charts of results
        page.write([], target, chapters.of({path.name: result}, against=against))
    return target
