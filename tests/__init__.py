"""Tests; see CONTRIBUTING.md for which of them needs what."""
