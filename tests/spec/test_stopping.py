"""`[stopping]`: read in both forms, refused in one line, and no part of what is computed."""

from typing import Any

import pytest

import spec
from spec.errors import SpecError
from spec.stopping import Judge, judges

ABOUT: dict[str, Any] = {"action": "stop", "reason": "As a test has it."}
WON = ABOUT | {"real_above": 0.9, "generated_below": 0.1}
GOOD: dict[str, Any] = {
    "diverged": ABOUT | {"loss_above": 1e6},
    "discriminator_won": WON,
    "ignores_input": {"action": "note", "reason": "As a test has it.", "spread_below": 0.5},
}
SHORT, LONG, SCORES = "mlp_square", "dcgan_28", "wgan"

WRONG: dict[str, tuple[str, Any, str]] = {
    "an unknown rule": (SHORT, {"collapsed": {}}, "stopping.collapsed: unknown key; allowed: div"),
    "an unknown field": (SHORT, {"diverged": ABOUT | {"loss": 1.0}}, "diverged.loss: unknown key"),
    "no limit": (SHORT, {"diverged": ABOUT}, "diverged.loss_above: missing"),
    "no reason": (
        SHORT,
        {"diverged": {"action": "stop", "loss_above": 1.0}},
        "stopping.diverged.reason: missing; allowed: a text of one line",
    ),
    "an empty reason": (SHORT, {"diverged": GOOD["diverged"] | {"reason": ""}}, 'given ""'),
    "a reason of two lines": (SHORT, {"diverged": GOOD["diverged"] | {"reason": "a\nb"}}, "line"),
    "another action": (
        SHORT,
        {"ignores_input": GOOD["ignores_input"] | {"action": "halt"}},
        'stopping.ignores_input.action: given "halt"; allowed: stop, note',
    ),
    "no loss at all": (SHORT, {"diverged": ABOUT | {"loss_above": 0.0}}, "loss_above: given 0.0"),
    "a spread beyond the real one": (
        LONG,
        {"ignores_input": ABOUT | {"spread_below": 1.0}},
        "stopping.ignores_input.spread_below: given 1.0",
    ),
    "a victory at what D believes when it is beaten": (
        LONG,
        {"discriminator_won": WON | {"real_above": 0.5}},
        "stopping.discriminator_won.real_above: given 0.5; allowed: a number above 0.5 and below 1",
    ),
    "a victory on the other side": (
        SHORT,
        {"discriminator_won": WON | {"generated_below": 0.5}},
        "generated_below: given 0.5; allowed: a number above 0 and below 0.5",
    ),
    "probabilities of a critic": (
        SCORES,
        {"discriminator_won": WON},
        "stopping.discriminator_won: given, but no network reports what it believes",
    ),
    "probabilities of least squares": (
        "cgan",
        {"discriminator_won": WON},
        "the scores of critics are no probabilities, and losses alone judge them; leave it out",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_table_gets_one_line(name: str) -> None:
    workload, table, message = WRONG[name]
    with pytest.raises(SpecError) as error:
        spec.load(workload, {"stopping": table})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_short_form_with_another_loss_has_no_beliefs() -> None:
    """A hinge's metrics are of scores."""
    put = {"steps.loss": "hinge", "steps.g_loss": None, "stopping": {"discriminator_won": WON}}
    with pytest.raises(SpecError, match=r"stopping\.discriminator_won: given, but no network"):
        spec.load(SHORT, put)
    assert spec.load(SHORT, put | {"stopping": {"diverged": GOOD["diverged"]}}).stopping


def test_another_loss_or_target_takes_the_limits_of_the_old_one_s_beliefs_along() -> None:
    """They were measured with it; a table that is given with the loss is read as it is."""
    put = {"steps.loss": "hinge", "steps.g_loss": None}
    rules = spec.load(SHORT, put).stopping
    assert rules is not None
    assert rules.discriminator_won is None
    assert rules.diverged is not None
    for target, value in (("real_target", 0.9), ("fake_target", 0.1)):
        smoothed = spec.load(SHORT, {f"steps.{target}": value}).stopping
        assert smoothed is not None
        assert smoothed.discriminator_won is None
    again = spec.load(SHORT, {"steps.g_loss": "minimax"}).stopping
    assert again is not None
    assert again.discriminator_won is not None


@pytest.mark.parametrize("name", [SHORT, LONG])
def test_a_table_is_read_in_both_forms_and_is_not_in_the_hash(name: str) -> None:
    put, none = (spec.load(name, {"stopping": table}) for table in (GOOD, None))
    assert put.stopping is not None
    assert put.stopping.model_dump(mode="json") == GOOD
    assert none.stopping is None
    assert put.spec_hash == none.spec_hash == spec.load(name).spec_hash


def test_judges_are_found_by_what_they_are_taught() -> None:
    beliefs = {"discriminator": (("d_x",), ("d_g_z",))}
    wanted = dict.fromkeys(("mlp_square", "gaussian", "mlp_wide", "dcgan_28", "dcgan_64"), beliefs)
    wanted |= {"pix2pix_64": {"discriminator": (("d_x",), ("d_g_x",))}}
    wanted |= {name: {} for name in ("wgan", "cgan", "cyclegan_64")}
    for name, own in wanted.items():
        assert judges(spec.load(name)) == tuple(Judge(of, *both) for of, both in own.items()), name


def test_every_shipped_workload_has_rules_with_reasons() -> None:
    for name in spec.names():
        rules = spec.load(name).stopping
        assert rules is not None, name
        assert rules.diverged is not None, name
        assert rules.ignores_input is not None, name
        assert (rules.discriminator_won is not None) == bool(judges(spec.load(name))), name
