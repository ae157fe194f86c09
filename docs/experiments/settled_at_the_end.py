"""Which trainings of `gaussian` end settled, by ADR 4's bands over the last tenth, D's belief too.

`python -m docs.experiments.settled_at_the_end constant.json linear.json`, of files that
`nox -s converge -- --workload gaussian --to-end` wrote.
"""

import sys
from pathlib import Path
from statistics import fmean

from bench.convergence import results
from bench.convergence.results import Training
from bench.report.streams import line

BANDS = {"mean_error": 0.25, "std_error": 0.2}
BELIEF = 0.05
"""Of D(x) and D(G(z)) about 0.5."""


def last_tenth(values: list[float | None]) -> float:
    """The mean; not a number where one is not."""
    tail = values[-max(1, len(values) // 10) :]
    return fmean(float("nan") if value is None else value for value in tail)


def settled(training: Training, with_belief: bool) -> bool:
    """Mean and deviation within their bands; D undecided too, where that is asked."""
    near = all(abs(last_tenth(training.quality[name])) <= band for name, band in BANDS.items())
    beliefs = [last_tenth(training.metrics[name]) for name in ("d_x", "d_g_z")]
    return near and (not with_belief or all(abs(one - 0.5) <= BELIEF for one in beliefs))


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        for row, of in results.read(path).workloads["gaussian"].rows.items():
            counts = [sum(settled(one, asked) for one in of.trainings) for asked in (False, True)]
            line(
                f"{path.name} {row}: of {len(of.trainings)} seeds {counts[0]} end within the bands "
                f"of mean and deviation, {counts[1]} with D undecided too"
            )
