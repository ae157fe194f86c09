"""Tests of bench/convergence."""
