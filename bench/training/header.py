"""The header of a safetensors file, read by ourselves: nothing in it is believed unheld.

A file is 8 bytes, the header's length N as a little-endian number; N bytes of JSON; the data. The
JSON maps each tensor's name to `dtype`, `shape` and `data_offsets` [begin, end) in the data, and
`__metadata__` to texts by name (https://github.com/huggingface/safetensors, "Format"). The library
loads what it finds there; here is refused, in words, what a state's file does not have.
"""

import json
from math import prod
from typing import Any, BinaryIO, NamedTuple

NEEDED = "needed: a checkpoint that a training wrote, as it wrote it"
LENGTH_BYTES = 8
LARGEST_BYTES = 2**24
"""Of a header. The longest of a workload in this project has about 2^18."""
ITEM_BYTES = {"F64": 8, "F32": 4, "I64": 8}
"""The types that a state's arrays have."""
METADATA = "__metadata__"
MOST_AXES = 8
"""Of a tensor; a state's have up to four."""
SHOWN = 80
"""Characters of a foreign text that a message shows."""
KINDS = {
    b"PK\x03\x04": "a zip archive, as torch.save and numpy.savez write it",
    b"\x89HDF": "an HDF5 file",
    **{bytes((0x80, n)): "a pickle, which is never opened" for n in range(2, 6)},
}
"""What other files of numbers begin with."""


class Refused(ValueError):
    """Why a file is not read, or not written, and what to do; who was asked adds the path."""

    def __init__(self, reason: str, cure: str = NEEDED) -> None:
        super().__init__(reason)
        self.cure = cure


class Entry(NamedTuple):
    """A tensor, as the header has it."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    """Its first byte in the data, and the one behind its last."""
    end: int


class Header(NamedTuple):
    """A header that fits its file: the tensors lie without a gap from the data's start to end."""

    metadata: dict[str, str]
    tensors: dict[str, Entry]
    """In the order of their bytes."""


def read(file: BinaryIO, size_bytes: int) -> Header:
    """The header of an open file, which is left at the first byte of the data. Refused."""
    length = _length(file.read(LENGTH_BYTES), size_bytes)
    content = _parsed(file.read(length))
    metadata = content.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise Refused(f"its {METADATA} is no table of texts")
    entries = [(name, _entry(name, value)) for name, value in content.items()]
    tensors = dict(sorted(entries, key=lambda one: (one[1].begin, one[1].end)))
    _require_filled(tensors, size_bytes - LENGTH_BYTES - length)
    return Header(metadata, tensors)


def shown(content: Any) -> str:
    """A foreign text or value in a message: in quotation marks, in ASCII, cut short."""
    text = ascii(content)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _length(first: bytes, size_bytes: int) -> int:
    """Of the header; no more than the file has is ever read."""
    if not size_bytes:
        raise Refused("an empty file")
    if len(first) < LENGTH_BYTES:
        raise Refused(f"{size_bytes} bytes, too few for the length of a header")
    length = int.from_bytes(first, "little")
    if length > min(LARGEST_BYTES, size_bytes - LENGTH_BYTES):
        kind = next((text for start, text in KINDS.items() if first.startswith(start)), "")
        raise Refused(
            kind
            or f"its first 8 bytes promise a header of {length} bytes, in a file of {size_bytes}, "
            f"where at most {LARGEST_BYTES} are read"
        )
    return length


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(
            text.decode("utf-8"), object_pairs_hook=_table, parse_constant=_no_number
        )
    except Refused:
        raise
    except (ValueError, RecursionError):  # no UTF-8, no JSON, or a number of thousands of digits
        raise Refused("its header is no JSON") from None
    if not isinstance(content, dict):
        raise Refused("its header is no table of tensors")
    return content


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two tensors of a name JSON's readers take one, and not all take the same."""
    table: dict[str, Any] = {}
    for name, value in pairs:
        if name in table:
            raise Refused(f"its header names {shown(name)} twice")
        table[name] = value
    return table


def _no_number(name: str) -> Any:
    raise Refused(f"its header holds {name}, which is no JSON")


def _entry(name: str, value: Any) -> Entry:
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise Refused(f"tensor {shown(name)} does not have dtype, shape and data_offsets alone")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        allowed = ", ".join(ITEM_BYTES)
        raise Refused(f"tensor {shown(name)} has dtype {shown(dtype)}; allowed are {allowed}")
    if not _are_sizes(shape):
        raise Refused(f"tensor {shown(name)} has shape {shown(shape)}, no list of sizes")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise Refused(f"tensor {shown(name)} has data_offsets {shown(offsets)}, no two bytes")
    return Entry(dtype, tuple(shape), *offsets)


def _are_sizes(content: Any) -> bool:
    return (
        isinstance(content, list)
        and len(content) <= MOST_AXES
        and all(type(n) is int and 0 <= n < 2**63 for n in content)
    )


def _require_filled(tensors: dict[str, Entry], data_bytes: int) -> None:
    """Each tensor has the bytes of its shape, and begins where the one before it ends."""
    reached = 0
    for name, (dtype, shape, begin, end) in tensors.items():
        needed = prod(shape) * ITEM_BYTES[dtype]
        if end - begin != needed:
            raise Refused(
                f"tensor {shown(name)} has data_offsets {shown([begin, end])}, where {dtype} of "
                f"{shown(list(shape))} takes {shown(needed)} bytes"
            )
        if begin != reached:
            what = "overlaps the tensor before it" if begin < reached else "leaves a gap before it"
            raise Refused(f"tensor {shown(name)} {what}: it begins at {begin}, not at {reached}")
        reached = end
    if reached != data_bytes:
        what = "cut short" if data_bytes < reached else "longer than its header says"
        raise Refused(f"{what}: {data_bytes} bytes of tensors where there should be {reached}")
