"""A real small result, and what tests make of it."""

import json
from pathlib import Path
from typing import Any

from bench.report import reading

SAMPLE = Path(__file__).parent / "mlp_square.json"
COST = {
    "latency_s": {"1": 0.002, "64": 0.03},
    "peak_memory_bytes": 3 * 2**29,
    "imported_bytes": 2**29,
    "peak_memory_kind": "process",
    "gflop_per_s": 31.5,
    "ceiling_share": 0.25,
    "energy_j_per_iteration": 0.5,
    "start_s": 7.89,
    "break_even_iterations": 1234.0,
    "failed": None,
}
CHECK = {
    "backend": "pytorch",
    "workload": "mlp_square",
    "mode": "eager",
    "dtype": "float64",
    "check": "check_losses",
    "status": "passed",
    "max_error": 1e-13,
    "limit": 1e-11,
}
HOSTILE = "'\"><script>alert(1)</script>"


def small() -> dict[str, Any]:
    """The result as it was measured: no costs, no checks, one batch size."""
    return reading.read(SAMPLE)


def whole() -> dict[str, Any]:
    """The result with everything that a page can show."""
    result = small()
    for cell in result["summary"]:
        cell["cost"] = dict(COST)
    result["summary"][0]["cost"]["failed"] = "Timeout: memory\nand a traceback"
    result["summary"] += [
        cell | {"id": cell["id"] + "8", "batch_size": 648}
        for cell in result["summary"]
        if not cell["again"]
    ]
    larger = result["comparisons"][0] | {"batch_size": 648, "same_twice": {}}
    larger["fastest"] += "8"
    larger["versus"] = [numbers | {"id": numbers["id"] + "8"} for numbers in larger["versus"]]
    result["comparisons"].append(larger)
    result["ceilings"] = {"pytorch": {"gflop_per_s": 126.0, "size": 2048}}
    result["installs"] = {"pytorch": {"install_s": 61.0, "install_bytes": 9 * 10**8}}
    failure = {"id": "mlp_square-x", "stage": "proof", "kind": "CheckFailed", "error": "too far"}
    result["failures"] = [failure | {"cell": {}}]
    result["missing_rows"] = {"torch_xla": "not installed"}
    result["conformance"] = [CHECK, CHECK | {"check": "check_layers", "status": "failed"}]
    return result


def hostile() -> dict[str, Any]:
    """The whole result with a script before every kind of name and text that it holds."""
    text, script = json.dumps(whole()), json.dumps(HOSTILE)[1:-1]
    for name in (
        "mlp_square",
        "keras3-jax",
        "compiled",
        "float32",
        "too far",
        "AMD EPYC",
        "jaxlib",
    ):
        text = text.replace(name, script + name)
    return dict(json.loads(text))
