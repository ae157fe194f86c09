"""Parts of a sample: classes, and what is derived from an image, by loops and by SciPy."""

import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from scipy import ndimage

import spec
from spec import data, randomness
from spec.data import digits
from spec.data.parts import derive
from spec.errors import SpecError
from spec.parts import Blurred, Edges, Grey, HalfSize
from spec.workload import Workload

LABELS = Path(__file__).parent.parent / "meta" / "workloads" / "labels.toml"
LOW, HIGH = -1.0, 1.0
IMAGES = np.random.default_rng(3).uniform(LOW, HIGH, size=(2, 6, 4, 3)).astype(np.float32)


def unit(images: np.ndarray) -> np.ndarray:
    return (images.astype(np.float64) - LOW) / (HIGH - LOW)


def test_grey_is_the_luma_of_a_pixel() -> None:
    found = unit(derive(Grey(kind="grey"), IMAGES, LOW, HIGH))
    assert found.shape == (2, 6, 4, 1)
    for n, i, j in product(range(2), range(6), range(4)):
        red, green, blue = unit(IMAGES)[n, i, j]
        expected = 0.299 * red + 0.587 * green + 0.114 * blue
        assert found[n, i, j, 0] == pytest.approx(expected, abs=1e-6)


def test_half_size_is_the_mean_of_four() -> None:
    found = derive(HalfSize(kind="half_size"), IMAGES, LOW, HIGH)
    assert found.shape == (2, 3, 2, 3)
    for n, i, j, c in product(range(2), range(3), range(2), range(3)):
        four = IMAGES[n, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c].astype(np.float64)
        assert found[n, i, j, c] == pytest.approx(float(four.mean()), abs=1e-6)


@pytest.mark.parametrize("reach", [1, 2])
def test_blurred_is_the_mean_around_a_pixel(reach: int) -> None:
    found = derive(Blurred(kind="blurred", reach=reach), IMAGES, LOW, HIGH)
    size = (1, 2 * reach + 1, 2 * reach + 1, 1)
    expected = ndimage.uniform_filter(IMAGES.astype(np.float64), size=size, mode="nearest")
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_edges_are_how_steep_the_grey_image_is() -> None:
    found = unit(derive(Edges(kind="edges"), IMAGES, LOW, HIGH))
    grey = unit(derive(Grey(kind="grey"), IMAGES, LOW, HIGH))
    slopes = [
        ndimage.correlate1d(grey, [-0.5, 0, 0.5], axis=axis, mode="nearest") for axis in (1, 2)
    ]
    np.testing.assert_allclose(found, np.minimum(np.hypot(*slopes), 1.0), atol=1e-6)
    steep = np.zeros((1, 4, 4, 3), np.float32)
    steep[:, :, 2:] = 10.0
    assert derive(Edges(kind="edges"), steep, 0.0, 1.0).max() == 1.0, "it is cut at 1"


def changed(tmp_path: Path, **parts: Any) -> Workload:
    raw: Any = tomllib.loads(LABELS.read_text(encoding="utf-8"))
    raw["sources"]["x"]["parts"] |= parts
    path = tmp_path / "gan.toml"
    path.write_text(tomli_w.dumps(raw), encoding="utf-8")
    return spec.load(str(path))


def test_a_part_has_its_samples_index(tmp_path: Path) -> None:
    """Over epochs, and the classes are those that scikit-learn gives."""
    workload = changed(tmp_path, dim={"kind": "blurred", "reach": 1})
    arrays = data.load(workload)
    assert {name: a.shape for name, a in arrays.items()} == {
        "x": (1797, 8, 8, 1),
        "x.label": (1797,),
        "x.dim": (1797, 8, 8, 1),
    }
    assert arrays["x.label"].dtype == np.int32
    assert np.bincount(arrays["x.label"]).tolist() == [
        178,
        182,
        177,
        183,
        181,
        182,
        181,
        179,
        174,
        180,
    ]
    np.testing.assert_array_equal(arrays["x.label"], digits.classes())
    known = {row.tobytes(): i for i, row in enumerate(arrays["x"].astype(np.float64))}
    for i in (0, 1, 223, 224, 230):
        draws = randomness.draws(workload, 5, i, arrays)
        places = [known[row.tobytes()] for row in draws["d/x"][0]]
        np.testing.assert_array_equal(draws["d/x.label"][0], arrays["x.label"][places])
        np.testing.assert_allclose(draws["d/x.dim"][0], arrays["x.dim"][places])
        assert draws["d/x.label"].dtype == np.int32


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"g": {"kind": "grey"}}, "sources.x.parts.g.kind: given grey of [8, 8, 1]; it takes 3"),
        ({"b": {"kind": "blurred", "reach": 16}}, "sources.x.parts.b.reach: given 16; allowed: "),
        ({"b": {"kind": "sepia"}}, "sources.x.parts.b.kind: "),
    ],
)
def test_refused_in_one_line(parts: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as refused:
        changed(tmp_path, **parts)
    assert str(refused.value).startswith(f"{tmp_path / 'gan.toml'}: {says}")
    assert "\n" not in str(refused.value)


def test_photographs_apart_and_together() -> None:
    """Two domains are the two photographs; both together are one after the other."""
    cyclegan, pix2pix = spec.load("cyclegan_64"), spec.load("pix2pix_64")
    two, both = data.load(cyclegan), data.load(pix2pix)["x"]
    assert not np.array_equal(two["china"], two["flower"])
    np.testing.assert_array_equal(both, np.concatenate([two["china"], two["flower"]]))


def test_an_odd_side_has_no_half(tmp_path: Path) -> None:
    raw: Any = tomllib.loads(
        (Path(spec.__file__).parent / "workloads" / "pix2pix_64.toml").read_text(encoding="utf-8")
    )
    raw["sources"]["x"] |= {"shape": [63, 64, 3], "parts": {"edges": {"kind": "half_size"}}}
    path = tmp_path / "gan.toml"
    path.write_text(tomli_w.dumps(raw), encoding="utf-8")
    with pytest.raises(
        SpecError, match=r"given half_size of \[63, 64, 3\]; both sides must be even"
    ):
        spec.load(str(path))
