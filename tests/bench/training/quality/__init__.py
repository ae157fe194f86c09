"""Tests of bench/training/quality."""
