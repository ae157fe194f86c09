"""The asking side: every call of a row's worker is noted, whichever test makes it."""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from backends import ORACLE
from bench.workers.pool import Where, WorkerFailed, Workers
from tests.executed import collecting

TIMEOUT_S = 120.0
NAMING = ("check", "row", "workload", "mode", "precision")


def name_of(function: Any, arguments: Mapping[str, Any]) -> str:
    """A call as a context: a check by what it is of, all else by the function's name.

    A random GAN is a workload of its own.
    """
    if not is_check(arguments):
        return str(function.__qualname__)
    if "gan" in arguments:
        gan = hashlib.sha256(str(arguments["gan"]).encode()).hexdigest()[:8]
        own = {"check": "random_gan", "workload": f"gan-{gan}", "precision": "float64"}
        arguments = {**arguments, **own}
    return " ".join(str(arguments[name]) for name in NAMING)


def is_check(arguments: Mapping[str, Any]) -> bool:
    """Whether a call compares a row with the reference: by a check's name, or a random GAN."""
    return "check" in arguments or "gan" in arguments


def note_all(folder: str) -> None:
    """From now on all workers of this process write what they execute to files in this folder.

    `lines.*` are coverage.py's, `calls-*.jsonl` say how long each check took and what it found.
    """
    call = Workers.call
    Path(folder).mkdir(parents=True, exist_ok=True)
    calls = Path(folder, f"calls-{os.getpid()}.jsonl")

    def noted(
        self: Workers, where: Where, function: Any, arguments: Mapping[str, Any], timeout_s: float
    ) -> Any:
        if where[0] == ORACLE:
            return call(self, where, function, arguments, timeout_s)
        own = {"folder": folder, "context": name_of(function, arguments)}
        call(self, where, collecting.begin, own, TIMEOUT_S)
        start = time.perf_counter()
        try:
            answer = call(self, where, function, arguments, timeout_s)
            taken_s = time.perf_counter() - start
            if is_check(arguments) and "file" not in arguments:
                made = {"call": own["context"], "arguments": dict(arguments), "s": taken_s}
                with calls.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(made | {"status": answer["status"]}) + "\n")
            return answer
        finally:
            if where in self._live:
                with suppress(WorkerFailed):
                    call(self, where, collecting.save, {}, TIMEOUT_S)

    Workers.call = noted  # type: ignore[method-assign]
