"""Options shared by all tests that talk to backends, and the workers they talk to."""

import importlib
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import backends
import spec
from backends.protocol import DEVICES, MODES, PRECISIONS
from bench.plan.selection import (
    HEADLINE,
    interpreters,
    resolve_device,
    select,
    select_rows,
    workloads,
)
from bench.workers.pool import Workers
from spec.errors import UserError


@dataclass(frozen=True)
class Selection:
    """What was asked for on the command line, checked."""

    rows: tuple[str, ...]
    absent: dict[str, str]
    workloads: tuple[str, ...]
    modes: tuple[str, ...]
    precisions: tuple[str, ...]
    device: str
    pythons: dict[str, str]
    full: bool


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gantlet")
    group.addoption("--backend", help=f"rows, by comma: {', '.join(backends.names())}")
    group.addoption(
        "--workload",
        default=HEADLINE,
        help=f"names or files, by comma, or all: {', '.join(spec.names())}",
    )
    group.addoption("--mode", help=f"modes, by comma: {', '.join(MODES)}")
    group.addoption("--dtype", help=f"precisions, by comma: {', '.join(PRECISIONS)}")
    group.addoption("--device", default="cpu", help=f"auto, {', '.join(DEVICES)}")
    group.addoption("--python", action="append", default=[], help="ROW=PATH of an interpreter")
    group.addoption("--full", action="store_true", help="the long form of checks that have one")
    group.addoption("--examples", type=int, default=50, help="random GANs in each row")
    group.addoption("--gan", default=None, help="a file that a random GAN was written to")
    group.addoption("--results", default=None, help="folder for results/conformance JSON")
    group.addoption("--executed", default=None, help="folder for what workers execute of backends/")


SELECTION = pytest.StashKey[Selection]()


def selection_of(config: pytest.Config) -> Selection:
    """The checked options; a wrong one ends the session with one line and exit code 2."""
    if SELECTION not in config.stash:
        try:
            config.stash[SELECTION] = _selection(config)
        except UserError as error:
            pytest.exit(f"error: {error}", returncode=2)
    return config.stash[SELECTION]


def _selection(config: pytest.Config) -> Selection:
    pythons = interpreters(config.getoption("--python"))
    rows, absent = select_rows(config.getoption("--backend"), pythons)
    return Selection(
        rows=rows,
        absent=absent,
        workloads=workloads(config.getoption("--workload")),
        modes=select("mode", config.getoption("--mode"), MODES),
        precisions=select("dtype", config.getoption("--dtype"), PRECISIONS),
        device=resolve_device(config.getoption("--device"), rows, pythons),
        pythons=pythons,
        full=config.getoption("--full"),
    )


class Shown:
    """What tests recorded for the end of the run, by name, in the order of their reports.

    It travels in the reports, since tests may run in several processes and one prints.
    """

    def __init__(self) -> None:
        self.values: dict[str, list[Any]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test recorded, once, from the report of its call."""
        if report.when == "call":
            for name, value in report.user_properties:
                self.values[name].append(value)


SHOWN = pytest.StashKey[Shown]()
Recorder = Callable[[str, object], None]
"""What `record_property` is: a name, and a value made of builtins."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SHOWN] = Shown()
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        # Of this process alone: a command that a test runs would print what libraries leave to it.
        os.environ.pop("PYTHONWARNDEFAULTENCODING", None)
    config.pluginmanager.register(config.stash[SHOWN])
    if folder := config.getoption("--executed"):
        note_all = importlib.import_module("tests.executed.asking").note_all  # needs coverage.py
        note_all(str(Path(folder).absolute()))


def of_row(value: Any, row: str, name: str) -> Any:
    """A parameter of a test in a row: where several processes share the tests, one has the row's.

    A row's worker is started once then, and keeps what it has compiled.
    """
    return pytest.param(value, id=name, marks=pytest.mark.xdist_group(row))


@pytest.fixture(scope="session")
def selection(request: pytest.FixtureRequest) -> Selection:
    """The checked options."""
    return selection_of(request.config)


ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Where processes share the cores, threads that wait for each other cost several times the work."""


def shared_cores() -> dict[str, str]:
    """Variables of a worker whose row is checked beside another one."""
    return ONE_THREAD if "PYTEST_XDIST_WORKER" in os.environ else {}


def compiled_before(config: pytest.Config) -> dict[str, str]:
    """Variables by which JAX keeps what it compiles, for the same program in another process.

    XLA takes a third of the checks' time. It finds a program again by its code, flags and version,
    so that a planted fault is compiled anew. The benchmark, which times compiling, keeps nothing.
    """
    cache = getattr(config, "cache", None)  # there is none with -p no:cacheprovider
    return {} if cache is None else kept_in(str(cache.mkdir("compiled")))


def kept_in(folder: str) -> dict[str, str]:
    """Variables by which JAX keeps all that it compiles in a folder."""
    return {
        "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


# jaxlib 0.12, which Python 3.12 and later get, ends its process at a flag that it has no more.
EMITTERS = "--xla_cpu_use_fusion_emitters=false" if sys.version_info < (3, 12) else ""
SIMPLY = f"--xla_cpu_parallel_codegen_split_count=1 {EMITTERS}".strip()
SIMPLY_COMPILED = {"XLA_FLAGS": f"{SIMPLY} --xla_backend_optimization_level=1"}
"""Variables by which XLA compiles for a CPU in three quarters of the time, to code as quick as
before: for convolutions and long trainings in float64."""
QUICKLY_COMPILED = {"XLA_FLAGS": f"{SIMPLY} --xla_backend_optimization_level=0"}
"""Variables by which XLA compiles for a CPU in a quarter of the time, to slower code.

For random GANs, the grid, faults that are planted in small GANs, other checks in float64 and of
single parts, where no convolution is: each is compiled once and run once or a few times, and asks
whether our formula is right. What XLA makes of it by its own settings whole programs in float32
ask, a sample of the grid, and the proof of each cell that is timed. (jaxlib
0.10.2: five random GANs took 21 s of processor by XLA's own settings, 11 without the emitters, 4.7
so; but ten iterations of a small `dcgan_32` take 13 s in place of 2.)
"""


@pytest.fixture(scope="session")
def workers(selection: Selection, pytestconfig: pytest.Config) -> Iterator[Workers]:
    """One process per row and precision, started when first asked for."""
    pool = Workers(selection.pythons, shared_cores() | compiled_before(pytestconfig))
    yield pool
    pool.stop()


@pytest.fixture(scope="session")
def simple_workers(selection: Selection, pytestconfig: pytest.Config) -> Iterator[Workers]:
    """Others, for float64, which nobody times: it asks whether our formulas are right."""
    own = shared_cores() | compiled_before(pytestconfig) | SIMPLY_COMPILED
    pool = Workers(selection.pythons, own)
    yield pool
    pool.stop()


@pytest.fixture(scope="session")
def quick_workers(selection: Selection, pytestconfig: pytest.Config) -> Iterator[Workers]:
    """Others, for what asks of XLA no more than a right answer."""
    own = shared_cores() | compiled_before(pytestconfig) | QUICKLY_COMPILED
    pool = Workers(selection.pythons, own)
    yield pool
    pool.stop()
