"""What a row says of its device, and its best product."""

import backends
from tests.conformance.cases import Case


def check_device(case: Case) -> None:
    """Versions, device, threads and numerics are told; clocks and memory where there are such."""
    device, true = backends.load(case.row).device, case.measured.true
    program = case.program
    told = device.describe()
    true(bool(told["versions"]) and all(told["versions"].values()), "versions are told")
    true(bool(told["precision"]), "numerics are told")
    true((case.device == "cpu") == (told["device"] == "cpu"), f"on {told['device']}")
    true(told.get("threads") is None or told["threads"] >= 1, "threads are counted")
    stop = device.stopwatch()
    program.block_until_ready(program.import_state(case.first))
    elapsed_s = stop() if stop else None
    true(elapsed_s is None or elapsed_s() > 0, "the device's clock goes forward")
    peak = device.peak_memory_bytes()
    true((peak is None) if case.device == "cpu" else bool(peak), "memory is known of a GPU")
    product = device.matrix_product(64, case.precision, case.device)
    true(product() is None, "a product of two matrices")
