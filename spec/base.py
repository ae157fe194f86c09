"""The strict, frozen pydantic model that every part of a workload file is built from."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True)
class Says:
    """What errors say is allowed at a field, where the types alone say it less well."""

    text: str


@dataclass(frozen=True)
class Why:
    """Why a field takes less than others do: fewer kinds, or one number and no list."""

    text: str


@dataclass(frozen=True)
class Beyond:
    """What the long form has where the short form refuses a value or a key."""

    text: str

    def __str__(self) -> str:
        return f"the long form has {self.text} (docs/bring-your-own-gan.md)"


LARGEST_NUMBER = 1e6
"""What no number of a GAN exceeds; from there it is not far to float32's infinity."""

Size = Annotated[int, Field(ge=1, le=2**31)]
EVERY_SIDE = Why("one number for all sides")
Repeats = Annotated[int, Field(ge=1, le=1000)]
Shape = Annotated[
    tuple[Size, ...],
    Field(min_length=1, max_length=3),
    Says("a list of one to three whole numbers: height, width, channels of an image, or a length"),
]
Image = Annotated[
    tuple[Size, Size, Size], Says("a list of three whole numbers: height, width, channels")
]
Classes = Annotated[int, Field(ge=2, le=2**24)]
"""How many different whole numbers there are, from 0 up: every one of them is exact in float32."""
Name = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64),
    Says("a name of at most 64 small letters, digits and _, the first a letter"),
]
Value = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$", max_length=129),
    Says("a name, or <draw>.<part>"),
]
"""What a phase draws or computes."""
Number = Annotated[float, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
Positive = Annotated[float, Field(gt=0, le=LARGEST_NUMBER)]
NotNegative = Annotated[float, Field(ge=0, le=LARGEST_NUMBER)]
Rate = Annotated[float, Field(gt=0, le=10)]
Share = Annotated[float, Field(gt=0, lt=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class Model(BaseModel):
    """Unknown keys, wrong types, NaN and infinity are errors; nothing changes after parsing."""

    beyond: ClassVar[Beyond | None] = None
    """What the long form has beside the keys of this part of the short form."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
