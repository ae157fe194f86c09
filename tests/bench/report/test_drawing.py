"""From a chart to SVG: what is taken out, what is added, and that text stays text."""

from typing import Any
from xml.etree import ElementTree

import altair as alt
import pytest
import vl_convert

from bench.report import drawing
from bench.report.drawing import draw

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = """<svg xmlns="http://www.w3.org/2000/svg" width="10" height="20" viewBox="0 0 10 20"
  class="marks"><g class="a" role="x" aria-hidden="true" aria-roledescription="y" fill="red"
  pointer-events="none"><path display="none"/><path d="M0,0h0v0h0Z"/><path d="M1,1"
  class="b"/><path display="none"/><g display="none"><text>no</text></g><text>yes</text></g>
</svg>"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What Vega-Lite was asked for; it draws the same always."""
    noted: list[Any] = []

    def draw_it(spec: Any, vl_version: str) -> str:
        noted.append((spec, vl_version))
        return DRAWN

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", draw_it)
    return noted


def picture(style: str = "", title: str = "title") -> ElementTree.Element:
    return ElementTree.fromstring(draw(alt.Chart().mark_point(), title, "words", style))


def test_title_and_description_come_first(asked: list[Any]) -> None:
    root = picture()
    first, second, rest = root
    assert [first.tag, second.tag, rest.tag] == [f"{SVG}title", f"{SVG}desc", f"{SVG}g"]
    assert (first.text, second.text) == ("title", "words")
    assert root.get("role") == "img"


def test_a_picture_in_a_page_has_no_size_and_one_that_stands_alone_its_style(
    asked: list[Any],
) -> None:
    page, alone = picture(), picture("a{b:c}")
    assert [page.get(name) for name in ("width", "height")] == [None, None]
    assert page.get("viewBox") == alone.get("viewBox") == "0 0 10 20"
    assert [alone.get(name) for name in ("width", "height")] == ["10", "20"]
    assert [style.text for style in alone.iter(f"{SVG}style")] == ["a{b:c}"]
    assert not list(page.iter(f"{SVG}style"))


def test_what_a_still_picture_does_not_need_is_taken_out(asked: list[Any]) -> None:
    root = picture()
    group = root[2]
    assert group.attrib == {"fill": "red"}
    assert [(child.tag, child.attrib, child.text) for child in group] == [
        (f"{SVG}path", {"d": "M1,1"}, None),
        (f"{SVG}text", {}, "yes"),
    ]
    assert "class" not in root.attrib


def test_names_are_escaped_and_tags_have_no_prefix(asked: list[Any]) -> None:
    markup = draw(alt.Chart().mark_point(), "<script>&", "words")
    assert "<title>&lt;script&gt;&amp;</title>" in markup
    assert markup.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert markup.__html__() == str(markup)  # a page does not escape it again


def test_the_chart_is_drawn_by_the_version_it_was_made_for_in_our_colours(
    asked: list[Any],
) -> None:
    picture()
    ((given, version),) = asked
    assert f"/vega-lite/v{version}." in given["$schema"]
    assert given["config"]["background"] == "transparent"
    assert given["config"]["axis"]["labelColor"] == "var(--faint)"
    assert given["config"]["aria"] is False
    assert given["mark"]["type"] == "point"


def test_a_chart_is_drawn_for_real() -> None:
    chart = alt.Chart(alt.InlineData(values=[{"a": "here"}])).mark_text().encode(text="a:N")
    root = ElementTree.fromstring(drawing.draw(chart, "t", "d"))
    assert "here" in [element.text for element in root.iter(f"{SVG}text")]
