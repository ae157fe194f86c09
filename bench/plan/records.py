"""Records: one file per measured block, written as it ends; nothing measured is ever lost."""

import json
from pathlib import Path
from typing import Any

from bench.workers.cleaning import clean


def write_atomically(path: Path, content: Any) -> None:
    """Write JSON, cleaned, so that a reader, or a crash, sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(path.suffix + ".part")
    draft.write_text(json.dumps(clean(content), indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def read_all(folder: Path) -> list[dict[str, Any]]:
    """Every record in a folder, by name."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
