"""The last three checkpoints are kept; nothing that somebody else made is removed or passed off."""

import errno
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from bench.training import checkpoint
from bench.training.keeping import Kept, newest, place
from bench.training.written import LIST
from bench.training.written import read as written_there
from spec.errors import UserError
from tests.bench.training.made import facts, written
from tests.bench.training.runs import kept
from tests.bench.training.test_durable import full, python


def there(run: Path) -> list[int]:
    """The iterations of the files that are there."""
    names = (path.name for path in (run / "checkpoints").iterdir())
    return sorted(int(name[10:-12]) for name in names if name.startswith("iteration-"))


def test_the_last_three_are_kept(tmp_path: Path) -> None:
    run = tmp_path / "made" / "run"
    assert kept(run, 100).path == run / "checkpoints" / "iteration-000000100.safetensors"
    assert kept(run, 200, 300).removed == ()
    assert kept(run, 400) == Kept(place(run, 400), (place(run, 100),), ())
    assert there(run) == [200, 300, 400]
    assert sorted(one.name for one in (run / "checkpoints").iterdir())[3:] == [LIST]
    assert checkpoint.read(place(run, 200))[0].iteration == 200
    assert kept(run, 10**9).removed == (place(run, 200),)
    assert newest(run).path.name == "iteration-1000000000.safetensors"


def test_the_same_one_again_counts_once(tmp_path: Path) -> None:
    assert kept(tmp_path, 1, 2, 3, 3, 3) == Kept(place(tmp_path, 3), (), ())
    assert there(tmp_path) == [1, 2, 3]


def test_a_training_taken_up_at_an_earlier_one_keeps_what_it_writes(tmp_path: Path) -> None:
    """Its iterations are lower than those that are there: the last that were written count."""
    kept(tmp_path, 1000, 2000, 3000)
    assert kept(tmp_path, 1500).removed == (place(tmp_path, 1000),)
    kept(tmp_path, 2000)
    assert there(tmp_path) == [1500, 2000, 3000]
    kept(tmp_path, 2500)
    assert there(tmp_path) == [1500, 2000, 2500]


def test_nothing_foreign_is_removed(tmp_path: Path) -> None:
    """Files of others, and of a checkpoint's name; names that are nearly so; a copy."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    written(place(tmp_path, 1), facts(iteration=1))
    names = ["iteration-1.safetensors", "iteration-000000002.safetensors.bak", "best.safetensors"]
    for name in names:
        (folder / name).write_bytes(b"theirs")
    place(tmp_path, 3).symlink_to("best.safetensors")
    place(tmp_path, 4).mkdir()
    before = sorted(folder.iterdir())
    kept(tmp_path, 10, 20)
    shutil.copy2(place(tmp_path, 10), folder / "copy.safetensors")
    assert kept(tmp_path, 30, 40, 50).left == ()
    own = {LIST, "copy.safetensors", *(place(tmp_path, n).name for n in (30, 40, 50))}
    assert {one.name for one in folder.iterdir()} == own | {one.name for one in before}


def replaced(path: Path) -> None:
    """By the same bytes at the same time: only the file itself is another."""
    shutil.copy2(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def rewritten(path: Path) -> None:
    """In its place, as long as it was."""
    found = path.stat()
    with path.open("r+b") as file:
        file.write(b"theirs")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))


def lengthened(path: Path) -> None:
    found = path.stat()
    with path.open("ab") as file:
        file.write(b"theirs")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def linked(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def in_a_folders_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "change",
    [replaced, rewritten, lengthened, linked, in_a_folders_place],
    ids=lambda f: f.__name__,
)
def test_what_was_changed_since_is_left(tmp_path: Path, change: Any) -> None:
    kept(tmp_path, 1, 2, 3)
    change(place(tmp_path, 1))
    before = place(tmp_path, 1).lstat()
    done = kept(tmp_path, 4)
    said = f"{place(tmp_path, 1)}: changed or replaced since it was written; left as it is"
    assert done == Kept(place(tmp_path, 4), (), (said,))
    done = kept(tmp_path, 5)
    assert done == Kept(place(tmp_path, 5), (place(tmp_path, 2),), ())  # it is told once
    assert place(tmp_path, 1).lstat() == before
    assert {3, 4, 5} <= set(there(tmp_path))
    assert change is not linked or (tmp_path / "checkpoints" / "moved").exists()


def test_what_its_user_removed_is_no_matter(tmp_path: Path) -> None:
    kept(tmp_path, 1, 2, 3)
    place(tmp_path, 2).unlink()
    assert kept(tmp_path, 4) == Kept(place(tmp_path, 4), (), ())
    assert there(tmp_path) == [1, 3, 4]


def test_what_cannot_be_removed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And tried again with the next one."""
    kept(tmp_path, 1, 2, 3)
    unlink = Path.unlink

    def denied(path: Path, **how: Any) -> None:
        if path == place(tmp_path, 1):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        unlink(path, **how)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", denied)
        said = f"{place(tmp_path, 1)}: cannot be removed (Operation not permitted)"
        assert kept(tmp_path, 4) == Kept(place(tmp_path, 4), (), (said,))
        assert kept(tmp_path, 5).left == (said,)


LISTS = {
    "no JSON": b"{",
    "empty": b"",
    "deep": b"[" * 10**5,
}


@pytest.mark.parametrize("what", LISTS)
def test_a_list_that_is_none_has_nothing_removed(tmp_path: Path, what: str) -> None:
    kept(tmp_path, 1, 2, 3)
    (tmp_path / "checkpoints" / LIST).write_bytes(LISTS[what])
    assert kept(tmp_path, 4, 5, 6).removed == ()
    assert kept(tmp_path, 7).removed == (place(tmp_path, 4),)
    assert there(tmp_path) == [1, 2, 3, 5, 6, 7]


def of_another_format(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | {"checkpoints_format": 2}), encoding="utf-8")


def too_long(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" " * 2**20)


def moved_away(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


@pytest.mark.parametrize(
    "change", [of_another_format, too_long, moved_away], ids=lambda f: f.__name__
)
def test_a_list_is_not_believed_for_its_records_alone(tmp_path: Path, change: Any) -> None:
    """All of them are right, and would be read without what is changed."""
    kept(tmp_path, 1, 2, 3)
    folder = tmp_path / "checkpoints"
    assert len(written_there(folder)) == 3
    change(folder / LIST)
    assert written_there(folder) == ()


@pytest.mark.parametrize("name", ["../theirs", "theirs", "iteration-000000001.safetensors/../x"])
def test_a_list_of_other_names_has_nothing_removed(tmp_path: Path, name: str) -> None:
    """Even where all else that it says of the file is right."""
    kept(tmp_path, 1, 2, 3)
    theirs = tmp_path / "checkpoints" / name
    if "safetensors/" not in name:
        theirs.write_bytes(b"theirs")
    path = tmp_path / "checkpoints" / LIST
    content = json.loads(path.read_text(encoding="utf-8"))
    found = (theirs if theirs.exists() else path).stat()
    content["written"][0] = {
        "name": name,
        "inode": found.st_ino,
        "size_bytes": found.st_size,
        "mtime_ns": found.st_mtime_ns,
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    assert kept(tmp_path, 4, 5, 6).removed == ()
    assert theirs.exists() or "safetensors/" in name


def test_a_list_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    kept(tmp_path, 1, 2, 3)
    path = tmp_path / "checkpoints" / LIST
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    before = (tmp_path / "moved").read_bytes()
    with pytest.raises(UserError) as error:
        kept(tmp_path, 4)
    assert str(error.value) == (
        f"{path}: not written (a link in a file's place); the checkpoint is, and no older one was "
        "removed: make room or remove what is in its place, and go on from the newest one"
    )
    assert (tmp_path / "moved").read_bytes() == before
    assert there(tmp_path) == [1, 2, 3, 4]


def test_a_folder_that_is_a_link_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "checkpoints").symlink_to("elsewhere")
    with pytest.raises(UserError, match="checkpoints: a link; needed: a folder of this run's own"):
        kept(tmp_path, 1)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_in_the_folders_place(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_bytes(b"")
    with pytest.raises(
        UserError, match=r"checkpoints: cannot be made \(File exists\); give anothe"
    ):
        kept(tmp_path, 1)
    with pytest.raises(UserError, match=r"checkpoints: cannot be read \(Not a directory\); needed"):
        newest(tmp_path)


def test_a_full_disk_leaves_the_run_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is removed to make room."""
    kept(tmp_path, 1, 2, 3)
    before = sorted((one.name, one.lstat()) for one in (tmp_path / "checkpoints").iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UserError, match=r"000004\.safetensors: not written \(No space left"):
            kept(tmp_path, 4)
    after = sorted((one.name, one.lstat()) for one in (tmp_path / "checkpoints").iterdir())
    assert [name for name, _ in after] == [name for name, _ in before]
    assert [found.st_mtime_ns for _, found in after] == [f.st_mtime_ns for _, f in before]
    assert newest(tmp_path).facts.iteration == 3
    assert kept(tmp_path, 4).removed == (place(tmp_path, 1),)


def test_a_disk_that_has_no_room_for_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new checkpoint is there, so that the older ones could go, but none does."""
    kept(tmp_path, 1, 2, 3)
    with monkeypatch.context() as patch:
        patch.setattr("bench.training.written.put", full)
        with pytest.raises(UserError, match=r"written\.json: not written \(No space left on devic"):
            kept(tmp_path, 4)
    assert newest(tmp_path).facts.iteration == 4
    assert there(tmp_path) == [1, 2, 3, 4]


def test_a_process_that_is_killed_leaves_the_old_ones(tmp_path: Path) -> None:
    """Whether before the checkpoint has its name, or before the list has."""
    kept(tmp_path, 1, 2)
    for number, found in ((1, 2), (2, 3)):
        done = python(
            "from bench.training.keeping import keep\n"
            f"left, replace = [{number}], os.replace\n"
            "def last(*paths):\n"
            "    left[0] -= 1\n"
            "    if not left[0]:\n"
            "        os.kill(os.getpid(), signal.SIGKILL)\n"
            "    replace(*paths)\n"
            "os.replace = last\n"
            "keep(folder, state(facts(iteration=3)), facts(iteration=3))\n",
            tmp_path,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert newest(tmp_path).facts.iteration == found
        assert any(one.suffix == ".part" for one in (tmp_path / "checkpoints").iterdir())
    kept(tmp_path, 4)
    assert there(tmp_path) == [1, 2, 3, 4]
    assert not any(one.suffix == ".part" for one in (tmp_path / "checkpoints").iterdir())
