"""How long it takes: in the worker, on which clocks, turn by turn; the pytest-benchmark cases."""
