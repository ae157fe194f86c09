"""What XLA was told in XLA_FLAGS, which it reads when it is first used, and only then."""

import os

AUTOTUNE, DETERMINISTIC = "xla_gpu_autotune_level", "xla_gpu_deterministic_ops"


def autotuning() -> dict[str, str]:
    """Whether XLA chooses products and convolutions on a GPU by trying them; 0 is off, 4 usual."""
    flags = os.environ.get("XLA_FLAGS", "")
    words = [word.lstrip("-").partition("=") for word in flags.split() if word.startswith("-")]
    told = {name: value for name, _, value in words}  # of one given twice the last counts
    if told.get(DETERMINISTIC, "false") not in ("false", "0"):
        return {AUTOTUNE: f"off by {DETERMINISTIC}"}
    return {AUTOTUNE: told.get(AUTOTUNE, "not set (XLA's default is 4)")}
