"""Who is asked whether a GAN leaves the finite numbers elsewhere too, and what that says."""

from typing import Any

import pytest

from bench.plan.cells import Cell
from bench.proof import oracles
from bench.proof.group import DIVERGES
from bench.timing import leaving
from bench.timing.cell import train_on


def cell(row: str, mode: str = "eager") -> Cell:
    own = "".join(row)  # equal to the others' and another object, as from a file
    return Cell("mlp_small", own, mode, "float32", "cpu", 8, "mlp_small")


class Training:
    """Workers by row: where training leaves the finite numbers there, if it does."""

    def __init__(self, **left_at: int | None) -> None:
        self.left_at = left_at
        self.asked: list[tuple[Any, Any, dict[str, Any], float]] = []

    def call(self, where: Any, function: Any, given: dict[str, Any], timeout_s: float) -> Any:
        """So many iterations, or fewer."""
        self.asked.append((where, function, given, timeout_s))
        left_at = self.left_at[where[0]]
        return {"iterations": left_at or given["n"], "left_at": left_at}


def test_one_cell_of_each_other_row_is_asked() -> None:
    cells = [cell("pytorch"), cell("flax_nnx"), cell("pytorch", "compiled"), cell("reference")]
    found = leaving.others(cell("pytorch", "multistep"), cells)
    assert found == [cells[1], cells[3]]
    two = [cell("flax_nnx", mode) for mode in ("eager", "compiled")]
    assert leaving.others(cell("pytorch"), two) == [two[1]]
    assert leaving.others(cell("pytorch"), [cell("pytorch")]) == []


@pytest.mark.parametrize(
    ("flax", "reference", "kind", "said"),
    [
        (60, 55, DIVERGES, "at iteration 40, flax_nnx eager at 60, reference eager at 55"),
        (None, 55, "left", "at iteration 40; flax_nnx eager was finite to iteration 80"),
        (
            None,
            None,
            "left",
            "at iteration 40; flax_nnx eager was finite to iteration 80, "
            "reference eager was finite to iteration 80",
        ),
    ],
)
def test_a_gan_diverges_where_all_leave(
    flax: int | None, reference: int | None, kind: str, said: str
) -> None:
    """Twice as many iterations are tried, for a minute at most."""
    workers: Any = Training(flax_nnx=flax, reference=reference)
    beside = [cell("flax_nnx"), cell("reference")]
    nobody: Any = None
    own = cell("pytorch", "compiled")
    failure = leaving.reason(own, 40, beside, workers, nobody)
    assert failure.kind == kind
    assert str(failure) == f"pytorch compiled left the finite numbers {said}"
    expected = [
        (one.where, train_on, {"cell_id": one.id, "n": 80, "seconds": 60.0}, 300.0)
        for one in beside
    ]
    assert workers.asked == expected


def test_without_another_row_the_reference_is_asked() -> None:
    own, reference = cell("pytorch"), Training(reference=7)
    nobody: Any = None
    given: Any = reference
    failure = leaving.reason(own, 5, [], nobody, given)
    assert failure.kind == DIVERGES
    assert str(failure).endswith("at iteration 5, the reference at 7")
    told = {"cell": own.as_dict(), "n": 10, "seconds": 60.0}
    assert reference.asked == [(oracles.where(0), oracles.train, told, 300.0)]
