"""Checks of `run`, the timed path: its draws, its results, its modes, its bits."""

import sys
from itertools import chain
from math import prod
from pathlib import Path
from types import FrameType

import numpy as np

import backends
from bench.proof.sensitivity import parameter_of
from bench.proof.timed_path import prove_run
from spec import data, tolerances
from spec.sources import (
    GaussianStream,
    Labels,
    Mask,
    NormalNoise,
    PartOf,
    Slots,
    UniformNoise,
)
from tests.conformance.cases import CHUNK, SEED, Case

RUN_ITERATIONS = {"float64": 5, "float32": 3}
"""Two chunks and a remainder, or one and a remainder: rounding grows faster below float64."""


DRAWN_ITERATIONS, EPOCH_BATCHES = 9, 3
"""Of the check of draws: chunks of two begin within epochs, end within them, and lie across two;
three epochs are whole."""
CUT = 5
"""Iterations until the draws are cut in two: within a chunk, and within an epoch."""

LONGEST_PIECE = 5
"""Iterations of a period that one run of it goes through, and then one more."""

DISTINCT = 100
"""Numbers from which on two masks of one rate are practically never the same."""


def iterations(case: Case) -> int:
    """Of a run: at least each place of a period, and the first once more."""
    return max(RUN_ITERATIONS[case.precision], case.workload.period + 1)


def pieces(period: int, mode: str) -> list[tuple[int, int]]:
    """(first iteration, length) of the runs that go through a period and begin the next one.

    Rounding grows with each iteration, so a long period is cut, each piece from a state of its own.
    What hands a whole period to the device also runs one.
    """
    if period <= LONGEST_PIECE:
        return [(0, period + 1)]
    starts = range(0, period, LONGEST_PIECE)
    cut = [(start, min(LONGEST_PIECE, period - start) + 1) for start in starts]
    return [*cut, (0, period + 1)] if mode == "multistep" else cut


def check_run(case: Case) -> None:
    """`run(n)`, the timed path, against the reference fed exactly the draws that it used."""
    period, placed = case.workload.period, case.program.place(case.arrays)
    for start, length in pieces(period, case.mode):
        prove_run(
            case.program,
            case.workload,
            placed,
            precision=case.precision,
            seed=SEED,
            n=iterations(case) if period <= LONGEST_PIECE else length,
            start=start,
            measured=case.measured,
        )


def check_draws(case: Case) -> None:
    """The draws of `run` are full, fresh batches: shapes, ranges, epochs, no repetition."""
    n, arrays = DRAWN_ITERATIONS, data.synthetic(case.workload, SEED, EPOCH_BATCHES)
    placed = case.program.place(arrays)
    seeds = [list(case.program.draws(placed, seed, n)) for seed in (SEED, SEED + 1)]
    fresh: dict[tuple[str, tuple[int, ...]], list[np.ndarray]] = {}
    orders: dict[str, list[int]] = {}
    for key, draw in case.workload.draw_table().items():
        source, name = draw.source, draw.name
        drawn, other = (
            np.concatenate([chunk[key] for chunk in chunks]).astype(np.float64) for chunks in seeds
        )
        batch = case.workload.schedule.batch_size
        lead = (len(draw.runs(0, n)), draw.repeat, batch)
        case.measured.true(drawn.shape == (*lead, *source.shape), f"{key} is {drawn.shape}")
        one_choice = isinstance(source, Slots) and source.classes == batch == 1
        seeded = one_choice or not np.array_equal(drawn, other)
        case.measured.true(seeded, f"{key} depends on the seed")
        samples = drawn.reshape(-1, *source.shape)
        if isinstance(source, Labels):
            _check_labels(case, key, samples, source.classes)
        elif isinstance(source, Slots):
            _check_slots(case, key, drawn.reshape(-1, batch), source.classes)
        elif isinstance(source, PartOf):
            own = arrays[name].astype(np.float64)[orders[draw.order]]
            same = np.array_equal(samples, own)
            case.measured.true(same, f"{key}: each part belongs to the sample beside it")
        elif isinstance(source, UniformNoise | NormalNoise | GaussianStream | Mask):
            _check_distribution(case, key, source, samples)
            if isinstance(source, GaussianStream) and source.sorted:
                rising = bool((np.diff(samples, axis=-1) >= 0).all())
                case.measured.true(rising, f"{key}: each row is sorted")
            if isinstance(source, Mask) and prod(source.shape) < DISTINCT:
                continue  # two fresh masks of few numbers may well be the same
            both = np.concatenate([samples, other.reshape(samples.shape)])
            fresh.setdefault((source.kind, source.shape), []).append(both)
        else:
            array = arrays[name].astype(np.float64)
            orders[key] = _indices(case, key, samples, array)
            if source.sampling == "with_replacement":
                _check_choice(case, key, orders[key], len(array))
            else:
                _check_epochs(case, key, orders[key], len(array) // batch * batch)
    for (kind, _), parts in fresh.items():
        rows = np.concatenate(parts).reshape(sum(len(part) for part in parts), -1)
        distinct = len(np.unique(rows, axis=0))
        where = f"{kind}: every sample is fresh, in every phase, iteration and seed"
        case.measured.true(distinct == len(rows), where)
    cut = [case.program.draws(placed, SEED, *of) for of in ((CUT,), (n - CUT, CUT))]
    cuts = list(chain.from_iterable(cut))
    for key in case.workload.draw_table():
        whole, again = (np.concatenate([c[key] for c in of]) for of in (seeds[0], cuts))
        case.measured.true(np.array_equal(whole, again), f"{key}: the same however they are cut")


def check_cut_run(case: Case) -> None:
    """A run that is cut and goes on has the draws of a whole one, and ends at its state.

    Bit for bit on a CPU where a dispatch is one iteration or the cut lies between two; elsewhere
    as closely as modes agree.
    """
    n, placed = 2 * case.block, case.program.place(case.arrays)
    whole, _ = case.program.run(case.program.import_state(case.first), placed, SEED, n)
    expected = case.program.export_state(whole)
    every = case.workload.reported_every
    for cut in (case.block, case.block + 1):
        state = case.program.import_state(case.first)
        state, early = case.program.run(state, placed, SEED, cut)
        state, late = case.program.run(state, placed, SEED, n - cut, cut)
        for name, apart in every.items():
            lengths = [len(of.get(name, ())) for of in (early, late)]
            runs = -(-cut // apart), -(-n // apart)
            right = lengths == [runs[0], runs[1] - runs[0]]
            case.measured.true(right, f"{name} of {lengths} iterations, cut before {cut}")
        exact = case.device == "cpu" and (case.mode != "multistep" or cut % case.block == 0)
        limit = tolerances.CEILING[case.precision, "iteration"]
        limit = tolerances.limit(case.precision, "exact") if exact else limit
        found = case.program.export_state(state)
        case.measured.tensors(found, expected, limit, f"cut before iteration {cut}:")


def check_modes_agree(case: Case) -> None:
    """A mode uses the same draws as the row's first one, and ends at the same state.

    But for parameters without a gradient, which follow rounding: `run` has limits of their own.
    """
    other, n = case.prepare(case.workload, case.extra["first_mode"]), iterations(case)
    states, chunks = [], []
    for program in (case.program, other):
        placed = program.place(case.arrays)
        live, _ = program.run(program.import_state(case.first), placed, SEED, n)
        states.append(program.export_state(live))
        chunks.append(list(program.draws(placed, SEED, n)))
    for one, two in zip(*chunks, strict=True):
        case.measured.tensors(one, two, tolerances.limit(case.precision, "exact"), "draw")
    limit = tolerances.CEILING[case.precision, "iteration"]
    alone = case.undetermined(n)
    one, two = (
        {key: value for key, value in state.items() if parameter_of(key) not in alone}
        for state in states
    )
    case.measured.tensors(one, two, limit, "state")


def check_same_seed(case: Case) -> None:
    """The same seed twice gives the same bits."""
    runs = []
    for _ in range(2):
        placed = case.program.place(case.arrays)
        live = case.program.import_state(case.first)
        live, _ = case.program.run(live, placed, SEED, iterations(case))
        runs.append(case.program.export_state(live))
    case.measured.tensors(runs[0], runs[1], tolerances.limit(case.precision, "exact"), "state")


def check_compiled(case: Case) -> None:
    """A warm run goes through no layer's Python code, but in eager mode, which does nothing else.

    Numbers say nothing of it: a compiled mode that runs as eager computes the same.
    """
    program, placed = case.program, case.program.place(case.arrays)
    state, _ = program.run(program.import_state(case.first), placed, SEED, CHUNK)
    folder = Path(backends.__file__).parent / case.row.partition("-")[0]
    asked: list[str] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_filename == str(folder / "networks.py"):
            asked.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        program.block_until_ready(program.run(state, placed, SEED, CHUNK))
    finally:
        sys.setprofile(None)
    eager = case.mode == "eager"
    case.measured.true(bool(asked) == eager, f"{case.mode}: layers were called: {asked[:3]}")


def _check_distribution(
    case: Case,
    key: str,
    source: UniformNoise | NormalNoise | GaussianStream | Mask,
    samples: np.ndarray,
) -> None:
    """Mean and standard deviation within six standard errors of what the source says."""
    if isinstance(source, UniformNoise):
        low, high = source.low, source.high
        mean, std = (low + high) / 2, (high - low) / 12**0.5
        inside = bool((samples >= low).all() and (samples < high).all())
        case.measured.true(inside, f"{key} lies in [{low}, {high})")
    elif isinstance(source, Mask):
        case.measured.true(bool(np.isin(samples, (0.0, 1.0)).all()), f"{key} is 0 or 1")
        mean, std = 1.0 - source.rate, (source.rate * (1.0 - source.rate)) ** 0.5
    else:
        mean, std = source.mean, source.std
    error = 6 * std / samples.size**0.5
    case.measured.within(abs(float(samples.mean()) - mean), error, f"mean of {key}")
    case.measured.within(abs(float(samples.std()) - std), 2 * error, f"deviation of {key}")


def _indices(case: Case, key: str, samples: np.ndarray, array: np.ndarray) -> list[int]:
    known = {row.tobytes(): i for i, row in enumerate(array)}
    indices = [known.get(row.tobytes(), -1) for row in samples]
    case.measured.true(-1 not in indices, f"{key}: every sample is one of the data's")
    return indices


def _check_slots(case: Case, key: str, batches: np.ndarray, size: int) -> None:
    """Places of a pool: none twice in a batch, and not always the same."""
    known = bool(((batches >= 0) & (batches < size) & (batches % 1 == 0)).all())
    case.measured.true(known, f"{key}: places of a pool of {size}")
    distinct = all(len(set(batch)) == len(batch) for batch in batches.tolist())
    case.measured.true(distinct, f"{key}: no place twice in a batch")
    fresh = len(np.unique(batches, axis=0))
    case.measured.true(size < 3 or fresh > 1, f"{key}: {fresh} choices in {len(batches)}")


def _check_labels(case: Case, key: str, labels: np.ndarray, classes: int) -> None:
    """Whole numbers, of every class; their mean is the middle."""
    whole = bool((labels == np.round(labels)).all() and (labels >= 0).all())
    case.measured.true(whole and bool((labels < classes).all()), f"{key}: 0 to {classes - 1}")
    error = 6 * (((classes**2 - 1) / 12) / labels.size) ** 0.5
    case.measured.within(abs(float(labels.mean()) - (classes - 1) / 2), error, f"mean of {key}")


def _check_choice(case: Case, key: str, indices: list[int], size: int) -> None:
    """Independent choices: some repeat before all have come, and their mean is the middle."""
    repeats = len(set(indices[:size])) < min(size, len(indices))
    case.measured.true(repeats, f"{key}: with replacement, samples repeat within an epoch's length")
    error = 6 * (((size**2 - 1) / 12) / len(indices)) ** 0.5
    case.measured.within(abs(float(np.mean(indices)) - (size - 1) / 2), error, f"mean of {key}")


def _check_epochs(case: Case, key: str, indices: list[int], epoch: int) -> None:
    for start in range(0, len(indices), epoch):
        part = indices[start : start + epoch]
        case.measured.true(len(set(part)) == len(part), f"{key}: an epoch repeats no sample")
    starts = range(0, len(indices) - epoch + 1, epoch)
    orders = [tuple(indices[start : start + epoch]) for start in starts]
    differ = len(set(orders)) == len(orders)
    case.measured.true(differ and indices != sorted(indices), f"{key}: each epoch is shuffled")
