"""What a slip of the pen is."""

from typing import NamedTuple


class Slip(NamedTuple):
    """A mistake, what it changes, and who notices."""

    name: str
    path: str
    old: str
    """Stands in the file once."""
    new: str
    caught_by: str
    """A test, or several of one file by what their names begin with."""
