"""A block is taken in turns: a round of each of its cells, then another of each.

What disturbs a machine for longer than a turn falls on all cells alike, and what is shorter on few
of a block's turns, whose median counts (docs/adr/0011-turns.md).
"""

from typing import Any

TURNS = 3
BLOCK_S = 0.75
"""What the rounds of a cell's block last together, about, however many turns it is cut into."""
MOST_TURNS = 15
"""Rounds of 50 ms; what a framework loses at the start of a turn would be most of shorter ones."""
FEW_DISPATCHES = 5
"""A round of fewer has no warm-up: a fifth of it is less than a dispatch, and the first of these
after another program's is about 1 % slower than the next (docs/adr/0011-turns.md)."""

FEWEST_BLOCKS = 5
"""With fewer blocks an interval is too wide, or too lucky, to name a winner by."""
VERY_LONG_BLOCKS = 4
"""A round that lasts as long as so many blocks is timed in every second block."""

Record = dict[str, Any]


def turns_of(found: Record, wanted_s: float, turns: int) -> list[int]:
    """In which of a block's turns a prepared cell is timed: in all, or in some, spread evenly.

    A single chunk of draws whose iterations last longer than a round is wanted to is taken as often
    as comes nearest to what a block is wanted to last.
    """
    single = found["iterations_per_round"] <= found["chunk_iterations"]
    lasts_s = found["round_s"] if single else wanted_s
    n = min(turns, max(1, int(turns * wanted_s / lasts_s + 0.5)))
    return [int((i + 0.5) * turns / n) for i in range(n)]


def blocks_of(found: Record, wanted_s: float, turns: int, blocks: int) -> list[int]:
    """In which blocks a prepared cell is timed: in all, or in every second.

    That is where its round alone takes most of a block, and enough are left for an interval.
    """
    long = found["round_s"] > VERY_LONG_BLOCKS * wanted_s * turns
    return list(range(0, blocks, 2 if long and blocks >= 2 * FEWEST_BLOCKS else 1))
