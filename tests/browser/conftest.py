"""The browser that is there: none is downloaded, and none there is a failure, not a skip."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.exit(f"error: no Chromium on the PATH; install one of {', '.join(NAMES)}", 2)
    with sync_playwright() as playwright:
        # Without its sandbox, which a container does not let it have; the page is our own.
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()
