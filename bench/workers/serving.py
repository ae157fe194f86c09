"""The worker's side: calls functions by name and sends builtins back."""

import importlib
import traceback
from typing import Any


def serve(channel: Any) -> None:
    """Answer calls until the channel closes: ("ok", result) or ("error", kind, line, traceback)."""
    for name, arguments in channel:
        try:
            module, _, function = name.partition(":")
            channel.send(("ok", getattr(importlib.import_module(module), function)(**arguments)))
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            channel.send(("error", type(error).__name__, lines[0], traceback.format_exc()))
