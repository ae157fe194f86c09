"""A file is there whole or not at all, whoever else writes it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from bench.proof.arrays import read_rows, write_rows
from bench.workers.whole import whole


def test_two_write_one_file_at_the_same_time(tmp_path: Path) -> None:
    """Rows with the same draws do: the file is named by their hash."""
    both = threading.Barrier(2, timeout=30.0)

    def write(number: int) -> None:
        with whole(tmp_path / "one.txt") as draft:
            draft.write_text(f"{number}\n" * 3, encoding="utf-8")
            both.wait()  # both drafts are there now

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))
    assert len(set((tmp_path / "one.txt").read_text(encoding="utf-8").split())) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["one.txt"]


def test_what_is_not_finished_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("old", encoding="utf-8")

    def interrupted() -> None:
        with whole(path) as draft:
            draft.write_text("new", encoding="utf-8")
            assert path.read_text(encoding="utf-8") == "old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["one.txt"]


def test_draws_are_written_once(tmp_path: Path) -> None:
    path = tmp_path / "draws.npz"
    write_rows(path, [{"z": np.ones(3)}])
    write_rows(path, [{"z": np.zeros(3)}])  # the name says what is in it: nothing else can be
    (row,) = read_rows(path)
    assert row["z"].tolist() == [1.0, 1.0, 1.0]
