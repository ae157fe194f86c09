"""The report in a browser without a network: drawn, readable, sortable, narrow and wide."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from bench.report import page as report
from tests.bench.report.sample import hostile, whole

Scheme = Literal["light", "dark"]
LEAST_CONTRAST = {"text": 4.5, "[stroke^='var(--row']": 3.0}
"""What WCAG asks of text, and of marks that mean something."""
CUT_OFF = """
(tolerance) => [...document.querySelectorAll("svg text")].filter((text) => {
  const [inner, outer] = [text, text.closest("svg")].map((e) => e.getBoundingClientRect());
  return inner.left < outer.left - tolerance || inner.right > outer.right + tolerance;
}).map((text) => text.textContent)
"""
COLOURS = """
(selector) => [...new Set([...document.querySelectorAll(`svg ${selector}`)].map((e) => {
  const style = getComputedStyle(e);
  return selector === "text" ? style.fill : style.stroke;
}))]
"""
PAPER = "() => getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {"whole": whole(), "hostile": hostile()}
    for name, result in made.items():
        report.write([result], folder / f"{name}.html")
    return {name: folder / f"{name}.html" for name in made}


class Opened:
    """A page in a browser, with what went wrong in it."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.on("console", lambda message: self.wrong.append(message.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", lambda dialog: self.wrong.append(dialog.message))
        page.on("request", self._request)
        self.own = path.as_uri()
        page.goto(self.own)

    def _request(self, request: object) -> None:
        url = getattr(request, "url", "")
        if url != self.own:
            self.wrong.append(url)


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Scheme:
    return "dark" if request.param == "dark" else "light"


@pytest.fixture(params=[360, 1440])
def opened(
    request: pytest.FixtureRequest, browser: Browser, files: dict[str, Path], scheme: Scheme
) -> Iterator[Opened]:
    context = browser.new_context(
        viewport={"width": request.param, "height": 800}, color_scheme=scheme, offline=True
    )
    yield Opened(context.new_page(), files["whole"])
    context.close()


def test_nothing_is_loaded_and_nothing_goes_wrong(opened: Opened) -> None:
    assert opened.wrong == []


def test_the_body_is_as_wide_as_the_screen(opened: Opened) -> None:
    opened.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    width = opened.page.evaluate("document.documentElement.scrollWidth")
    assert width <= opened.page.evaluate("window.innerWidth")


def test_every_plot_is_drawn_and_no_name_is_cut_off(opened: Opened) -> None:
    plots = opened.page.locator("svg").all()
    assert len(plots) > 15
    for plot in plots:
        box = plot.bounding_box()
        assert box is not None
        assert box["width"] > 250
        assert box["height"] > 80
        assert plot.locator("[stroke^='var(--row'], [fill^='var(--row']").count() > 0
    assert opened.page.evaluate(CUT_OFF, 2) == []


def test_colours_suit_the_paper(opened: Opened) -> None:
    paper = luminance(opened.page.evaluate(PAPER))
    for selector, least in LEAST_CONTRAST.items():
        colours = opened.page.evaluate(COLOURS, selector)
        assert colours
        for colour in colours:
            high, low = sorted((luminance(colour), paper), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= least, (selector, colour)


def luminance(colour: str) -> float:
    """Relative luminance of `rgb(...)`, by WCAG's formula."""
    parts = [float(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("opened", [1440], indirect=True)
@pytest.mark.parametrize("scheme", ["light"], indirect=True)
def test_tables_sort_by_click_and_by_key(opened: Opened) -> None:
    table = opened.page.locator("#run1-cells table")
    header = table.locator("th", has_text="first step")
    column = table.locator("th").all_inner_texts().index("first step") + 1

    def keys() -> list[float]:
        found = table.locator(f"td:nth-child({column})").all()
        return [float(cell.get_attribute("data-key") or "nan") for cell in found]

    before = keys()
    header.locator("button").click()
    assert (keys(), header.get_attribute("aria-sort")) == (sorted(before), "ascending")
    header.locator("button").press("Enter")
    assert keys() == sorted(before, reverse=True)
    assert header.get_attribute("aria-sort") == "descending"
    assert before not in (keys(), sorted(before))


def test_a_script_in_a_name_does_not_run(browser: Browser, files: dict[str, Path]) -> None:
    context = browser.new_context(offline=True)
    assert Opened(context.new_page(), files["hostile"]).wrong == []
    context.close()
