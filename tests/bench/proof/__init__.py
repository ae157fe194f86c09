"""Tests of bench/proof."""
