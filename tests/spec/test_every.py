"""Phases that do not run in each iteration: what they draw, what they count, what is refused."""

import tomllib
from collections.abc import Callable
from math import lcm
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import tomli_w

import spec
from backends import ORACLE, load
from backends.protocol import Arrays, Settings
from spec import data, randomness
from spec.errors import SpecError
from spec.sources import Draw
from spec.state import init_state
from spec.work import iteration_multiply_adds
from spec.workload import Pace, Workload

FILE = Path(__file__).parent.parent / "meta" / "workloads" / "lazy.toml"
NO_SOURCE: Any = None


def changed(*changes: tuple[str, Any]) -> Workload:
    """The file, with some fields put in place; as it would be read."""
    raw = tomllib.loads(FILE.read_text(encoding="utf-8"))
    for place, value in changes:
        *way, last = place.split(".")
        at: Any = raw
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at[step]
        at[last] = value
    with TemporaryDirectory() as folder:
        path = Path(folder, "changed.toml")
        path.write_bytes(tomli_w.dumps(raw).encode())
        return spec.load(str(path))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            [("phases.0.every", 17)],
            r"phases\[0\].every: given 17: what runs would repeat after 17 iterations; at most 16 "
            "are allowed",
        ),
        (
            [("phases.0.every", 3), ("phases.2.every", 12), ("phases.1.every", 4)],
            None,
        ),
        (
            [("phases.0.every", 5)],
            r"phases\[2\].every: given 4 beside phases that repeat after 10: what runs would "
            "repeat after 20 iterations; at most 16 are allowed",
        ),
        (
            [("phases.2.every", 3)],
            r"phases\[2\].reuse.before.phase: phase 'g' comes every 2 iterations and this one "
            "every 3; there has to be one each time",
        ),
    ],
)
def test_refused_in_one_line(changes: list[tuple[str, Any]], says: str | None) -> None:
    if says is None:
        assert changed(*changes).period == 12
        return
    with pytest.raises(SpecError, match=says) as refused:
        changed(*changes)
    assert "\n" not in str(refused.value)


def test_what_runs_in_an_iteration_is_drawn_for_it() -> None:
    """And a shared draw where any phase that names it runs: `noise` with G, `batch` with lazy."""
    workload = changed()
    assert workload.period == 4
    arrays = data.synthetic(workload, 0)
    keys = [set(randomness.draws(workload, 0, i, arrays)) for i in range(5)]
    always = {key for key in keys[1] if key.startswith("d/")}
    critics = {key for key in keys[0] if key.startswith("g/")}
    lazy = {key for key in keys[0] if key.startswith("lazy/")}
    assert all((always, critics, lazy))
    assert keys[1] == keys[3] == always
    assert keys[2] == always | critics | {"shared/noise"}
    assert keys[0] == keys[4] == keys[2] | lazy | {"shared/batch"}


def test_a_shared_draw_comes_where_any_of_its_phases_does() -> None:
    """Every second and every third iteration: also in those where neither is."""
    without = [
        ("phases.2.reuse", {}),
        ("phases.2.every", 3),
        ("phases.2.forwards.0.inputs", ["batch"]),
    ]
    alone = [("phases.2.forwards.0.outputs", ["real"])]
    losses = [{"kind": "mean_score", "scores": "real", "weight": 1.0}]
    workload = changed(*without, *alone, ("phases.2.losses", losses))
    assert workload.draw_table()["shared/noise"].every == 1
    assert workload.draw_table()["shared/batch"].every == 3


def test_samples_are_counted_by_the_runs_of_their_phase() -> None:
    """Iteration 8 is the lazy phase's third: it has the third batch of its epoch's order."""
    workload = changed()
    arrays = {"x": np.arange(64.0 * 40).reshape(40, 8, 8, 1).astype(np.float32)}
    every = changed(*((f"phases.{i}.every", 1) for i in (1, 2)))
    for j in range(5):
        lazy = randomness.draws(workload, 3, 4 * j, arrays)["shared/batch"]
        dense = randomness.draws(every, 3, j, arrays)["shared/batch"]
        np.testing.assert_array_equal(lazy, dense)
        g = randomness.draws(workload, 3, 2 * j, arrays)["shared/noise"]
        np.testing.assert_array_equal(g, randomness.draws(every, 3, j, arrays)["shared/noise"])


@pytest.mark.parametrize("every", [1, 2, 3, 16])
@pytest.mark.parametrize(("first", "n"), [(0, 1), (0, 7), (1, 1), (3, 16), (5, 40), (16, 3)])
def test_runs_and_rows(every: int, first: int, n: int) -> None:
    """Of a draw: those iterations that are multiples; each row belongs to its own."""
    draw = Draw(1, NO_SOURCE, "x", "x", every)
    mine = [i for i in range(first, first + n) if i % every == 0]
    assert [j * every for j in draw.runs(first, n)] == mine
    chunk = {"x": [10 * i for i in mine]}
    rows = randomness.by_iteration({"x": draw}, chunk, first, n)
    wanted = [{"x": 10 * i} if i % every == 0 else {} for i in range(first, first + n)]
    assert rows == wanted
    for start in range(first, first + n + 1):
        part = randomness.within({"x": draw}, chunk, first, start, first + n - start)
        assert part["x"] == [10 * i for i in mine if i >= start]
        assert randomness.within({"x": draw}, chunk, first, start, 0)["x"] == []


@pytest.mark.parametrize("period", [1, 4, 6, 16])
@pytest.mark.parametrize("iterations", [1, 4, 15, 16, 17, 32])
def test_whole_periods(iterations: int, period: int) -> None:
    found = randomness.whole_periods(iterations, period)
    assert found % period == 0
    assert iterations <= found < iterations + period


@pytest.mark.parametrize("counts", [(1,), (3,), (2, 1, 2, 1), (1, 0, 0, 0), (3, 0, 1, 2), (1, 1)])
def test_a_pace_tells_the_iteration_of_every_step(counts: tuple[int, ...]) -> None:
    """Found one by one, and by the gaps, as rows do it."""
    pace = Pace.of(counts)
    owners = [i for i in range(5 * len(counts)) for _ in range(counts[i % len(counts)])]
    assert (pace.steps, pace.period) == (sum(counts), len(counts))
    for step, owner in enumerate(owners):
        place = step % pace.steps
        by_gaps = step // pace.steps * pace.period + sum(d for at, d in pace.gaps if place >= at)
        assert by_gaps == owner
    for i in range(5 * len(counts)):
        assert pace.before(i) == sum(owner < i for owner in owners)


def test_means_are_over_a_period() -> None:
    """Four iterations: eight steps of d, two of g, one lazy; eight samples in each but G's."""
    workload = changed()
    assert workload.updates_per_iteration == (8 + 2 + 1) / 4
    assert workload.images_per_iteration == 8 * (8 + 1) / 4
    assert workload.chunk_iterations() % 4 == 0
    assert workload.mean(8) == 2
    assert isinstance(workload.mean(8), int), "whole where it is"
    whole = changed(*((f"phases.{i}.every", 1) for i in (1, 2)))
    parts = {
        phase.name: whole.model_copy(update={"phases": (phase.model_copy(update={"reuse": {}}),)})
        for phase in whole.phases
    }
    work = {name: iteration_multiply_adds(part) for name, part in parts.items()}
    found = iteration_multiply_adds(workload)
    assert found == work["d"] + work["g"] / 2 + work["lazy"] / 4
    assert workload.reported_every == {
        "d_loss": 1,
        "fakes": 1,
        "g_loss": 2,
        "g_fakes": 2,
        "lazy_loss": 4,
    }


def test_each_iteration_moves_what_runs_in_it_at_its_own_rate() -> None:
    """Plain descent by hand: each step is the iteration's rate times the gradient."""
    sgd = {"kind": "sgd", "learning_rate": 0.5, "momentum": 0.0}
    workload = changed(("optimizers.critic", sgd), ("optimizers.generator", sgd))
    program = load(ORACLE).program(workload, Settings("eager", "float64", "cpu", 4))
    arrays, state = data.synthetic(workload, 0), init_state(workload, 0)
    for i in range(6):
        draws = randomness.draws(workload, 0, i, arrays)
        rate = 0.5 * (1.0 + (0.2 - 1.0) * i / 12)
        by_hand: Arrays = {**state}
        seen: Arrays = {}
        for phase in workload.phases:
            if i % phase.every:
                continue
            for k in range(phase.repeat):
                given = {key: value[min(k, len(value) - 1)] for key, value in draws.items()}
                _, gradients = program.losses_and_gradients(by_hand, phase.name, given, seen)
                if phase.name == "g":
                    noise = draws["shared/noise"][0]
                    seen = {"before": program.apply(by_hand, "generator", noise, train=True)}
                for key, gradient in gradients.items():
                    by_hand[key] = by_hand[key] - rate * gradient
        state, metrics = program.train_step(state, draws, i)
        for key in by_hand:
            if "/dense" in key and not key.startswith("opt"):
                np.testing.assert_allclose(state[key], by_hand[key], rtol=1e-12, atol=1e-14)
        assert set(metrics) == {k for k, n in workload.reported_every.items() if i % n == 0}


def test_a_run_is_its_iterations() -> None:
    """Wherever it begins and ends; metrics have an entry a run, and none where nothing ran."""
    workload = changed()
    program = load(ORACLE).program(workload, Settings("eager", "float64", "cpu", 2))
    placed, state = program.place(data.synthetic(workload, 0)), init_state(workload, 0)
    whole, metrics = program.run(program.import_state(state), placed, 7, 11)
    assert {name: len(values) for name, values in metrics.items()} == {
        name: -(-11 // every) for name, every in workload.reported_every.items()
    }
    live, first = program.import_state(state), 0
    for n in (1, 4, 1, 5):
        live, found = program.run(live, placed, 7, n, first)
        for name, values in found.items():
            every = workload.reported_every[name]
            np.testing.assert_array_equal(
                values, metrics[name][-(-first // every) :][: len(values)]
            )
        first += n
    for key, value in whole.items():
        np.testing.assert_array_equal(live[key], value)
    lengths = [len(chunk["d/x"]) for chunk in program.draws(placed, 7, 7, 3)]
    assert lengths == [1, 4, 2], "blocks are whole periods"
    assert lcm(*(phase.every for phase in workload.phases)) == workload.period


def test_the_files_of_before_have_a_period_of_one() -> None:
    check: Callable[[str], Workload] = spec.load
    periods = {name: check(name).period for name in spec.names()}
    assert periods == dict.fromkeys(periods, 1) | {"wgan": 5}
