"""The strict, frozen pydantic model that every part of a workload file is built from."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Size = Annotated[int, Field(ge=1, le=2**31)]
Shape = Annotated[tuple[Size, ...], Field(min_length=1, max_length=3)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class Model(BaseModel):
    """Unknown keys, wrong types, NaN and infinity are errors; nothing changes after parsing."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
