"""What a checkpoint says of itself: enough to go on, or to make samples, without another file."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backends.protocol import Mode
from bench.training.foreign import first_of
from bench.training.header import Refused, shown
from bench.workers.cleaning import clean
from spec.workload import Workload

KEY = "gantlet_checkpoint"
"""Where the facts stand in the metadata of a safetensors file, as JSON."""
FORMAT = 1
WRITTEN_BY_PERSONS = ("title", "provenance", "stopping", "target")
"""Parts of a workload with words, which are cleaned. All else is names and numbers in its hash."""


class Facts(BaseModel):
    """Of what training a state is, and how far it has come."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    workload: Workload
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    iteration: Annotated[int, Field(ge=0, lt=10**18)]
    """Iterations completed: the number of the next one."""
    chunk: Annotated[int, Field(ge=1, lt=2**31)]
    """Iterations whose draws are made at a time, in blocks from iteration 0 (Settings.chunk)."""
    draws: Literal["own", "spec"]
    """Whose: the framework's, on the device (`run`), or NumPy's (`train_step`)."""
    row: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$", max_length=64)]
    mode: Mode
    precision: Literal["float64", "float32"]
    device: Literal["cpu", "cuda"]
    versions: dict[str, str | None]
    """Of the row's packages, as its device describes them."""

    def text(self) -> str:
        """JSON, with nothing secret in it: format, the workload's name and hash, and every fact."""
        fields = self.model_dump(mode="json")
        words = {name: fields["workload"][name] for name in WRITTEN_BY_PERSONS}
        fields["workload"] |= clean(words)
        fields["versions"] = clean(fields["versions"])
        about = {"format": FORMAT, "name": self.workload.name, "short": self.workload.short}
        about["spec_hash"] = self.workload.spec_hash
        return json.dumps(about | fields, allow_nan=False)


def from_text(text: str) -> Facts:
    """The facts of a text that `Facts.text` wrote. Refused for any other."""
    content = _table(text)
    found = content.pop("format", None)
    if found != FORMAT:
        raise Refused(
            f"a checkpoint of format {shown(found)}, where this checkout reads {FORMAT}",
            "read it with the checkout that wrote it",
        )
    name, short, spec_hash = (content.pop(key, None) for key in ("name", "short", "spec_hash"))
    facts = _facts(content)
    computed = {"name": facts.workload.name, "spec_hash": facts.workload.spec_hash}
    if computed != {"name": name, "spec_hash": spec_hash}:
        raise Refused(
            f"its workload is said to be {shown(name)} with spec hash {shown(spec_hash)}, and is "
            f"{computed['name']!r} with {computed['spec_hash']}"
        )
    if short is True:
        return facts.model_copy(update={"workload": facts.workload.written_short()})
    return facts


def _table(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(f"its {KEY} is no JSON") from None
    if not isinstance(content, dict):
        raise Refused(f"its {KEY} is no table of facts")
    return content


def _facts(content: dict[str, Any]) -> Facts:
    try:
        return Facts.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise Refused(f"its facts at {first_of(error)}") from None
    except RecursionError:
        raise Refused(f"its {KEY} is no table of facts") from None
