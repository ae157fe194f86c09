"""`nox -s mutate -- [--minutes 30] [--in spec,bench,backends] [--size 300] [--seed 1]`.

`--in rows` is the rows' folders, by what `nox -s executed` found. What is found lies in
results/mutation; the same command goes on from there while the project's files are the same.
"""

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, astuple
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

from tests.executed.left import reasons
from tests.mutation.copying import copy_of
from tests.mutation.equivalent import equivalents
from tests.mutation.mutants import Mutant, sample
from tests.mutation.rows import checked, outcome_in_rows
from tests.mutation.trying import kept, measure, outcome

ROOT = Path(__file__).resolve().parents[2]
FOUND = ROOT / "results" / "mutation"
AT_ONCE = 2
ROWS = ("backends/flax_nnx", "backends/keras3", "backends/pytorch")
OTHERS = (*ROWS, "bench/controls")
"""Need a framework each."""
Try = Callable[[Mutant, Path], str]


def files(names: list[str]) -> list[str]:
    """The Python files of these folders that need no framework; of `rows` those that do."""
    folders = ROWS if names == ["rows"] else names
    found = (
        str(path.relative_to(ROOT))
        for name in folders
        for path in sorted((ROOT / name).rglob("*.py"))
    )
    return [path for path in found if names == ["rows"] or not path.startswith(OTHERS)]


def source_hash() -> str:
    """Of all Python files, those of the tests included, but for this tool."""
    digest = hashlib.sha256()
    for folder in ("spec", "backends", "bench", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.is_relative_to(ROOT / "tests" / "mutation"):
                continue
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:8]


def try_all(
    mutants: list[Mutant], of_one: Try, folder: Path, end: float, found_before: Path
) -> list[tuple[Mutant, str, str]]:
    """Each mutant's change and outcome, two at a time, as many as begin before the end."""
    before: dict[str, str] = {}
    if found_before.exists():
        lines = found_before.read_text(encoding="utf-8").splitlines()
        before = {json.dumps(name): outcome for name, outcome in map(json.loads, lines)}
    copies: SimpleQueue[Path] = SimpleQueue()
    for number in range(AT_ONCE):
        copies.put(copy_of(ROOT, folder / str(number)))
    same = {(one.path, one.change) for one in equivalents()}

    def tried(mutant: Mutant) -> str:
        copy = copies.get()
        try:
            return of_one(mutant, copy)
        finally:
            copies.put(copy)

    def one(mutant: Mutant) -> tuple[Mutant, str, str]:
        name = json.dumps(list(astuple(mutant)))
        if name not in before and time.monotonic() > end:
            return mutant, "", "no time"
        change = mutant.change((ROOT / mutant.path).read_text(encoding="utf-8"))
        if (mutant.path, change) in same:
            return mutant, change, "equivalent"
        found = before.get(name) or tried(mutant)
        if name not in before:
            with found_before.open("a", encoding="utf-8") as file:
                file.write(json.dumps([json.loads(name), found]) + "\n")
        if found not in ("caught", "equivalent"):
            print(f"{found}: {mutant.path}:{mutant.line}: {change}", flush=True)
        return mutant, change, found

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [found for found in pool.map(one, mutants) if found[2] != "no time"]


def chosen(names: list[str], size: int, seed: int) -> list[Mutant]:
    """The sample; in the rows without what CUDA alone executes."""
    mutants = sample(ROOT, files(names), 3 * size if names == ["rows"] else size, seed)
    cuda = [reason for reason in reasons() if reason.kind == "cuda"]
    return [m for m in mutants if not any(r.holds(m.path, m.line) for r in cuda)][:size]


def main() -> None:
    """Sample, try, print what was left, and write all of it to results/mutation."""
    parser = argparse.ArgumentParser(prog="nox -s mutate --")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--in", dest="folders", default="spec,bench,backends")
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--executed", type=Path, default=ROOT / ".nox" / "executed-lines")
    parser.add_argument("--python", action="append", default=[], help="ROW=PATH")
    given = parser.parse_args()
    names, start, sources = given.folders.split(","), time.monotonic(), source_hash()
    FOUND.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="gantlet-mutants-") as temporary:
        folder = Path(temporary)
        options = [f"--python={pair}" for pair in given.python]
        if names == ["rows"]:
            try:
                known = checked(ROOT, given.executed)
            except FileNotFoundError:
                sys.exit("error: nothing says what the checks execute; `nox -s executed` first")
            pythons = dict(pair.split("=", 1) for pair in given.python)
            of_one: Try = partial(outcome_in_rows, known, pythons)
        else:
            path = FOUND / f"executed-{given.folders.replace(',', '-')}-{sources}.json"
            executed = kept(path, lambda: measure(ROOT, folder, tuple(names), options))
            of_one = partial(outcome, executed, options)
        mutants = chosen(names, given.size, given.seed)
        before = FOUND / f"{given.folders.replace(',', '-')}-{given.seed}-{sources}.jsonl"
        tried = try_all(mutants, of_one, folder, start + 60 * given.minutes, before)
    counts = Counter(found for _, _, found in tried)
    taken = (time.monotonic() - start) / 60
    print(f"seed {given.seed}: {len(tried)} mutants in {taken:.0f} minutes: {dict(counts)}")
    path = FOUND / f"{given.folders.replace(',', '-')}-{given.seed}.json"
    rows = [asdict(m) | {"change": change, "outcome": found} for m, change, found in tried]
    path.write_text(json.dumps({"seed": given.seed, "mutants": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
