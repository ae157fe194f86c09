"""The tool itself; `nox -s mutate` runs this first: only its environment has what it needs."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests.executed.asking import is_check, name_of
from tests.fuzz.comparison import compare
from tests.mutation.asked import differs
from tests.mutation.mutants import Mutant, all_mutants, sample
from tests.mutation.rows import Checked
from tests.mutation.trying import Executed, _test, outcome

SOURCE = '''"""A module."""

LIMIT: Literal[3] = 5


def f(x: int = 1) -> dict[str, int]:
    """What it does."""
    if x > LIMIT:
        raise ValueError("too large: " + str(x + 1))
    y = g(x, name=2)
    return y
'''


def changes(source: str) -> set[str]:
    return {mutant.change(source) for mutant in all_mutants("a.py", source)}


def test_statements_arguments_and_returned_values_are_taken_away() -> None:
    found = changes(SOURCE)
    assert "y = g(x, name=2) -> pass" in found
    assert "y = g(x, name=2) -> y = g(None, name=2)" in found
    assert "y = g(x, name=2) -> y = g(x, name=None)" in found
    assert "return y -> return None" in found


def test_comparisons_and_numbers_are_changed() -> None:
    found = changes(SOURCE)
    assert "if x > LIMIT: -> if x >= LIMIT:" in found
    assert "if x > LIMIT: -> if not x > LIMIT:" in found
    assert "LIMIT: Literal[3] = 5 -> LIMIT: Literal[3] = 6" in found


def test_types_words_and_messages_are_left_alone() -> None:
    for change in changes(SOURCE):
        if change.startswith("raise"):
            assert change.endswith("-> pass")
        if change.startswith("def"):
            assert change.count("-> dict[str, int]:") == 2
        assert "Literal[3] = 5 -> LIMIT: Literal[3] = " in change or "Literal" not in change


def test_a_sample_has_every_file_and_nothing_twice(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.py").write_text(SOURCE * (1 + 4 * number), encoding="utf-8")
    paths = [f"{number}.py" for number in range(5)]
    found = sample(tmp_path, paths, 60, seed=3)
    assert len(set(found)) == 60
    counts = [sum(mutant.path == path for mutant in found) for path in paths]
    assert min(counts) >= 1
    assert counts[4] > counts[0]
    assert found == sample(tmp_path, paths, 60, seed=3)
    assert found != sample(tmp_path, paths, 60, seed=4)


def test_the_quickest_tests_of_a_line_come_first() -> None:
    lines = {"a.py": {1: ["slow", "quick"], 2: ["other"]}}
    lines["a.py"][1].append("failing")  # it has no time
    lines["a.py"][9] = ["importing"]
    seconds = {"slow": 190.0, "quick": 0.1, "other": 20.0, "importing": 0.01}
    seconds |= {"t.py::test_number": 5.0, "t.py::test_line": 7.0}
    lines["a.py"][1].append("t.py::test_line")
    executed = Executed(lines, seconds, {"a.py": {1, 2, 3}}, {"a.py": {"t.py"}})
    at = lambda line: Mutant("a.py", line, "x", 0)  # noqa: E731
    assert executed.tests_of(at(1)) == ["t.py::test_line", "quick", "slow"]
    # Of the file's functions, up to 200 s; who only imports it by another's hand says little.
    assert executed.tests_of(at(3)) == ["t.py::test_line", "quick", "other"]
    own = ["t.py::test_number", "t.py::test_line"]
    assert executed.tests_of(at(9)) == [*own, "quick", "other"]
    assert executed.tests_of(Mutant("b.py", 1, "x", 0)) == []


def test_calls_are_of_as_many_checks_rows_and_modes_as_there_are() -> None:
    seconds = {
        "grid pytorch w eager float64": 1.0,
        "grid pytorch w eager float32": 1.5,
        "grid flax_nnx w compiled float64": 4.0,
        "draws flax_nnx w compiled float64": 9.0,
        "run pytorch w compiled float64": 150.0,
        "draws pytorch w multistep float64": 6.0,
        "draws pytorch v multistep float64": 6.5,
        "same_seed pytorch w compiled float64": 100.0,
    }
    calls = {n: (s, ({"check": n}, "passed")) for n, s in seconds.items()}
    lines = {1: [*seconds, "begin"], 2: ["grid pytorch w eager float64"]}
    found = Checked({"a.py": lines}, calls, {"a.py": {1, 3}})

    def chosen(path: str, line: int) -> list[str]:
        return [call["check"] for call, _ in found.calls_of(Mutant(path, line, "x", 0))]

    first, second, *others = chosen("a.py", 1)
    assert first == "grid pytorch w eager float64"
    assert second == "draws pytorch v multistep float64", "another check, mode and GAN"
    assert others[0] == "same_seed pytorch w compiled float64"
    assert len(others) == 5, "of the rest what fits into three minutes"
    assert sorted(chosen("a.py", 2)) == sorted(chosen("a.py", 1)), "at import, the first call alone"
    unseen = [name.split()[3] for name in chosen("a.py", 3)]
    assert set(unseen) == {"compiled", "multistep"}, "where no tracer sees"
    assert chosen("b.py", 1) == []


def test_what_is_made_with_a_program_is_every_check_s() -> None:
    """Checks that come later find the program made."""
    names = ["mode pytorch w eager float64", "compiled pytorch w eager float64"]
    calls = {name: (1.0, ({"check": name}, "passed")) for name in names}
    lines = {1: names[:1], 2: names[1:]}
    found = Checked({"a.py": lines}, calls, {"a.py": {1, 2}})
    asked = {line: len(found.calls_of(Mutant("a.py", line, "x", 0))) for line in (1, 2)}
    assert asked == {1: 2, 2: 1}


def test_tests_are_asked_that_have_a_row_execute_the_line(tmp_path: Path) -> None:
    room = tmp_path / "tests" / "bench" / "timing"
    room.mkdir(parents=True)
    (room / "test_asking.py").write_text("pool.call(where, graphs_of_two, {})\n", encoding="utf-8")
    (room / "asking.py").write_text("def graphs_of_two():\n    pass\n", encoding="utf-8")
    (room / "test_other.py").write_text("graphs_of_two_programs(start)\n", encoding="utf-8")
    lines = {"a.py": {1: ["graphs_of_two", "start", "run pytorch w eager float64"], 2: ["start"]}}
    found = Checked(lines, {}, {})
    asked = {line: found.tests_of(Mutant("a.py", line, "x", 0), tmp_path) for line in (1, 2, 3)}
    assert asked == {1: ["tests/bench/timing/test_asking.py"], 2: [], 3: []}


def test_what_the_linter_refuses_is_no_mutant() -> None:
    found = changes("def f(a):\n    return a == 1 or a != 2\n")
    assert not [change for change in found if " is " in change]
    assert [change for change in found if "a <= 1" in change]


GAN = {"row": "pytorch", "gan": "{}", "mode": "eager", "device": "cpu"}


def test_each_random_gan_is_a_workload_of_its_own() -> None:
    name, other = (name_of(compare, GAN | {"gan": gan}) for gan in ("{}", "[]"))
    check, row, workload, mode, precision = name.split()
    assert (check, row, mode, precision) == ("random_gan", "pytorch", "eager", "float64")
    assert workload.startswith("gan-")
    assert workload not in other
    assert is_check(GAN)
    assert is_check({"check": "run"})
    assert not is_check({"row": "pytorch"})


@pytest.mark.parametrize(("status", "noticed"), [("passed", False), ("failed", True)])
def test_a_random_gan_is_asked_as_it_was(status: str, noticed: bool) -> None:
    asked: list[Any] = []

    class Row:
        def call(self, where: Any, function: Any, arguments: Any, timeout_s: float) -> Any:
            asked.append((where, function, arguments))
            return {"status": status}

    row: Any = Row()
    assert differs(row, GAN, "passed") == noticed
    assert asked == [(("pytorch", "float64", "cpu"), compare, GAN)]


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text("def f(x):\n    return x + 1\n", encoding="utf-8")
    test = "from a import f\n\n\ndef test_f():\n    assert f(1) == 2\n\n\n"
    test += "def test_nothing():\n    f(1)\n"
    (tmp_path / "test_a.py").write_text(test, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n", encoding="utf-8")
    return tmp_path


def test_a_mutant_is_caught_by_a_test_that_fails(project: Path) -> None:
    source = (project / "a.py").read_text(encoding="utf-8")
    mutants = list(all_mutants("a.py", source))
    random.Random(1).shuffle(mutants)
    for mutant in mutants:
        for test, expected in (("test_f", "caught"), ("test_nothing", "left")):
            name = f"test_a.py::{test}"
            found = outcome(
                Executed({"a.py": {2: [name]}}, {name: 0.1}, {}, {}), [], mutant, project
            )
            if test == "test_f" or mutant.change(source).endswith("return None"):
                assert found == expected, mutant
    assert (project / "a.py").read_text(encoding="utf-8") == source


def test_a_test_that_fails_by_itself_catches_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (project / "test_a.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndef test_broken():\n    assert f(1) == 3\n")
    mutant = next(all_mutants("a.py", (project / "a.py").read_text(encoding="utf-8")))
    broken, sound, nothing = (f"test_a.py::test_{name}" for name in ("broken", "f", "nothing"))
    for tests, expected in (([broken, sound], "caught"), ([broken, nothing], "left")):
        executed = Executed({"a.py": {2: tests}}, {broken: 0.1, sound: 0.2, nothing: 0.2}, {}, {})
        assert outcome(executed, [], mutant, project) == expected
    assert capsys.readouterr().out == f"fails by itself: {broken}\n" * 2


def test_what_a_worker_executes_belongs_to_the_test_that_asks() -> None:
    assert _test("tests/a.py::test_a[x]|run") == "tests/a.py::test_a[x]"
    assert _test("tests/a.py::test_a") == "tests/a.py::test_a"
    assert _test("tests/a.py::test_a|worker:tests/b.py::test_b") == "tests/b.py::test_b"


def test_a_star_between_parameters_is_no_product() -> None:
    found = changes("def f(a, *, b=2):\n    return g(a * b)\n")
    assert not [change for change in found if change.startswith("def") and "*" not in change[20:]]
    assert "return g(a * b) -> return g(a / b)" in found
