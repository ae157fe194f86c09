"""Every check on every row, workload, mode and precision, each in the row's own process."""

from pathlib import Path
from typing import Any

import pytest

from backends.protocol import absent_mode, declared
from bench.workers import WorkerFailed, Workers
from tests.conformance.catalogue import CATALOGUE, Check
from tests.conformance.matrix import Matrix
from tests.conftest import Selection, selection_of

TIMEOUT_S = {"convergence": 3000.0}
DEFAULT_TIMEOUT_S = 900.0


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    selection = selection_of(metafunc.config)
    if "case" in metafunc.fixturenames:
        cases = [case for row in selection.rows for case in _cases(selection, row)]
        metafunc.parametrize("case", cases, ids=["-".join(case) for case in cases])
    if "exchange" in metafunc.fixturenames:
        pairs = [
            (giver, taker, workload)
            for giver in selection.rows
            for taker in selection.rows
            for workload in selection.workloads
            if giver != taker and "float64" in selection.precisions
        ]
        metafunc.parametrize("exchange", pairs, ids=["-".join(pair) for pair in pairs])


def _cases(selection: Selection, row: str) -> list[tuple[str, str, str, str, str]]:
    """(row, precision, workload, mode, check), in the order that keeps one worker busy."""
    cases = []
    for precision in selection.precisions:
        for workload in selection.workloads:
            modes = [m for m in selection.modes if not _absent(selection, row, m, workload)]
            if precision == "float64":
                cases += [(row, precision, workload, m, "mode") for m in selection.modes]
            for i, mode in enumerate(modes):
                cases += [
                    (row, precision, workload, mode, check.name)
                    for check in CATALOGUE
                    if _applies(check, precision, workload, first=i == 0)
                ]
    return cases


def _absent(selection: Selection, row: str, mode: str, workload: str) -> bool:
    return absent_mode(row, mode, workload, selection.device) is not None


def _applies(check: Check, precision: str, workload: str, first: bool) -> bool:
    return (
        check.name != "mode"
        and precision in check.precisions
        and workload in (check.workloads or (workload,))
        and (check.every_mode or first)
        and not (check.name == "modes_agree" and first)
    )


def test_conformance(
    case: tuple[str, str, str, str, str], selection: Selection, workers: Workers, matrix: Matrix
) -> None:
    """The row keeps the promise, or declares that it does not and why."""
    row, precision, workload, mode, check = case
    modes = [m for m in selection.modes if not _absent(selection, row, m, workload)]
    extra = {"first_mode": modes[0], "fastest_mode": modes[-1], "full": selection.full}
    result = _ask(workers, selection, row, precision, workload, mode, check, extra)
    deviation = declared(row, check, mode, workload, selection.device)
    if deviation and result["status"] != "passed":
        result["status"] = deviation.kind
    matrix.add(row, workload, mode, precision, check, result)
    if deviation and result["status"] == deviation.kind:
        pytest.xfail(f"{deviation.kind}: {deviation.reason}")
    if deviation:
        pytest.fail(f"declared as {deviation.kind}, but it passes: delete the deviation")
    if result["status"] != "passed":
        pytest.fail(result["message"], pytrace=False)


def test_exchange(
    exchange: tuple[str, str, str],
    selection: Selection,
    workers: Workers,
    matrix: Matrix,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A state saved by one row is read by another bit for bit, and training goes on from it."""
    giver, taker, workload = exchange
    folder = tmp_path_factory.getbasetemp()
    file = Path(folder) / f"{giver}-{workload}.safetensors"
    for row, check in ((giver, "saves_state"), (taker, "continues_from")):
        if check == "saves_state" and file.exists():
            continue
        modes = [m for m in selection.modes if not _absent(selection, row, m, workload)]
        arguments = (row, "float64", workload, modes[0], check, {"file": str(file)})
        result = _ask(workers, selection, *arguments)
        if result["status"] != "passed":
            pytest.fail(f"{row} {check}: {result['message']}", pytrace=False)
    matrix.add(taker, workload, modes[0], "float64", f"exchange_from_{giver}", result)


def _ask(
    workers: Workers,
    selection: Selection,
    row: str,
    precision: str,
    workload: str,
    mode: str,
    check: str,
    extra: dict[str, Any],
) -> dict[str, Any]:
    arguments = {
        "check": check,
        "row": row,
        "workload": workload,
        "mode": mode,
        "precision": precision,
        "device": selection.device,
        **extra,
    }
    try:
        return workers.call(
            (row, precision, selection.device),
            "tests.conformance.catalogue:perform",
            arguments,
            TIMEOUT_S.get(check, DEFAULT_TIMEOUT_S),
        )
    except WorkerFailed as failure:
        message = f"{failure.kind}: {failure}\n{failure.details}"
        return {"status": "error", "max_error": None, "limit": None, "message": message}
