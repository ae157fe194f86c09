"""In a copy of the project with a mutant in a row: ask its checks until one notices.

`python -m tests.mutation.asked FILE` in the copy: FILE is JSON, {pythons, calls: [the arguments of
`perform`, with the status that they have without a mutant]}. Exit code 1: noticed.
"""

import json
import sys
from pathlib import Path
from typing import Any

from bench.workers.pool import WorkerFailed, Workers
from tests.conformance.catalogue import perform
from tests.conftest import ONE_THREAD

TIMEOUT_S = 120.0


def differs(workers: Workers, call: dict[str, Any], status: str) -> bool:
    """Whether a check ends otherwise than it did without the mutant."""
    where = (call["row"], call["precision"], call["device"])
    try:
        found = workers.call(where, perform, call, TIMEOUT_S)
    except WorkerFailed:
        return True
    return bool(found["status"] != status)


def main(path: str) -> int:
    """1 where a check noticed."""
    asked = json.loads(Path(path).read_text(encoding="utf-8"))
    workers = Workers(asked["pythons"], ONE_THREAD)
    try:
        return int(any(differs(workers, *call) for call in asked["calls"]))
    finally:
        workers.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
