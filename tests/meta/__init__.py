"""Tests of the tests: the checks bite, and the house holds."""
