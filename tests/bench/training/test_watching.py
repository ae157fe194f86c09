"""From a record to verdicts: each limit from both sides, and when something is said."""

from typing import Any

import pytest

import spec
from bench.training import metrics
from bench.training.watching import Verdict, Watch, require_watchable, verdicts
from spec.errors import UserError
from spec.workload import Workload

ABOUT: dict[str, Any] = {"action": "stop", "reason": "As a test has it."}
DIVERGED = {"diverged": ABOUT | {"loss_above": 4.0}}
WON = {"discriminator_won": ABOUT | {"real_above": 0.9, "generated_below": 0.2}}
DEAF = {"ignores_input": ABOUT | {"spread_below": 0.125}}
ALL = DIVERGED | WON | DEAF


def workload(rules: Any = ALL, name: str = "mlp_square") -> Workload:
    return spec.load(name, {"stopping": rules})


def record(spread: Any = None, bad: Any = (), **raw: list[float]) -> metrics.Record:
    """Of iterations 11 to 20."""
    quiet = {"d_loss": [1.0], "g_loss": [1.0], "d_x": [0.5], "d_g_z": [0.5]}
    made = metrics.record(workload(), 20, 1.0, 1.0, quiet | raw)
    spreads = {"generator": 1.0} if spread is None else spread
    return made | {"after": 10, "spread": spreads, "samples_not_finite": list(bad)}


def kinds(of: metrics.Record, rules: Any = ALL, **other: Any) -> list[tuple[str, str]]:
    return [(one.kind, one.of) for one in verdicts(workload(rules), of, **other)]


def test_nothing_is_wrong() -> None:
    assert kinds(record()) == []


@pytest.mark.parametrize("loss", ["d_loss", "g_loss"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_loss_diverges_above_its_limit_whatever_its_sign(loss: str, sign: float) -> None:
    assert kinds(record(**{loss: [sign * 4.0]})) == []
    assert kinds(record(**{loss: [sign * 4.001]})) == [("diverged", loss)]
    assert kinds(record(**{loss: [sign * 4.001]}), rules={}) == []


def test_a_mean_is_over_all_iterations_of_the_interval() -> None:
    """Neither the last one alone nor the largest."""
    assert kinds(record(g_loss=[13.0, 1.0, 1.0])) == [("diverged", "g_loss")]
    assert kinds(record(g_loss=[1.0, 1.0, 9.0])) == []
    assert kinds(record(d_x=[0.5, 0.99, 0.99], d_g_z=[0.1])) == []
    (one,) = verdicts(workload(), record(d_loss=[9.0, 7.0]))
    assert one.seen == "diverged: mean d_loss 8, in size above 4, over iterations 11 to 20"
    assert one.said == f"{one.seen}. As a test has it."


@pytest.mark.parametrize(
    ("real", "generated", "won"),
    [
        (0.901, 0.199, True),
        (0.9, 0.199, False),
        (0.901, 0.2, False),
        (0.999, 0.6, False),
        (0.1, 0.001, False),
        (0.5, 0.5, False),
    ],
)
def test_a_discriminator_has_won_beyond_both_limits(
    real: float, generated: float, won: bool
) -> None:
    own = record(d_x=[real], d_g_z=[generated])
    assert kinds(own) == ([("discriminator_won", "discriminator")] if won else [])
    assert kinds(own, rules=DIVERGED | DEAF) == []


def test_of_two_discriminators_the_one_that_won_is_named() -> None:
    own = spec.load("tests/bench/training/two_judges.toml", {"stopping": WON})
    beliefs = {"near_real": 0.95, "near_fake": 0.1, "far_real": 0.95, "far_fake": 0.3}
    quiet = {"near_loss": 1.0, "far_loss": 1.0, "g_loss": 1.0, "g_fake": 0.1}
    of = record() | {"metrics": beliefs | quiet}
    (one,) = verdicts(own, of)
    assert (one.kind, one.of) == ("discriminator_won", "near")
    assert "near_real 0.95 of real samples, above 0.9, and near_fake 0.1 of" in one.seen
    both = of | {"metrics": of["metrics"] | {"far_fake": 0.1}}
    assert [v.of for v in verdicts(own, both)] == ["near", "far"]
    del both["metrics"]["far_fake"]  # its phase did not run in this interval
    assert [v.of for v in verdicts(own, both)] == ["near"]


def test_a_network_ignores_its_input_below_its_limit() -> None:
    assert kinds(record({"generator": 0.125})) == []
    assert kinds(record({"generator": 0.1249})) == [("ignores_input", "generator")]
    assert kinds(record({"generator": 0.0, "other": 1.0})) == [("ignores_input", "generator")]
    assert kinds(record({"generator": None})) == []
    assert kinds(record({"generator": 0.0}), rules={}) == []


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a loss in the middle": ({"d_loss": [1.0, float("nan"), 1.0]}, "metrics d_loss"),
    "an infinite one": ({"g_loss": [float("inf"), 1.0]}, "metrics g_loss"),
    "two infinite ones": ({"g_loss": [float("inf"), float("-inf")]}, "metrics g_loss"),
    "a sum beyond all numbers": ({"g_loss": [1e308, 1e308]}, "metrics g_loss"),
    "a sample": ({"bad": ["generator"]}, "samples of generator"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_finite_needs_no_rule_and_hides_all_else(name: str) -> None:
    given, told = BAD[name]
    (one,) = verdicts(workload({}), record(**given))
    assert (one.kind, one.action) == ("not_finite", "stop")
    assert one.seen.startswith(f"not finite by iteration 20: {told}")
    assert kinds(record(spread={"generator": 0.0}, **given)) == [("not_finite", "mlp_square")]


def test_arrays_of_a_state_that_is_not_finite_are_named() -> None:
    (one,) = verdicts(workload(), record(), unsaved=["a", "b", "c", "d", "e"])
    assert one.seen == "not finite by iteration 20: arrays of the state a, b, c and 2 more"


def test_what_a_record_in_a_file_says_is_not_finite() -> None:
    """Where JSON has null."""
    assert kinds(record() | {"metrics": {"d_loss": None}}) == [("not_finite", "mlp_square")]


NOTE, STOP = (
    Verdict("diverged", "d_loss", action, "seen", "reason") for action in ("note", "stop")
)
OTHER = NOTE._replace(of="g_loss")


def test_a_verdict_is_news_until_it_ends() -> None:
    watch = Watch(keep_going=False)
    assert watch.news([NOTE]) == [NOTE]
    assert watch.news([NOTE, OTHER]) == [OTHER]
    assert watch.news([OTHER]) == []
    assert watch.news([NOTE]) == [NOTE]
    assert not watch.stopped


@pytest.mark.parametrize("keep_going", [False, True])
def test_what_stops_does_unless_it_is_to_keep_going(keep_going: bool) -> None:
    watch = Watch(keep_going=keep_going)
    watch.news([NOTE])
    assert watch.news([NOTE, STOP._replace(of="g_loss")])
    assert watch.stopped is not keep_going
    watch.news([])
    assert watch.stopped is not keep_going


def test_a_rule_of_samples_that_nobody_compares_is_refused() -> None:
    require_watchable(workload())
    require_watchable(workload(DIVERGED, "wgan"))
    raw = spec.load("tests/bench/training/two_judges.toml", {"stopping": DEAF})
    require_watchable(raw)
    alone = raw.model_copy(update={"phases": raw.phases[2:]})
    with pytest.raises(UserError, match=r"two_judges: stopping\.ignores_input: given, but no"):
        require_watchable(alone)
    require_watchable(alone.model_copy(update={"stopping": None}))
