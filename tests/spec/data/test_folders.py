"""What lies in a folder of data is opened only where it is a regular file, and said in one line."""

import os
from pathlib import Path

import pytest

from spec import data
from spec.data import folders
from spec.errors import SpecError
from tests.spec.data.files import mnist, write_mnist

IMAGES = "train-images-idx3-ubyte"


def refused(folder: Path) -> str:
    with pytest.raises(SpecError) as error:
        data.load(mnist(), folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    write_mnist(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert len(data.load(mnist(), tmp_path / "link")["x"]) == 12


def test_a_link_in_it_is_not_followed(tmp_path: Path) -> None:
    path = write_mnist(tmp_path / "data") / IMAGES
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert refused(tmp_path / "data") == f"{path}: it is a link; only regular files are read"


def test_a_link_that_comes_late_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at it and the opening."""
    path = write_mnist(tmp_path / "data") / IMAGES
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr(Path, "lstat", Path.stat)
    assert "cannot be read (Too many levels of symbolic links)" in refused(tmp_path / "data")


def test_pipes_devices_and_folders(tmp_path: Path) -> None:
    path = write_mnist(tmp_path) / IMAGES
    path.unlink()
    os.mkfifo(path)
    assert refused(tmp_path) == f"{path}: it is a pipe; only regular files are read"
    path.unlink()
    path.mkdir()
    assert refused(tmp_path) == f"{path}: it is a folder; only regular files are read"
    with (
        pytest.raises(SpecError, match="/dev/null: it is a device or a socket"),
        folders.opened(Path("/dev"), "null"),
    ):
        pass


def test_a_pipe_that_comes_late_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_mnist(tmp_path) / IMAGES
    regular = path.lstat()
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr(Path, "lstat", lambda _: regular)
    assert refused(tmp_path) == f"{path}: it is a pipe; only regular files are read"


def test_folders_that_are_none(tmp_path: Path) -> None:
    assert refused(tmp_path) == f"{tmp_path}: the folder is empty"
    missing, file = tmp_path / "a\nb", tmp_path / "c"
    assert refused(missing).startswith(f"{str(missing)!r}: no folder that can be read (No such ")
    file.write_bytes(b"")
    assert refused(file) == f"{file}: no folder that can be read (Not a directory)"


def test_what_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_mnist(tmp_path) / IMAGES

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folders.os, "open", refuse)
    assert refused(tmp_path) == f"{path}: cannot be read (Permission denied)"


def test_nothing_is_written(tmp_path: Path) -> None:
    write_mnist(tmp_path, packed=True)
    before = sorted(path.name for path in tmp_path.iterdir())
    data.load(mnist(), tmp_path)
    data.files_of(mnist(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
