"""`nox -s mutate -- [--minutes 30] [--in spec,bench,backends] [--size 300] [--seed 1]`."""

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from tests.mutation.mutants import Mutant, sample
from tests.mutation.trying import Executed, copy_of, measure, outcome

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 2


def files(names: list[str]) -> list[str]:
    """The Python files of these folders that need no framework."""
    frameworks = ("backends/flax_nnx", "backends/keras3", "backends/pytorch", "bench/controls")
    found = (
        str(path.relative_to(ROOT))
        for name in names
        for path in sorted((ROOT / name).rglob("*.py"))
    )
    return [path for path in found if not path.startswith(frameworks)]


def try_all(
    mutants: list[Mutant], executed: Executed, folder: Path, end: float
) -> list[tuple[Mutant, str]]:
    """Each mutant's outcome, two at a time, as many as begin before the end."""
    copies: SimpleQueue[Path] = SimpleQueue()
    for number in range(AT_ONCE):
        copies.put(copy_of(ROOT, folder / str(number)))

    def one(mutant: Mutant) -> tuple[Mutant, str]:
        if time.monotonic() > end:
            return mutant, "no time"
        copy = copies.get()
        try:
            found = outcome(mutant, executed, copy)
        finally:
            copies.put(copy)
        if found != "caught":
            change = mutant.change((ROOT / mutant.path).read_text(encoding="utf-8"))
            print(f"{found}: {mutant.path}:{mutant.line}: {change}", flush=True)
        return mutant, found

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [pair for pair in pool.map(one, mutants) if pair[1] != "no time"]


def main() -> None:
    """Sample, try, print what was left, and write all of it to results/mutation."""
    parser = argparse.ArgumentParser(prog="nox -s mutate --")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--in", dest="folders", default="spec,bench,backends")
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    packages = tuple(given.folders.split(","))
    end = time.monotonic() + 60 * given.minutes
    with TemporaryDirectory(prefix="gantlet-mutants-") as temporary:
        folder = Path(temporary)
        executed = measure(ROOT, folder, packages)
        mutants = sample(ROOT, files(list(packages)), given.size, given.seed)
        tried = try_all(mutants, executed, folder, end)
    counts = {name: sum(found == name for _, found in tried) for name in OUTCOMES}
    print(f"seed {given.seed}: {len(tried)} mutants tried: {counts}")
    path = ROOT / "results" / "mutation" / f"{given.seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [asdict(mutant) | {"outcome": found} for mutant, found in tried]
    path.write_text(json.dumps({"seed": given.seed, "mutants": rows}, indent=1), encoding="utf-8")


OUTCOMES = ("caught", "left", "not executed")

if __name__ == "__main__":
    main()
