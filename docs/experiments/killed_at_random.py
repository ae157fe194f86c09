"""A run killed ten times at random moments: `--resume` completes it, and nothing is measured twice.

    python docs/experiments/killed_at_random.py --python flax_nnx=PATH --python pytorch=PATH

From the project's root, in the asking process's environment. Kills in turn the run and one of its
workers with SIGKILL: some seconds after the start twice, then twice some seconds after a new record
lies there, and so on. A run that completes is followed by a new one until ten kills have happened.
An assertion fails where a kept record changed or a block was measured twice.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KILLS, AFTER_START_S, AFTER_RECORD_S = 10, (1.0, 30.0), (0.0, 8.0)
PLAN = ["--workload", "mlp_square", "--backend", "pytorch,flax_nnx", "--blocks", "4"]


def records(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every finished record: when it was written, and what it says. Failures are tried again."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*.json"))
        if path.name != "plan.json" and "failures" not in path.parts
    }


def children(pid: int) -> list[int]:
    """The processes that a process has started itself."""
    lines = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(word) for word in lines.split()]


def start(arguments: list[str]) -> subprocess.Popen[bytes]:
    """A benchmark, quiet but for its errors."""
    command = [sys.executable, "-m", "bench", "run", *arguments]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)


def kill(run: subprocess.Popen[bytes], what: str) -> str:
    """What was killed after all: a worker, the run, or nothing, where it had ended."""
    if run.poll() is not None:
        return "nothing"
    workers = children(run.pid)
    if what == "a worker" and workers:
        os.kill(random.choice(workers), signal.SIGKILL)
        return what
    os.kill(run.pid, signal.SIGKILL)
    return "the run"


def wait(run: subprocess.Popen[bytes], folder: Path, kept: int, for_record: bool) -> float:
    """Seconds that passed until it is time to kill the run."""
    begin = time.monotonic()
    while for_record and run.poll() is None and len(records(folder)) <= kept:
        time.sleep(0.05)
    left = random.uniform(*(AFTER_RECORD_S if for_record else AFTER_START_S))
    until = time.monotonic() + left
    while run.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    return time.monotonic() - begin


def main() -> None:
    """Ten kills, and what they left."""
    random.seed(time.time_ns())
    pythons, folder, killed, runs = sys.argv[1:], Path(tempfile.mkdtemp()), 0, 0
    while killed < KILLS:
        target, runs = folder / f"run-{runs}.json", runs + 1
        lying = target.with_suffix(".records")
        arguments, kept = [*PLAN, *pythons, "--output", str(target)], {}
        while True:
            run, seconds, done = start(arguments), 0.0, "nothing"
            if killed < KILLS:
                seconds = wait(run, lying, len(kept), killed % 4 > 1)
                done = kill(run, ("the run", "a worker")[killed % 2])
            code = run.wait()
            now = records(lying)
            changed = [name for name, record in kept.items() if now.get(name) != record]
            killed += done != "nothing"
            line = f"{seconds:4.1f} s, killed {done}: exit code {code}, {len(now)} records"
            print(f"{line}, {len(changed)} of {len(kept)} kept ones changed", flush=True)
            assert not changed, changed
            kept = now
            if code == 0 and target.exists():
                break
            if (lying / "plan.json").exists():
                arguments = ["--resume", str(lying), *pythons]
        blocks = [b["fullname"] for b in json.loads(target.read_text())["benchmarks"]]
        print(f"complete: {len(blocks)} blocks, {len(set(blocks))} distinct", flush=True)
        assert len(blocks) == len(set(blocks))
    print(f"killed {killed} times", flush=True)


if __name__ == "__main__":
    main()
