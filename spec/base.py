"""The strict, frozen pydantic model that every part of a workload file is built from."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True)
class Says:
    """What errors say is allowed at a field, where the types alone say it less well."""

    text: str


@dataclass(frozen=True)
class Why:
    """Why a field takes fewer kinds than others do."""

    text: str


LARGEST_NUMBER = 1e6
"""What no number of a GAN exceeds; from there it is not far to float32's infinity."""

Size = Annotated[int, Field(ge=1, le=2**31)]
Repeats = Annotated[int, Field(ge=1, le=1000)]
Shape = Annotated[
    tuple[Size, ...],
    Field(min_length=1, max_length=3),
    Says("a list of one to three whole numbers: height, width, channels of an image, or a length"),
]
Image = Annotated[
    tuple[Size, Size, Size], Says("a list of three whole numbers: height, width, channels")
]
Name = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64),
    Says("a name of at most 64 small letters, digits and _, the first a letter"),
]
Number = Annotated[float, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
Positive = Annotated[float, Field(gt=0, le=LARGEST_NUMBER)]
NotNegative = Annotated[float, Field(ge=0, le=LARGEST_NUMBER)]
Rate = Annotated[float, Field(gt=0, le=10)]
Share = Annotated[float, Field(gt=0, lt=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class Model(BaseModel):
    """Unknown keys, wrong types, NaN and infinity are errors; nothing changes after parsing."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
