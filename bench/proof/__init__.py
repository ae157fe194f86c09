"""The callable that will be timed agrees with the reference: closeness, limits, the proof."""
