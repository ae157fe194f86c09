"""What a result says of a proof."""

from typing import Any

from bench.proof.closeness import Measured


def verdict_of(measured: Measured, iterations: int, batch_size: int) -> dict[str, Any]:
    """{status, max_error, limit, where, comparisons, sensitive, fingerprint, ...}."""
    return {
        "status": "proved",
        "max_error": measured.max_error,
        "limit": measured.limit,
        "where": measured.where,
        "comparisons": measured.count,
        "iterations": iterations,
        "batch_size": batch_size,
        "sensitive": measured.sensitive,
        "fingerprint": measured.fingerprint,
    }
