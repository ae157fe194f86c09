"""Random GANs from the whole vocabulary: each row computes what the reference computes.

`--examples N` takes N in each row (a fixed 50 by default); what differs is shrunk and written to
results/fuzz/, and `--gan FILE` compares such a file alone. What was found so lies in found/, each
with its cause, and is compared first.
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase

from backends.protocol import absent_mode
from bench.workers.pool import ROOT, WorkerFailed, Workers
from spec.base import Model
from spec.short_form import ShortForm, is_short
from tests.conftest import Recorder, Selection, of_row, selection_of
from tests.fuzz import comparison
from tests.fuzz.comparison import workload_of
from tests.fuzz.coverage import (
    Pair,
    flow,
    flow_reached,
    pairs,
    pairs_reached,
    reached,
    universe,
)
from tests.fuzz.phases import long_gans
from tests.fuzz.strategies import gans

TIMEOUT_S = 300.0
FIXED = 50
"""So many examples are always the same; more are drawn anew, those that failed before first."""

TOLD_EVERY = 100
"""A thousand take an hour in a row that compiles each: after so many a line says how far it is."""

FORMS = {"short": gans, "long": long_gans}
MODE_OF = {"flax_nnx": 3, "keras3": 3, "pytorch": 30, "reference": 3}
"""One in so many random GANs of the long form is asked in the row's last mode: many iterations in a
dispatch; of PyTorch, which has no such mode on a CPU, compiled, where each takes a minute."""

FOUND = sorted((Path(__file__).parent / "found").glob("*.toml"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "row" in metafunc.fixturenames:
        metafunc.parametrize(
            "row", [of_row(row, row, row) for row in selection_of(metafunc.config).rows]
        )


@pytest.mark.parametrize("form", FORMS)
def test_random_gans(
    row: str,
    form: str,
    selection: Selection,
    workers: Workers,
    pytestconfig: pytest.Config,
    record_property: Recorder,
) -> None:
    """No difference from the reference beyond what rounding explains."""
    folder = Path(pytestconfig.getoption("--results") or ROOT / "results") / "fuzz"
    alone = pytestconfig.getoption("--gan")
    for path in [Path(alone)] if alone else FOUND:
        raw = tomllib.loads(path.read_text("utf-8"))
        if is_short(raw) == (form == "short"):
            _require_same(workers, selection, row, raw, path.name)
    if alone:
        return
    examples, options = pytestconfig.getoption("--examples"), set()
    together: set[Pair] = set()
    smallest: list[dict[str, Any]] = []
    compared = [0]

    @settings(
        max_examples=examples,
        derandomize=examples <= FIXED,
        database=None if examples <= FIXED else DirectoryBasedExampleDatabase(folder / "examples"),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(FORMS[form](), st.integers(0, MODE_OF[row.partition("-")[0]] - 1))
    def compare(gan: dict[str, Any], which: int) -> None:
        options.update(_options(gan) if form == "short" else flow_reached(gan))
        together.update(pair for model in _models(gan) for pair in pairs_reached(model))
        smallest[:] = [gan]
        _require_same(workers, selection, row, gan, last=form == "long" and which == 0)
        compared[0] += 1
        if compared[0] % TOLD_EVERY == 0:
            line = f"{row}: {compared[0]} of {examples} random GANs, {form} form, no difference"
            _tell(pytestconfig, line)

    try:
        compare()
    except AssertionError as difference:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{row}-{form}.toml"
        path.write_text(tomli_w.dumps(smallest[0]), encoding="utf-8")
        again = f"nox -s fuzz -- --backend {row} --gan {path}"
        pytest.fail(f"{difference}; the smallest such GAN: {again}", pytrace=False)
    every = universe() if form == "short" else flow()
    missing = sorted(every - options)
    share = f"{len(every) - len(missing)} of {len(every)} options reached"
    pairs_of = f", {len(together)} of {len(pairs())} pairs of one layer's or optimizer's options"
    none = f"missing: {', '.join(missing)}" if missing and examples > FIXED else ""
    line = f"{row}: {examples} random GANs, {form} form, no difference, {share}{pairs_of} {none}"
    record_property("random GANs", line.strip())


def _require_same(
    workers: Workers,
    selection: Selection,
    row: str,
    gan: dict[str, Any],
    name: str = "random GAN",
    *,
    last: bool = False,
) -> None:
    """In the row's first mode on this device, or in its last."""
    workload, device = workload_of(gan), selection.device
    modes = [m for m in selection.modes if not absent_mode(row, m, workload, device)]
    mode = modes[-1 if last else 0]
    where = (row, "float64", selection.device)
    arguments = {"row": row, "gan": json.dumps(gan), "mode": mode, "device": selection.device}
    try:
        result = workers.call(where, comparison.compare, arguments, TIMEOUT_S)
    except WorkerFailed as failure:  # it raised, died or hung: a difference like any other
        raise AssertionError(f"{name}: {failure.kind}: {failure}") from None
    assert result["status"] == "passed", f"{name}: {result['message']}"


def _tell(config: pytest.Config, line: str) -> None:
    """A line at once, past pytest, which keeps what is printed until a test has ended."""
    with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(line, file=sys.stderr, flush=True)


def _models(gan: dict[str, Any]) -> list[Model]:
    """The layers, optimizers, clips and schedule of a GAN, and the steps of a short one."""
    workload = workload_of(gan)
    models: list[Model] = [
        layer for network in workload.networks.values() for layer in network.layers
    ]
    models += [*workload.optimizers.values(), *(p.clip for p in workload.phases if p.clip)]
    steps = [ShortForm.model_validate_json(json.dumps(gan)).steps] if is_short(gan) else []
    return [*models, *steps, workload.schedule]


def _options(gan: dict[str, Any]) -> set[str]:
    averages = {f"averages.{name}" for name in workload_of(gan).averages}
    return {option for model in _models(gan) for option in reached(model)} | averages
