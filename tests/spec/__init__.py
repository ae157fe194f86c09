"""Tests of the spec and of its reference; no framework is needed."""
