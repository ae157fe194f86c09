"""The worker's side: each call is answered, whatever it does; and what a row says of itself."""

from typing import Any

import pytest

import backends
from bench.workers import row
from bench.workers.serving import serve


class Channel:
    """Calls that come in, and the answers that go out."""

    def __init__(self, *calls: tuple[str, dict[str, Any]]) -> None:
        self.calls, self.sent = calls, list[tuple[Any, ...]]()

    def __iter__(self) -> Any:
        return iter(self.calls)

    def send(self, answer: tuple[Any, ...]) -> None:
        """Keep it."""
        self.sent.append(answer)


def fail(lines: str) -> None:
    """Raise an error of these lines."""
    raise LookupError(lines)


def interrupted() -> None:
    """As by Ctrl-C."""
    raise KeyboardInterrupt


def test_each_call_is_answered_in_its_turn() -> None:
    own = f"{__name__}:fail"
    channel = Channel(
        ("json:loads", {"s": "[1, null]"}),
        (own, {"lines": "\n first \nsecond\n"}),
        (own, {"lines": " \n "}),
        ("json:absent", {}),
        ("no.such.module:x", {}),
        ("json:dumps", {"obj": 1, "indent": None}),
    )
    serve(channel)
    first, failed, silent, absent, nowhere, last = channel.sent
    assert (first, last) == (("ok", [1, None]), ("ok", "1"))
    assert failed[:3] == ("error", "LookupError", "first ")
    assert "Traceback (most recent call last)" in failed[3]
    assert "raise LookupError(lines)\nLookupError: \n first \nsecond" in failed[3]
    assert silent[:3] == ("error", "LookupError", "")
    assert absent[:2] == ("error", "AttributeError")
    assert nowhere[:3] == ("error", "ModuleNotFoundError", "No module named 'no'")


def test_an_interruption_ends_the_worker() -> None:
    with pytest.raises(KeyboardInterrupt):
        serve(Channel((f"{__name__}:interrupted", {})))


def test_a_row_says_what_it_is_in_builtins(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Device:
        """Of a row that is made up."""

        def describe(self) -> Any:
            """No dict, but pairs."""
            return zip(("device", "threads"), ("an abacus", 2), strict=True)

        def devices(self) -> tuple[str, ...]:
            """No list."""
            return "cpu", "cuda"

    class Backend:
        """With this device."""

        device = Device()

    def load(name: str) -> type[Backend]:
        asked.append(name)
        return Backend

    monkeypatch.setattr(backends, "load", load)
    assert row.describe("one") == {"device": "an abacus", "threads": 2}
    found = row.devices("other")
    assert (found, type(found)) == (["cpu", "cuda"], list)
    assert asked == ["one", "other"]
