"""What `list` shows of workloads and rows: made up for the tables, real for the counts."""

import io
from typing import Any

import pytest
from rich.console import Console

import backends
import spec
from backends.protocol import MODES, Deviation
from bench.commands import listing
from spec.state import init_state, parameter_count


@pytest.fixture(name="only")
def _only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workloads and two rows, of which one lacks something."""
    monkeypatch.setattr(spec, "names", lambda: ("mlp_small", "gaussian"))
    monkeypatch.setattr(backends, "names", lambda: ("pytorch", "flax_nnx"))
    monkeypatch.setattr(backends, "missing", lambda row: ("x", "y") if row == "flax_nnx" else ())


@pytest.mark.usefixtures("only")
def test_workloads_by_their_files() -> None:
    small, gaussian = listing.listing("cpu")["workloads"]
    workload = spec.load("mlp_small")
    state = init_state(workload, 0)
    assert small == {
        "name": "mlp_small",
        "title": "Two small MLPs on digits",
        "parameters": {n: parameter_count(workload, n, state) for n in workload.networks},
        "multiply_adds": {n: of.multiply_adds() for n, of in workload.networks.items()},
        "batch_size": 64,
        "updates_per_iteration": workload.updates_per_iteration,
        "optimizers": {n: of.kind for n, of in workload.optimizers.items()},
        "data": {"x": "digits"},
        "document": workload.provenance.document if workload.provenance else None,
        "spec_hash": workload.spec_hash,
    }
    assert small["parameters"].keys() == {"generator", "discriminator"}
    assert (gaussian["name"], gaussian["batch_size"]) == ("gaussian", 100)
    assert gaussian["parameters"]["discriminator"] == 1185


@pytest.mark.usefixtures("only")
def test_counts_come_from_what_the_reference_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state is put into a program of it, and read out of that."""
    asked: list[Any] = []

    class Program:
        """Of the reference."""

        def import_state(self, state: Any) -> str:
            """Keep it."""
            asked.append(len(state))
            return "imported"

        def export_state(self, state: Any) -> str:
            """Another."""
            asked.append(state)
            return "exported"

    class Reference:
        """A backend."""

        def program(self, workload: spec.Workload, settings: Any) -> Program:
            """The one program."""
            asked.append((workload.name, settings.precision, settings.device))
            return Program()

    def count(workload: spec.Workload, network: str, state: Any) -> tuple[str, str, Any]:
        return workload.name, network, state

    monkeypatch.setattr(backends, "load", {"reference": Reference()}.__getitem__)
    monkeypatch.setattr(listing, "parameter_count", count)
    found = listing.listing("cpu")["workloads"][0]["parameters"]
    assert found == {n: ("mlp_small", n, "exported") for n in ("generator", "discriminator")}
    keys = len(init_state(spec.load("mlp_small"), 0))
    assert asked[:3] == [("mlp_small", "float64", "cpu"), keys, "imported"]


@pytest.mark.usefixtures("only")
def test_rows_have_the_modes_that_are_not_declared_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = set()

    def absent(row: str, mode: str, workload: spec.Workload, device: str) -> Deviation | None:
        asked.add((row, mode, workload.name, device))
        is_absent = row == "flax_nnx" and mode == "compiled" and workload.name == "gaussian"
        return Deviation("mode", row, mode, "*", "*", "notyet", "so: it is") if is_absent else None

    monkeypatch.setattr(listing, "absent_mode", absent)
    monkeypatch.setattr(listing, "_workload", lambda name: name)
    found = listing.listing("cuda")
    assert found["workloads"] == ["mlp_small", "gaussian"]
    both = {"workloads": ["mlp_small", "gaussian"], "absent": {}}
    one = {"workloads": ["mlp_small"], "absent": {"gaussian": "notyet: so: it is"}}
    modes = dict.fromkeys(MODES, both)
    assert found["backends"] == [
        {"name": "pytorch", "missing_here": [], "modes": modes},
        {"name": "flax_nnx", "missing_here": ["x", "y"], "modes": modes | {"compiled": one}},
    ]
    names = ("mlp_small", "gaussian")
    rows = ("pytorch", "flax_nnx")
    assert asked == {(row, mode, n, "cuda") for row in rows for mode in MODES for n in names}


def mode(workloads: str, absent: dict[str, str]) -> dict[str, Any]:
    """What a row has of a mode."""
    return {"workloads": workloads.split(), "absent": absent}


def test_two_tables() -> None:
    workload = {
        "name": "own",
        "parameters": {"generator": 1234567, "critic": 8},
        "batch_size": 64,
        "updates_per_iteration": 6,
        "data": {"x": "photos", "y": "digits"},
        "document": None,
    }
    rows = {
        "first": ([], [mode("p q", {}), mode("", {"p": "never: why", "q": "notyet: x"})]),
        "second": (["torch", "numpy"], [mode("p", {"q": "notimpl: a: b", "r": "never: c"})] * 2),
    }
    found = {
        "workloads": [workload, workload | {"name": "other", "document": "A Paper"}],
        "backends": [
            {"name": n, "missing_here": m, "modes": dict(zip(MODES, [*of, of[0]], strict=True))}
            for n, (m, of) in rows.items()
        ],
    }
    out = io.StringIO()
    listing.show(Console(file=out, width=200), found)
    text = out.getvalue()
    lines = [[c.strip() for c in line.split("\u2502")[1:-1]] for line in text.splitlines()]
    cells = [line for line in lines if line]
    counts = [["", "critic 8", "", "", "", ""]]
    head = ["generator 1,234,567", "64", "6", "photos, digits"]
    assert cells[0:2] == [["own", *head, ""], *counts]
    assert cells[2:4] == [["other", *head, "A Paper"], *counts]
    some = "yes; notimpl: q, r"
    assert cells[4:] == [
        ["first", "yes", "never", "yes", "yes"],
        ["second", some, some, some, "missing torch, numpy"],
    ]
    titles = [line.strip() for line in text.splitlines() if line.strip() in ("Workloads", "Rows")]
    assert titles == ["Workloads", "Rows"]
    named = [line.replace("\u2503", " ").split() for line in text.splitlines() if "\u2503" in line]
    assert named == [
        ["workload", "parameters", "batch", "updates", "data", "document"],
        ["row", *MODES, "in", "this", "interpreter"],
    ]
