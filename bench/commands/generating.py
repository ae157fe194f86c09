"""`generate`: samples of a trained GAN, in any row, from a training in any other."""

from pathlib import Path
from typing import Any

import backends
from backends.protocol import MODES, PRECISIONS, absent_mode
from bench.plan.data_folder import folder_for
from bench.plan.selection import resolve_device, select_one, select_rows
from bench.training import checkpoint, images, keeping, making, samples
from bench.training.facts import Facts
from bench.workers.pool import WorkerFailed, Workers
from spec.errors import UserError

TIMEOUT_S = 1800.0
MOST = 4096
"""Samples of one call: they are one batch."""


def generate(
    run: Path,
    backend: str | None,
    mode: str | None,
    precision: str | None,
    device: str,
    count: int,
    output: Path | None,
    data: Path | None,
    pythons: dict[str, str],
) -> list[Path]:
    """Files written: all samples as .npz, and a grid of each network's that are images."""
    if not 1 <= count <= MOST:
        raise UserError(f"--count: given {count}; allowed: whole numbers from 1 to {MOST:,}")
    path = _checkpoint(run)
    facts, _ = checkpoint.read(path)
    row = select_one("backend", backend or facts.row, backends.names())
    rows, _ = select_rows(row, pythons)
    chosen = resolve_device(device, rows, pythons)
    own_mode = select_one("mode", mode or "compiled", MODES)
    absent = absent_mode(row, own_mode, facts.workload, chosen)
    if absent:
        raise UserError(f"--mode: {row} has no {own_mode} on {chosen}: {absent.reason}")
    own_precision = select_one("precision", precision or facts.precision, PRECISIONS)
    folder = folder_for(data, [facts.workload])
    target = (output or _beside(run, facts, row)).absolute()
    of: dict[str, Any] = {
        "row": row,
        "mode": own_mode,
        "precision": own_precision,
        "device": chosen,
    }
    of |= {"count": count, "folder": str(folder) if folder else None}
    _make(target, path, of, pythons)
    return [target, *_grids(target, facts)]


def _checkpoint(run: Path) -> Path:
    """A file itself; of a run's folder its end, or else the newest that reads well."""
    if not run.is_dir():
        return run
    end = keeping.final(run)
    return end if end.exists() else keeping.newest(run).path


def _beside(run: Path, facts: Facts, row: str) -> Path:
    folder = run if run.is_dir() else run.parent
    return folder / f"generated-{facts.iteration}-{row}.npz"


def _make(target: Path, path: Path, of: dict[str, Any], pythons: dict[str, str]) -> None:
    if target.suffix != ".npz" or target.is_dir():
        raise UserError(f"--output: given {target}; give the path of a .npz file")
    workers = Workers(pythons)
    where = (of["row"], of["precision"], of["device"])
    given = of | {"path": str(path.absolute()), "output": str(target)}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workers.call(where, making.make, given, TIMEOUT_S)
    except WorkerFailed as error:
        raise UserError(f"{path}: no samples in {of['row']}: {error}") from None
    except OSError as error:
        raise UserError(f"--output: cannot write {target}: {error.strerror}") from None
    finally:
        workers.stop()


def _grids(target: Path, facts: Facts) -> list[Path]:
    """A PNG for each network that makes images."""
    ranges = [source.range for source in facts.workload.arrays.values()]
    written = []
    for name, made in samples.read(target).items():
        if ranges and images.is_image(made):
            path = target.with_name(f"{target.stem}-{name}.png")
            path.write_bytes(images.png(images.grid(made, *ranges[0])))
            written.append(path)
    return written
