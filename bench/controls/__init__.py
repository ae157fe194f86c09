"""Straight-line programs written from the documents, one per framework and GAN.

They share no line with the project or with each other, on purpose: a number misread from a document
into the spec would be the same in every backend, and only a second reading can show it. Each module
has `make(weights, dtype) -> (step, export)`; canonical names and layouts, and NumPy arrays at the
border, are all that they have in common.
"""
