"""Records: one file per measured block, written as it ends; nothing measured is ever lost."""

import json
from math import isfinite
from pathlib import Path
from typing import Any

from bench.workers.cleaning import clean
from bench.workers.whole import whole


def write_atomically(path: Path, content: Any) -> None:
    """Write JSON, cleaned, so that a reader, or a crash, sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(strict(clean(content)), indent=1, allow_nan=False)
    with whole(path) as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def strict(content: Any) -> Any:
    """The content with null for numbers that are not finite, for which JSON has no word."""
    if isinstance(content, dict):
        return {key: strict(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [strict(value) for value in content]
    return None if isinstance(content, float) and not isfinite(content) else content


def read_all(folder: Path) -> list[dict[str, Any]]:
    """Every record in a folder, by name."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
