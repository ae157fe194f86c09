"""Which files are results of `converge`, told without what it takes to read one."""

import json
from pathlib import Path

FORMAT = "convergence_format"
"""A key that no other file of this project has."""


def is_one(path: Path) -> bool:
    """Whether a file says that it is a result of `converge`, whole or not."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False  # whoever reads it says so
    return isinstance(content, dict) and FORMAT in content
