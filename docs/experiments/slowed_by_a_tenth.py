"""`compare --fail-slower 5%` on a row slowed on purpose by 10 %, and on the same row unchanged.

    python docs/experiments/slowed_by_a_tenth.py --python ROW=PATH [TIMES [BLOCKS [EACH]]]

From the project's root, in the asking process's environment; ROW is pytorch or flax_nnx. Six runs
of BLOCKS (16) first: their folder is OLD, and says what runs vary by. Then TIMES (10) times EACH
(1) run of each kind is compared with it, several as a folder. Slowed means that the row's `run`
waits, inside the timed call, for a tenth of the time that it took: its interpreter gets a
`sitecustomize` that wraps it.
"""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

PLAN = ["--workload", "mlp_square", "--mode", "compiled"]
OLD_RUNS = 6
"""With three runs alone the t-quantile of their variance would be 4.3."""
USUAL = ("10", "16", "1")
"""TIMES, BLOCKS and EACH."""
SLOWING = """
import sys, time
from importlib.machinery import PathFinder

NAME = "backends.{row}.training"


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


def slowed(folder: Path, row: str, interpreter: str) -> str:
    """An interpreter like the given one, in which the row is slower."""
    wrap = SLOWING.replace("{row}", row)
    (folder / "sitecustomize.py").write_text(wrap, encoding="utf-8")
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nPYTHONPATH={folder} exec {interpreter} "$@"\n', encoding="ascii")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m bench` with these arguments."""
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)


def run(target: Path, row: str, interpreter: str, blocks: str) -> None:
    """One run."""
    place = ["--python", f"{row}={interpreter}", "--output", str(target)]
    first = target.parent.parent / "old" / "0.json"
    rounds = [f"--rounds-like={first}"] if first.exists() else ["--turns=15"]
    done = bench("run", *PLAN, "--backend", row, "--blocks", blocks, *rounds, *place)
    assert done.returncode == 0, done.stdout + done.stderr


def main() -> None:
    """How many of each kind `compare` fails."""
    row, _, interpreter = sys.argv[2].partition("=")
    given = sys.argv[3:]
    times, blocks, each = (*given, *USUAL[len(given) :])
    folder = Path(tempfile.mkdtemp())
    kinds = {"unchanged": interpreter, "slowed": slowed(folder, row, interpreter)}
    for i in range(OLD_RUNS):
        run(folder / "old" / f"{i}.json", row, interpreter, blocks)
    print(bench("calibrate", str(folder / "old"), f"--calibration={folder / 'c'}").stdout)
    nothing_recorded = f"--calibration={folder / 'none'}"
    failed = dict.fromkeys(kinds, 0)
    for i in range(int(times)):
        for kind, python in kinds.items():
            old, new = str(folder / "old"), str(folder / f"{kind}-{i}")
            for j in range(int(each)):
                run(folder / f"{kind}-{i}" / f"{j}.json", row, python, blocks)
            said = bench("compare", old, new, "--fail-slower", "5%", nothing_recorded)
            failed[kind] += said.returncode == 1
            line = next((x for x in said.stdout.splitlines() if row in x), said.stderr)
            print(f"{kind} {i}: exit code {said.returncode}: {line.strip()}", flush=True)
    print({kind: f"{count} of {times} failed" for kind, count in failed.items()})


if __name__ == "__main__":
    main()
