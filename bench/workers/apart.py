"""A call in a process of its own, which ends with it."""

import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


def in_own_process(
    function: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
) -> Result:
    """The function's result; what it raises is raised here. All of it has to be picklable.

    A new interpreter rather than a copy of this one, which has a framework's threads.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_leave_ctrl_c) as pool:
        return pool.submit(function, *given, **named).result()


def _leave_ctrl_c() -> None:
    """The terminal's Ctrl-C is the asking process's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
