"""Tests of bench/results."""
