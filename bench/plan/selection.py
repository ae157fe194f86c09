"""Turning what a person typed into rows, modes and devices, or one line that says what is wrong."""

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import backends
import spec
from backends.protocol import DEVICES, require_supported
from bench.plan.driver import refusal
from bench.plan.machine import gpu
from bench.workers.pool import WorkerFailed, Workers, missing_packages
from bench.workers.row import devices
from spec.errors import SpecError, UserError
from spec.spelling import cut, hint
from spec.workload import Workload

LARGEST_BATCH = 2**20
HEADLINE = "dcgan_32,gaussian,mlp_square"
"""The workloads of a run that names none: one of each kind."""


def select(what: str, given: str | None, allowed: Sequence[str]) -> tuple[str, ...]:
    """The names in `given`, by comma, in the order of `allowed`; all where nothing is given."""
    names = ["all"] if given is None else [w.strip() for w in given.split(",") if w.strip()]
    if not names:
        raise UserError(f"--{what}: given nothing; allowed: {', '.join(allowed)}")
    if "all" in names:
        return tuple(allowed)
    for name in names:
        if name not in allowed:
            raise UserError(f"no {what} is called {name!r}; {hint(name, allowed)}")
    return tuple(name for name in allowed if name in names)


def select_one(what: str, given: str, allowed: Sequence[str]) -> str:
    """The one name that is given."""
    if given not in allowed:
        raise UserError(f"--{what}: given {given!r}; {hint(given, allowed)}")
    return given


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


def overrides(given: Iterable[str]) -> dict[str, Any]:
    """PLACE=VALUE pairs, the value as TOML writes it; a word without quotes is text."""
    found = {}
    for pair in given:
        place, separator, text = pair.partition("=")
        if not separator or not place.strip():
            raise UserError(f"--set: given {pair!r}; allowed: PLACE=VALUE, schedule.batch_size=64")
        try:
            read = tomllib.loads(f"value = {text}")
        except (ValueError, RecursionError):  # also numbers and nesting beyond all bounds
            read = {}
        # What has lines of its own is a file, no value.
        found[place.strip()] = read["value"] if read.keys() == {"value"} else text.strip()
    return found


def workloads(given: str, put: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Built-in names or paths of files, each read once now so that a wrong one stops here."""
    names = (given,) if is_file(given) else by_comma(given)
    if "all" in names:
        names = tuple(dict.fromkeys(n for name in names for n in _meant_by(name)))
    if not names:
        raise UserError(f"--workload: given nothing; allowed: {', '.join(spec.names())}")
    labels: dict[str, str] = {}
    for name in names:
        workload = _load(name, put, given)
        require_supported(workload)
        if workload.name in labels:
            raise UserError(f"--workload: {name} and {labels[workload.name]} have the same name")
        labels[workload.name] = name
    return names


def by_comma(given: str) -> tuple[str, ...]:
    """The names in a list, each once."""
    return tuple(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))


def _meant_by(name: str) -> tuple[str, ...]:
    return spec.names() if name == "all" else (name,)


def is_file(given: str) -> bool:
    """Whether all of it, commas too, is the path of a file."""
    try:
        return Path(given).is_file()
    except (OSError, ValueError):  # too long for a path, or with a null character
        return False


def _load(name: str, put: Mapping[str, Any] | None, given: str) -> Workload:
    try:
        return spec.load(name, put)
    except SpecError as error:
        if "," not in given or name in spec.names() or is_file(name):
            raise
        why = "a comma parts names; a file that has one in its name is given alone"
        raise SpecError(f"{error} ({why})") from None


def sizes(given: str) -> tuple[int, ...]:
    """Batch sizes by comma; none where nothing is given."""
    found: list[int] = []
    if given and not given.strip(", "):
        raise UserError(f"--batch-size: given {given!r}; allowed: whole numbers, by comma")
    for word in (w.strip() for w in given.split(",") if w.strip()):
        if not re.fullmatch("[0-9]{1,9}", word) or not 1 <= int(word) <= LARGEST_BATCH:
            raise UserError(
                f"--batch-size: given {cut(word)!r}; allowed: whole numbers from 1 to "
                f"{LARGEST_BATCH}"
            )
        found.append(int(word))
    return tuple(dict.fromkeys(found))


def resolve_device(given: str, rows: Sequence[str], pythons: Mapping[str, str]) -> str:
    """cpu or cuda: `auto` takes cuda where every row has it."""
    device = select_one("device", given, ("auto", *DEVICES))
    if device == "cpu" or (device == "auto" and gpu() is None):
        return "cpu"
    if device == "cuda" and (line := refusal()):
        raise UserError(line)  # before a worker starts, and its framework says so in its own way
    pool = Workers(pythons)
    try:
        lacking = [row for row in rows if "cuda" not in _devices(pool, row, device)]
    finally:
        pool.stop()
    if not lacking:
        return "cuda"
    if device == "auto":
        return "cpu"
    raise UserError(
        f"--device cuda: no CUDA device is usable by {', '.join(lacking)}; allowed here: cpu. "
        "With nox, `--device cuda` installs CUDA builds; a driver and a GPU are needed too"
    )


def _devices(pool: Workers, row: str, asked: str) -> Sequence[str]:
    try:
        return pool.call((row, "float32", "cuda"), devices, {"row": row}, 120.0)
    except WorkerFailed as failure:
        if asked == "auto":
            return ()  # the row's own cells will say why
        raise UserError(f"backend {row} does not start: {failure}") from None
