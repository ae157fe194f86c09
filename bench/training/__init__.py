"""Training to a result: checkpoints, metrics, samples, and what their quality is."""
