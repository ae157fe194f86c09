"""Small files in the formats of real data, and workloads that read them."""

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import spec
from spec.workload import Workload

Bytes = NDArray[np.uint8]
RNG = np.random.default_rng(5)
IMAGES: Bytes = RNG.integers(0, 256, (12, 28, 28), dtype=np.uint8)
LABELS: Bytes = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 0], np.uint8)
COLOURED: Bytes = RNG.integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)
ALONE = {"schedule.batch_size": 4}
"""Batches that so few samples fill."""


def idx(array: Bytes) -> bytes:
    """An IDX file's content."""
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def write_mnist(folder: Path, *, packed: bool = False, **other: bytes) -> Path:
    """MNIST's two files, or others in their place: images=..., labels=..."""
    folder.mkdir(exist_ok=True)
    contents = {"images-idx3": idx(IMAGES), "labels-idx1": idx(LABELS)}
    for name, content in contents.items():
        content = other.get(name.partition("-")[0], content)
        path = folder / f"train-{name}-ubyte{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(content) if packed else content)
    return folder


def records(images: Bytes, labels: Bytes) -> bytes:
    """Of CIFAR-10's binary version: (n, 32, 32, 3) and (n,)."""
    planes = np.moveaxis(images, -1, 1).reshape(len(images), -1)
    return np.concatenate([labels[:, None], planes], axis=1).astype(np.uint8).tobytes()


def write_cifar10(folder: Path, **other: bytes) -> Path:
    """Five files of two records; data_batch_3=... for another content of one."""
    folder.mkdir(exist_ok=True)
    for i in range(5):
        some = slice(2 * i, 2 * i + 2)
        content = other.get(f"data_batch_{i + 1}", records(COLOURED[some], LABELS[some]))
        (folder / f"data_batch_{i + 1}.bin").write_bytes(content)
    return folder


def mnist(**put: Any) -> Workload:
    """A built-in GAN of digits that reads MNIST instead."""
    return spec.load("mlp_square", {"data.kind": "mnist", **ALONE, **put})


def cifar10(**put: Any) -> Workload:
    """A built-in GAN of photographs that reads CIFAR-10 instead."""
    return spec.load("dcgan_32", {"data.kind": "cifar10", **ALONE, **put})


def images(**put: Any) -> Workload:
    """A built-in GAN of photographs that reads a folder of images instead."""
    return spec.load("dcgan_32", {"data.kind": "images", "schedule.batch_size": 1, **put})
