"""In a copy of the project with a mutant in a row: ask its checks until one notices.

`python -m tests.mutation.asked FILE` in the copy: FILE is JSON, {pythons, calls: [the arguments of
`perform`, or of `compare` where it is a random GAN; with the status that they have without a
mutant]}. Exit code 1: noticed, by the call whose number is printed.
"""

import json
import sys
from pathlib import Path
from typing import Any

from bench.workers.pool import WorkerFailed, Workers
from tests.conformance.catalogue import perform
from tests.conftest import ONE_THREAD, SIMPLY_COMPILED, kept_in
from tests.fuzz.comparison import compare

TIMEOUT_S = 120.0


def differs(workers: Workers, call: dict[str, Any], status: str) -> bool:
    """Whether a check ends otherwise than it did without the mutant."""
    where = (call["row"], call.get("precision", "float64"), call["device"])
    try:
        found = workers.call(where, compare if "gan" in call else perform, call, TIMEOUT_S)
    except WorkerFailed:
        return True
    return bool(found["status"] != status)


def main(path: str) -> int:
    """1 where a check noticed; which, from 0, is printed."""
    asked = json.loads(Path(path).read_text(encoding="utf-8"))
    # What a mutant does not change was compiled for the one before.
    kept = kept_in(str(Path(path).absolute().parent / "compiled"))
    workers = Workers(asked["pythons"], ONE_THREAD | SIMPLY_COMPILED | kept)
    try:
        for i, call in enumerate(asked["calls"]):
            if differs(workers, *call):
                print(i)
                return 1
        return 0
    finally:
        workers.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
