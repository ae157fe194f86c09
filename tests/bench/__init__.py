"""Tests of the measuring side, with workers that need no framework."""
