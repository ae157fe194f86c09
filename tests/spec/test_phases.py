"""Short forms expand into phases, and GANs of other kinds parse without a change to the model."""

from pathlib import Path

import pytest

import spec
from backends.protocol import require_supported
from spec.errors import UnsupportedError

VARIANTS = Path(__file__).parent / "variants"


def test_sum_of_means_is_one_update_on_separate_forwards() -> None:
    d, g = spec.load("mlp_square").phases
    assert [(f.network, f.inputs, f.detach) for f in d.forwards] == [
        ("discriminator", ("x",), False),
        ("generator", ("z",), True),
        ("discriminator", ("fake",), False),
    ]
    assert [term.weight for term in d.losses] == [1.0, 1.0]
    assert (d.updates, d.optimizer, d.repeat) == (("discriminator",), "discriminator", 1)
    assert (g.updates, g.draws) == (("generator",), ("z",))


def test_concatenated_is_one_forward_and_the_mean_over_both_halves() -> None:
    d, g = spec.load("gaussian").phases
    assert d.forwards[-1].inputs == ("x", "fake")
    assert [term.weight for term in d.losses] == [0.5, 0.5]
    assert (d.repeat, g.repeat) == (100, 100)


def test_iterations_updates_and_images() -> None:
    gaussian, mlp = spec.load("gaussian"), spec.load("mlp_square")
    assert (gaussian.updates_per_iteration, gaussian.images_per_iteration) == (200, 10_000)
    assert (mlp.updates_per_iteration, mlp.images_per_iteration) == (2, 64)


def test_wgan_gp_parses_and_expands() -> None:
    workload = spec.load(str(VARIANTS / "wgan_gp.toml"))
    critic, g = workload.phases
    assert (critic.repeat, g.repeat) == (5, 1)
    assert critic.losses[-1].kind == "gradient_penalty"
    assert workload.draw_table()["critic/alpha"].repeat == 5


def test_cyclegan_has_four_networks_and_g_first() -> None:
    workload = spec.load(str(VARIANTS.parent / "long" / "cyclegan.toml"))
    require_supported(workload)
    assert [phase.name for phase in workload.phases] == ["g", "d_a", "d_b"]
    assert workload.phases[0].updates == ("a_to_b", "b_to_a")
    assert len(workload.networks) == 4


def test_stylegan2_like_schedule_has_a_lazy_phase() -> None:
    workload = spec.load(str(VARIANTS / "stylegan2_like.toml"))
    assert [(phase.name, phase.every) for phase in workload.phases] == [
        ("g", 1),
        ("d", 1),
        ("d_r1", 16),
    ]


def test_g_first_with_other_targets_is_computed() -> None:
    workload = spec.load(str(VARIANTS.parent / "long" / "g_first.toml"))
    require_supported(workload)
    assert [phase.name for phase in workload.phases] == ["g", "d"]
    assert [term.model_dump()["target"] for term in workload.phases[1].losses] == [1.0, -1.0]


@pytest.mark.parametrize("path", sorted(VARIANTS.glob("*.toml")), ids=lambda path: path.stem)
def test_variants_are_refused_in_one_sentence(path: Path) -> None:
    workload = spec.load(str(path))
    with pytest.raises(UnsupportedError) as refusal:
        require_supported(workload)
    assert "\n" not in str(refusal.value)
    assert workload.name in str(refusal.value)
