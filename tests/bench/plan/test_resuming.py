"""What is no plan is refused, and what a plan and its rows must have in common with before."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.plan import resuming
from bench.plan.cells import Cell, Plan
from bench.plan.folder import write_plan
from bench.plan.records import write_atomically
from bench.plan.resuming import identity, take_up
from bench.workers.pool import WorkerFailed
from spec.errors import UserError
from tests.bench.plan.test_folder import plan_in

ONE = Cell("mlp_small", "pytorch", "eager", "float32", "cpu", 8, "small")
OTHER = replace(ONE, row="flax_nnx")
SAYS = {"versions": {"torch": "2.0"}, "device": "cpu", "threads": 2}


class Asked:
    """Workers that say what their rows are."""

    def __init__(self, pythons: dict[str, str]) -> None:
        self.pythons = pythons
        self.says: dict[str, Any] = {"pytorch": SAYS, "flax_nnx": SAYS}
        self.calls: list[Any] = []
        self.stopped = 0

    def call(self, where: Any, function: Any, arguments: Any, timeout_s: float) -> Any:
        """What a row says of itself, which may take minutes."""
        assert function is resuming.describe
        assert 60 <= timeout_s <= 3600
        self.calls.append((where, arguments))
        found = self.says[where[0]]
        if isinstance(found, Exception):
            raise found
        return found

    def stop(self) -> None:
        """Count it."""
        self.stopped += 1


@pytest.fixture(name="asked")
def _asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """The workers that `take_up` makes."""
    asked = Asked({})

    def made(pythons: dict[str, str]) -> Asked:
        asked.pythons = pythons
        return asked

    monkeypatch.setattr(resuming, "Workers", made)
    return asked


@pytest.fixture(name="plan")
def _plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Written, on a machine of which all is known."""
    monkeypatch.setattr(resuming, "gpu", lambda: {"name": "a card", "power.draw": "75 W"})
    monkeypatch.setattr(resuming, "cpu", lambda: "an abacus")
    monkeypatch.setattr(resuming, "cpus_usable", lambda: 3)
    monkeypatch.setattr(resuming, "revision", lambda: "abc")
    monkeypatch.setattr(resuming.platform, "system", lambda: "Plan")
    monkeypatch.setattr(resuming.platform, "machine", lambda: "9")
    pythons = {"pytorch": "/old/python"}
    cells = (ONE, OTHER)
    plan = plan_in(tmp_path / "a.records", *cells, pythons=pythons, identity=identity(cells))
    write_plan(plan)
    return plan


def test_a_run_s_identity(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = {ONE.id: ONE.load().spec_hash, OTHER.id: ONE.load().spec_hash}
    expected = {"spec": hashes, "git_revision": "abc", "cpu": "an abacus", "cpus_usable": 3}
    expected |= {"system": "Plan 9", "gpu": "a card"}
    assert identity((ONE, OTHER)) == expected
    monkeypatch.setattr(resuming, "gpu", lambda: None)
    assert identity((ONE,))["gpu"] is None
    assert replace(ONE, batch_size=4).load().spec_hash != ONE.load().spec_hash


def test_a_run_is_named_by_its_result_or_its_folder(plan: Plan, tmp_path: Path) -> None:
    for name in ("a.json", "a.records"):
        taken = take_up(tmp_path / name, {"flax_nnx": "/new", "pytorch": "/newer"})
        assert taken == replace(plan, pythons={"pytorch": "/newer", "flax_nnx": "/new"})
    assert take_up(tmp_path / "a.json", {}) == plan
    with pytest.raises(UserError, match="no plan of an interrupted run"):
        take_up(tmp_path / "a.txt", {})


def test_failures_that_may_not_come_again_are_tried_anew(plan: Plan, tmp_path: Path) -> None:
    kinds = ("died", "hung", "MemoryError", "proof", "ValueError")
    for number, kind in enumerate(kinds):
        cell = replace(ONE, batch_size=number + 1)
        record = {"cell": cell.as_dict(), "kind": kind}
        write_atomically(tmp_path / "a.records" / "failures" / f"{cell.id}.json", record)
    take_up(tmp_path / "a.json", {})
    left = sorted(path.name for path in (tmp_path / "a.records" / "failures").iterdir())
    assert left == [f"small-pytorch-eager-float32-b{number}.json" for number in (4, 5)]


def test_what_is_not_as_it_was_is_refused(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(plan.folder)
    for name, now, shown in (
        ("gpu", lambda: None, "gpu is not what it was: a card then, None now; results"),
        ("cpus_usable", lambda: 4, "cpus usable is not what it was: 3 then, 4 now; results"),
    ):
        with monkeypatch.context() as other:
            other.setattr(resuming, name, now)
            with pytest.raises(UserError, match=shown):
                take_up(path, {})
    write_plan(replace(plan, cells=(replace(ONE, overrides='{"schedule.length": 3}'), OTHER)))
    with pytest.raises(UserError, match="the spec of a workload is not what it was; results of"):
        take_up(path, {})


def test_an_older_identity_says_less(plan: Plan) -> None:
    write_plan(replace(plan, identity={"cpu": "an abacus"}))
    assert take_up(Path(plan.folder), {}).identity == {"cpu": "an abacus"}


def test_secrets_in_what_is_compared_are_no_difference(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written is cleaned, and so is what it is compared with."""
    monkeypatch.setenv("CPU_SECRET", "abacus-7")
    monkeypatch.setattr(resuming, "cpu", lambda: "an abacus-7")
    write_plan(replace(plan, identity=identity(plan.cells)))
    assert take_up(Path(plan.folder), {}).identity["cpu"] == "an ***"


Change = Callable[[Plan], Plan]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda p: replace(p, pythons={"flax_nnx": "/s3cr3t-7/p"}), "--python flax_nnx=PATH"),
        (lambda p: replace(p, cells=(replace(ONE, workload="s3cr3t-7"),)), "the file of small"),
        (
            lambda p: replace(p, cells=(ONE, replace(ONE, overrides='{"a": "s3cr3t-7"}'))),
            "the file of small",
        ),
        (lambda p: replace(p, cells=(replace(ONE, data="/s3cr3t-7/x"),)), "its folder of data"),
    ],
)
def test_what_was_a_secret_is_not_known_any_more(
    change: Change, expected: str, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "s3cr3t-7")
    write_plan(change(plan))
    with pytest.raises(UserError, match=expected):
        take_up(Path(plan.folder), {})


def _proved(plan: Plan, *cells: Cell) -> None:
    for cell in cells:
        record = {"cell": cell.as_dict(), "backend": SAYS}
        write_atomically(Path(plan.folder) / "proofs" / f"{cell.id}.json", record)


def test_rows_that_proved_cells_say_their_versions_again(plan: Plan, asked: Asked) -> None:
    _proved(plan, ONE, replace(ONE, mode="compiled"), OTHER)
    asked.says["pytorch"] = SAYS | {"threads": 4}  # that may differ
    take_up(Path(plan.folder), {"flax_nnx": "/new"})
    assert sorted(asked.calls) == [
        (("flax_nnx", "float32", "cpu"), {"row": "flax_nnx"}),
        (("pytorch", "float32", "cpu"), {"row": "pytorch"}),
    ]
    assert (asked.stopped, asked.pythons) == (1, plan.pythons | {"flax_nnx": "/new"})


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (SAYS | {"versions": {"torch": "2.1"}}, "versions is not what it was: .*2.0.* then, .*2.1"),
        (SAYS | {"device": "a card"}, "device is not what it was: cpu then, a card now"),
        (WorkerFailed("died", "it fell"), "backend pytorch does not start: it fell"),
    ],
)
def test_another_framework_is_refused(says: Any, expected: str, plan: Plan, asked: Asked) -> None:
    _proved(plan, ONE)
    asked.says["pytorch"] = says
    with pytest.raises(UserError, match=expected):
        take_up(Path(plan.folder), {})
    assert asked.stopped == 1


NO_PLANS = {
    "no file": None,
    "empty": "",
    "a list": "[]",
    "null": "null",
    "no fields": "{}",
    "cells that are none": '{"cells": 3}',
    "cells of lists": '{"cells": [[]]}',
    "deep": "[" * 100_000,
    "a number of 5000 digits": "9" * 5000,
}


@pytest.mark.parametrize("name", NO_PLANS)
def test_what_is_no_plan(name: str, tmp_path: Path) -> None:
    content = NO_PLANS[name]
    if content is not None:
        (tmp_path / "plan.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="no plan of an interrupted run can be read there"):
        take_up(tmp_path, {})
