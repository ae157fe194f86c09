"""One process per backend, reached over an execnet gateway; a worker that fails is replaced.

Frameworks never share a process. The calling process has none of them: it sends the name of a
function and its arguments, and gets builtins back.
"""

import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import execnet
from execnet.gateway_io import Popen2IOMaster

from bench.workers.cleaning import without_secrets
from bench.workers.standard_error import StandardError
from spec.data import files

ROOT = Path(__file__).resolve().parents[2]

SOURCE = """
import signal
for number in (signal.SIGINT, signal.SIGTERM):  # to the whole group: the caller's to handle
    signal.signal(number, signal.SIG_IGN)
from bench.workers.serving import serve
serve(channel)
"""

COMMON = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # Several workers share a GPU, so none may take all of its memory at the start.
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "PYTHONWARNINGS": "ignore",
    "PYTHONDONTWRITEBYTECODE": "",
}


Where = tuple[str, ...]
"""Row, precision and device; and which of several that are to be alike."""
DETERMINISTIC = "deterministic"
"""Such a worker gives the same bits each time on a GPU too, where that is a setting."""
AUTOTUNED = "--xla_gpu_autotune_level=4"
"""XLA's default: products and convolutions are chosen by trying them, and results compared."""
REPEATABLE = "--xla_gpu_deterministic_ops=true"
"""XLA does not autotune then, whatever its level."""

ONE_THREAD = "one-thread"
"""Such a worker computes on one thread, beside others."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class WorkerFailed(Exception):
    """A call that has no result: the worker raised, died or hung. The message is one line.

    Neither it nor the details hold a secret: both are printed.
    """

    def __init__(self, kind: str, message: str, details: str = "") -> None:
        super().__init__(without_secrets(message))
        self.kind = kind
        """died, hung, or the type of the exception raised in the worker."""
        self.details = without_secrets(details)
        """The traceback in the worker, where there is one, and what it wrote to standard error."""


class Workers:
    """The workers that are alive, started when first asked for, by what they serve."""

    def __init__(
        self, pythons: Mapping[str, str], variables: Mapping[str, str] | None = None
    ) -> None:
        self.pythons = dict(pythons)
        """row -> interpreter; this one where a row is not named."""
        self._variables = dict(variables or {})
        self._live: dict[Where, tuple[Any, Any, int, StandardError]] = {}
        self._started = 0
        self._starting = threading.Lock()
        self._group = execnet.Group()  # of its own: ids are unique within a group only

    def python(self, row: str) -> str:
        """The interpreter of a row."""
        return self.pythons.get(row, sys.executable)

    def call(
        self,
        where: Where,
        function: Callable[..., Any],
        arguments: Mapping[str, Any],
        timeout_s: float,
    ) -> Any:
        """Call a module's function in the worker of (row, precision, device). WorkerFailed if not.

        Its module is imported there anew, by name.
        """
        channel = self._get(where)
        stderr = self._live[where][3]
        stderr.begin()
        try:
            channel.send((f"{function.__module__}:{function.__qualname__}", dict(arguments)))
            outcome, *rest = channel.receive(timeout_s)
        except channel.TimeoutError:
            _, said = self._kill(where)
            raise WorkerFailed("hung", f"no answer within {timeout_s:.0f} s", said) from None
        except (EOFError, channel.RemoteError, OSError) as error:
            code, said = self._kill(where)
            raise WorkerFailed("died", _ended(code, error, said), said) from None
        if outcome == "ok":
            return rest[0]
        kind, line, lines = rest
        raise WorkerFailed(kind, line, f"{lines}\n{stderr.tail()}".strip())

    def processes(self) -> list[int]:
        """The ids of the workers' processes."""
        return [gateway._io.popen.pid for gateway, *_ in self._live.values()]

    def number(self, where: Where) -> int:
        """Which worker serves `where` now; another number means that it was started anew."""
        self._get(where)
        return self._live[where][2]

    def keep_only(self, where: Where) -> None:
        """End every other worker: compiled programs of many workloads fill a machine's memory."""
        for other in [other for other in self._live if other != where]:
            self.end(other)

    def end(self, where: Where) -> None:
        """End one worker, if it is there."""
        if where in self._live:
            self._live[where][0]._io.popen.kill()  # an idle one has nothing to finish
            self._kill(where)

    def stop(self, row: str | None = None) -> None:
        """End the workers, or only those of a row."""
        for where in [w for w in self._live if row in (None, w[0])]:
            self.end(where)

    def _get(self, where: Where) -> Any:
        with self._starting:  # threads ask side by side, each its own worker
            if where not in self._live:
                gateway, stderr = self._start(where)
                self._live[where] = gateway, gateway.remote_exec(SOURCE), self._started, stderr
            return self._live[where][1]

    def _start(self, where: Where) -> tuple[Any, StandardError]:
        row, _, device, *kind = where
        python, stderr = self.python(row), StandardError()
        self._started += 1
        variables = COMMON | files.lent() | environment(row, device, *kind) | self._variables
        spec = f"popen//execmodel=main_thread_only//id=w{self._started}//chdir={ROOT}"
        spec += f"//python={stderr.command(python)}"
        spec += "".join(f"//env:{name}={value}" for name, value in variables.items())
        try:
            return self._group.makegateway(spec), stderr
        except (OSError, EOFError) as error:
            said = stderr.tail() or str(error)
            stderr.close()
            for gateway in [known for known in self._group if known.id == f"w{self._started}"]:
                gateway.exit()
            _close_pipes(error)
        raise WorkerFailed("died", f"{python} did not start: {said.splitlines()[-1]}", said)

    def _kill(self, where: Where) -> tuple[int | None, str]:
        """(exit code, the last lines of its standard error)."""
        if where not in self._live:  # ended by another thread
            return None, ""
        gateway, _, _, stderr = self._live.pop(where)
        process = gateway._io.popen  # the only way to the exit code
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)  # a process that just died has its code in a moment
        code = process.poll()
        process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)  # one that is stuck in the kernel is left behind
        gateway.exit()
        said = stderr.tail()
        stderr.close()
        return code, said


def _close_pipes(error: BaseException) -> None:
    """End what did not start. execnet leaves its pipes open, and only its own frames know them."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        pipes = frame.f_locals.get("io")
        if isinstance(pipes, Popen2IOMaster):
            pipes.kill()
            pipes.wait()
            for close in (pipes.close_read, pipes.close_write):
                with suppress(OSError):  # what was still to be sent
                    close()


def _ended(code: int | None, error: Exception, said: str) -> str:
    reason = str(error).strip().splitlines()[-1:]
    last = [f"it last wrote: {line}" for line in said.splitlines()[-1:]]
    return "; ".join([f"the worker ended (code {code})", *reason, *last])


def environment(row: str, device: str, *kind: str) -> dict[str, str]:
    """Variables that must be set before a framework is imported."""
    repeatable = DETERMINISTIC in kind
    variables = {
        "XLA_FLAGS": _before_own("XLA_FLAGS", REPEATABLE if repeatable else AUTOTUNED),
        "TF_CUDNN_USE_AUTOTUNE": os.environ.get("TF_CUDNN_USE_AUTOTUNE", "1"),
    }
    engine = row.partition("-")[2]
    if engine:
        variables["KERAS_BACKEND"] = engine
    if device == "cpu":
        variables |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    if ONE_THREAD in kind:
        variables |= dict.fromkeys(THREADS, "1")
    if repeatable:
        variables["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    return {name: value for name, value in variables.items() if value is not None}


def _before_own(name: str, flag: str) -> str | None:
    """Our flag and then the user's, which win. None where those cannot have one before them.

    XLA takes a word without a dash as the name of a file with flags; execnet cannot send a `//`.
    """
    own = os.environ.get(name, "").strip()
    if "//" in own or (own and not own.startswith("-")):
        return None
    return f"{flag} {own}".strip()


def missing_packages(row: str, python: str) -> tuple[str, ...]:
    """What a row needs and its interpreter does not have; asked without importing a framework."""
    code = f"import backends; print('missing:', *backends.missing({row!r}))"
    try:
        done = subprocess.run(
            [python, "-c", code],
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=os.environ,
        )
    except OSError as error:
        return (f"an interpreter at {python} ({error.strerror})",)
    if done.returncode or not done.stdout.startswith("missing:"):
        return tuple((done.stderr.strip().splitlines() or ["a working interpreter"])[-1:])
    return tuple(done.stdout.split()[1:])
