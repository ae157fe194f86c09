"""What a row says of its device, and its best product."""

from typing import Any
from unittest.mock import patch

import backends
from tests.conformance.cases import Case


def numerics(row: str, precision: str) -> dict[str, Any]:
    """What a row must have set before it computes: TF32 is off, and float64 where it is asked."""
    jax: dict[str, Any] = {
        "jax_enable_x64": precision == "float64",
        "jax_default_matmul_precision": "highest",
    }
    return {
        "pytorch": {"cuda.matmul.fp32_precision": "ieee", "cudnn.conv.fp32_precision": "ieee"},
        "flax_nnx": jax,
        "keras3-jax": {"keras.floatx": precision, **jax},
        "keras3-tensorflow": {"keras.floatx": precision, "tensor_float_32_execution": False},
    }[row]


ASKED: dict[str, tuple[str, dict[Any, bool]]] = {
    "pytorch": ("torch.cuda.is_available", {True: True, False: False}),
    "flax_nnx": ("jax.default_backend", {"gpu": True, "cpu": False, "tpu": False}),
    "keras3": ("backends.keras3.device.engine.gpu_name", {"a GPU": True, None: False}),
}
"""What a backend asks its framework for, and which answers mean that there is a GPU."""


def check_device(case: Case) -> None:
    """Versions, device, threads and numerics are told; clocks and memory where there are such."""
    device, true = backends.load(case.row).device, case.measured.true
    program = case.program
    told = device.describe()
    true(bool(told["versions"]) and all(told["versions"].values()), "versions are told")
    for name, value in numerics(case.row, case.precision).items():
        found = told["precision"].get(name)
        true(found == value, f"{name} is {found}, not {value}")
    true((case.device == "cpu") == (told["device"] == "cpu"), f"on {told['device']}")
    question, answers = ASKED[case.row.partition("-")[0]]
    for answer, gpu in answers.items():
        with patch(question, lambda answer=answer: answer):
            found = device.devices()
        true(found == (("cpu", "cuda") if gpu else ("cpu",)), f"{question} {answer}: {found}")
    true(told.get("threads") is None or told["threads"] >= 1, "threads are counted")
    stop = device.stopwatch()
    program.block_until_ready(program.import_state(case.first))
    elapsed_s = stop() if stop else None
    true(elapsed_s is None or elapsed_s() > 0, "the device's clock goes forward")
    peak = device.peak_memory_bytes()
    true((peak is None) if case.device == "cpu" else bool(peak), "memory is known of a GPU")
    product = device.matrix_product(64, case.precision, case.device)
    true(product() is None, "a product of two matrices")
