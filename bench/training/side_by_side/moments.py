"""The section of samples: images in a table, or histograms of rows of numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from bench.report.parts import Figure, Pictures, Section
from bench.training import samples
from bench.training.side_by_side import charts, pictures
from bench.training.side_by_side.grouping import Group, sampled
from bench.training.side_by_side.pictures import Budget
from bench.training.side_by_side.reading import Trained

MOST_COLUMNS = 8
"""Trainings whose samples stand side by side."""
MOST_NETWORKS = 4
"""Networks whose samples are shown."""
NAME, TITLE = "samples", "Samples from the same inputs"
Arrays = Mapping[str, NDArray[Any]]


def section(group: Group, budget: Budget) -> Section:
    """Samples of every training at iterations that all have; words where something is missing."""
    having = {label: one for label, one in group.trainings.items() if one.samples}
    without = [f"{label} has no samples." for label in group.trainings if label not in having]
    moments = sampled(group)
    if not moments:
        return Section(NAME, TITLE, [*without, "There is no iteration at which all have samples."])
    some = {label: having[label] for label in list(having)[:MOST_COLUMNS]}
    left_out = _left_out(list(having), MOST_COLUMNS)
    return _shown(some, moments, budget, [*without, *left_out])


def _left_out(names: Sequence[str], most: int) -> list[str]:
    """A sentence, where there are more than are shown."""
    rest = names[most:]
    return [f"Left out, as there is room for {most}: {', '.join(rest)}."] if rest else []


def _shown(
    some: Mapping[str, Trained], moments: Sequence[int], budget: Budget, words: list[str]
) -> Section:
    first = next(iter(some.values()))
    beside, made = first.beside(), first.arrays(first.samples[moments[-1]])
    networks = list(pictures.shown(made))
    words = [*words, *_left_out(networks or list(made), MOST_NETWORKS)]
    if networks:
        told, figures, tables = _images(some, moments, networks, pictures.shown(beside), budget)
        return Section(NAME, TITLE, [*words, *told], figures, pictures=tables)
    figures = _histograms(some, moments[-1], beside, made)
    told = [f"After {moments[-1]:,} iterations, the last at which all have samples."]
    nothing = ["They are neither images nor rows of numbers beside real ones, and are not shown."]
    return Section(NAME, TITLE, [*words, *(told if figures else nothing)], figures)


def _images(
    some: Mapping[str, Trained],
    moments: Sequence[int],
    networks: Sequence[str],
    real: Arrays,
    budget: Budget,
) -> tuple[list[str], list[Figure], list[Pictures]]:
    """(words, real samples, a table for each network), as far as the page has room."""
    range_ = pictures.values(real)
    if range_ is None:
        return ["No real samples lie beside them, so that nobody knows black and white."], [], []
    words = [
        f"{pictures.SAMPLES} of each. Black is {range_[0]:.3g} and white {range_[1]:.3g}, the "
        "smallest and the largest number of the real samples that are shown."
    ]
    tables = []
    for network in networks[:MOST_NETWORKS]:
        lines = budget.lines(len(some))
        if lines:
            chosen = samples.some(moments, lines)
            tables.append(pictures.table(some, chosen, network, range_))
            words.append(
                f"{network}: {len(chosen)} of the {len(moments)} iterations at which all have some."
            )
        else:
            words.append(f"Left out, as the page is full: samples of {network}.")
    return words, pictures.figures(real, range_) if tables else [], tables


def _histograms(
    some: Mapping[str, Trained], iteration: int, beside: Arrays, made: Arrays
) -> list[Figure]:
    """Of each network, in each training, beside real rows and the network's own noise."""
    real = [array for name, array in beside.items() if "/" not in name and array.ndim == 2]
    figures = []
    for network in list(made)[:MOST_NETWORKS]:
        noise = [array for name, array in beside.items() if name.startswith(f"{network}/")]
        own = {
            f"{network} in {label}": array
            for label, one in some.items()
            if (array := one.arrays(one.samples[iteration]).get(network)) is not None
            and array.ndim == 2
        }
        if real and noise and own:
            figures += charts.of_numbers(real[0], noise[0], own)
    return figures
