"""From what a person asked `bench run` for to the plan of what is measured."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import backends
import spec
from backends.protocol import DEVICES, MODES, PRECISIONS
from bench.plan.cells import Plan, cells_of, check_data, with_pairs
from bench.plan.controls import controls_of
from bench.plan.data_folder import folder_for
from bench.plan.fitting import describe
from bench.plan.resuming import identity
from bench.plan.selection import overrides, select, select_one, sizes, workloads
from bench.plan.turns import BLOCK_S, MOST_TURNS, TURNS
from bench.workers.pool import ROOT
from spec.errors import UserError

PROOFS = "results/proofs"
"""Where proofs are kept to be recognised by a later run."""
QUICK_BLOCKS = 2
BLOCKS = 10
MOST_BLOCKS = 1000
"""A quarter of an hour for one cell; more is a slip of the keyboard."""


@dataclass(frozen=True)
class Asked:
    """A run's arguments, read: every one of them is possible, whatever rows are installed."""

    workloads: tuple[str, ...]
    """Names and paths."""
    overrides: Mapping[str, Any]
    modes: tuple[str, ...]
    precisions: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    """Empty where each workload has its own."""
    blocks: int
    turns: int
    rounds: Mapping[str, int]
    """Cell's or control's id -> iterations of its rounds, as in another result."""
    quick: bool
    memory: bool
    prove_anew: bool
    folder: Path | None
    """Of real samples, absolute; None where no workload needs one."""

    def lines(self) -> Iterator[str]:
        """For each workload what was understood of it."""
        for name in self.workloads:
            yield describe(name, spec.load(name, self.overrides), self.batch_sizes)


def read_arguments(
    *,
    workload: str,
    backend: str,
    mode: str | None,
    precision: str,
    batch_size: str,
    device: str,
    put: Sequence[str],
    blocks: int | None,
    turns: int | None,
    like: tuple[int, dict[str, int]] | None,
    quick: bool,
    memory: bool,
    prove_anew: bool = False,
    data: Path | None = None,
) -> Asked:
    """What was asked for, with the data loaded once. UserError for the first that is wrong.

    `like` has the turns and rounds of a result that this run is to be compared with.
    """
    select("backend", backend, backends.names())
    found = overrides(put)
    names = workloads(workload, found)
    usual_mode = "compiled" if quick else "all"
    modes = select("mode", mode if mode is not None else usual_mode, MODES)
    precisions = select("precision", precision, PRECISIONS)
    batches = sizes(batch_size)
    select_one("device", device, ("auto", *DEVICES))
    if blocks is not None and not 1 <= blocks <= MOST_BLOCKS:
        raise UserError(f"--blocks: given {blocks}; allowed: whole numbers from 1 to {MOST_BLOCKS}")
    cut, rounds = _rounds(turns, like)
    folder = folder_for(data, [spec.load(name, found) for name in names])
    check_data(names, batches, found, folder)
    usual = QUICK_BLOCKS if quick else BLOCKS
    return Asked(
        names,
        found,
        modes,
        precisions,
        batches,
        blocks or usual,
        cut,
        rounds,
        quick,
        memory,
        prove_anew,
        folder,
    )


def _rounds(
    turns: int | None, like: tuple[int, dict[str, int]] | None
) -> tuple[int, dict[str, int]]:
    """(turns of a block, iterations of the rounds that are to be as in another result)."""
    if like is not None:
        return like
    if turns is not None and not 1 <= turns <= MOST_TURNS:
        raise UserError(f"--turns: given {turns}; allowed: whole numbers from 1 to {MOST_TURNS}")
    return turns or TURNS, {}


def plan_of(
    asked: Asked, rows: tuple[str, ...], device: str, pythons: dict[str, str], folder: Path
) -> Plan:
    """The cells of these rows on this device, and how they are timed. UserError without a cell."""
    cells, absent = cells_of(
        asked.workloads,
        rows,
        asked.modes,
        asked.precisions,
        asked.batch_sizes,
        device,
        asked.overrides,
        asked.folder,
    )
    if not cells:
        raise UserError(f"nothing to measure: {'; '.join(a.reason for a in absent)}")
    cells = cells if asked.quick else with_pairs(cells)
    return Plan(
        cells=cells,
        absent=absent,
        blocks=asked.blocks,
        turns=asked.turns,
        round_s=BLOCK_S / asked.turns,
        seed=time.time_ns() % 2**32,
        pythons=pythons,
        folder=str(folder),
        costs=asked.memory or not asked.quick,
        memory=asked.memory,
        identity=identity(cells),
        controls=() if asked.quick else controls_of(cells, twice=asked.turns > TURNS),
        rounds=dict(asked.rounds),
        proofs=str(ROOT / PROOFS),
        prove_anew=asked.prove_anew,
    )


def output_path(output: Path | None) -> Path:
    """Where the result goes; refused now rather than after an hour."""
    if output is None:
        name = time.strftime("bench-%Y%m%d-%H%M%S.json", time.gmtime())
        return ROOT / "results" / name
    if output.suffix != ".json" or output.is_dir():
        raise UserError(f"--output: given {output}; give the path of a .json file")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        for path in (output, records_folder(output), output.with_suffix(".html")):
            if path.exists():  # a name that is too long says so
                raise UserError(f"--output: {path} exists; give another path or remove it")
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    except OSError as error:
        raise UserError(f"--output: cannot write {output}: {error.strerror}") from None
    return output.absolute()


def records_folder(target: Path) -> Path:
    """Where the records of a run lie, beside its result."""
    return target.with_suffix(".records")
