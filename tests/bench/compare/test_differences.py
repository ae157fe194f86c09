"""What keeps runs and cells from being compared, and what is warned of."""

from typing import Any

import pytest

from bench.compare.differences import (
    devices,
    not_compared,
    require_alike,
    require_same_rounds,
    require_same_spread,
    warnings,
)
from bench.results.reading import Result
from spec.errors import UserError
from tests.bench.compare.made import made, result

CELLS = [f"gan-pytorch-mode{i}-float32-b8" for i in range(4)]
GROUP = "gan-float32-b8"


def changed(content: dict[str, Any], **provenance: Any) -> Result:
    content["provenance"] |= provenance
    return Result.model_validate(content)


def of_spec(content: dict[str, Any], cell: str, spec_hash: str) -> dict[str, Any]:
    for benchmark in content["benchmarks"]:
        if benchmark["extra_info"]["cell"] == cell:
            benchmark["extra_info"]["spec_hash"] = spec_hash
    return content


def without(content: dict[str, Any], *cells: str) -> dict[str, Any]:
    content["summary"] = [cell for cell in content["summary"] if cell["id"] not in cells]
    content["benchmarks"] = [b for b in content["benchmarks"] if b["params"]["cell"] not in cells]
    return content


def test_runs_are_alike_but_for_their_time_and_for_cells_that_one_lacks() -> None:
    require_alike([result(1)])
    require_alike([result(1), result(2), result(3, cells=2)])
    with pytest.raises(UserError, match="a result was given twice"):
        require_alike([result(1), result(2), result(1)])


def test_each_run_of_a_side_is_held_against_the_first() -> None:
    other = changed(made(3), git_revision="b" * 40)
    with pytest.raises(UserError, match="differ: git revision"):
        require_alike([result(1), result(2), other])
    other = changed(made(3), git_revision="b" * 40, system="Linux 7")
    with pytest.raises(UserError, match=r"differ: system Linux 6.1 -> Linux 7$"):
        require_alike([result(1), result(2), other])
    content = made(2, cells=2)
    content["benchmarks"][-1]["extra_info"]["versions"] = {"torch": "3"}  # of a block, not the cell
    require_alike([result(1, cells=2), Result.model_validate(content)])
    content["benchmarks"][10]["extra_info"]["versions"] = {"torch": "3"}
    with pytest.raises(UserError, match=r"differ: torch 2.13.0 -> 3"):
        require_alike([result(1, cells=2), Result.model_validate(content)])


def test_blocks_need_the_same_turns() -> None:
    require_same_rounds(result(1), result(2, turns=3))
    require_same_rounds(result(1, turns=5), result(2, turns=5))
    with pytest.raises(UserError, match="OLD have 5 turns, those of NEW 4"):
        require_same_rounds(result(1, turns=5), result(2, turns=4))


def test_blocks_have_to_be_spread_alike_over_all_runs() -> None:
    halves = Result.model_validate(made(3, cells=2) | {"spread": {GROUP: "halves"}})
    require_same_spread([result(1, cells=2), result(2, cells=2)], CELLS[:2])
    require_same_spread([halves, halves], CELLS[:2])
    require_same_spread([result(1), halves], [])
    with pytest.raises(UserError, match=rf"^{CELLS[1]}: .*\(halves and whole\)"):
        require_same_spread([result(1, cells=2), result(2, cells=2), halves], CELLS[1:2])


def test_each_cell_that_is_not_compared_has_its_reason() -> None:
    old, new = made(1, cells=4), of_spec(made(2, cells=4), CELLS[3], "other")
    new["failures"] = [{"id": CELLS[1]}]
    old["failures"] = [{"id": CELLS[2]}]
    runs = [Result.model_validate(one) for one in (old, without(new, CELLS[1], CELLS[2]))]
    assert not_compared(runs[:1], runs[1:]) == (
        [CELLS[0]],
        {"failed in NEW": [CELLS[1]], "only in OLD": [CELLS[2]], "of another spec": [CELLS[3]]},
    )
    assert not_compared(runs[1:], runs[:1]) == (
        [CELLS[0]],
        {"only in NEW": [CELLS[1], CELLS[2]], "of another spec": [CELLS[3]]},
    )


def test_all_runs_of_a_side_need_a_cell_of_one_spec() -> None:
    """A failure counts in any run of NEW."""
    whole = [result(1, cells=3), result(2, cells=3)]
    lacking = without(made(3, cells=3), CELLS[0]) | {"failures": [{"id": CELLS[0]}]}
    third = Result.model_validate(of_spec(lacking, CELLS[1], "other"))
    left_out = {"failed in NEW": [CELLS[0]], "of another spec": [CELLS[1]]}
    assert not_compared(whole[:1], [whole[1], third]) == ([CELLS[2]], left_out)
    left_out = {"only in NEW": [CELLS[0]], "of another spec": [CELLS[1]]}
    assert not_compared([whole[1], third], whole[:1]) == ([CELLS[2]], left_out)


def test_where_no_cell_is_left_they_are_counted() -> None:
    old = result(1, cells=2)
    content = of_spec(without(made(2, cells=3), *CELLS[:2]), CELLS[2], "other")
    with pytest.raises(UserError, match=r"\(2 only in OLD, 1 of another spec\)$"):
        not_compared([result(1, cells=3)], [Result.model_validate(content)])
    with pytest.raises(UserError, match=r"\(both are empty\)$"):
        not_compared([result(1, cells=0)], [result(2, cells=0)])
    assert not_compared([old], [old]) == (CELLS[:2], {})


def test_iterations_of_a_round_count_where_rounds_are_short_alone() -> None:
    for turns, left_out in ((3, {}), (4, {CELLS[0]})):
        old = result(1, cells=2, turns=turns, iterations=8)
        content = made(2, cells=2, turns=turns, iterations=8)
        content["benchmarks"][0]["extra_info"]["iterations_per_round"] = 9
        found = not_compared([old], [Result.model_validate(content)])[1]
        assert {cell for cells in found.values() for cell in cells} == set(left_out)


def on(device: str, name: str, **provenance: Any) -> Result:
    content = made(1)
    content["summary"][0]["device"] = device
    for benchmark in content["benchmarks"]:
        benchmark["extra_info"]["device_name"] = name
    return changed(content, **provenance)


def test_cards_are_told_apart_by_name_and_processors_by_the_machine() -> None:
    card, other, processor = on("cuda", "card A"), on("cuda", "card B"), on("cpu", "cpu")
    elsewhere = on("cpu", "cpu", cpu="two abaci")
    for normalised in (False, True):
        assert devices(card, other, CELLS[0], normalised) == ("card A", "card B")
        assert devices(card, processor, CELLS[0], normalised) == ("card A", "cpu")
        assert devices(on("cuda", "cpu"), processor, CELLS[0], normalised) == ("cuda", "cpu")
        assert devices(card, card, CELLS[0], normalised) is None
    assert devices(processor, elsewhere, CELLS[0], True) is None
    assert devices(processor, elsewhere, CELLS[0], False) == ("an abacus", "two abaci")


def test_everything_that_may_explain_a_difference_is_warned_of_once() -> None:
    """In the order of what matters; of cells that are compared alone."""
    old = on("cpu", "cpu", turns=3, environment={"OMP_NUM_THREADS": "2", "MKL_CBWR": "COMPATIBLE"})
    content = made(2, cells=2, turns=4)
    content["summary"][0]["device"] = "cuda"
    for benchmark in content["benchmarks"]:
        versions = {"torch": "3", "cuda": "13"}
        benchmark["extra_info"] |= {"device_name": "card A", "versions": versions}
    environment = {"MKL_CBWR": "COMPATIBLE", "XLA_FLAGS": "--xla_a", "HOME": "a folder"}
    gpu = {"name": "card A", "driver_version": "5", "more": "x"}
    machine = {"cpu": "two abaci", "cpus_usable": None, "gpu": gpu, "system": "Linux 7"}
    new = changed(content, environment=environment, **machine)
    expected = [
        "turns of a block 3 -> 4",
        "cpu an abacus -> two abaci",
        "usable CPUs 2 -> None",
        "gpu name None -> card A",
        "gpu driver_version None -> 5",
        "system Linux 6.1 -> Linux 7",
        "OMP_NUM_THREADS 2 -> None",
        "XLA_FLAGS None -> --xla_a",
    ]
    assert warnings(old, new, []) == expected
    of_cells = ["device cpu -> cuda", "device cpu -> card A", "cuda None -> 13"]
    assert warnings(old, new, CELLS[:1] * 2) == [*expected, *of_cells, "torch 2.13.0 -> 3"]
    assert warnings(new, new, CELLS[:2]) == []
