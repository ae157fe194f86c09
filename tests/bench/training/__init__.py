"""Tests of bench/training."""
