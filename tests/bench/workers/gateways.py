"""Gateways to workers that are made up: what they are asked, how they answer and how they end."""

import subprocess
from collections.abc import Iterator
from math import inf
from types import SimpleNamespace
from typing import Any


class Process:
    """A process that ends by itself, or after it was killed, within known seconds of a wait."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.own_s, self.killed_s = inf, 0.0
        self.code, self.events = 3, list[str]()
        self._found: int | None = None

    def wait(self, timeout: float | None = None) -> None:
        """Nothing passes but the clock that is made up."""
        takes_s = self.killed_s if "kill" in self.events else self.own_s
        assert timeout is not None or takes_s < inf
        if timeout is not None and takes_s > timeout:
            self.events.append("in vain")
            raise subprocess.TimeoutExpired("worker", timeout)
        self.events.append("waited")
        self._found = -9 if "kill" in self.events else self.code

    def poll(self) -> int | None:
        """Its code, once it was waited for."""
        return self._found

    def kill(self) -> None:
        """Note it."""
        self.events.append("kill")


class Channel:
    """Answers one call after the other; an exception is raised."""

    class TimeoutError(Exception):
        """As execnet's."""

    class RemoteError(Exception):
        """As execnet's."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.sent: list[Any] = []
        self.limits: list[float] = []

    def send(self, call: Any) -> None:
        """Keep it."""
        self.sent.append(call)

    def receive(self, timeout_s: float) -> Any:
        """The next answer."""
        self.limits.append(timeout_s)
        answer = self.answers.pop(0)
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        return answer


class Gateway:
    """One worker."""

    def __init__(self, spec: str, number: int) -> None:
        parts = spec.split("//")
        words = [part.partition("=") for part in parts]
        self.kind, self.words = parts[0], {word[0]: word[2] for word in words[1:]}
        self.id = self.words["id"]
        self.process = Process(1000 + number)
        self._io = SimpleNamespace(popen=self.process)
        self.channel = Channel()
        self.ran: list[str] = []
        self.exits = 0

    def remote_exec(self, source: str) -> Channel:
        """Begin to serve."""
        self.ran.append(source)
        return self.channel

    def exit(self) -> None:
        """Note it."""
        self.exits += 1


class Group:
    """All gateways that were made, in their order."""

    def __init__(self) -> None:
        self.made: list[Gateway] = []
        self.fails: Exception | None = None

    def makegateway(self, spec: str) -> Gateway:
        """Start a worker, or fail when it is already known."""
        self.made.append(Gateway(spec, len(self.made) + 1))
        if self.fails:
            raise self.fails
        return self.made[-1]

    def __iter__(self) -> Iterator[Gateway]:
        return iter(self.made)
