"""Calls side by side, as many at a time as there are slots; an interruption ends what they ask."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Self

from bench.workers.pool import Workers


class Beside:
    """Threads that ask workers. Leaving it cancels calls that have not begun, and waits for others.

    Leaving it by an exception stops the workers that these wait for.
    """

    def __init__(self, slots: int, *asked: Workers) -> None:
        self.slots = slots
        self._workers = asked
        self._pool = ThreadPoolExecutor(slots)
        self._begun: list[Future[Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        self._pool.shutdown(wait=kind is None, cancel_futures=True)
        if kind is not None:  # Ctrl-C: what threads wait for has to end
            while not all(future.done() for future in self._begun):
                for workers in self._workers:
                    workers.stop()
                wait(self._begun, 0.1)

    def each(self, call: Callable[..., Any], of: Iterable[Any]) -> list[Any]:
        """The call of each, side by side; in order."""
        return [future.result() for future in [self.submit(call, one) for one in of]]

    def submit(self, call: Callable[..., Any], *given: Any) -> Future[Any]:
        """Begin a call as soon as a slot is free."""
        self._begun.append(self._pool.submit(call, *given))
        return self._begun[-1]
