"""The arithmetic of an iteration, against counts by hand."""

import pytest

import spec
from spec.work import iteration_multiply_adds

G = [784 * 256, 256 * 256, 256 * 784]
D = [784 * 256, 256 * 256, 256 * 1]


def test_mlp_square_by_hand() -> None:
    """D: G forward; D forward, kernels, inputs but the first, twice. G: G so too, D no kernels."""
    d_phase = sum(G) + 2 * (3 * sum(D) - D[0])
    g_phase = (3 * sum(G) - G[0]) + 2 * sum(D)
    workload = spec.load("mlp_square", {"schedule.batch_size": 1})
    assert workload.networks["generator"].multiply_adds() == sum(G)
    assert iteration_multiply_adds(workload) == d_phase + g_phase


def test_it_grows_with_the_batch_and_with_repetitions() -> None:
    one = iteration_multiply_adds(spec.load("mlp_square", {"schedule.batch_size": 1}))
    put = {"schedule.batch_size": 8, "steps.d_steps": 2, "steps.g_steps": 2}
    assert iteration_multiply_adds(spec.load("mlp_square", put)) == 16 * one


@pytest.mark.parametrize("name", spec.names())
def test_it_is_at_least_the_forward_passes(name: str) -> None:
    workload = spec.load(name)
    forward = workload.schedule.batch_size * sum(
        phase.repeat * f.batches * workload.networks[f.network].multiply_adds()
        for phase in workload.phases
        for f in phase.forwards
    )
    # Forward, to kernels and to inputs; once more to inputs where G goes back through D's own pass.
    again = any(
        reuse.form == "graph" for phase in workload.phases for reuse in phase.reuse.values()
    )
    assert forward < iteration_multiply_adds(workload) < (4 if again else 3) * forward


def test_a_network_without_products_multiplies_nothing() -> None:
    """It is trained all the same, by the scale of its batch norm."""
    one = {"kind": "constant", "value": 1.0}
    norm = {"kind": "batch_norm", "epsilon": 1e-5, "keep": 0.9, "running_variance": "unbiased"}
    norm |= {"scale_init": one, "bias_init": one}
    shape = {"noise.shape": [28, 28, 1], "generator.input": [28, 28, 1]}
    put = {"schedule.batch_size": 1, "generator.layers": [norm], **shape}
    workload = spec.load("mlp_square", put)
    assert workload.networks["generator"].multiply_adds() == 0
    # D sees both images, with gradients for its kernels; for G they go back through it once.
    assert iteration_multiply_adds(workload) == 2 * (3 * sum(D) - D[0]) + 2 * sum(D)
