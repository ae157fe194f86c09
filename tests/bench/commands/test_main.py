"""The other commands' options, and how an error ends the program, in this process."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import backends
from bench import cli
from bench.commands import reporting
from bench.compare.calibration import CALIBRATION
from spec.errors import UserError


def command(*words: str) -> Any:
    """A command in this process; an error of its user is raised."""
    done = CliRunner().invoke(cli.app, list(words))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def shows(console: Any, found: Any) -> None:
    """In place of tables."""
    console.print(f"shown {found['a']}")


def test_list_for_people_and_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.listing, "listing", lambda device: {"a": device, "b": Path("c")})
    monkeypatch.setattr(cli.listing, "show", shows)
    assert command("list").stdout == "shown cpu\n"
    assert command("list", "--device", "cuda").stdout == "shown cuda\n"
    assert command("list", "--json").stdout == '{\n "a": "cpu",\n "b": "c"\n}\n'
    for device in ("auto", "tpu"):
        with pytest.raises(UserError, match=f"^--device: given '{device}'; allowed: cpu, cuda"):
            command("list", "--device", device)


def test_doctor_asks_the_rows_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, ok = tmp_path / "python", True
    python.touch()
    asked: list[Any] = []

    def missing(row: str, interpreter: str) -> tuple[str, ...]:
        asked.append((row, interpreter))
        return ("jax",) if "jax" in row else ()

    def resolve(device: str, *given: Any) -> str:
        asked.append((device, *given))
        return "chosen"

    def diagnose(*given: Any) -> dict[str, Any]:
        asked.append(given)
        return {"a": 1, "ok": ok}

    monkeypatch.setattr(cli, "missing_packages", missing)
    monkeypatch.setattr(cli, "resolve_device", resolve)
    monkeypatch.setattr(cli.doctor_, "diagnose", diagnose)
    monkeypatch.setattr(cli.doctor_, "show", shows)
    done = command("doctor", "--python", f"pytorch={python}")
    assert (done.exit_code, done.stdout) == (0, "shown 1\n")
    pythons, rows = {"pytorch": str(python)}, backends.names()
    assert asked == [
        *((row, pythons.get(row, sys.executable)) for row in rows),
        ("auto", [row for row in rows if "jax" not in row], pythons),
        ("chosen", pythons, cli.ROOT / "results" / "doctor.png"),
    ]
    ok = False
    done = command("doctor", "--json", "--device", "cuda")
    assert (done.exit_code, json.loads(done.stdout)) == (1, {"a": 1, "ok": False})
    assert asked[-2][0] == "cuda"


def test_a_page_lies_beside_the_first_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []

    def write(files: list[Path], target: Path, conformance: Path | None, more: Any) -> Path:
        written.append((files, target, conformance))
        assert more([]) == []
        return Path("a/page")

    monkeypatch.setattr(reporting.writing, "write", write)
    both = [Path("a/one.json"), Path("b/two.json")]
    assert command("report", *map(str, both)).stdout == "page: a/page\n"
    command("report", "a/one.json", "--output", "c.html", "--conformance", "d")
    assert written == [
        (both, Path("a/one.html"), None),
        (both[:1], Path("c.html"), Path("d")),
    ]
    (tmp_path / "e.html").mkdir()
    for wrong in ("c.txt", str(tmp_path / "e.html")):
        with pytest.raises(UserError, match=r"; give the path of a \.html file$"):
            command("report", "a/one.json", "--output", wrong)
    assert len(written) == 2


def test_compare_hands_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    fails, asked = False, list[Any]()

    def compare(*given: Any) -> Any:
        asked.append(given)
        return SimpleNamespace(fails=fails, a=1)

    monkeypatch.setattr(cli, "compare_", compare)
    monkeypatch.setattr(cli, "read_runs", lambda path: f"runs of {path}")
    monkeypatch.setattr(cli.calibration_, "read_calibration", lambda path: path)
    monkeypatch.setattr(cli.comparison_, "as_json", lambda found: f"json {found.a}")
    monkeypatch.setattr(cli.comparison_, "markdown", lambda found: f"markdown {found.a}")
    monkeypatch.setattr(cli.comparison_, "show", lambda c, found: c.print(f"shown {found.a}"))
    done = command("compare", "a", "b")
    assert (done.exit_code, done.stdout) == (0, "shown 1\n")
    fails = True
    for option, said in (("--json", "json 1\n"), ("--markdown", "markdown 1\n")):
        done = command("compare", "a", "b", option, "--fail-slower", "5%", "--calibration", "c")
        assert (done.exit_code, done.stdout) == (1, said)
    assert asked == [
        ("runs of a", "runs of b", CALIBRATION, None),
        *[("runs of a", "runs of b", Path("c"), cli.limit_of("5%"))] * 2,
    ]
    with pytest.raises(UserError, match=r"^--json and --markdown: give one of the two$"):
        command("compare", "a", "b", "--json", "--markdown")


def test_calibrate_records_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded: list[Any] = []
    machine = SimpleNamespace(sd_normalised=0.0123, sd_raw=None, runs=3, cells=2)

    def calibrate(runs: list[Any]) -> Any:
        recorded.append(runs)
        return machine

    monkeypatch.setattr(cli, "read_runs", lambda path: (f"{path}1", f"{path}2"))
    monkeypatch.setattr(cli.calibration_, "calibrate", calibrate)
    monkeypatch.setattr(cli.calibration_, "machine_of", lambda run: f"machine of {run}")
    monkeypatch.setattr(cli.calibration_, "record", lambda *given: recorded.append(given))
    for words, path in (((), CALIBRATION), (("--calibration", "c"), Path("c"))):
        first, second, last = command("calibrate", "a", "b", *words).stdout.splitlines()
        assert first.endswith("normalised: 1.23%")
        assert second.endswith("as timed: unknown, no control is in all")
        assert last == f"from 3 runs of 2 cells, recorded for machine of a1: {path}"
        assert recorded == [["a1", "a2", "b1", "b2"], (path, "machine of a1", machine)]
        recorded.clear()


class Streams:
    """Standard output and error of a terminal that shows ASCII alone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.patch = monkeypatch
        self.out, self.err = (io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in range(2))

    def main(self, *words: str) -> tuple[object, list[str], list[str]]:
        """(exit code, lines of output, lines of error) of the whole program."""
        self.patch.setattr(sys, "argv", ["bench", *words])
        self.patch.setattr(sys, "stdout", self.out)
        self.patch.setattr(sys, "stderr", self.err)
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = []
        for stream in (self.out, self.err):
            stream.flush()
            buffer: Any = stream.buffer
            said.append(buffer.getvalue().decode("ascii").splitlines())
        return end.value.code, said[0], said[1]


@pytest.fixture(name="streams")
def _streams(monkeypatch: pytest.MonkeyPatch) -> Streams:
    """Which the program covers; they are the tests' own again afterwards."""
    monkeypatch.setenv("HF_TOKEN", "s3cr3t-7f1c")
    monkeypatch.setenv("COLUMNS", "100")
    return Streams(monkeypatch)


def test_what_is_printed_is_escaped_and_holds_no_secret(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    def app(*, standalone_mode: bool) -> int:
        assert not standalone_mode
        for stream in (sys.stdout, sys.stderr):
            print("\xe9 s3cr3t-7f1c", file=stream)
        return 7

    monkeypatch.setattr(cli, "app", app)
    assert streams.main() == (7, ["\\xe9 ***"], ["\\xe9 ***"])


def test_what_a_person_did_wrong_is_one_line(streams: Streams) -> None:
    code, out, err = streams.main("list", "--device", "s3cr3t-7f1c\xe9")
    assert (code, out) == (2, [])
    assert err == ["error: --device: given '***\\xe9'; allowed: cpu, cuda"]


@pytest.mark.parametrize(("words", "said"), [(("list", "--fast"), "--fast"), (("lost",), "lost")])
def test_a_wrong_option_is_told_with_the_usage(
    words: tuple[str, ...], said: str, streams: Streams
) -> None:
    code, out, err = streams.main(*words)
    assert (code, out) == (2, [])
    assert err[0].startswith("Usage: ")
    assert said in err[-1]
    assert "" not in err[-1:]


def test_a_command_s_own_exit_code(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "resolve_device", lambda *_: "cpu")
    monkeypatch.setattr(cli, "missing_packages", lambda *_: ())
    monkeypatch.setattr(cli.doctor_, "diagnose", lambda *_: {"ok": False})
    assert streams.main("doctor", "--json")[0] == 1


def test_without_a_command_there_is_help(streams: Streams) -> None:
    code, out, err = streams.main()
    text = "\n".join(out + err)
    assert code in (0, 2, None)
    assert all(name in text for name in ("list", "doctor", "run", "report", "compare", "calibrate"))
    assert "completion" not in text


def test_a_fault_of_the_program_is_a_plain_traceback(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its frames' values, which may be secret, are in no box of typer's."""

    def fault(device: str) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(cli.listing, "listing", fault)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "argv", ["bench", "list"])
    monkeypatch.setattr(sys, "stdout", streams.out)
    monkeypatch.setattr(sys, "stderr", streams.err)
    with pytest.raises(RuntimeError) as error:
        cli.main()
    sys.excepthook(RuntimeError, error.value, error.tb)
    streams.err.flush()
    buffer: Any = streams.err.buffer
    said = buffer.getvalue().decode("ascii").splitlines()
    assert (said[0], said[-1]) == ("Traceback (most recent call last):", "RuntimeError: a fault")
