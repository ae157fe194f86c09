"""Random mutants of this project's own code, and whether any test notices them (nox -s mutate)."""
