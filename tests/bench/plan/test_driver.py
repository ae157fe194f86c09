"""Whether a GPU is there is known in a second, by the standard library, before a worker starts."""

import subprocess
import sys

import pytest

from bench.plan import driver, selection
from bench.plan.machine import gpu
from bench.workers.pool import ROOT, Workers
from spec.errors import UserError


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("print(0, 1)", None),
        ("print(0, 0)", "shows no GPU"),
        ("print(100, 0)", "shows no GPU"),
        ("print(100, 1)", "shows no GPU"),
        ("print(0, 2)", None),
        ("import sys; sys.stdout.buffer.write(b'999 0'); sys.stderr.buffer.write(b'\\xff')", "999"),
        ("print(999, 0)", "does not start (CUDA error 999)"),
        ("raise OSError('no libcuda.so.1')", "is not installed"),
        ("import time; time.sleep(60)", "did not answer"),
    ],
)
def test_what_is_lacking_is_one_line(
    answer: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "ASK", answer)
    monkeypatch.setattr(driver, "LONGEST_S", 3.0)
    found = driver.refusal()
    assert (found is None) == (expected is None)
    if expected:
        assert found
        assert found.startswith("--device cuda: ")
        assert expected in found


def test_the_driver_and_its_own_program_agree() -> None:
    assert (driver.lacking() is None) == (gpu() is not None)


def test_nox_can_ask_in_an_interpreter_that_has_nothing() -> None:
    command = [sys.executable, "-S", "-m", "bench.plan.driver"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == (0 if gpu() else 2), done.stderr
    assert len(done.stderr.splitlines()) == (0 if gpu() else 1)
    assert "Traceback" not in done.stderr


def test_no_worker_starts_where_no_driver_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object) -> None:
        raise AssertionError("a worker was started")

    monkeypatch.setattr(driver, "ASK", "print(100, 0)")
    monkeypatch.setattr(Workers, "_start", start)
    with pytest.raises(UserError, match="--device cuda: NVIDIA's driver shows no GPU"):
        selection.resolve_device("cuda", ("pytorch",), {})
    monkeypatch.setattr(driver, "ASK", "print(0, 1)")
    with pytest.raises(AssertionError, match="a worker was started"):
        selection.resolve_device("cuda", ("pytorch",), {})


def test_a_driver_that_takes_longer_than_eight_seconds_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    takes_s, asked = 7.5, []

    def run(command: list[str], *, timeout: float | None = None, **how: object) -> object:
        asked.append(command)
        if timeout is not None and takes_s > timeout:
            raise subprocess.TimeoutExpired(command, timeout)
        return subprocess.CompletedProcess(command, 0, "0 1\n", "")

    monkeypatch.setattr(driver.subprocess, "run", run)
    assert driver.lacking() is None
    takes_s = 8.5
    assert driver.lacking() == "NVIDIA's driver (libcuda.so.1) did not answer within 8 s"
    assert asked == [[sys.executable, "-c", driver.ASK]] * 2


def test_the_program_ends_with_one_line_where_there_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(driver, "lacking", lambda: None)
    driver.main()
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(driver, "lacking", lambda: "there is no driver")
    with pytest.raises(SystemExit) as end:
        driver.main()
    out, err = capsys.readouterr()
    assert (end.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: --device cuda: there is no driver; allowed here: cpu. ")
