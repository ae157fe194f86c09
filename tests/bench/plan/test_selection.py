"""What a person typed: names by comma, interpreters, values, files, sizes and devices."""

import sys
from pathlib import Path
from typing import Any

import pytest

import backends
import spec
from bench.plan import selection
from bench.plan.selection import interpreters, overrides, select, select_rows, sizes, workloads
from bench.workers.pool import WorkerFailed
from spec.errors import SpecError, UnsupportedError, UserError

ABC = ("a", "b", "c")
SMALL = Path(spec.__file__).parent / "workloads" / "mlp_small.toml"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, ABC),
        ("all", ABC),
        ("b, all", ABC),
        ("c,a", ("a", "c")),
        (" b ,,", ("b",)),
        ("b,b", ("b",)),
    ],
)
def test_names_by_comma_in_the_order_of_what_there_is(given: str | None, found: object) -> None:
    assert select("thing", given, list(ABC)) == found


def test_wrong_names_are_told_with_those_that_are_right() -> None:
    with pytest.raises(UserError, match=r"^--thing: given nothing; allowed: a, b, c$"):
        select("thing", " , ", ABC)
    with pytest.raises(UserError, match=r"^no thing is called 'd'; allowed: a, b, c$"):
        select("thing", "a,d,all_", ABC)
    assert selection.select_one("thing", "b", ABC) == "b"
    with pytest.raises(UserError, match=r"^--thing: given 'a,b'; allowed: a, b, c$"):
        selection.select_one("thing", "a,b", ABC)


def test_an_interpreter_of_each_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "py=3").touch()
    (tmp_path / "own").touch()
    given = ["pytorch=py=3", "flax_nnx=py=3", f"pytorch={tmp_path / 'own'}"]
    found = interpreters(given)
    assert found == {"pytorch": str(tmp_path / "own"), "flax_nnx": str(tmp_path / "py=3")}
    assert interpreters([]) == {}
    for pair in ("pytorch", "own", "torch=own", "=own"):
        with pytest.raises(UserError, match=f"^--python: given '{pair}'; allowed: ROW=PATH"):
            interpreters([pair])
    for path in ("none", "", "."):  # a folder is no interpreter
        with pytest.raises(UserError, match=r"\(for pytorch\) is not a file$"):
            interpreters([f"pytorch={path}"])


def test_rows_that_can_run_and_why_others_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, asked = backends.names(), []
    lacking: dict[str, tuple[str, ...]] = {rows[0]: ("jax", "flax")}

    def missing(row: str, python: str) -> tuple[str, ...]:
        asked.append((row, python))
        return lacking.get(row, ())

    monkeypatch.setattr(selection, "missing_packages", missing)
    for given in (None, "all"):
        found = select_rows(given, {rows[1]: "/my/python"})
        assert found == (rows[1:], {rows[0]: "jax, flax not installed"})
    pythons = [sys.executable, "/my/python", *[sys.executable] * (len(rows) - 2)]
    assert asked[: len(rows)] == list(zip(rows, pythons, strict=True))
    assert select_rows(f"{rows[2]},{rows[1]}", {}) == (rows[1:3], {})
    with pytest.raises(UserError, match=f"^backend {rows[0]} was asked for, but is absent: jax, f"):
        select_rows(f"{rows[1]},{rows[0]}", {})
    with pytest.raises(UserError, match=r"^no backend is called 'torch'; "):
        select_rows("torch", {})
    lacking |= dict.fromkeys(rows, ("numpy",))
    with pytest.raises(UserError, match=r"^no backend is installed in this interpreter: ") as error:
        select_rows("all", {})
    assert all(f"{row}: numpy not installed" in str(error.value) for row in rows)


def test_values_are_read_as_in_a_file() -> None:
    given = ["a=1", " b.c = 'x=y' ", "d = word ", "e=[1, 2]", "f=", "g=true", "h=0.5", "a=2"]
    expected = {"b.c": "x=y", "d": "word", "e": [1, 2], "f": "", "g": True, "h": 0.5, "a": 2}
    assert overrides(given) == expected
    deep, long = "[" * 100_000, "1" * 5000
    assert overrides([f"a={deep}", f"b={long}"]) == {"a": deep, "b": long}
    for wrong in ("a", "=1", " =1"):
        with pytest.raises(UserError, match=f"^--set: given '{wrong}'; allowed: PLACE=VALUE"):
            overrides([wrong])


def test_workloads_by_name_and_by_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = SMALL.read_text("utf-8")
    path = tmp_path / "a.toml"
    path.write_text(text.replace('"mlp_small"', '"own"', 1), "utf-8")
    assert workloads(f"gaussian, {path},,gaussian") == ("gaussian", str(path))
    assert workloads(f"{path},all") == (str(path), *spec.names())
    with pytest.raises(
        UserError, match=r"^--workload: given nothing; allowed: cgan, cyclegan_64, "
    ):
        workloads(" ,")
    (tmp_path / "b.toml").write_text(text, "utf-8")
    same = f"{tmp_path / 'b.toml'} and mlp_small have the same name"
    with pytest.raises(UserError, match=same):
        workloads(f"mlp_small,{tmp_path / 'b.toml'}")


def test_a_workload_is_read_with_what_is_put_into_it() -> None:
    assert workloads("mlp_small", {"schedule.batch_size": 3}) == ("mlp_small",)
    with pytest.raises(SpecError, match=r"^mlp_small: schedule\.batch_size: given 0"):
        workloads("mlp_small", {"schedule.batch_size": 0})
    with pytest.raises(UnsupportedError, match="gradient_penalty"):
        workloads("tests/spec/variants/wgan_gp.toml")


def test_a_comma_is_blamed_only_where_it_may_be_the_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("name = 1\n", "utf-8")
    for given, blamed in (
        ("b.toml,mlp_small", True),
        ("b.toml", False),
        (f"{path},mlp_small", False),  # its own content is wrong
    ):
        with pytest.raises(SpecError) as error:
            workloads(given)
        assert ("a comma parts names" in str(error.value)) == blamed
    with pytest.raises(SpecError) as error:
        workloads("mlp_small,gaussian", {"schedule.batch_size": 0})
    assert "a comma" not in str(error.value)


def test_what_can_be_no_path_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a,b").touch()
    found = [selection.is_file(str(tmp_path / n)) for n in ("a,b", "", "none", "x" * 5000, "\0")]
    assert found == [True, False, False, False, False]
    assert selection.by_comma(" a ,,b,a") == ("a", "b")


def test_batch_sizes() -> None:
    assert sizes("") == ()
    assert sizes(" 64, 8,,64,000000001") == (64, 8, 1)
    assert sizes("1,1048576") == (1, 2**20)
    for wrong in ("0", "1048577", "0000000001", "-1", "1.0", "8x", "x8", "1e3"):
        with pytest.raises(UserError, match=f"^--batch-size: given '{wrong}'; allowed: whole"):
            sizes(f"8,{wrong}")
    for nothing in (",", " ", " , ,"):
        with pytest.raises(UserError, match=f"^--batch-size: given '{nothing}'"):
            sizes(nothing)


class Asked:
    """Workers that say which devices their rows have."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, has: dict[str, Any]) -> None:
        self.has, self.stopped = has, 0
        self.given: list[Any] = [{}]
        self.calls: list[str] = []
        monkeypatch.setattr(selection, "Workers", self._made)

    def _made(self, pythons: Any) -> "Asked":
        self.given = [pythons]
        return self

    def call(self, where: Any, function: Any, arguments: Any, timeout_s: float) -> Any:
        """What the row has."""
        assert function is selection.devices
        assert 60 <= timeout_s <= 600
        assert where == (arguments["row"], "float32", "cuda")
        self.calls.append(arguments["row"])
        found = self.has[where[0]]
        if isinstance(found, Exception):
            raise found
        return found

    def stop(self) -> None:
        """Count it."""
        self.stopped += 1


@pytest.mark.parametrize(
    ("given", "card", "has", "found"),
    [
        ("cpu", True, None, "cpu"),
        ("auto", False, None, "cpu"),
        ("auto", True, {"a": ["cpu", "cuda"], "b": ["cuda"]}, "cuda"),
        ("auto", True, {"a": ["cpu"], "b": ["cuda"]}, "cpu"),
        ("auto", True, {"a": WorkerFailed("died", "it fell"), "b": ["cuda"]}, "cpu"),
        ("cuda", False, {"a": ["cuda"], "b": ["cuda"]}, "cuda"),
        ("cuda", True, {"a": ["cuda"], "b": ["cpu"]}, "usable by b; allowed here: cpu"),
        ("cuda", True, {"a": [], "b": []}, "usable by a, b; allowed here: cpu"),
        ("cuda", True, {"a": WorkerFailed("died", "it fell")}, "backend a does not start: it fell"),
        ("gpu", True, None, "--device: given 'gpu'; allowed: auto, cpu, cuda"),
    ],
)
def test_the_device_that_every_row_has(
    given: str, card: bool, has: dict[str, Any] | None, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, pythons = Asked(monkeypatch, has or {}), {"a": "/my/python"}
    monkeypatch.setattr(selection, "gpu", lambda: {"name": "a card"} if card else None)
    monkeypatch.setattr(selection, "refusal", lambda: None)
    if found in ("cpu", "cuda"):
        assert selection.resolve_device(given, ("a", "b"), pythons) == found
        assert asked.calls == (["a", "b"] if has else [])
    else:
        with pytest.raises(UserError, match=found):
            selection.resolve_device(given, ("a", "b"), pythons)
    assert asked.stopped == bool(has)
    assert asked.given == [pythons if has else {}]


def test_without_a_driver_no_row_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(monkeypatch, {})
    monkeypatch.setattr(selection, "refusal", lambda: "no driver here")
    with pytest.raises(UserError, match=r"^no driver here$"):
        selection.resolve_device("cuda", ("a",), {})
    assert asked.calls == []
