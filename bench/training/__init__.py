"""A training that is kept: its checkpoints, how they are written, found and read."""
