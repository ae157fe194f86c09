"""Turning what a person typed into rows, modes and devices, or one line that says what is wrong."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import backends
from bench.workers import missing_packages
from spec.errors import UserError




def select(what: str, given: str | None, allowed: Sequence[str]) -> tuple[str, ...]:
    """The names in `given`, by comma, in the order of `allowed`; all where nothing is given."""
    if given is None or given == "all":
        return tuple(allowed)
    names = [name.strip() for name in given.split(",") if name.strip()]
    if not names:
        raise UserError(f"--{what}: given nothing; allowed: {', '.join(allowed)}")
    for name in names:
        if name not in allowed:
            near = get_close_matches(name, allowed, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise UserError(
                f"no {what} is called {name!r}{hint}; allowed: {', '.join(allowed)}"
            )
    return tuple(name for name in allowed if name in names)


def interpreters(given: Iterable[str]) -> dict[str, str]:
    """ROW=PATH pairs as a mapping."""
    pythons = {}
    for pair in given:
        row, separator, path = pair.partition("=")
        if not separator or row not in backends.names():
            raise UserError(
                f"--python: given {pair!r}; allowed: ROW=PATH with a row of "
                f"{', '.join(backends.names())}"
            )
        if not Path(path).is_file():
            raise UserError(f"--python: {path} (for {row}) is not a file")
        pythons[row] = str(Path(path).absolute())
    return pythons


def select_rows(
    given: str | None, pythons: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """(rows that can run, row -> why it is absent). A row asked for by name must not be absent."""
    import sys

    rows = select("backend", given, backends.names())
    absent = {}
    for row in rows:
        lacking = missing_packages(row, pythons.get(row, sys.executable))
        if lacking:
            absent[row] = f"{', '.join(lacking)} not installed"
    if given not in (None, "all") and absent:
        row, why = next(iter(absent.items()))
        raise UserError(
            f"backend {row} was asked for, but is absent: {why}; install it, give its interpreter "
            f"with --python {row}=PATH, or use nox"
        )
    if len(absent) == len(rows):
        raise UserError(
            "no backend is installed in this interpreter: "
            + "; ".join(f"{row}: {why}" for row, why in absent.items())
        )
    return tuple(row for row in rows if row not in absent), absent
