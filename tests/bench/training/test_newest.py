"""The newest checkpoint that reads well is found, and what was passed over is told."""

import os
import shutil
from pathlib import Path

import pytest

from bench.training import keeping
from bench.training.keeping import newest, place
from spec.errors import UserError
from tests.bench.training.made import facts, state, workload
from tests.bench.training.runs import kept


def test_the_newest_is_found_by_its_number(tmp_path: Path) -> None:
    kept(tmp_path, 9, 10**9, 8)
    found = newest(tmp_path, workload("gaussian"))
    assert (found.path, found.facts, found.passed_over) == (
        place(tmp_path, 10**9),
        facts(iteration=10**9),
        (),
    )
    assert found.state.keys() == state(found.facts).keys()
    assert found.state["iteration"] == 10**9


def test_what_does_not_read_is_passed_over(tmp_path: Path) -> None:
    """A newest one that is cut short, a link, one under another's name: the one before is used."""
    kept(tmp_path, 1, 2, 3)
    os.truncate(place(tmp_path, 3), 5000)
    place(tmp_path, 4).symlink_to(place(tmp_path, 2).name)
    shutil.copy(place(tmp_path, 1), place(tmp_path, 5))
    found = newest(tmp_path)
    assert found.path == place(tmp_path, 2)
    renamed, link, short = found.passed_over
    assert renamed == f"{place(tmp_path, 5)}: holds iteration 1, which its name does not say"
    assert link.startswith(f"{place(tmp_path, 4)}: a link in a file's place; needed: ")
    assert short.startswith(f"{place(tmp_path, 3)}: ")
    assert "cut short: " in short or "promise a header" in short
    assert kept(tmp_path, 6).removed == ()  # the cut one counts no more


def test_there_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    with pytest.raises(UserError, match=r"checkpoints: cannot be read \(No such file or directory"):
        newest(tmp_path)
    folder.mkdir()
    (folder / "best.safetensors").write_bytes(b"")
    with pytest.raises(UserError) as error:
        newest(tmp_path)
    message = f"{folder}: no checkpoint to go on from: none is there; start a new training"
    assert str(error.value) == message


def test_none_of_them_reads(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    for iteration in range(keeping.TOLD + 2):
        place(tmp_path, iteration).write_bytes(b"")
    with pytest.raises(UserError) as error:
        newest(tmp_path)
    said = str(error.value)
    assert said.startswith(f"{tmp_path / 'checkpoints'}: no checkpoint to go on from: ")
    assert said.count("an empty file") == keeping.TOLD
    assert said.endswith("; and 2 more; start a new training")
    assert "\n" not in said


def test_none_is_of_the_workload(tmp_path: Path) -> None:
    kept(tmp_path, 1)
    with pytest.raises(
        UserError, match=r"no checkpoint to go on from: .* with spec hash .*, not o"
    ):
        newest(tmp_path, workload("wgan"))
