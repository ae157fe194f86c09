"""What is written passes here: no home folder, no user's name, no secret. Results are published.

Secrets are the values of variables whose names say so, what a text itself calls a password or a
token, and the `user:password@` of a URL. What is printed is without them too; its paths stay as
they are, for a person to use.
"""

import getpass
import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

import backends
import spec
from backends.protocol import DEVICES, MODES, PRECISIONS

REMOVED = "***"
"""In a secret's place."""
SHORTEST = 6
"""Shorter values are words of which texts are full."""

SECRET_WORDS = re.compile(
    "(APIKEY|AUTH|BEARER|COOKIE|CREDENTIALS?|CREDS|DSN|JWT|KEYS?|PASS|PASSPHRASE|PAT|PRIVATE|PWD|SAS"
    "|TOKENS?|WEBHOOK)"
)
"""Between the underscores of a secret variable's name."""
SECRET_PARTS = ("APIKEY", "API_KEY", "CREDENTIAL", "PASSPHRASE", "PASSWD", "PASSWORD", "SECRET")
"""Anywhere in it."""
SECRET_STARTS = ("TF_TOKEN_", "TF_VAR_")
"""Terraform's, of which nobody but its user knows what they hold."""
FOLDERS = frozenset({"PWD", "OLDPWD"})

# Every repetition before a fixed part is bounded or cannot start in its middle: a long line, such
# as an array in a traceback, must not take a time that grows with its square.
URL_USER = re.compile(r"(\w[\w+.-]{0,40}://)[^\s/'\"]+@")
BARE_USER = re.compile(r"(?<![^\s'\"=(,])[\w.%+-]+:[^\s:/@'\"]+@(?=\w)")
NAMED = re.compile(
    r"(?i)((?:passw(?:or)?d|passphrase|secret|token(?!i)|api[_-]?key|access[_-]?key"
    r"|credential)[\w-]{0,60}[\"']?\s{0,20}[=:]\s{0,20}[\"']?)[^\s\"',;&]+"
)
BEARER = re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{6,}")
PATH = re.compile(r"(?<![\w.])(?<!:/)(?!//)~?/[^\s'\"<>|:;,]*")
ACCOUNTS = (
    "admin, app, azureuser, codespace, docker, ec2-user, jovyan, nobody, root, runner, test, "
    "ubuntu, user, vagrant, vscode"
)
"""Names that say nothing of a person, and are words of sentences."""


def clean(content: Any) -> Any:
    """The same with every text in it cleaned; the keys of mappings stay as they are."""
    return _walk(content, _cleaner())


def without_secrets(text: str) -> str:
    """The text for who runs this: home folder and name, which are no news, stay."""
    return _cleaner().without_secrets(text)


def expanded(text: str) -> str:
    """A path that was cleaned, as it was; what else was removed from it stays removed."""
    if "~" not in text or text[0] not in "~/" or Path(text).exists():
        return text
    whole = re.sub(r"^~(?=/|$)", lambda _: next(iter(_homes()), "~"), text)
    return whole.replace("~", next(iter(_users()), "~"))


class Cleaned:
    """A stream without secrets."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """As any stream."""
        return self._stream.write(without_secrets(text))

    def writelines(self, lines: Iterator[str]) -> None:
        """As any stream."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Cleaner:
    """What the environment now says is to be removed."""

    def __init__(self) -> None:
        secrets = sorted(set(_secrets()), key=len, reverse=True)
        homes, users = list(_homes()), list(_users())
        names = "|".join(map(re.escape, users)) or "(?!)"
        persons = [name for name in users if len(name) > 3 and not _ordinary(name)]
        self.secret = re.compile("|".join(map(re.escape, secrets)) or "(?!)")
        self.home = re.compile(
            "|".join(rf"(?<![\w.-]){re.escape(home)}(?![\w.-])" for home in homes) or "(?!)"
        )
        self.in_path = re.compile(rf"(?<![^\W_])(?:{names})(?![^\W_])")
        self.in_words = re.compile(
            rf"(?<![\w./-])(?:{'|'.join(map(re.escape, persons)) or '(?!)'})(?![\w/-])"
        )

    def without_secrets(self, text: str) -> str:
        text = self.secret.sub(REMOVED, text)
        text = BARE_USER.sub("", URL_USER.sub(r"\1", text))
        return BEARER.sub(rf"\1{REMOVED}", NAMED.sub(rf"\1{REMOVED}", text))

    def __call__(self, text: str) -> str:
        text = self.without_secrets(text)
        text = PATH.sub(lambda path: self.in_path.sub("~", path[0]), self.home.sub("~", text))
        return self.in_words.sub("~", text)


def _cleaner() -> _Cleaner:
    """Made once for all texts, until the environment changes."""
    return _cleaner_of(frozenset(os.environ.items()))


@lru_cache(maxsize=4)
def _cleaner_of(environment: frozenset[tuple[str, str]]) -> _Cleaner:
    return _Cleaner()


def _walk(content: Any, cleaner: _Cleaner) -> Any:
    if isinstance(content, str):
        return cleaner(content)
    if isinstance(content, dict):
        return {key: _walk(value, cleaner) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_walk(value, cleaner) for value in content]
    return content


def _secrets() -> Iterator[str]:
    """The values to be removed, in every form that a message may hold them in."""
    for name, value in os.environ.items():
        found = re.findall(r"://[^\s/:@]*:([^\s/]+)@", value)
        if _secret_name(name):
            found += [value, *value.splitlines()]
        for text in {one.strip() for one in found}:
            if len(text) >= SHORTEST and not _ordinary(text):
                yield from (text, quote(text, safe=""), repr(text)[1:-1], json.dumps(text)[1:-1])


def _secret_name(name: str) -> bool:
    upper = name.upper()
    return upper not in FOLDERS and (
        any(SECRET_WORDS.fullmatch(word) for word in upper.split("_"))
        or any(part in upper for part in SECRET_PARTS)
        or upper.startswith(SECRET_STARTS)
    )


def _ordinary(text: str) -> bool:
    """Whether everybody can read it anyway: this project's own words, or a folder that exists."""
    own = any(text.lower() in word for word in _own_words())
    return (
        own
        or text.lower() in ACCOUNTS.split(", ")
        or (text.startswith("/") and Path(text).is_dir())
    )


@cache
def _own_words() -> frozenset[str]:
    return frozenset({*backends.names(), *MODES, *PRECISIONS, *DEVICES, *spec.names()})


def _homes() -> Iterator[str]:
    """The user's home folder, and what it links to."""
    with suppress(RuntimeError):
        home = Path.home()
        for path in dict.fromkeys((str(home), str(home.resolve()))):
            if len(path) > 1:  # some containers have / for a home
                yield path


def _users() -> Iterator[str]:
    """The user's names, the one that files belong to first."""
    found = [os.environ.get(name, "") for name in ("USER", "LOGNAME", "SUDO_USER")]
    with suppress(OSError, KeyError, ImportError):  # a container need not know its user
        found.insert(0, getpass.getuser())
    yield from (name for name in dict.fromkeys(found) if len(name) > 2)
