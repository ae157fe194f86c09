"""Sections about what speed costs: compiling, memory, latency, the ceiling, effort."""

from typing import Any

from bench.report.groups import Result, Summary, cells
from bench.report.numbers import number, percent, seconds, size
from bench.report.panels import Measure, Shown, measured, panels
from bench.report.parts import Figure, Section
from bench.report.plots import PERCENT, PLAIN


def cost(cell: Summary, name: str) -> Any:
    """One of a cell's costs; None where it was not measured."""
    return (cell.get("cost") or {}).get(name)


def break_even(result: Result) -> Section | None:
    """After how many iterations a longer first step has paid."""

    def iterations(cell: Summary) -> float | None:
        return cost(cell, "break_even_iterations")

    unit = "iterations until the first step has paid"
    figures = panels(result, iterations, number, unit, log=True, ticks="~s")
    tables = measured(result, "Break-even", {"iterations": (iterations, number)})
    words = [
        "After how many iterations compiling has paid for itself, against the row's eager mode: a "
        "shorter run is served better by eager. 0: the first step takes no longer. Cells that "
        "never get there, and rows without an eager mode, are left out."
    ]
    return Section("break-even", "Break-even", words, figures, tables) if tables else None


def memory(result: Result) -> Section | None:
    """Peak memory; what kind of peak stands beside it."""

    def peak(cell: Summary) -> float | None:
        return cost(cell, "peak_memory_bytes")

    figures = panels(result, lambda c: _in_gib(peak(c)), _gib, "GiB at the peak", ticks=PLAIN)
    columns: dict[str, tuple[Measure, Shown]] = {
        "peak": (peak, size),
        "before training": (lambda cell: cost(cell, "imported_bytes"), size),
    }
    tables = measured(result, "Peak memory", columns)
    kinds = sorted({cost(c, "peak_memory_kind") for c in cells(result) if peak(c) is not None})
    words = [KINDS.get(kind, str(kind)) for kind in kinds]
    return Section("memory", "Memory", words, figures, tables) if figures else None


KINDS = {
    "process": "The peak of a process that trains the cell and does nothing else: interpreter, "
    "framework and data are in it, memory of a GPU is not.",
    "allocator": "The peak is what the framework's allocator gave out on the device.",
}


def _in_gib(count: float | None) -> float | None:
    return None if count is None else count / 2**30


def _gib(count: float) -> str:
    return size(count * 2**30)


def energy(result: Result) -> Section | None:
    """Joules of an iteration, where the device counts them."""

    def joules(cell: Summary) -> float | None:
        return cost(cell, "energy_j_per_iteration")

    tables = measured(result, "Energy", {"joules an iteration": (joules, number)})
    figures = panels(result, joules, number, "joules an iteration", ticks=PLAIN)
    words = [
        "What the GPU's own counter (NVML) rose by in the timed rounds, idle power included; the "
        "rest of the machine is not in it."
    ]
    return Section("energy", "Energy", words, figures, tables) if figures else None


def latency(result: Result) -> Section | None:
    """Time of generating a batch of samples."""
    sizes = sorted(
        {int(count) for cell in cells(result) for count in cost(cell, "latency_s") or {}}
    )
    figures: list[Figure] = []
    columns: dict[str, tuple[Measure, Shown]] = {}
    for count in sizes:
        columns[f"{count} at a time"] = (_latency_of(count), seconds)
        measure, unit = _in_ms(_latency_of(count)), f"milliseconds to generate {count}"
        for figure in panels(result, measure, _ms, unit, ticks=PLAIN):
            figures.append(Figure(f"{figure.title}: {count} at a time", figure.svg))
    tables = measured(result, "Latency of generate", columns) if columns else []
    words = ["One call of the generator in eval mode, from NumPy to NumPy."]
    return Section("latency", "Latency of generate", words, figures, tables) if figures else None


def _latency_of(count: int) -> Measure:
    return lambda cell: (cost(cell, "latency_s") or {}).get(str(count))


def _in_ms(measure: Measure) -> Measure:
    def scaled(cell: Summary) -> float | None:
        value = measure(cell)
        return None if value is None else 1000 * value

    return scaled


def _ms(value: float) -> str:
    return seconds(value / 1000)


def ceiling(result: Result) -> Section | None:
    """GFLOP/s, and their share of the best matrix product of any row."""

    def share(cell: Summary) -> float | None:
        return cost(cell, "ceiling_share")

    columns: dict[str, tuple[Measure, Shown]] = {
        "GFLOP/s": (lambda cell: cost(cell, "gflop_per_s"), number),
        "of the ceiling": (share, percent),
    }
    tables = measured(result, "GFLOP/s", columns)
    figures = panels(result, share, percent, "share of the ceiling", ticks=PERCENT)
    found = result.get("ceilings") or {}
    reached = [f"{row} {number(of['gflop_per_s'])} ({of['size']})" for row, of in found.items()]
    words = [
        "The ceiling is the best product of two square matrices that any row reached on this "
        "device, in the same precision. What is far below it waits for dispatch, memory or small "
        "shapes, not for arithmetic.",
    ]
    if reached:
        words.append(f"Best products in GFLOP/s (size): {', '.join(reached)}.")
    return Section("ceiling", "Share of the ceiling", words, figures, tables) if tables else None
