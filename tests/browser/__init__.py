"""The report in a real browser; needs a Chromium, so it has a nox session of its own."""
