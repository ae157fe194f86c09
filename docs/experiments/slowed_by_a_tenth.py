"""`compare --fail-slower 5%` on a row slowed on purpose by 10 %, and on the same row unchanged.

    python docs/experiments/slowed_by_a_tenth.py --python pytorch=PATH [RUNS]

From the project's root, in the asking process's environment. Six runs first, which `calibrate`
records as this machine's run-to-run variance and the first of which is OLD; then RUNS (10) runs of
each kind are compared with it. Slowed means that the row's `run` waits, inside the timed call, for
a tenth of the time that it took: its interpreter gets a `sitecustomize` that wraps it.
"""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

PLAN = ["--workload", "mlp_square", "--backend", "pytorch", "--mode", "eager", "--blocks", "40"]
"""Ten blocks would not do: on two cores of an Intel Xeon virtual machine the ratio of a row to its
control scattered by 4.4 % from block to block, and hardly at all from run to run beyond that (11
runs), so that ten blocks leave 1.4 % and forty 0.7 %. To name a tenth where a twentieth is allowed,
and to do so ten times in ten, takes about 0.7 %.
"""
CALIBRATING = 6
"""With three runs alone the t-quantile of their variance would be 4.3."""
SLOWING = """
import sys, time
from importlib.machinery import PathFinder

NAME = "backends.pytorch.training"


class Slowing:
    def find_spec(self, name, path=None, target=None):
        if name != NAME:
            return None
        spec = PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            run = module.Program.run

            def slowed(self, *arguments):
                start = time.perf_counter()
                state, metrics = run(self, *arguments)
                self.block_until_ready((state, metrics))
                time.sleep(0.1 * (time.perf_counter() - start))
                return state, metrics

            module.Program.run = slowed

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Slowing())
"""


def slowed(folder: Path, interpreter: str) -> str:
    """An interpreter like the given one, in which the row is slower."""
    (folder / "sitecustomize.py").write_text(SLOWING, encoding="utf-8")
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nPYTHONPATH={folder} exec {interpreter} "$@"\n', encoding="ascii")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m bench` with these arguments."""
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)


def run(folder: Path, name: str, interpreter: str) -> str:
    """The file of a run."""
    target = str(folder / f"{name}.json")
    done = bench("run", *PLAN, "--python", f"pytorch={interpreter}", "--output", target)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def main() -> None:
    """How many of each kind `compare` fails."""
    interpreter, runs = sys.argv[2].partition("=")[2], int((*sys.argv, "10")[3])
    folder = Path(tempfile.mkdtemp())
    kinds = {"unchanged": interpreter, "slowed": slowed(folder, interpreter)}
    calibration = ["--calibration", str(folder / "calibration.json")]
    first = [run(folder, f"first-{i}", interpreter) for i in range(CALIBRATING)]
    print(bench("calibrate", *first, *calibration).stdout, flush=True)
    failed = dict.fromkeys(kinds, 0)
    for i in range(runs):
        for kind, python in kinds.items():
            new = run(folder, f"{kind}-{i}", python)
            said = bench("compare", first[0], new, "--fail-slower", "5%", *calibration)
            failed[kind] += said.returncode == 1
            line = next((x for x in said.stdout.splitlines() if "pytorch" in x), said.stderr)
            print(f"{kind} {i}: exit code {said.returncode}: {line.strip()}", flush=True)
    print({kind: f"{count} of {runs} failed" for kind, count in failed.items()})


if __name__ == "__main__":
    main()
