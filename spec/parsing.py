"""A file's bytes to a mapping, or one sentence that says why it is not TOML."""

import tomllib
from pathlib import Path
from typing import Any

from spec.errors import SpecError

LARGEST_FILE_BYTES = 1_000_000
DEEPEST = 20
"""Levels of lists and tables; no part of a workload has half as many."""


def parse(path: Path, label: str) -> dict[str, Any]:
    """The tables of the file at `path`, which errors call `label`."""
    text = _decode(_content(path, label), label)
    if not text.strip():
        raise SpecError(f"{label}: the file is empty; a workload is expected")
    try:
        raw = tomllib.loads(text)
    except RecursionError:
        raise SpecError(f"{label}: not TOML: lists or tables are nested too deeply") from None
    except ValueError as error:
        raise SpecError(f"{label}: not TOML: {_readable(error)}") from None
    if _deeper(raw, DEEPEST):
        raise SpecError(
            f"{label}: lists or tables are nested too deeply, more than {DEEPEST} times"
        )
    return raw


def _deeper(value: Any, than: int) -> bool:
    """Whether a value has more levels of lists and tables."""
    inside = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return False
    return than < 1 or any(_deeper(item, than - 1) for item in inside)


def _content(path: Path, label: str) -> bytes:
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise SpecError(f"{label}: is a folder; give the path of a TOML file") from None
    except OSError as error:
        raise SpecError(f"{label}: cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_FILE_BYTES:
        raise SpecError(f"{label}: {len(content)} bytes; a workload file has at most 1,000,000")
    return content


def _decode(content: bytes, label: str) -> str:
    """The text, without the mark of UTF-8 that some editors put first."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise SpecError(
            f"{label}: line {line}, column {column}: not UTF-8; save the file as UTF-8"
        ) from None


def _readable(error: ValueError) -> str:
    """tomllib's message, with the usual cause; Python's own about long numbers is not for users."""
    if not isinstance(error, tomllib.TOMLDecodeError):
        return "a number has more digits than any field takes"
    text = " ".join(str(error).split())
    return f"{text}; is a comma missing before it?" if text.startswith("Unclosed") else text
