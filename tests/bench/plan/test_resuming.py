"""What is no plan is refused in one line, whatever it is."""

from pathlib import Path

import pytest

from bench.plan.resuming import take_up
from spec.errors import UserError

NO_PLANS = {
    "no file": None,
    "empty": "",
    "a list": "[]",
    "null": "null",
    "no fields": "{}",
    "cells that are none": '{"cells": 3}',
    "cells of lists": '{"cells": [[]]}',
    "deep": "[" * 100_000,
    "a number of 5000 digits": "9" * 5000,
}


@pytest.mark.parametrize("name", NO_PLANS)
def test_what_is_no_plan(name: str, tmp_path: Path) -> None:
    content = NO_PLANS[name]
    if content is not None:
        (tmp_path / "plan.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="no plan of an interrupted run can be read there"):
        take_up(tmp_path, {})
