"""Random GANs from the whole vocabulary, held against the reference in every row."""
