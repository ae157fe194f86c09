"""What runs differ in beside their times: warnings, and the cells that cannot be compared."""

from collections.abc import Iterable, Iterator, Sequence

from bench.results.environment import recorded
from bench.results.reading import Result
from spec.errors import UserError

FAILED = "failed in NEW"
OTHER_ROUNDS = "with other iterations in a round, for want of --rounds-like"


def require_alike(runs: Sequence[Result]) -> None:
    """Runs of one revision on one machine, each its own. UserError for others."""
    if len({run.provenance.time_utc for run in runs}) < len(runs):
        raise UserError("a result was given twice; each has to be a run of its own")
    first, *others = runs
    for other in others:
        found = warnings(first, other, first.cells.keys() & other.cells.keys())
        if first.provenance.git_revision != other.provenance.git_revision:
            found.append("git revision")
        if found:
            raise UserError(f"the runs have to be alike, but differ: {found[0]}")


def require_same_rounds(old: Result, new: Result) -> None:
    """A program's first iterations after another's are slower: short rounds give other times."""
    before, after = old.provenance.turns, new.provenance.turns
    if before != after:
        raise UserError(
            f"blocks of OLD have {before} turns, those of NEW {after}, and shorter rounds give "
            "other times; run NEW with --rounds-like OLD"
        )


def require_same_spread(runs: Sequence[Result], cells: Iterable[str]) -> None:
    """Blocks that lie together share what a machine did then; those of a whole run do not."""
    for cell in cells:
        found = sorted({run.spread_of(cell) for run in runs})
        if len(found) > 1:
            raise UserError(
                f"{cell}: its blocks are spread differently over the runs ({' and '.join(found)}); "
                "a run of several workloads takes them in two halves, one of a single workload and "
                "older versions as a whole; run both sides with this version and the same workloads"
            )


def not_compared(
    old: Sequence[Result], new: Sequence[Result]
) -> tuple[list[str], dict[str, list[str]]]:
    """(cells of all runs with one spec, reason -> the others). UserError where none is left."""
    failed = {failure.id for run in new for failure in run.failures}
    left_out: dict[str, list[str]] = {}
    common = []
    for cell in dict.fromkeys(cell for run in (*old, *new) for cell in run.cells):
        if any(cell not in run.cells for run in new):
            reason = FAILED if cell in failed else "only in OLD"
        elif any(cell not in run.cells for run in old):
            reason = "only in NEW"
        elif len({run.timing(cell).spec_hash for run in (*old, *new)}) > 1:
            reason = "of another spec"
        elif old[0].short_rounds and len({run.rounds.get(cell) for run in (*old, *new)}) > 1:
            reason = OTHER_ROUNDS
        else:
            common.append(cell)
            continue
        left_out.setdefault(reason, []).append(cell)
    if not common:
        counts = ", ".join(f"{len(cells)} {reason}" for reason, cells in left_out.items())
        raise UserError(f"the two results have no cell in common ({counts or 'both are empty'})")
    return common, left_out


def devices(old: Result, new: Result, cell: str, normalised: bool) -> tuple[str, str] | None:
    """What a cell ran on in OLD and in NEW, where these are two; None where speeds compare.

    Control programs make up for another processor, as for a slower hour; not for another card.
    """
    before, after = _device(old, cell), _device(new, cell)
    if before != after:
        return before, after
    one, other = old.provenance.cpu, new.provenance.cpu
    return None if normalised or one == other else (one, other)


def _device(run: Result, cell: str) -> str:
    """A GPU's name; processors are all called cpu."""
    name, kind = run.timing(cell).device_name, run.cells[cell].device
    return name if name != "cpu" else kind


def warnings(old: Result, new: Result, cells: Iterable[str]) -> list[str]:
    """What may explain a difference and is not the project: machine, versions, devices."""
    return list(
        dict.fromkeys(f"{what} {a} -> {b}" for what, a, b in _pairs(old, new, cells) if a != b)
    )


def _pairs(old: Result, new: Result, cells: Iterable[str]) -> Iterator[tuple[str, object, object]]:
    one, other = old.provenance, new.provenance
    yield "turns of a block", one.turns, other.turns
    yield "cpu", one.cpu, other.cpu
    yield "usable CPUs", one.cpus_usable, other.cpus_usable
    for field in ("name", "driver_version"):
        yield f"gpu {field}", (one.gpu or {}).get(field), (other.gpu or {}).get(field)
    yield "system", one.system, other.system
    before, after = recorded(one.environment), recorded(other.environment)
    for name in sorted(before.keys() | after.keys()):
        yield name, before.get(name), after.get(name)
    for cell in cells:
        yield "device", old.cells[cell].device, new.cells[cell].device
        yield "device", old.timing(cell).device_name, new.timing(cell).device_name
        of_old, of_new = old.timing(cell).versions, new.timing(cell).versions
        for package in sorted(of_old.keys() | of_new.keys()):
            yield package, of_old.get(package), of_new.get(package)
