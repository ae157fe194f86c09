"""Plain terminals: nothing that the stream cannot show, no markup in names, tables that fit."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.text import Text

import spec
from bench.report import printing, streams, table
from bench.workers.pool import ROOT
from tests.bench.compare.made import made
from tests.bench.report.sample import small

HOSTILE = "runs [gpu1]/[bold]r :dog: \u00e9\u2026\x1b[31m.json"
SHOWN = r"runs [gpu1]/[bold]r :dog: \xe9\u2026\x1b[31m.json"
LINES: list[printing.Line] = [
    {"row": "pytorch", "speed": "1,234", "note": "a b c"},
    {"row": "r\u00f6w", "speed": "5", "note": Text("")},
]


def plain(*arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """A command of the benchmark as a log that knows ASCII only sees it."""
    ascii_only = {"PYTHONIOENCODING": "ascii", "TERM": "dumb"}
    command = [sys.executable, "-m", "bench", *arguments]
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"} | ascii_only | variables
    return subprocess.run(command, cwd=ROOT, capture_output=True, env=environment, timeout=120)


def printed(done: subprocess.CompletedProcess[bytes], code: int = 0) -> str:
    everything = done.stdout + done.stderr
    assert b"Traceback" not in everything
    assert done.returncode == code, everything
    return everything.decode("ascii")


def accented(folder: Path) -> Path:
    """A workload whose path has letters and brackets that streams and markup have views on."""
    path = folder / "m\u00e9mo [bold] \u2713.toml"
    path.write_bytes((Path(spec.__file__).parent / "workloads" / "mlp_small.toml").read_bytes())
    return path


@pytest.mark.parametrize("width", [40, 100])
def test_list(width: int) -> None:
    text = printed(plain("list", COLUMNS=str(width)))
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert ("workload: dcgan_32" in text.splitlines()) == (width == 40)
    assert ("+-----" in text) == (width == 100)


def test_check_names_the_path(tmp_path: Path) -> None:
    text = printed(plain("run", "--check", "--workload", str(accented(tmp_path))))
    assert r"m\xe9mo [bold] \u2713.toml: fits; generator [" in text


def test_errors_name_the_path(tmp_path: Path) -> None:
    path = tmp_path / "m\u00e9mo [bold].toml"
    assert printed(plain("run", "--workload", str(path)), 2).startswith("error: ")
    assert printed(plain("run", f"--{path}"), 2)
    raw = os.fsencode(tmp_path) + b"/\xff.toml"  # no text in any encoding
    for encoding in ("ascii", "utf-8"):
        done = plain("run", "--workload", os.fsdecode(raw), PYTHONIOENCODING=encoding)
        assert r"\udcff.toml: cannot be read" in printed(done, 2)


def test_doctor() -> None:
    text = printed(plain("doctor", "--device", "cpu", COLUMNS="40"))
    assert "row: pytorch" in text


def test_compare_calibrate_and_report(tmp_path: Path) -> None:
    files = []
    for number in range(3):
        content = made(number, cells=3)
        content["provenance"]["cpu"] = "an \u00e1bacus [red]"
        files.append(tmp_path / f"r\u00e9sult {number} [bold].json")
        files[-1].write_text(json.dumps(content), encoding="utf-8")
    names = [str(path) for path in files]
    calibration = f"--calibration={tmp_path}/k\u00e9pt.json"
    for options in ((), ("--markdown",), ("--json",)):
        text = printed(plain("compare", *names[:2], calibration, *options, COLUMNS="40"))
        assert r"\xe1bacus [red]" in text or options == ("--json",)
    assert r"an \xe1bacus [red]" in printed(plain("calibrate", *names, calibration))
    text = printed(plain("report", names[0]), code=2)
    assert r"r\xe9sult 0 [bold].json" in text
    (tmp_path / "\u00e9.json").write_text(json.dumps(small()), encoding="utf-8")
    assert r"\xe9.html" in printed(plain("report", str(tmp_path / "\u00e9.json")))


@pytest.mark.parametrize("width", [40, 80, 100, 120, 150])
def test_a_result(width: int) -> None:
    """At no width is a number cut; what there is no room for is named or stands in lines."""
    result = small()
    for cell in result["summary"]:
        cell |= {"call_s": 1e-3, "clocks_differ": 0.0}
    result["failures"] = [{"id": "gan", "stage": "proof", "error": HOSTILE}]
    text = ascii_text(lambda console: table.show(console, result), width)
    assert f"failed gan: proof: {SHOWN}" in text
    first = result["summary"][0]
    speed = f"{first['steps_per_s']:.4g}"
    assert speed in text or f"{first['steps_per_s']:,.0f}" in text
    if width == 40:
        assert "optimizer: native" in text
        assert "Left out" not in text
    tabled = [line for line in text.splitlines() if line.startswith(("|", "+-----"))]
    assert bool(tabled) == (width > 40)
    assert len({len(line) for line in tabled}) <= 1
    assert all(len(line) <= width for line in tabled)


def ascii_text(show: object, width: int) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    show(printing.console(stream, width=width))  # type: ignore[operator]
    stream.flush()
    return stream.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]


@pytest.mark.parametrize("tell", [printing.say, printing.prose])
def test_names_are_no_markup_and_move_no_cursor(tell: object) -> None:
    text = ascii_text(lambda console: tell(console, HOSTILE), 150)  # type: ignore[operator]
    assert text == f"{SHOWN}\n"
    title = ascii_text(lambda console: printing.table(console, HOSTILE, [{HOSTILE: HOSTILE}]), 150)
    assert title.count(SHOWN) == 3


def test_a_line_is_never_broken() -> None:
    path = "/".join(["a folder"] * 30)
    assert ascii_text(lambda console: printing.say(console, path), 40) == f"{path}\n"


def test_a_table_that_does_not_fit_is_lines() -> None:
    wide = ascii_text(lambda console: printing.table(console, "All", LINES), 60)
    assert r"| r\xf6w  | 5     |" in wide
    narrow = ascii_text(lambda console: printing.table(console, "All", LINES), 21)
    assert narrow.splitlines() == [
        *("All", "", "row: pytorch", "speed: 1,234", "note: a b c"),
        *("", r"row: r\xf6w", "speed: 5", ""),
    ]


def test_spare_columns_are_left_out_first() -> None:
    spare = (("note",), ("speed",))
    for width, left_out in ((40, ()), (22, ("note",)), (14, ("note", "speed")), (10, ())):
        out: list[tuple[str, ...]] = []
        ascii_text(lambda c, o=out: o.append(printing.table(c, None, LINES, spare=spare)), width)
        assert out == [left_out]


def test_an_empty_table_is_none() -> None:
    assert ascii_text(lambda console: printing.table(console, "All", []), 40) == ""


def test_a_pipe_is_as_wide_as_columns_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, width in (("40", 40), ("", 150), ("0", 150), ("many", 150), ("-1", 150)):
        monkeypatch.setenv("COLUMNS", given)
        assert printing.console(io.StringIO()).width == width
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal, which rich takes to be 80 wide
    assert printing.console(io.StringIO()).width == 60


def test_a_line_of_any_stream(capsys: pytest.CaptureFixture[str]) -> None:
    streams.line("a\x1b[31m\tb\n\u00e9", error=True)
    assert capsys.readouterr().err == "a\\x1b[31m\tb\n\u00e9\n"
