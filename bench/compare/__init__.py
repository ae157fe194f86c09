"""Two revisions, or one program twice: what may be said of runs without a moment in common."""
