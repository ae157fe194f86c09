"""A folder of images: which are taken and how, and which are refused in one line."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spec import data
from spec.data import images as loader
from spec.errors import SpecError
from tests.spec.data.files import COLOURED, images

PICTURE = Image.fromarray(COLOURED[0])
ORIENTATION = 0x0112
GREY: dict[str, Any] = {
    "data.shape": [32, 32, 1],
    "generator.layers[10].filters": 1,
    "discriminator.input": [32, 32, 1],
}


def saved(image: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    """The image as a file's content."""
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def loaded(folder: Path, **put: Any) -> np.ndarray:
    return data.load(images(**put), folder)["x"]


def test_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, picture in zip(("b.png", "a.PNG", "B.png", "10.png"), COLOURED, strict=False):
        (tmp_path / name).write_bytes(saved(Image.fromarray(picture)))
    (tmp_path / ".DS_Store").write_bytes(b"not looked at")
    expected = COLOURED[[3, 2, 1, 0]] / 127.5 - 1.0
    np.testing.assert_allclose(loaded(tmp_path), expected, atol=1e-6)


def test_the_middle_is_cut_out_and_resized(tmp_path: Path) -> None:
    wide = np.zeros((64, 100, 3), np.uint8)
    wide[:, 18:82] = 255
    (tmp_path / "a.png").write_bytes(saved(Image.fromarray(wide)))
    assert loaded(tmp_path).shape == (1, 32, 32, 3)
    np.testing.assert_allclose(loaded(tmp_path), 1.0, atol=1e-6)


TAKEN: dict[str, tuple[bytes, int]] = {
    "JPEG": (saved(PICTURE, "JPEG", quality=100, subsampling=0), 12),
    "a progressive JPEG": (saved(PICTURE, "JPEG", quality=100, subsampling=0, progressive=1), 12),
    "a PNG by another name": (saved(PICTURE), 0),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken(name: str, tmp_path: Path) -> None:
    content, off_by = TAKEN[name]
    (tmp_path / "a.jpg").write_bytes(content)
    found = np.round((loaded(tmp_path)[0] + 1.0) * 127.5)
    assert np.abs(found - COLOURED[0]).max() <= off_by


def test_grey_and_palettes(tmp_path: Path) -> None:
    """In as many channels as are asked for, whatever the file has."""
    one = COLOURED[0, :, :, 0]
    for name, image in {
        "grey": Image.fromarray(one),
        "palette": Image.fromarray(one // 4 * 4).quantize(256),
        "bits": Image.fromarray(one).point(lambda value: 255 * (value > 99)).convert("1"),
    }.items():
        (tmp_path / "a.png").write_bytes(saved(image))
        expected = np.asarray(image.convert("L")) / 127.5 - 1.0
        np.testing.assert_allclose(loaded(tmp_path)[0], np.stack([expected] * 3, -1), atol=1e-6)
        np.testing.assert_allclose(loaded(tmp_path, **GREY)[0, ..., 0], expected, atol=1e-6), name


def test_colours_become_grey(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(PICTURE))
    expected = COLOURED[0] @ np.array([0.299, 0.587, 0.114]) / 127.5 - 1.0
    np.testing.assert_allclose(loaded(tmp_path, **GREY)[0, ..., 0], expected, atol=0.6 / 127.5)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_what_a_camera_marks_as_turned_is_turned(kind: str, tmp_path: Path) -> None:
    """Orientation 6: the first row is the right side (EXIF 2.3, 4.6.4)."""
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[:8] = 255
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    (tmp_path / "a.jpg").write_bytes(saved(Image.fromarray(picture), kind, exif=exif))
    found = loaded(tmp_path)[0]
    assert found[:, 24:].min() > 0.9
    assert found[:, :24].max() < -0.9


def chunk(kind: bytes, content: bytes) -> bytes:
    whole = kind + content
    return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))


def png(width: int, height: int, depth: int, colour: int, pixels: bytes) -> bytes:
    """A PNG by hand, with what Pillow does not write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def _animated() -> bytes:
    others = [Image.fromarray(picture) for picture in COLOURED[1:3]]
    return saved(PICTURE, "PNG", save_all=True, append_images=others)


def _several() -> bytes:
    return saved(PICTURE, "MPO", save_all=True, append_images=[Image.fromarray(COLOURED[1])])


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "an empty file": (lambda: b"", "no PNG or JPEG that can be decoded ("),
    "text": (lambda: b"no image\nat all\n", "no PNG or JPEG that can be decoded ("),
    "another format": (lambda: saved(PICTURE, "GIF"), "no PNG or JPEG that can be decoded ("),
    "cut off": (lambda: saved(PICTURE)[:-400], "no PNG or JPEG that can be decoded ("),
    "a JPEG cut off": (lambda: saved(PICTURE, "JPEG")[:-200], "no PNG or JPEG that can be dec"),
    "only its signature": (lambda: saved(PICTURE)[:8], "no PNG or JPEG that can be decoded ("),
    "16 bits": (lambda: png(1, 1, 16, 2, bytes(7)), "it has 16 bits a channel; allowed: at most 8"),
    "16 bits of grey": (lambda: png(1, 1, 16, 0, bytes(3)), "it has 16 bits a channel"),
    "CMYK": (lambda: saved(PICTURE.convert("CMYK"), "JPEG"), "it has CMYK; allowed: black and "),
    "transparency": (lambda: saved(PICTURE.convert("RGBA")), "it has transparency; allowed: "),
    "a transparent colour": (lambda: saved(PICTURE, transparency=(0, 0, 0)), "it has transparenc"),
    "an animated PNG": (_animated, "it has 3 images in one file; allowed: one"),
    "two photographs": (_several, "it has 2 images in one file; allowed: one"),
    "huge": (
        lambda: png(8192, 4097, 1, 0, b""),
        "it has 8192x4097 pixels; allowed: at most 33,554,432",
    ),
    "larger": (lambda: png(10_000, 10_000, 1, 0, b""), "it has 10000x10000 pixels; allowed: at"),
    "a bomb": (lambda: png(100_000, 100_000, 8, 2, b""), "no PNG or JPEG that can be decoded ("),
    "text that is a bomb": (
        lambda: saved(PICTURE)[:33] + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**27))),
        "no PNG or JPEG that can be decoded (",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_so_in_one_line(name: str, tmp_path: Path) -> None:
    made, says = REFUSED[name]
    (tmp_path / "a.png").write_bytes(saved(PICTURE))
    (tmp_path / "b.png").write_bytes(made())
    with pytest.raises(SpecError) as refused:
        loaded(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path / 'b.png'}: {says}")
    assert "\n" not in str(refused.value)
    assert "BufferedReader" not in str(refused.value)


@pytest.mark.filterwarnings("ignore")
def test_a_turn_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    """Pillow warns of it and goes on; nobody may see the warning."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0"
    (tmp_path / "a.jpg").write_bytes(saved(PICTURE, "JPEG", exif=exif))
    with pytest.raises(SpecError, match=r"no PNG or JPEG that can be decoded \(Corrupt EXIF data"):
        loaded(tmp_path)


def test_a_huge_image_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(png(8192, 4097, 1, 0, b""))
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("it would be decoded"))
    with pytest.raises(SpecError, match="8192x4097 pixels"):
        loaded(tmp_path)


def test_nothing_else_lies_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(PICTURE))
    (tmp_path / "labels.txt").write_text("a 1", encoding="utf-8")
    with pytest.raises(SpecError, match=r"labels\.txt: no image by its name; allowed: \.png, \.jp"):
        loaded(tmp_path)
    (tmp_path / "labels.txt").unlink()
    (tmp_path / "cats").mkdir()
    with pytest.raises(SpecError, match="cats: it is a folder; images lie beside each other"):
        loaded(tmp_path)


def test_only_hidden_files_are_none(tmp_path: Path) -> None:
    (tmp_path / ".a.png").write_bytes(saved(PICTURE))
    with pytest.raises(SpecError, match="there is no image in it"):
        loaded(tmp_path)


def test_the_array_s_size_is_known_before_an_image_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(saved(PICTURE))
    monkeypatch.setattr(loader, "names", lambda _: ["a.png"] * 400_000)
    monkeypatch.setattr(loader, "opened", lambda *_: pytest.fail("it would be read"))
    with pytest.raises(SpecError, match=r"400,000 samples of \[32, 32, 3\] take 4\.6 GiB as float"):
        loaded(tmp_path)
