"""How every page of ours looks: colours, and the sheet that uses them."""

from pathlib import Path

from markupsafe import Markup

COLOURS = (
    ":root{--paper:#fff;--ink:#1d2329;--faint:#57606a;--grid:#d5dae0;--band:#e9ecef;--row1:#0b62a8;"
    "--row2:#b04a00;--row3:#00785a;--row4:#a03b80;--row5:#6b5b00;--row6:#4a4a4a}"
    "@media(prefers-color-scheme:dark){:root{--paper:#14181c;--ink:#e6e9ec;--faint:#a3adb8;--grid:#3a434d;"
    "--band:#2a3138;--row1:#6cb6ff;--row2:#ff9d57;--row3:#3fcf9f;--row4:#f291d0;"
    "--row5:#d8c343;--row6:#c0c0c0}}"
)
"""Of rows, ink and paper: of a page, and of a picture that stands alone."""
SHEET = Path(__file__).parent / "page.css"


def style() -> Markup:
    """A page's whole style; both parts are our own, so that nothing in them is escaped."""
    return Markup(COLOURS + SHEET.read_text(encoding="utf-8"))
