"""What counts as a secret, as a person's name and as a home folder; at the edges of each."""

import getpass
import io
from pathlib import Path
from typing import Any

import pytest

from bench.workers.cleaning import Cleaned, clean, expanded, without_secrets


@pytest.fixture(autouse=True)
def _alice(monkeypatch: pytest.MonkeyPatch) -> None:
    person(monkeypatch, "alice")


def person(monkeypatch: pytest.MonkeyPatch, name: str, home: str = "/home/nowhere-7") -> None:
    """This is who runs it."""
    for variable in ("USER", "LOGNAME"):
        monkeypatch.setenv(variable, name)
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("HOME", home)


def test_a_secret_has_six_characters_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "k3y-5")
    monkeypatch.setenv("B_KEY", " k3y-_6 ")  # what stands around it is no part of it
    assert clean("k3y-5 k3y-_6 k3y-_67") == "k3y-5 *** ***7"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("MY_KEY", True),
        ("MY_KEY_FILE", True),
        ("MONKEY", False),
        ("MONKEY_SECRETS", True),
        ("tf_var_x", True),
        ("MY_TF_VAR", False),
        ("PWD", False),
        ("pwd", False),
        ("OLDPWD", False),
        ("X_PWD", True),
    ],
)
def test_names_of_secret_variables(
    name: str, secret: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "/nowhere/v4lue")
    assert clean("x/nowhere/v4lue") == ("x***" if secret else "x/nowhere/v4lue")


def test_the_longest_secret_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"A": "s3cr3t", "B": "s3cr3t-and-more", "C": "my-s3cr3t"}.items():
        monkeypatch.setenv(f"{name}_TOKEN", value)
    assert clean("s3cr3t-and-more, my-s3cr3t, s3cr3t") == "***, ***, ***"


def test_each_form_and_line_of_a_secret_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", 'f/rst "l\xe9ne\n  sec\tond \n3')
    for text in (
        'f/rst "l\xe9ne',
        "f%2Frst%20%22l%C3%A9ne",
        'f/rst \\"l\\u00e9ne',
        "sec\tond",
        "sec\\tond",
        "sec%09ond",
        'f/rst "l\xe9ne\\n  sec\\tond \\n3',
    ):
        assert clean(f"<{text}>") == "<***>"
    assert clean("line 3") == "line 3"


def test_a_password_in_any_variable_s_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "a://me:pa55-w0rd@b and c://you:0ther-0ne@d")
    monkeypatch.setenv("NAME", "not-a-secret")
    assert clean("pa55-w0rd 0ther-0ne not-a-secret") == "*** *** not-a-secret"


def test_words_that_everybody_knows_are_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file99").touch()
    monkeypatch.chdir(tmp_path)
    for value, stays in {
        "PyTorc": True,  # a part of a row's name
        "mlp_square": True,
        "pytorch-2": False,
        "Ubuntu": True,
        "ubuntu-9": False,
        f"{tmp_path}/folder": True,
        f"{tmp_path}/file99": False,
        "folder": False,  # anybody's word
    }.items():
        monkeypatch.setenv("A_TOKEN", value)
        assert without_secrets(f"<{value}>") == (f"<{value}>" if stays else "<***>")


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [
        ("al", "/data/al/x", "by al"),
        ("bob", "/data/~/x", "by bob"),  # short names are words as well
        ("cleo", "/data/~/x", "by ~"),
        ("root", "/data/~/x", "by root"),
        ("a.b+c", "/data/~/x", "by ~"),
    ],
)
def test_short_names_are_words(
    name: str, path: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(monkeypatch, name)
    assert clean([f"/data/{name}/x", f"by {name}"]) == [path, words]


def test_all_of_a_user_s_names_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "cleo")
    monkeypatch.setenv("LOGNAME", "dora")
    monkeypatch.setenv("SUDO_USER", "emil")
    assert clean("/a/cleo/dora/emil and dora") == "/a/~/~/~ and ~"
    assert expanded("/a/~") == f"/a/{getpass.getuser()}"

    def unknown() -> str:
        raise KeyError("no user 1000")

    monkeypatch.setenv("NOTHING", "1")  # another environment
    monkeypatch.setattr(getpass, "getuser", unknown)
    assert clean("/a/cleo/dora/emil") == "/a/~/~/~"
    assert expanded("/a/~") == "/a/cleo"


def test_the_name_that_files_belong_to_is_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "fritz")
    assert clean("/a/fritz/alice") == "/a/~/~"
    assert expanded("/a/~") == "/a/fritz"


def test_nobody_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> Any:
        raise RuntimeError("no home")

    for name in ("USER", "LOGNAME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(getpass, "getuser", lambda: "")
    monkeypatch.setattr(Path, "home", unknown)
    assert clean("/home/x/y z") == "/home/x/y z"
    assert (expanded("~/x"), expanded("/a/~/x")) == ("~/x", "/a/~/x")


def test_a_home_that_is_a_link_goes_with_what_it_links_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, link = tmp_path / "disk-7" / "some", tmp_path / "link"
    real.mkdir(parents=True)
    link.symlink_to(real)
    person(monkeypatch, "alice", str(link))
    assert clean(f"{link}/a {real.resolve()}/b {link}") == "~/a ~/b ~"
    assert expanded("~/a") == f"{link}/a"
    monkeypatch.setenv("HOME", "/")
    assert expanded("~/a") == "alice/a"


def test_only_a_path_that_was_cleaned_is_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(monkeypatch, "alice", "/home/alice")
    for text, whole in {
        "": "",
        "a~b": "a~b",
        "/a/b": "/a/b",
        "~": "/home/alice",
        "~/run_~/x": "/home/alice/run_alice/x",
        "/a_~/~": "/a_alice/alice",
        "~x": "alicex",
    }.items():
        assert expanded(text) == whole
    there = tmp_path / "~" / "x"
    there.parent.mkdir()
    there.touch()
    assert expanded(str(there)) == str(there)  # it is called so


def test_what_is_no_text_stays() -> None:
    content = {"/home/nowhere-7": (1, 2.5, None, True), "b": [{"c": "/home/nowhere-7"}]}
    assert clean(content) == {"/home/nowhere-7": [1, 2.5, None, True], "b": [{"c": "~"}]}
    assert type(clean((1, 2))) is list


def test_a_stream_is_the_one_that_it_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "s3cr3t-7f1c")
    inner = io.StringIO()
    cleaned = Cleaned(inner)
    assert cleaned.write("a s3cr3t-7f1c") == len("a ***")
    cleaned.writelines(iter(["\nb", " s3cr3t-7f1c", " /home/nowhere-7\n"]))
    assert inner.getvalue() == "a ***\nb *** /home/nowhere-7\n"
    assert cleaned.getvalue() == inner.getvalue()
    assert not cleaned.isatty()
    assert without_secrets("to s3cr3t-7f1c") == "to ***"
