"""What is written holds no home folder, no user's name and no secret, and is still of use."""

import io
import re
import time

import pytest

from bench.workers.cleaning import Cleaned, clean, expanded, without_secrets

SECRET = "s3cr3t-7f1c"


@pytest.fixture(autouse=True)
def _alice(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USER", "LOGNAME"):
        monkeypatch.setenv(name, "alice")
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("HOME", "/home/alice")


SECRET_NAMES = re.findall(
    r"\w+",
    """
    NVIDIA_API_KEY TF_VAR_x TF_VAR_db_password TF_TOKEN_app_terraform_io HF_TOKEN WANDB_API_KEY
    AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN GITHUB_TOKEN OPENAI_API_KEY KAGGLE_KEY PGPASSWORD
    MYSQL_PWD DB_PASS SENTRY_DSN CUDA_PASSWORD JAX_CREDENTIALS XLA_AUTH TORCH_PASSPHRASE
    keras_apikey SLACK_WEBHOOK AZURE_CLIENT_SECRET
    """,
)


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_values_of_secret_variables_are_removed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = f"--output=/data/{SECRET}/r.json"
    monkeypatch.delenv(name, raising=False)
    assert clean(before) == before
    monkeypatch.setenv(name, SECRET)
    assert clean(before) == "--output=/data/***/r.json"
    assert clean({"a": [f"x{SECRET}y", ("z", SECRET)], "n": 1.5}) == {
        "a": ["x***y", ["z", "***"]],
        "n": 1.5,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKENIZERS_PARALLELISM", "disabled"),
        ("OLDPWD", "/data/alices/work"),
        ("AUTH_MODE", "pytorch"),
        ("API_KEY", "cuda"),
        ("SSH_KEYS", "/usr"),
        ("AUTHOR", "Alice Doe"),
    ],
)
def test_ordinary_words_and_folders_stay(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert clean(f"in {value}") == f"in {value}"


def test_a_secret_is_found_in_the_forms_that_messages_have(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "p@ss'\n/wörd\t99"
    monkeypatch.setenv("DB_PASSWORD", secret)
    for text in (secret, repr(secret), "p%40ss%27%0A%2Fw%C3%B6rd%0999", "/wörd\t99"):
        assert "rd" not in clean(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://me:pw@host/a", "https://host/a"),
        ("postgres://me:p@w@host/a", "postgres://host/a"),
        ("https://ghp_abc@host/a", "https://host/a"),
        ("proxy=me:pw@proxy:3128", "proxy=proxy:3128"),
        ("TF_TOKEN_y=abc def", "TF_TOKEN_y=*** def"),
        ('{"api_key": "abc", "n": 1}', '{"api_key": "***", "n": 1}'),
        ("Authorization: Bearer abc.def.ghi", "Authorization: Bearer ***"),
        ("git@host:a/b", "git@host:a/b"),
        ("mlp_square-pytorch-eager-float32-b64", "mlp_square-pytorch-eager-float32-b64"),
    ],
)
def test_what_a_text_itself_calls_a_secret_goes(text: str, expected: str) -> None:
    assert clean(text) == without_secrets(text) == expected
    assert clean(expected) == expected


def test_a_password_in_a_variables_url_goes_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"https://me:{SECRET}@host/simple")
    assert clean(f"denied: {SECRET}") == "denied: ***"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/alice/gan.toml", "~/gan.toml"),
        ("/home/alice", "~"),
        ("/scratch/alice/gan.toml", "/scratch/~/gan.toml"),
        ("/tmp/torchinductor_alice/x", "/tmp/torchinductor_~/x"),
        ("/mnt/home/alice/x", "/mnt/home/~/x"),
        ("/home/alice2/x", "/home/alice2/x"),
        ("/data/malice/x", "/data/malice/x"),
    ],
)
def test_home_and_name_go_from_paths_that_are_still_found(text: str, expected: str) -> None:
    assert clean(text) == expected
    assert expanded(expected) == text
    assert without_secrets(text) == text
    assert clean(f"File '{text}', line 3") == f"File '{expected}', line 3"


def test_a_name_goes_from_sentences_and_stays_in_ids() -> None:
    assert clean("alice@host: not alice's") == "~@host: not ~'s"
    assert clean("alice-pytorch-eager-b8") == "alice-pytorch-eager-b8"
    assert clean("https://github.com/alice/x") == "https://github.com/alice/x"


def test_an_account_that_is_a_word_stays_in_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USER", "LOGNAME"):
        monkeypatch.setenv(name, "root")
    monkeypatch.setenv("HOME", "/root")
    assert clean("the root of /root/x") == "the root of ~/x"


def test_a_home_that_is_the_root_of_all_is_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/")
    assert clean("/data/x") == "/data/x"


def test_a_stream_is_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    inner = io.StringIO()
    print(f"/home/alice/{SECRET}", file=Cleaned(inner))
    assert inner.getvalue() == "/home/alice/***\n"


@pytest.mark.parametrize(
    "piece",
    ["x", "token", "token-", "a.", "/a", "/", "~", "=", "a:", "a=", "b://", "://", "alice "],
)
def test_a_long_line_takes_a_time_that_grows_with_its_length(piece: str) -> None:
    """Ten times the length takes about ten times as long, not a hundred times."""

    def taken_s(length: int) -> float:
        text, taken = piece * (length // len(piece)), []
        for _ in range(3):
            start = time.process_time()
            clean(text)
            taken.append(time.process_time() - start)
        return min(taken)

    clean(piece)
    assert taken_s(40_000) < 40 * taken_s(4_000) + 0.02
