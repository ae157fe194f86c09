"""From a chart to SVG that suits a page in light and dark, or stands alone in a README."""

from typing import Any
from xml.etree import ElementTree

import altair as alt
import vl_convert
from altair.utils import schemapi
from markupsafe import Markup

from bench.report.plots import FAINT, GRID, INK

NAMESPACE = "http://www.w3.org/2000/svg"
VEGA_LITE = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
UNNEEDED = {"class", "role", "aria-hidden", "aria-roledescription", "pointer-events"}
FONT = "system-ui, sans-serif"
CONFIG: dict[str, Any] = {
    "aria": False,  # the title and description of the whole say more than a role for each mark
    "background": "transparent",
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": FAINT,
        "titleColor": FAINT,
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    },
    "header": {"labelColor": INK, "labelFontSize": 12},
    "legend": {"labelColor": INK, "labelFontSize": 12, "columnPadding": 30, "title": None},
    "text": {"fontSize": 12},
    "title": {"color": INK, "subtitleColor": FAINT, "anchor": "start", "fontSize": 14},
}


def draw(chart: alt.TopLevelMixin, title: str, description: str, style: str = "") -> Markup:
    """SVG without a size of its own; colours are variables of the page, or of `style`."""
    spec = chart.configure(**CONFIG).to_dict(validate=schemapi.DEBUG_MODE)
    root = ElementTree.fromstring(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE))
    _prune(root)
    for position, (tag, words) in enumerate((("title", title), ("desc", description))):
        child = ElementTree.Element(f"{{{NAMESPACE}}}{tag}")
        child.text = words
        root.insert(position, child)
    if style:
        own = ElementTree.SubElement(root, f"{{{NAMESPACE}}}style")
        own.text = style
    else:
        del root.attrib["width"], root.attrib["height"]
    root.set("role", "img")
    ElementTree.register_namespace("", NAMESPACE)
    # ElementTree escapes all text, so names from a file stay text.
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _prune(element: ElementTree.Element) -> None:
    """Take out what Vega needs and a still picture does not: half of its size."""
    for name in UNNEEDED & element.attrib.keys():
        del element.attrib[name]
    for child in list(element):
        _prune(child)
        if child.get("display") == "none" or child.get("d") == "M0,0h0v0h0Z":
            element.remove(child)
