"""A training's folder is read whole, or as far as it goes, or refused in one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.training import judging, metrics, samples
from bench.training.side_by_side import reading
from bench.training.side_by_side.reading import read
from spec.errors import UserError
from tests.bench.training.side_by_side.made import (
    DIGITS,
    HASH,
    JUDGED,
    about,
    made,
    record,
    trained,
)


def test_a_folder_is_read(tmp_path: Path) -> None:
    one = trained(tmp_path / "a", "pytorch", mode="eager", seed=7)
    assert one.about.plan.cell.row == "pytorch"
    assert (one.about.plan.cell.mode, one.about.plan.seed) == ("eager", 7)
    assert (one.about.spec_hash, one.about.iterations, one.reached) == (HASH, 64, 64)
    assert [r.metrics for r in one.records] == [
        {"d_loss": 1.0, "d_x": 0.5},
        {"d_loss": 0.5, "d_x": 0.75},
    ]
    assert list(one.samples) == [0, 32, 64]
    assert np.array_equal(one.arrays(one.samples[32])["generator"], DIGITS)
    assert one.beside().keys() == {"x", "generator/z"}
    assert one.quality["generator"].measures["precision"]["noise"].value == 2.0


def test_its_files_have_the_names_that_train_gives_them() -> None:
    assert (reading.RECORDS, reading.QUALITY) == (metrics.FILE, judging.FILE)


def test_one_that_has_just_begun_has_nothing_yet(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "training.json").write_text(json.dumps(about()), encoding="utf-8")
    one = read(folder)
    assert (one.records, one.samples, one.quality, one.reached) == ([], {}, {}, 0)
    assert one.beside() == {}


def test_a_record_that_a_crash_cut_is_left_out(tmp_path: Path) -> None:
    folder = made(tmp_path / "a")
    path = folder / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    assert read(folder).reached == 32


def test_samples_after_the_last_record_are_those_of_a_longer_past(tmp_path: Path) -> None:
    one = trained(tmp_path / "a", of={i: {"generator": DIGITS} for i in (0, 64, 65)})
    assert list(one.samples) == [0, 64]


def test_what_somebody_put_beside_the_samples_is_none(tmp_path: Path) -> None:
    folder = made(tmp_path / "a")
    (folder / "samples" / "iteration-mine.npz").write_bytes(b"")
    assert list(read(folder).samples) == [0, 32, 64]
    assert list(samples.kept(folder, 64)) == [0, 32, 64]


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    made(tmp_path / "a")
    (tmp_path / "latest").symlink_to("a")
    assert read(tmp_path / "latest").reached == 64


def changed(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change


def written(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None  # type: ignore[return-value]


def lines(*records: Any) -> Callable[[Path], None]:
    text = "".join(json.dumps(one) + "\n" for one in records)
    return written("metrics.jsonl", text.encode())


def linked(name: str) -> Callable[[Path], None]:
    def link(folder: Path) -> None:
        (folder / name).rename(folder.parent / "elsewhere")
        (folder / name).symlink_to(folder.parent / "elsewhere")

    return link


def removed(folder: Path) -> None:
    (folder / "training.json").unlink()


A, B, C = "training.json", "metrics.jsonl", "quality.json"
FIRST = record(32, {"d_loss": 1.0})
WRONG: dict[str, tuple[Callable[[Path], None], str]] = {
    "no training": (
        removed,
        "a: no training, since it has no training.json; give a JSON file that",
    ),
    "an empty plan": (written(A, b"{}"), f"{A}: 'plan': 'Field required'"),
    "no JSON": (written(A, b"{"), f"{A}: 'Invalid JSON"),
    "no UTF-8": (written(A, b'{"plan": "\xff"}'), f"{A}: 'Invalid JSON"),
    "half a character": (changed(A, "mlp_square", "\\ud800"), f"{A}: 'Invalid JSON"),
    "too deep": (written(A, b"[" * 10**5), f"{A}: 'Invalid JSON"),
    "a row that is a path": (changed(A, "flax_nnx", "../x"), f"{A}: 'plan.cell.row': .*pattern"),
    "a mode that is none": (changed(A, "compiled", "fast"), f"{A}: 'plan.cell.mode': .*'eager'"),
    "a seed that is a text": (changed(A, '"seed": 0', '"seed": "0"'), "'plan.seed': .*integer"),
    "draws of others": (changed(A, '"spec"', '"theirs"'), "'plan.draws': .*'own' or 'spec'"),
    "a hash that is none": (changed(A, HASH, "A" * 64), "'spec_hash': .*pattern"),
    "a name too long": (changed(A, "mlp_square", "x" * 2001), "'plan.cell.label': .*2000"),
    "a link for a plan": (linked(A), f"{A}: a link in a file's place; give the folder as"),
    "a link for records": (linked(B), f"{B}: a link in a file's place; give the folder as"),
    "a link for quality": (linked(C), f"{C}: a link in a file's place; give the folder as"),
    "a link for samples": (linked("samples"), "samples: a link or a file in a folder's place"),
    "a line that is none": (written(B, b"{}\n{\n"), f"{B}: line 1: 'iteration': 'Field required"),
    "a later line": (lines(FIRST, {"iteration": 64}), f"{B}: line 2: 'elapsed_s': 'Field req"),
    "a number that is none": (
        lines(record(32, {"d_loss": float("nan")})),
        f"{B}: line 1: 'metrics.d_loss': .*finite",
    ),
    "a name with markup": (lines(record(32, {"<b>": 1.0})), "line 1: 'metrics.<b>.*pattern"),
    "a name with a line": (lines(record(32, {"a\nb": 1.0})), r"metrics.a\\nb.*pattern"),
    "names without end": (lines(record(32, {f"m{i}": 1.0 for i in range(65)})), "line 1: 'metri"),
    "other names in each line": (
        lines(*(record(i, {f"m{i}": 1.0}) for i in range(65))),
        f"{B}: more than 64 metrics, which are the most; give the folder",
    ),
    "an order that is none": (lines(FIRST, FIRST), f"{B}: line 2: iteration 32 after 32; give"),
    "a quality that is a list": (written(C, b"[]"), f"{C}: 'Input should be an object'; give"),
    "a set that is none": (changed(C, 'held_out"', 'mine"'), f"{C}: 'generator.measures.precis"),
    "networks without end": (
        written(C, json.dumps({f"n{i}": JUDGED["generator"] for i in range(17)}).encode()),
        f"{C}: 17 networks, where 16 are read",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_another_folder_is_refused_in_one_line(tmp_path: Path, what: str) -> None:
    change, message = WRONG[what]
    folder = made(tmp_path / "a")
    change(folder)
    with pytest.raises(UserError, match=message) as error:
        read(folder)
    assert str(error.value).startswith(str(folder))
    assert "; give " in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < len(str(folder)) + 300


@pytest.mark.parametrize("name", [A, B, C])
def test_a_file_that_is_too_long_is_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made(tmp_path / "a")
    largest = max((folder / one).stat().st_size for one in (A, B, C))
    monkeypatch.setattr(reading, "LARGEST_BYTES", largest)
    assert read(folder).reached == 64
    path = folder / name
    path.write_bytes(path.read_bytes() + b" " * largest)
    with pytest.raises(UserError, match=f"{name}: more than {largest:,} bytes, which are the most"):
        read(folder)


def test_a_damaged_file_of_samples_is_refused_when_it_is_shown(tmp_path: Path) -> None:
    one = trained(tmp_path / "a")
    one.samples[32].write_bytes(b"PK")
    with pytest.raises(
        UserError, match=r"iteration-000000032\.npz: no file of arrays .*; give the"
    ):
        one.arrays(one.samples[32])
    beside = samples.beside(one.folder)
    beside.unlink()
    beside.symlink_to(one.samples[0])
    with pytest.raises(UserError, match=r"beside\.npz: a link in a file's place; give the folder"):
        one.beside()
