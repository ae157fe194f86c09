"""Small trainings that go wrong, each in its own way: named within one interval, kept, exit 3."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from bench.commands import training
from bench.report import printing
from bench.training import keeping, metrics, worker
from bench.workers.pool import Workers
from tests.bench.training.test_training import CHUNK, judged, plan_in

INTERVALS = 4
ABOUT = {"action": "stop", "reason": "As the tests have it."}
RULES: dict[str, Any] = {
    "diverged": ABOUT | {"loss_above": 1000.0},
    "discriminator_won": ABOUT | {"real_above": 0.99, "generated_below": 0.01},
    "ignores_input": ABOUT | {"spread_below": 0.02},
}
FAST = {f"optimizers.{n}.learning_rate": 10.0 for n in ("generator", "discriminator")}
FAST |= {f"optimizers.{n}.momentum": 0.99 for n in ("generator", "discriminator")}
"""Losses grow a hundred digits an interval, and are not finite in the third."""
WON = {
    "data.mean": 5.0,
    "steps.d_steps": 10,
    "optimizers.discriminator.learning_rate": 0.5,
    "optimizers.generator.learning_rate": 1e-6,
}
DENSE = {
    "kind": "dense",
    "units": 1,
    "bias": True,
    "kernel_init": {"kind": "constant", "value": 1.0},
    "bias_init": {"kind": "constant", "value": 0.0},
}
DEAF = {"generator.layers": [{"kind": "scale", "factor": 0.0, "offset": 0.0}, DENSE]}
"""Its noise is multiplied by 0."""


class Ended(NamedTuple):
    """What a training came to."""

    code: int
    printed: str
    records: list[metrics.Record]

    @property
    def told(self) -> list[tuple[int, str, str]]:
        """(iteration, kind, of) of each verdict of each record."""
        own = [(record["iteration"], record["verdicts"]) for record in self.records]
        return [(at, one["kind"], one["of"]) for at, verdicts in own for one in verdicts]


def ended(
    folder: Path, put: dict[str, Any], goes_on: bool = False, rules: Any = RULES, **other: Any
) -> Ended:
    own = plan_in(folder, **{"iterations": INTERVALS * CHUNK} | other)
    own = replace(own, cell=replace(own.cell, overrides=json.dumps(put | {"stopping": rules})))
    stream = io.StringIO()
    code = training.carry_out(own, printing.console(stream), goes_on=goes_on)
    return Ended(code, stream.getvalue(), metrics.read(folder))


def by_iteration(put: dict[str, Any], n: int) -> dict[str, list[float]]:
    """Each iteration's metrics of the same training, asked of a worker of its own."""
    own = plan_in(Path("none"))
    cell = replace(own.cell, overrides=json.dumps(put))
    workers, given = Workers({}), {"cell": cell.as_dict(), "seed": own.seed, "draws": own.draws}
    try:
        workers.call(cell.where, worker.begin, given, 60.0)
        found = workers.call(cell.where, worker.advance, {"n": n}, 60.0)
    finally:
        workers.stop()
    return dict(found["metrics"])


def interval_of(iteration: int) -> int:
    """The record that an iteration, from 0, belongs to."""
    return (iteration // CHUNK + 1) * CHUNK


def test_one_that_leaves_the_numbers_is_stopped_and_can_be_taken_up(tmp_path: Path) -> None:
    done = ended(tmp_path, FAST, rules={})
    losses = by_iteration(FAST, INTERVALS * CHUNK)
    bad = ~np.isfinite([losses["d_loss"], losses["g_loss"]]).all(axis=0)
    first = interval_of(int(np.argmax(bad)))
    assert bad.any()
    assert CHUNK < first < INTERVALS * CHUNK
    assert (done.code, done.told) == (3, [(first, "not_finite", "tiny")])
    assert done.printed.count("STOPPED: not finite by iteration") == 1
    assert (
        "no checkpoint is made of a state that is not finite; the newest: iteration 0"
        in done.printed
    )
    assert "page: " in done.printed
    assert f"--resume {tmp_path} --keep-going" in done.printed
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "What was noticed" in page
    assert "not finite by iteration" in page
    assert not keeping.final(tmp_path).exists()
    assert keeping.newest(tmp_path).facts.iteration == 0
    again = ended(tmp_path, FAST, goes_on=True, rules={})
    assert (again.code, again.told) == (done.code, done.told)


def test_keep_going_goes_on_after_what_is_not_finite_and_says_it_once(tmp_path: Path) -> None:
    done = ended(tmp_path, FAST, rules={}, keep_going=True)
    assert done.code == 0
    assert done.records[-1]["iteration"] == INTERVALS * CHUNK
    assert len(done.told) == 2
    assert done.printed.count("noted: not finite by iteration") == 1
    assert done.printed.count("no checkpoint is made of a state that is not finite") == 1
    assert "STOPPED" not in done.printed
    assert keeping.newest(tmp_path).facts.iteration == 0


@pytest.fixture(name="spoilt")
def _spoilt(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its first piece a state is said to be not finite; its losses and samples are."""
    call, trained = Workers.call, []

    def answer(self: Workers, where: Any, function: Any, given: Any, timeout_s: float) -> Any:
        trained.extend([1] if function is worker.advance else [])
        if trained and function in (worker.save, worker.finish):
            return {"not_finite": ["generator/dense_0/kernel"]}
        return call(self, where, function, given, timeout_s)

    monkeypatch.setattr(Workers, "call", answer)


@pytest.mark.usefixtures("spoilt")
def test_a_state_that_breaks_in_its_last_step_is_named(tmp_path: Path) -> None:
    done = ended(tmp_path, {}, iterations=CHUNK, rules={})
    assert (done.code, done.told) == (3, [(CHUNK, "not_finite", "tiny")])
    assert "arrays of the state generator/dense_0/kernel" in done.printed


@pytest.mark.usefixtures("spoilt")
@pytest.mark.parametrize(("keep_going", "code"), [(False, 3), (True, 0)])
def test_one_that_breaks_after_the_last_record_is_told(
    tmp_path: Path, keep_going: bool, code: int
) -> None:
    done = ended(tmp_path, {}, rules={}, minutes=1e-9, interval=2 * CHUNK, keep_going=keep_going)
    assert (done.code, done.records) == (code, [])
    assert done.printed.count("no checkpoint is made of a state that is not finite") == 1


def test_one_that_diverges_is_stopped_in_its_first_interval(tmp_path: Path) -> None:
    done = ended(tmp_path, FAST)
    assert done.code == 3
    assert done.told == [(CHUNK, "diverged", f"{name}_loss") for name in ("d", "g")]
    assert judged(tmp_path) == ("not finite", CHUNK)
    assert "STOPPED: diverged: mean d_loss" in done.printed
    assert "in size above 1000, over iterations 1 to 32. As the tests have it." in done.printed
    assert keeping.newest(tmp_path).facts.iteration == CHUNK
    assert keeping.final(tmp_path).exists()


def test_one_whose_discriminator_wins_is_stopped_in_the_interval_where_it_does(
    tmp_path: Path,
) -> None:
    done = ended(tmp_path, WON)
    beliefs = by_iteration(WON, INTERVALS * CHUNK)
    means = {name: np.reshape(v, (INTERVALS, CHUNK)).mean(axis=1) for name, v in beliefs.items()}
    won = (means["d_x"] > 0.99) & (means["d_g_z"] < 0.01)
    first = CHUNK * (int(np.argmax(won)) + 1)
    assert won.any()
    assert first > CHUNK
    assert (done.code, done.told) == (3, [(first, "discriminator_won", "discriminator")])
    assert "STOPPED: discriminator has won: it believes d_x 0.99" in done.printed


def test_one_that_is_deaf_to_its_noise_is_stopped_at_its_first_record(tmp_path: Path) -> None:
    done = ended(tmp_path, DEAF)
    assert (done.code, done.told) == (3, [(CHUNK, "ignores_input", "generator")])
    assert judged(tmp_path) == ("measured", CHUNK)
    assert "generator ignores its input: samples of different inputs have 0.00% of" in done.printed
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "generator ignores its input" in page
    assert "Spread of samples" in page


def test_a_note_stops_nothing(tmp_path: Path) -> None:
    rules = {"ignores_input": RULES["ignores_input"] | {"action": "note"}}
    done = ended(tmp_path, DEAF, rules=rules, iterations=2 * CHUNK)
    assert done.code == 0
    assert len(done.told) == 2
    assert done.printed.count("noted: generator ignores its input") == 1
    assert "as a note" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_nothing_is_said_of_one_that_goes_well(tmp_path: Path) -> None:
    done = ended(tmp_path, {})
    assert (done.code, done.told) == (0, [])
    assert "What was noticed" not in (tmp_path / "page.html").read_text(encoding="utf-8")
