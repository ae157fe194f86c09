"""Trainings beside each other, read from folders and shown on a page."""
