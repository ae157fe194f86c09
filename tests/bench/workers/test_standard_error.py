"""The file of what a worker says: emptied when large, and its end shown with an error."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.workers.standard_error import StandardError

MIB = 2**20


@pytest.fixture(name="said")
def _said() -> Iterator[StandardError]:
    """Of one worker."""
    said = StandardError()
    yield said
    said.close()


def path_of(said: StandardError) -> Path:
    return Path(said._file.name)


def say(said: StandardError, text: bytes) -> None:
    """As a worker does: by appending."""
    with path_of(said).open("ab") as file:
        file.write(text)


@pytest.mark.parametrize(("size", "left"), [(MIB - 1, MIB - 1), (MIB, MIB), (MIB + 1, 0)])
def test_a_file_of_more_than_a_mebibyte_is_emptied_between_calls(
    size: int, left: int, said: StandardError
) -> None:
    say(said, b"x" * size)
    said.begin()
    assert path_of(said).stat().st_size == left
    assert said.tail() == ""
    say(said, b"new\n")
    assert said.tail() == "new"


def test_only_what_was_written_since_the_call_began_is_shown(said: StandardError) -> None:
    assert said.tail() == ""
    say(said, b"at the start\n")
    assert said.tail() == "at the start"
    said.begin()
    assert said.tail() == ""
    for _ in range(2):  # asking changes nothing
        say(said, b"\n one \n\xff\n\n")
    assert said.tail() == said.tail() == "one \n\ufffd\n\n\n one \n\ufffd"


def test_of_many_lines_the_last_thirty_are_shown(said: StandardError) -> None:
    say(said, b"".join(b"%d\n" % i for i in range(100)))
    assert said.tail().splitlines() == [str(i) for i in range(70, 100)]


@pytest.mark.parametrize("before", [0, 5])
def test_of_a_long_line_the_last_16_kib_are_shown(before: int, said: StandardError) -> None:
    say(said, b"o" * before)
    said.begin()
    say(said, b"a" + b"b" * (2**14 - 1))
    assert said.tail() == "a" + "b" * (2**14 - 1)
    say(said, b"c")
    assert said.tail() == "b" * (2**14 - 1) + "c"


def test_the_command_appends_to_the_file_and_is_the_interpreter(
    tmp_path: Path, said: StandardError
) -> None:
    python = tmp_path / "my 'python'"
    python.write_text('#!/bin/sh\necho "$$ $*"; echo "$2" >&2\n', encoding="utf-8")
    python.chmod(0o755)
    say(said, b"before\n")
    command = f"exec {said.command(str(python))} -u 'a b'"
    process = subprocess.Popen(command, shell=True, stdout=subprocess.PIPE, encoding="utf-8")
    out, _ = process.communicate(timeout=60)
    assert out == f"{process.pid} -u a b\n"  # no shell between: a kill reaches it
    assert said.tail() == "before\na b"


def test_a_file_is_there_at_once_and_gone_when_it_is_closed(said: StandardError) -> None:
    one, other = StandardError(), said
    path = path_of(one)
    assert path.is_file()
    assert path != path_of(other)
    assert path.name.startswith("gantlet-worker-")
    assert path.suffix == ".log"
    one.close()
    assert not path.exists()
    assert path_of(other).exists()
