"""`generate`: samples of a trained GAN, in any row, from a training in any other."""

from pathlib import Path

import backends
from backends.protocol import MODES, PRECISIONS, absent_mode
from bench.plan.selection import resolve_device, select_one, select_rows
from bench.training import checkpoint, images, keeping, making, samples
from bench.training.facts import Facts
from bench.workers.pool import WorkerFailed, Workers
from spec.errors import UserError
from spec.sources import Digits, Photos

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
    target = (output or _beside(run, facts, row)).absolute()
    _make(target, path, (row, own_mode, own_precision, chosen), count, pythons)
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


def _make(
    target: Path, path: Path, of: tuple[str, str, str, str], count: int, pythons: dict[str, str]
) -> None:
    row, mode, precision, device = of
    if target.suffix != ".npz" or target.is_dir():
        raise UserError(f"--output: given {target}; give the path of a .npz file")
    workers = Workers(pythons)
    given = {"path": str(path.absolute()), "row": row, "mode": mode, "precision": precision}
    given |= {"device": device, "output": str(target)}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workers.call((row, precision, device), making.make, given | {"count": count}, TIMEOUT_S)
    except WorkerFailed as error:
        raise UserError(f"{path}: no samples in {row}: {error}") from None
    except OSError as error:
        raise UserError(f"--output: cannot write {target}: {error.strerror}") from None
    finally:
        workers.stop()


def _grids(target: Path, facts: Facts) -> list[Path]:
    """A PNG for each network that makes images."""
    ranges = [s.range for s in facts.workload.sources.values() if isinstance(s, Digits | Photos)]
    written = []
    for name, made in samples.read(target).items():
        if ranges and images.is_image(made):
            path = target.with_name(f"{target.stem}-{name}.png")
            path.write_bytes(images.png(images.grid(made, *ranges[0])))
            written.append(path)
    return written
