"""Count the published GANs that can be written: exact, or nearest with what deviates.

    python docs/zoo/count.py

A GAN is exact where nothing deviates that counts, and each network has as many parameters as the
published program gives it. That number comes from `published/NAME.toml`, which holds the layers as
the source writes them, and not from the workload file. What does not count: the data set,
augmentation, pretrained weights, details of initialisers, the shape of a rate's schedule.
"""

import sys
import tomllib
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

import spec  # noqa: E402
from backends.protocol import require_supported  # noqa: E402


class Gan(NamedTuple):
    """What was found of one GAN."""

    name: str
    program: str
    deviations: tuple[str, ...]
    counts: dict[str, tuple[int, int]]
    """network -> (as written, as published)"""

    @property
    def exact(self) -> bool:
        """Whether nothing deviates."""
        return not self.deviations and self.fits

    @property
    def fits(self) -> bool:
        """Whether each network is as large as the published one."""
        return all(written == published for written, published in self.counts.values())


def parameters(line: str) -> int:
    """Of one published layer: `conv 3 64 4 bias` has 4 * 4 * 3 * 64 + 64."""
    kind, *rest = line.split()
    bias = rest[-1] == "bias"
    numbers = [int(word) for word in rest[: len(rest) - bias]]
    match kind, numbers:
        case "linear", [given, made]:
            return given * made + bias * made
        case "conv" | "conv_transpose", [given, made, kernel]:
            return given * made * kernel**2 + bias * made
        case "norm", [channels]:
            return 2 * channels
        case "embedding", [classes, width]:
            return classes * width
        case "prelu", [slopes]:
            return slopes
    raise ValueError(f"not a published layer: {line}")


def read(path: Path) -> Gan:
    """A GAN from its workload file and what its source says of itself."""
    workload = spec.load(str(path))
    require_supported(workload)
    published: dict[str, Any] = tomllib.loads(
        (path.parent / "published" / path.name).read_text(encoding="utf-8")
    )
    if set(published["networks"]) != set(workload.networks):
        raise ValueError(f"{path.name}: networks {sorted(published['networks'])} are published")
    counts = {
        name: (
            sum(prod(p.shape) for p in network.parameters().values()),
            sum(map(parameters, published["networks"][name]["layers"])),
        )
        for name, network in workload.networks.items()
    }
    return Gan(path.stem, published["program"], tuple(published["deviations"]), counts)


def main() -> None:
    """Print a line for each, and how many there are."""
    gans = [read(path) for path in sorted(HERE.glob("*.toml"))]
    for gan in gans:
        kind = "exact" if gan.exact else "nearest" if gan.fits else "DIFFERENT"
        sizes = ", ".join(f"{name} {written:,}" for name, (written, _) in gan.counts.items())
        print(f"{gan.name:24} {kind:9} {sizes}")
        for deviation in gan.deviations:
            print(f"{'':24} - {deviation}")
    exact = sum(gan.exact for gan in gans)
    print(f"{len(gans)} GANs, {exact} exact, {len(gans) - exact} nearest")


if __name__ == "__main__":
    main()
