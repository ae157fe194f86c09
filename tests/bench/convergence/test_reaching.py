"""When the target was reached: so many evaluations in a row, from the first of them."""

from math import inf

import pytest

from bench.convergence.measuring import within
from bench.convergence.reaching import by_row, place, reached
from spec.target import KernelDistanceTarget
from tests.bench.convergence.made import TARGET, of_workload, training


@pytest.mark.parametrize(
    ("seen", "hold", "expected"),
    [
        ("..##", 2, 2),
        ("#.##", 2, 2),
        ("#.#.", 2, None),
        ("####", 3, 0),
        ("", 1, None),
        (".#", 1, 1),
    ],
)
def test_the_first_of_so_many_in_a_row(seen: str, hold: int, expected: int | None) -> None:
    assert place([sign == "#" for sign in seen], hold) == expected


def test_a_time_is_that_of_the_first_evaluation() -> None:
    found = reached(training(3, 70), TARGET)
    assert (found.seed, found.iterations, found.trained) == (3, 70, 80)
    assert found.seconds == pytest.approx(0.7)
    assert found.reached
    assert found.at_end
    assert found.final == {"mean_error": 0.05, "std_error": 0.05}


def test_one_that_never_comes_is_censored() -> None:
    found = reached(training(0, inf), TARGET)
    assert (found.iterations, found.seconds, found.trained) == (inf, inf, 1000)
    assert not found.reached
    assert not found.at_end


def test_one_that_leaves_the_band_has_reached_it_and_is_not_there_at_the_end() -> None:
    made = training(0, 50)
    for values in made.quality.values():
        values[-1:] = [0.05, 0.5]
    made.seconds.append(9.0)
    found = reached(made, TARGET)
    assert found.iterations == 50
    assert not found.at_end


def test_bands_are_open_and_of_sizes() -> None:
    assert within(TARGET, {"mean_error": -0.09, "std_error": 0.09})
    assert not within(TARGET, {"mean_error": 0.1, "std_error": 0.0})
    assert not within(TARGET, {"mean_error": -0.2, "std_error": 0.0})
    assert not within(TARGET, {"mean_error": 0.0, "std_error": -0.2})


@pytest.mark.parametrize("value", [None, float("nan"), inf])
def test_what_is_not_finite_is_not_within(value: float | None) -> None:
    assert not within(TARGET, {"mean_error": value, "std_error": 0.0})


def test_a_distance_is_below() -> None:
    fields = TARGET.model_dump(exclude={"kind", "mean_within", "std_within"})
    target = KernelDistanceTarget(
        kind="kernel_distance", features="components", below=2.0, **fields
    )
    assert within(target, {"kernel_distance": 1.99})
    assert not within(target, {"kernel_distance": 2.0})


def test_rows_have_their_trainings_in_the_order_of_seeds() -> None:
    found = of_workload(one=[10, 20, 30])
    found.rows["one"].trainings.reverse()
    assert [one.iterations for one in by_row(found)["one"]] == [10, 20, 30]
    assert [one.seed for one in by_row(found, (1,))["one"]] == [1]
