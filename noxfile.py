"""Environments and commands: `nox` checks the code, `-s conformance` proves, `-s bench` times.

Every row has an environment of its own, made from a dependency group in pyproject.toml, and so
has the process that asks and measures, which has no framework: most sessions run in that one.
`-- --device cuda` chooses CUDA builds, `-- --backend a,b` prepares only those rows. Where no GPU
is, nothing is installed for one, unless `--install-only` stands before the `--`: that makes the
environments and runs nothing, for images that are built elsewhere.
"""

import json
import shutil
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
ROWS = ("flax_nnx", "keras3-jax", "keras3-tensorflow", "pytorch")
ENVIRONMENTS = Path(".nox").absolute()


def option(name: str, default: str) -> str:
    """The value of an option behind `--`, needed before nox chooses the environments."""
    words = [word for given in sys.argv[1:] for word in given.split("=", 1)]
    return words[words.index(name) + 1] if name in words[:-1] else default


DEVICE = "cuda" if option("--device", "cpu") == "cuda" else "cpu"
WANTED = [row for row in ROWS if option("--backend", "all") in ("all", row)] or [
    row for row in ROWS if row in option("--backend", "all").split(",")
]
# A wrong argument, or a GPU that is not there, ends all before minutes go into environments.
nox.options.stop_on_first_error = "bench" in sys.argv or DEVICE == "cuda"
ASKING = "bench"
"""The environment of the process that asks, measures and prints."""
ALONE = [f"env({ASKING})"]
NEEDED = ["beforehand", *ALONE, *(f"env({row}-{DEVICE})" for row in WANTED)]
CPU_GB = {
    ASKING: 0.4,
    "flax_nnx-cpu": 0.8,
    "keras3-jax-cpu": 0.7,
    "keras3-tensorflow-cpu": 1.7,
    "pytorch-cpu": 1.1,
}
"""On disk, as `env` recorded it on 2026-11-28."""
CUDA_GB = 23
"""Of the four environments with CUDA builds."""


def install(session: nox.Session, *groups: str, options: Sequence[str] = ()) -> None:
    """Install dependency groups of pyproject.toml; the project itself is run from its checkout."""
    session.install(*options, *nox.project.dependency_groups(PROJECT, *groups))


def size_bytes(folder: Path) -> int:
    """Everything in a folder; links are not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def python(name: str) -> str:
    """The interpreter of an environment that was prepared."""
    return (ENVIRONMENTS / f"{name}.python").read_text(encoding="utf-8")


def pythons() -> list[str]:
    """`--python ROW=PATH` for every row that was prepared."""
    return [f"--python={row}={python(f'{row}-{DEVICE}')}" for row in WANTED]


def ask(session: nox.Session, *arguments: str) -> None:
    """Run `python -m ...` in the asking process's environment; no locale decides in a test."""
    own = {"PYTHONWARNDEFAULTENCODING": "1"} if arguments[0] == "pytest" else {}
    session.run(python(ASKING), "-m", *arguments, *session.posargs, env=own, external=True)


# Two rows at a time, each in a process of its own; on a GPU they would share what is proved on it.
BESIDE = DEVICE == "cpu" and len(WANTED) > 1
SIDE_BY_SIDE = ["--numprocesses=2", "--dist=loadgroup"] if BESIDE else []
# In the order of tests/bench/conftest.py, not of how many tests a file has.
FILE_BY_FILE = ["--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder"] if BESIDE else []
EXECUTING = "mlp_square,dcgan_32,gaussian,tests/meta/workloads/many_numbers.toml"
"""Workloads that go through all that the rows have, with what checks make for themselves."""
ENVS = [ASKING, *(f"{row}-{DEVICE}" for row in ROWS)]


@nox.session(venv_backend="none")
def beforehand(session: nox.Session) -> None:
    """Is the GPU there that CUDA builds are for, and how much will be installed?"""
    if DEVICE == "cuda":  # nox leaves this out under --install-only
        session.run(sys.executable, "-m", "bench.plan.driver", external=True)
    names = [ASKING, *(f"{row}-{DEVICE}" for row in WANTED)]
    wanted = [name for name in names if not (ENVIRONMENTS / f"env-{name}/installed.json").exists()]
    if wanted:
        known = f"about {sum(CPU_GB.get(name, 0.0) for name in wanted):.1f} GB on disk"
        size = f"all CUDA builds take about {CUDA_GB} GB" if DEVICE == "cuda" else known
        session.log(f"to be installed: {', '.join(wanted)}; {size}")


@nox.session
@nox.parametrize("name", ENVS, ids=ENVS)
def env(session: nox.Session, name: str) -> None:
    """Prepare one environment; the first time, record what that took."""
    folder, start = Path(session.virtualenv.location), time.perf_counter()
    record = folder / "installed.json"
    if record.exists():
        install(session, name)
    else:
        # pip would compile what it unpacks on one core, with packages' own tests.
        # 1: some package has a template in it.
        install(session, name, options=["--no-compile"])
        compile_all = ["python", "-m", "compileall", "-qq", "-j", "0", "-x", "/tests/"]
        compile_all += [str(folder / "lib")]
        session.run_install(*compile_all, success_codes=[0, 1])  # under --install-only too
        taken = {"install_s": time.perf_counter() - start, "install_bytes": size_bytes(folder)}
        record.write_text(json.dumps(taken) + "\n", encoding="utf-8")
    path = folder / "bin" / "python"
    (ENVIRONMENTS / f"{name}.python").write_text(str(path.absolute()), encoding="utf-8")


@nox.session
def lint(session: nox.Session) -> None:
    """Format, lint and import contracts."""
    install(session, "lint")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": "."})


@nox.session
def types(session: nox.Session) -> None:
    """Static types."""
    install(session, "bench", "lint")
    session.run("mypy")


@nox.session(venv_backend="none", requires=NEEDED)
def tests(session: nox.Session) -> None:
    """Spec, reference, bench, house; and the planted faults with the checks that caught them."""
    if session.posargs:  # a choice: one run, so that one summary says what was chosen
        ask(session, "pytest", *pythons())
        return
    ask(session, "pytest", "tests/bench", *FILE_BY_FILE, *pythons())
    ask(session, "pytest", "tests/spec", "tests/meta", *SIDE_BY_SIDE, *pythons())


@nox.session(venv_backend="none", requires=NEEDED)
def conformance(session: nox.Session) -> None:
    """The proof: every check on every row, workload, mode and precision, with the matrix."""
    ask(session, "pytest", "tests/conformance", "tests/fuzz", *SIDE_BY_SIDE, *pythons())


@nox.session(venv_backend="none", requires=NEEDED)
def fuzz(session: nox.Session) -> None:
    """Random GANs in every row: `-- --examples 1000`, or `-- --gan FILE` for one that differed."""
    ask(session, "pytest", "tests/fuzz", *SIDE_BY_SIDE, *pythons())


@nox.session(venv_backend="none", requires=ALONE)
def arguments(session: nox.Session) -> None:
    """Read the benchmark's arguments before minutes go into the environments of the rows."""
    ask(session, "bench", "run", "--check")


@nox.session(venv_backend="none", requires=["beforehand", "arguments", *NEEDED])
def bench(session: nox.Session) -> None:
    """Prove every cell, time it, print the table."""
    ask(session, "bench", "run", *pythons())


@nox.session(venv_backend="none", requires=NEEDED)
def train(session: nox.Session) -> None:
    """Train one GAN in one row to its end: `-- --workload mlp_square --backend flax_nnx`."""
    ask(session, "bench", "train", *pythons())


@nox.session(venv_backend="none", requires=NEEDED)
def converge(session: nox.Session) -> None:
    """How many iterations each row needs to a target, over seeds: `-- --seeds 10`."""
    ask(session, "bench", "converge", *pythons())


@nox.session(venv_backend="none", requires=NEEDED)
def generate(session: nox.Session) -> None:
    """Samples of a training, in any row: `-- --from runs/NAME --backend pytorch`."""
    ask(session, "bench", "generate", *pythons())


@nox.session(venv_backend="none", requires=ALONE)
def report(session: nox.Session) -> None:
    """One page of what was measured and trained: `nox -s report -- FILE... RUN...`."""
    ask(session, "bench", "report")


@nox.session
def browser(session: nox.Session) -> None:
    """The report in a browser without a network; needs a Chromium on the PATH."""
    install(session, "browser")
    session.run("python", "-m", "pytest", "tests/browser", *session.posargs)


@nox.session(requires=NEEDED)
def mutate(session: nox.Session) -> None:
    """Random mutants of our own code: which of them does no test notice? `-- --minutes 30`."""
    install(session, "mutate")
    session.run("python", "-m", "pytest", "-q", "tests/mutation")
    session.run("python", "-m", "tests.mutation", *pythons(), *session.posargs)


@nox.session(requires=NEEDED)
def executed(session: nox.Session) -> None:
    """Which lines and branches of the rows the checks execute, and why the rest is left."""
    # `executed` would be this session's own environment, which nox then takes for a whole one.
    library, found = ENVIRONMENTS / "executed-lib", ENVIRONMENTS / "executed-lines"
    # Beside the rows' environments and not in them: who only benchmarks does not need it.
    install(session, "executed", options=["--target", str(library), "--upgrade"])
    shutil.rmtree(found, ignore_errors=True)
    own = {"PYTHONPATH": str(library)}
    asked = ["tests/conformance", "tests/fuzz", "tests/bench/timing", "-k", "not convergence"]
    asked += ["tests/bench/workers/test_autotuning.py"]
    asked += ["--workload", EXECUTING, *SIDE_BY_SIDE, f"--executed={found}"]
    run = partial(session.run, python(ASKING), "-m", env=own, external=True)
    run("pytest", *asked, *pythons(), *session.posargs)
    run("tests.executed", str(found))


@nox.session(venv_backend="none", requires=NEEDED)
def doctor(session: nox.Session) -> None:
    """Versions, devices, one training step per row, one plot."""
    ask(session, "bench", "doctor", *pythons())


@nox.session(name="list", venv_backend="none", requires=ALONE)
def list_(session: nox.Session) -> None:
    """The workloads with their parameter counts, and the rows with their modes."""
    ask(session, "bench", "list")
