"""Tests of bench/timing."""
