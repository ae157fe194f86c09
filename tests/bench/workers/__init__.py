"""Tests of bench/workers."""
