"""Sources that are a finite array of real images: those that come along, those in a folder."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from spec.base import EVERY_SIDE, Image, Model, Name, Number, Says, Size
from spec.errors import PlaceError
from spec.parts import ClassPart, ColourParts, DigitParts, Part, PhotoParts, part_shape


def _rises(pair: tuple[Number, Number]) -> tuple[Number, Number]:
    if pair[0] >= pair[1]:
        raise ValueError("the first number must be below the second")
    return pair


Range = Annotated[
    tuple[Number, Number],
    AfterValidator(_rises),
    Says("a list of two numbers, the lower one first"),
]
HeldShare = Annotated[float, Field(gt=0, lt=0.5)]


class ArraySource(Model):
    """What every array of images has."""

    known_classes: ClassVar[int | None] = None
    """How many classes its images have; None where nobody says what they show."""

    kind: str
    shape: Image
    range: Range
    sampling: Literal["shuffled_epochs", "with_replacement"]
    """All samples in a new order in each epoch, whose last batch may be smaller (it is left out
    where a phase repeats); or each sample drawn from all, where a batch may hold it twice."""
    count: Size | None = None
    """Number of samples, checked on loading; held out ones are counted too."""
    sha256: str | None = None
    """Checksum of the float32 little-endian array, checked on loading; held out ones are in it."""
    hold_out: HeldShare | None = None
    """A share of the samples that no training sees, to measure quality with: always the same ones,
    whatever the seed."""
    parts: dict[Name, Part] = Field(default={})
    """What else belongs to each sample, by name: drawn with it, as `<draw>.<part>`."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._require_own()
        for name, part in self.parts.items():
            try:
                part_shape(part, self.shape)
            except PlaceError as error:
                raise PlaceError(f"parts.{name}.{error.place}", str(error)) from None
            if isinstance(part, ClassPart) and self.known_classes is None:
                what = "photographs" if self.kind == "photos" else self.kind
                raise PlaceError(f"parts.{name}.kind", f"given class; {what} have no classes")
        return self

    def _require_own(self) -> None:
        """PlaceError where a field does not fit this kind."""


class Digits(ArraySource):
    """scikit-learn's 1,797 handwritten digits, resized bilinearly, with values in `range`."""

    known_classes: ClassVar[int | None] = 10

    kind: Literal["digits"]
    shape: Image
    """1 channel; the 8x8 digits are stretched where it is no square."""
    interpolation: Literal["bilinear"]
    parts: DigitParts = Field(default={})
    """What else belongs to each sample, by name: drawn with it, as `<draw>.<part>`."""

    def _require_own(self) -> None:
        if self.shape[2] != 1:
            raise PlaceError("shape", f"given {list(self.shape)}; digits have 1 channel")


PHOTOGRAPH = (427, 640, 3)
"""Height, width and channels of each of the two."""


class Photos(ArraySource):
    """Patches of scikit-learn's two colour photographs (427x640), with values in `range`."""

    kind: Literal["photos"]
    shape: Image
    """Of a patch: at most 427 and 640, always 3 channels."""
    patch_stride: Annotated[Size, EVERY_SIDE]
    """Pixels from one patch's corner to the next one's, in height and width."""
    hold_out: HeldShare | None = None
    """A share of each photograph's width, a strip at its right edge: patches of it are held out,
    and no patch of training has a pixel of it. Patches across the edge are in neither, so that
    training has fewer than `count` less those held out."""
    photograph: Literal["both", "china", "flower"] = "both"
    """Patches of both, or of one alone: two domains are a source each."""
    parts: PhotoParts = Field(default={})
    """What else belongs to each sample, by name: drawn with it, as `<draw>.<part>`."""

    @property
    def strip_px(self) -> int:
        """Width of the strip that is held out, in pixels; 0 for none."""
        return round((self.hold_out or 0.0) * PHOTOGRAPH[1])

    def _require_own(self) -> None:
        if any(side > whole for side, whole in zip(self.shape[:2], PHOTOGRAPH, strict=False)) or (
            self.shape[2] != PHOTOGRAPH[2]
        ):
            raise PlaceError(
                "shape",
                f"given {list(self.shape)}; photos gives patches of at most {list(PHOTOGRAPH)}, "
                "always with 3 channels",
            )
        width, rest = self.shape[1], PHOTOGRAPH[1] - self.strip_px
        if self.hold_out is not None and width > min(self.strip_px, rest):
            raise PlaceError(
                "hold_out",
                f"given {self.hold_out}, a strip of {self.strip_px} of {PHOTOGRAPH[1]} pixels; "
                f"patches are {width} wide, and both it and the rest must hold one",
            )


class FolderSource(ArraySource):
    """What every array that is read from a folder has: the folder is given with --data."""

    interpolation: Literal["bilinear"]
    """Half-pixel centres, edges repeated; where an image becomes smaller all its pixels count
    (antialiased, arXiv 2104.11222)."""


class Mnist(FolderSource):
    """MNIST's training samples, or others in its files: `train-images-idx3-ubyte` and
    `train-labels-idx1-ubyte` in the folder of --data, plain or with .gz behind.

    The plain one is read where both are there. Images are resized to `shape`.
    """

    known_classes: ClassVar[int | None] = 10

    kind: Literal["mnist"]
    shape: Image
    """1 channel; images are stretched where it is not their form."""
    parts: DigitParts = Field(default={})
    """What else belongs to each sample, by name: drawn with it, as `<draw>.<part>`."""

    def _require_own(self) -> None:
        if self.shape[2] != 1:
            raise PlaceError("shape", f"given {list(self.shape)}; mnist has 1 channel")


class Cifar10(FolderSource):
    """CIFAR-10's training samples: `data_batch_1.bin` to `data_batch_5.bin` of its binary version,
    in the folder of --data, resized to `shape`.

    The Python version is refused: its files are pickles, which can run code.
    """

    known_classes: ClassVar[int | None] = 10

    kind: Literal["cifar10"]
    shape: Image
    """3 channels; the 32x32 images are stretched where it is no square."""
    parts: ColourParts = Field(default={})
    """What else belongs to each sample, by name: drawn with it, as `<draw>.<part>`."""

    def _require_own(self) -> None:
        if self.shape[2] != 3:
            raise PlaceError("shape", f"given {list(self.shape)}; cifar10 has 3 channels")


class Images(FolderSource):
    """All PNG and JPEG files of the folder of --data, in the order of their names.

    Of each the largest part in the middle that has the form of `shape` is resized to it. One that
    a camera has marked as turned is turned. Refused are 16 bits a channel, CMYK, transparency,
    several images in one file, folders in the folder and files with other endings; names that begin
    with a dot are left out.
    """

    kind: Literal["images"]
    shape: Image
    """3 channels, red, green and blue; or 1, grey: 0.299 red + 0.587 green + 0.114 blue."""
    parts: PhotoParts = Field(default={})
    """What else belongs to each sample, by name: drawn with it, as `<draw>.<part>`."""

    def _require_own(self) -> None:
        if self.shape[2] not in (1, 3):
            raise PlaceError("shape", f"given {list(self.shape)}; images have 1 or 3 channels")


AnyArray = Digits | Photos | Mnist | Cifar10 | Images
"""Every kind, for a file."""
