"""A disk that is full, a process that is killed: what was there before still reads."""

import errno
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.training import checkpoint
from bench.training.durable import put
from bench.training.header import Refused
from bench.workers.pool import ROOT
from spec.errors import UserError
from tests.bench.training.made import facts, written

LEFT = re.compile(r"\.two\.safetensors\.[0-9a-f]{16}\.part")


def full(*arguments: Any, **others: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Full(io.FileIO):
    """A file on a disk that takes half of what it is given."""

    def write(self, content: Any) -> int:
        """The first half, and no more."""
        super().write(memoryview(content)[: len(content) // 2])
        full()
        return 0


def at_write(patch: pytest.MonkeyPatch) -> None:
    # Of the file's own class, which Path.open goes to.
    patch.setattr(Path, "open", lambda path, mode: io.BufferedWriter(Full(path, mode.strip("b"))))


STEPS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "write": at_write,
    "fsync": lambda patch: patch.setattr(os, "fsync", full),
    "rename": lambda patch: patch.setattr(os, "replace", full),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", ["one", "two"])
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, name: str) -> None:
    """Whether the checkpoint would be a new one or stand in the older one's place."""
    before, path = tmp_path / "one.safetensors", tmp_path / f"{name}.safetensors"
    written(before, facts(seed=1))
    with monkeypatch.context() as patch:
        STEPS[step](patch)
        with pytest.raises(UserError) as error:
            written(path, facts(seed=2))
    said = str(error.value)
    assert said.startswith(f"{path}: not written (No space left on device): it takes ")
    assert re.search(
        r"takes \d+ bytes, and \d+ are free there; the checkpoints that are there", said
    )
    assert "make room for it, or choose another folder" in said
    assert "\n" not in said
    assert [one.name for one in tmp_path.iterdir()] == [before.name]
    assert checkpoint.read(before)[0].seed == 1
    written(path, facts(seed=2))
    assert checkpoint.read(path)[0].seed == 2


def test_what_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of the file, then the name, then the folder that holds the name."""
    seen: list[Any] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        found = os.fstat(descriptor)
        seen.append("folder" if os.path.samestat(found, tmp_path.stat()) else found.st_size)
        fsync(descriptor)

    def renamed(*paths: Any) -> None:
        seen.append("name")
        replace(*paths)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    path = tmp_path / "one.safetensors"
    written(path)
    assert seen == [path.stat().st_size, "name", "folder"]
    seen.clear()
    put(tmp_path / "short.json", b"few bytes")  # which a buffer would hold back
    assert seen == [9, "name", "folder"]


@pytest.mark.parametrize(("number", "told"), [(errno.EIO, True), (errno.EINVAL, False)])
def test_a_name_that_the_disk_does_not_confirm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: bool
) -> None:
    """It is there, and may not be after a power failure; some file systems never say."""
    fsync = os.fsync

    def of_folder(descriptor: int) -> None:
        if os.path.samestat(os.fstat(descriptor), tmp_path.stat()):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", of_folder)
    path = tmp_path / "one.safetensors"
    if told:
        with pytest.raises(UserError, match=r"written, but the disk did not confirm its name \(In"):
            written(path)
    else:
        written(path)
    assert checkpoint.read(path)[0] == facts()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"not written \(No such file or directory\)"):
        written(tmp_path / "none" / "one.safetensors")


def python(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A process that runs a program, which finds `folder` and what the tests make."""
    begin = "import os, resource, signal, sys\nfrom pathlib import Path\n"
    begin += "from spec.errors import UserError\n"
    begin += "from tests.bench.training.made import facts, state, written\n"
    begin += "folder = Path(sys.argv[1])\n"
    command = [sys.executable, "-c", begin + program, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=120)


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """A limit of the system, not of this test: the file is cut where it is reached."""
    before, path = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    written(before)
    done = python(
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "try:\n"
        "    written(folder / 'two.safetensors')\n"
        "except UserError as error:\n"
        "    print(error)\n",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert before.stat().st_size > 20000
    assert done.stdout.startswith(f"{path}: not written (File too large): it takes ")
    assert done.stdout.count("\n") == 1
    assert [one.name for one in tmp_path.iterdir()] == [before.name]
    assert checkpoint.read(before)[0] == facts()


def killed_before_the_rename(folder: Path) -> None:
    done = python(
        "os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)\n"
        "written(folder / 'two.safetensors')\n",
        folder,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_process_that_is_killed(tmp_path: Path) -> None:
    """What it leaves is no checkpoint, and goes when the next one is written."""
    before, path = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    written(before, facts(seed=1))
    killed_before_the_rename(tmp_path)
    (left,) = (one for one in tmp_path.iterdir() if one != before)
    assert LEFT.fullmatch(left.name)
    assert left.stat().st_size == before.stat().st_size
    assert checkpoint.read(before)[0].seed == 1
    written(path, facts(seed=2))
    assert sorted(one.name for one in tmp_path.iterdir()) == [before.name, path.name]
    assert checkpoint.read(path)[0].seed == 2


def test_what_others_left_is_theirs(tmp_path: Path) -> None:
    """Drafts of bench.workers.whole, of other programs, and what only has the name of a draft."""
    digits = "0123456789abcdef"
    names = [f".{digits}.part", ".x.part", f"x.safetensors.{digits}.part", ".one.safetensors.part"]
    names += [f".one.safetensors.{digits}.part.txt", f".one.toml.{digits}.part"]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "target").write_bytes(b"")
    (tmp_path / f".a.safetensors.{digits}.part").symlink_to("target")
    (tmp_path / f".b.safetensors.{digits}.part").mkdir()
    before = sorted(tmp_path.iterdir())
    (tmp_path / f".one.safetensors.{digits}.part").write_bytes(b"")
    (tmp_path / f".written.json.{digits}.part").write_bytes(b"")
    written(tmp_path / "one.safetensors")
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "one.safetensors"])


def test_two_do_not_write_in_one_folder_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second would take the first one's draft for left behind."""
    replace = os.replace

    def meanwhile(*paths: Any) -> None:
        monkeypatch.undo()
        with pytest.raises(UserError, match="not written: another process is writing there; the"):
            written(tmp_path / "two.safetensors")
        replace(*paths)

    monkeypatch.setattr(os, "replace", meanwhile)
    written(tmp_path / "one.safetensors")
    assert [one.name for one in tmp_path.iterdir()] == ["one.safetensors"]
    written(tmp_path / "two.safetensors")


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*arguments: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", none)
    written(tmp_path / "one.safetensors")
    assert checkpoint.read(tmp_path / "one.safetensors")[0] == facts()


def test_a_file_is_not_written_into_what_it_links_to(tmp_path: Path) -> None:
    (tmp_path / "target.json").write_bytes(b"theirs")
    (tmp_path / "one.json").symlink_to("target.json")
    with pytest.raises(Refused, match="a link in a file's place"):
        put(tmp_path / "one.json", b"ours")
    assert (tmp_path / "target.json").read_bytes() == b"theirs"
    assert (tmp_path / "one.json").is_symlink()
