"""Sections on proof and origin: the worst of several modes, each fact once, reasons together."""

from typing import Any

import pytest

from bench.report import panels, trust
from tests.bench.report.parts_of_results import cell, data, drawings, made, shown, timed
from tests.bench.report.sample import CHECK

A = cell("flax_nnx", "compiled", proof_share=0.0125)
B = cell("pytorch", "eager", proof_share=0.5, workload="other")


def test_proofs_are_shares_of_their_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawings(monkeypatch, panels)
    section = trust.proof(made(A, B))
    assert section is not None
    assert (section.name, len(section.words), len(section.figures)) == ("proof", 1, 2)
    assert [line[-1] for line in shown(section.tables[0])] == ["1.2%", "50%"]
    assert section.tables[0].columns[-1] == "share"
    assert [one.words for one in drawn] == ["flax_nnx compiled: 1.2%", "pytorch eager: 50%"]
    assert data(drawn[1].chart)[0]["value"] == 0.5
    assert drawn[0].title.endswith(": share of the limit")
    assert drawn[0].chart["layer"][1]["encoding"]["x"]["axis"]["format"] == ".3~%"
    assert trust.proof(made()) is None


def test_cells_that_were_proved_in_float64_too_are_named() -> None:
    section = trust.proof(made(A | {"proof_sensitive": True}, B | {"proof_sensitive": False}))
    assert section is not None
    assert section.words[1].endswith(f"float64 too: {A['id']}.")


def test_checks_of_a_row_are_a_table_by_workload() -> None:
    checks = [
        CHECK | {"max_error": 2e-12},
        CHECK | {"mode": "compiled", "max_error": 5e-12},
        CHECK | {"workload": "dcgan", "max_error": None},
        CHECK | {"dtype": "float32", "limit": 0.0},
        CHECK | {"dtype": "float32", "mode": "compiled", "status": "failed"},
        CHECK | {"dtype": "float32", "mode": "multistep", "status": "absent", "max_error": 1.0},
        CHECK | {"backend": "flax_nnx", "limit": None},
    ]
    section = trust.matrix(made(conformance=checks))
    assert section is not None
    assert (section.name, section.figures) == ("conformance", [])
    torch, flax = section.tables
    assert torch.caption == "pytorch: 4 passed, 1 failed, 1 absent"
    assert torch.columns == ("check", "dtype", "mlp_square", "dcgan")
    assert shown(torch) == [
        ["check_losses", "float64", "50%", "0%"],
        ["check_losses", "float32", "0%, compiled: failed, multistep: absent", ""],
    ]
    keys = [[value.key for value in line[2:]] for line in torch.lines]
    assert keys == [[pytest.approx(0.5), 0.0], [0.0, float("inf")]]
    assert (flax.caption, shown(flax)) == (
        "flax_nnx: 1 passed",
        [["check_losses", "float64", "0%"]],
    )
    assert flax.columns == ("check", "dtype", "mlp_square")


@pytest.mark.parametrize("checks", [[], None])
def test_without_checks_there_is_no_matrix(checks: Any) -> None:
    assert trust.matrix(made(conformance=checks)) is None
    assert trust.matrix(made()) is None


def test_absences_of_one_reason_stand_together() -> None:
    one = {"row": "pytorch", "mode": "multistep", "reason": "never: no"}
    other = one | {"row": "flax_nnx", "label": "c"}
    section = trust.absences(made(absent=[one | {"label": "a"}, other, one | {"label": "b"}]))
    assert section is not None
    assert section.name == "absent"
    assert section.words[1:] == [
        "pytorch multistep on a, b. never: no",
        "flax_nnx multistep on c. never: no",
    ]
    assert trust.absences(made()) is None


def test_optimizers_are_named_once_with_their_workloads() -> None:
    again = A | {"mode": "eager"}
    section = trust.optimizers(made(A, again, A | {"workload": "x"}, B | {"optimizer": "own"}))
    assert section is not None
    (table,) = section.tables
    assert (section.name, section.figures) == ("optimizers", [])
    assert shown(table) == [["flax_nnx", "native", "gan, x"], ["pytorch", "own", "other"]]
    assert (table.folded, table.prose) == (False, True)
    assert trust.optimizers(made()) is None


def test_the_machine_is_told_in_words_and_json() -> None:
    told = {"cpu": "an abacus", "gpu": None, "cpus_usable": 2}
    section = trust.origin(made(provenance=told, datetime="today"))
    assert section is not None
    (table,) = section.tables
    assert shown(table) == [
        ["cpu", "an abacus"],
        ["gpu", "null"],
        ["cpus_usable", "2"],
        ["finished", "today"],
    ]
    assert (table.folded, table.prose, section.name) == (False, True, "provenance")
    assert (section.words, section.figures) == ([], [])


def test_versions_and_data_are_told_once_for_each_row_and_workload() -> None:
    about = {"x": {"count": 5}, "y": {"count": 6}}
    told = {"engine": None, "device_name": "abacus", "versions": {"jax": "1"}, "threads": 2}
    benchmarks = [
        *timed(A, 1.0, 2.0, **told, data=about),
        *timed(A | {"id": "second"}, 1.0, **told, data=about),
        *timed(cell("keras3"), 1.0, engine="jax", numerics={"a": 1}, data=None),
        *timed(cell("bare"), 1.0),
    ]
    section = trust.origin(made(benchmarks=benchmarks))
    assert section is not None
    _, versions, data_ = section.tables
    assert shown(versions) == [
        ["flax_nnx", "device_name", "abacus"],
        ["flax_nnx", "jax", "1"],
        ["flax_nnx", "threads", "2"],
        ["keras3-jax", "numerics", '{"a": 1}'],
    ]
    assert shown(data_) == [
        ["gan", "x", '{"count": 5}', "12"],
        ["gan", "y", '{"count": 6}', "12"],
    ]
    assert [(table.folded, table.prose) for table in (versions, data_)] == [(True, True)] * 2
    assert versions.columns == ("row", "what", "value")
    assert data_.columns == ("workload", "array", "data", "hash of the spec")
