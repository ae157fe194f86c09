"""The proof: every check on every row."""
