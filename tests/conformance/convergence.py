"""The Gaussian task to its end: each published seed settles, or fails, as the reference did.

`python -m tests.conformance.convergence 100 0 1 2` writes the reference's curves for a sample
length and seeds; they are committed, so that a backend is compared without running the reference.
"""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import backends
import spec
from backends.protocol import Program, Settings
from bench.proof.closeness import CheckFailed
from spec import randomness
from spec.sources import GaussianStream
from spec.state import init_state
from spec.workload import Workload
from tests.conformance.cases import Case

FOLDER = Path(__file__).parent / "convergence_curves"
SEEDS = {100: (2, 3), 1000: (0, 1)}
"""Sample length -> published seeds."""
NORMAL = {100: (2,)}
"""Those of the normal run, 20 to 60 seconds a row; --full takes all."""
TARGET_MEAN_BAND, TARGET_STD_BAND, PROBABILITY_BAND = 0.25, 0.2, 0.05
PROBE_ROWS = 50


class Round(NamedTuple):
    """What is seen after one round."""

    d_loss: float
    g_loss: float
    d_x: float
    d_g_z: float
    mean: float
    """Mean of generated numbers."""
    std: float
    """Mean over rows of each generated row's standard deviation."""
    z_sensitivity: float
    """Mean absolute difference between samples of different noise: 0 where G ignores z."""


class Outcome(NamedTuple):
    """The verdict over the last tenth of the rounds, by the issue's bands."""

    settled: bool
    ignores_noise: bool
    last_tenth: Round


def workload_of(length: int) -> Workload:
    """The Gaussian workload with samples of another length."""
    layers = spec.load("gaussian").networks["generator"].layers
    changed = [layer.model_dump(mode="json") for layer in layers]
    changed[-1]["units"] = length
    return spec.load(
        "gaussian",
        {
            "generator.input": [length],
            "generator.layers": changed,
            "discriminator.input": [length],
            "noise.shape": [length],
            "data.shape": [length],
        },
    )


def train(program: Program, workload: Workload, seed: int) -> list[Round]:
    """All rounds of the schedule on the spec's own NumPy draws; one Round after each."""
    state = program.import_state(init_state(workload, seed))
    noise = randomness.sample(workload.sources["z"], f"{workload.name}/{seed}/probe", 0, PROBE_ROWS)
    rounds = []
    for i in range(workload.schedule.length):
        state, metrics = program.train_step(state, randomness.draws(workload, seed, i, {}))
        samples = program.generate(state, "generator", noise)
        rounds.append(
            Round(
                **metrics,
                mean=float(samples.mean()),
                std=float(samples.std(axis=1).mean()),
                z_sensitivity=float(np.abs(samples - samples.mean(axis=0)).mean()),
            )
        )
    return rounds


def judge(workload: Workload, rounds: list[Round]) -> Outcome:
    """Settled: mean 4 +- 0.25, std 1.5 +- 0.2, D within 0.05 of 0.5, over the last tenth."""
    target = workload.sources["x"]
    assert isinstance(target, GaussianStream)
    tail = Round(*np.mean(rounds[-len(rounds) // 10 :], axis=0).tolist())
    settled = (
        abs(tail.mean - target.mean) <= TARGET_MEAN_BAND
        and abs(tail.std - target.std) <= TARGET_STD_BAND
        and abs(tail.d_x - 0.5) <= PROBABILITY_BAND
        and abs(tail.d_g_z - 0.5) <= PROBABILITY_BAND
    )
    return Outcome(settled, tail.z_sensitivity < 0.01 * target.std, tail)


def check_convergence(case: Case) -> None:
    """Every published seed settles or fails, and uses or ignores its noise, as in the reference."""
    lengths = SEEDS if case.extra.get("full") else NORMAL
    notes = case.extra.setdefault("notes", {})
    for length, seeds in lengths.items():
        workload = workload_of(length)
        program = case.prepare(workload, case.mode)
        for seed in seeds:
            expected = read(length, seed)
            outcome = judge(workload, train(program, workload, seed))
            notes[f"{length}/{seed}"] = outcome.last_tenth._asdict() | {
                "settled": outcome.settled,
                "ignores_noise": outcome.ignores_noise,
            }
            for verdict in ("settled", "ignores_noise"):
                ours, theirs = getattr(outcome, verdict), expected["outcome"][verdict]
                case.measured.true(
                    ours == theirs,
                    f"length {length}, seed {seed}: {verdict} is {ours}, {theirs} in the reference",
                )


def read(length: int, seed: int) -> dict[str, Any]:
    """The reference's committed curve and outcome; CheckFailed if it is of another spec."""
    path = FOLDER / f"gaussian_{length}_{seed}.json"
    curve = json.loads(path.read_text(encoding="utf-8"))
    if curve["spec_hash"] != workload_of(length).spec_hash:
        raise CheckFailed(f"{path.name} was written for another spec")
    return curve


def main() -> None:
    """Write the reference's curves: arguments are the sample length and the seeds."""
    length, *seeds = (int(word) for word in sys.argv[1:])
    workload = workload_of(length)
    program = backends.load(backends.ORACLE).program(
        workload, Settings("eager", "float64", "cpu", 1)
    )
    FOLDER.mkdir(exist_ok=True)
    for seed in seeds:
        rounds = train(program, workload, seed)
        outcome = judge(workload, rounds)
        written = {
            "workload": workload.name,
            "sample_length": length,
            "seed": seed,
            "spec_hash": workload.spec_hash,
            "outcome": outcome._asdict() | {"last_tenth": outcome.last_tenth._asdict()},
            "columns": Round._fields,
            "rounds": [[round(value, 6) for value in row] for row in rounds],
        }
        path = FOLDER / f"gaussian_{length}_{seed}.json"
        path.write_text(json.dumps(written) + "\n", encoding="utf-8")
        print(f"{path.name}: {outcome}", flush=True)


if __name__ == "__main__":
    main()
