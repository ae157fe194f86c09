"""Numbers that training seldom has: large, tiny, zero and equal ones; layers, losses, optimizers.

A threshold, a clamp or the order of operations shows there and nowhere else.
"""

from typing import Any

import numpy as np

from backends.protocol import Arrays
from bench.proof.closeness import loss_error
from spec import tolerances
from spec.state import init_state
from spec.workload import Workload
from tests.conformance.cases import SEED, Case, oracle
from tests.conformance.grid import NORMAL, VECTORS, Place, activations, grid, normalisations
from tests.fuzz.comparison import workload_of

SIZES = (0.0, 1e-30, 1e-8, 1e-3, 0.1, 1.0, 5.0, 20.0, 60.0, 200.0, 1e4)
POINTS = np.array([sign * size for size in SIZES for sign in (1.0, -1.0)])
LOSSES: tuple[dict[str, Any], ...] = (
    {"loss": "bce", "g_loss": "non_saturating", "real_target": 0.9},
    {"loss": "bce", "g_loss": "minimax", "real_target": 1.0},
    {"loss": "least_squares", "real_target": 1.0},
    {"loss": "hinge"},
    {"loss": "wasserstein"},
)
OFFSET = 1e4
"""Of what is normalised, beside a spread of one: a variance as E[x^2] - E[x]^2 loses 1e8 ulps."""
GRADIENTS = np.array([sign * 10.0**power for power in (-60, -30, -8, 0, 8, 60) for sign in (1, -1)])
BETAS = {"beta_1": 0.5, "beta_2": 0.999}
OPTIMIZERS: tuple[dict[str, Any], ...] = (
    {"kind": "adam", **BETAS, "epsilon": 1e-8, "epsilon_place": "outside_root"},
    {"kind": "adam", **BETAS, "epsilon": 1e-8, "epsilon_place": "hat"},
    {"kind": "adamw", **BETAS, "epsilon": 1e-8, "weight_decay": 0.1},
    *(
        {
            "kind": "rmsprop",
            "decay": 0.9,
            "epsilon": 1e-8,
            "epsilon_place": place,
            "initial_accumulator": 0.0,
            "momentum": momentum,
        }
        for place in ("outside_root", "inside_root")
        for momentum in (0.0, 0.9)
    ),
    {"kind": "sgd", "momentum": 0.9, "nesterov": True},
)
SMALLEST = 1e-290
"""What is below this may be zero."""


def check_extreme_activations(case: Case) -> None:
    """Every function of a number alone at each of the points, and the derivative of their sum."""
    layers = list(activations())
    workload = grid(Place((1,), 2), layers)
    program, reference = case.prepare(workload, case.mode), oracle(workload)
    first = _at_rest(workload)
    points = _held(POINTS, case)[:, None]
    live, state = program.import_state(first), reference.import_state(first)
    found = program.apply(live, "discriminator", points, train=True, masks={})
    wanted = reference.apply(state, "discriminator", points, train=True, masks={})
    limit = tolerances.limit(case.precision, "forward")
    for i, layer in enumerate(layers):
        # Beside 1 a difference from 0 or from 1 is rounding, as it is beside the number itself.
        scale = np.maximum(np.abs(wanted[:, i]), np.minimum(np.abs(points[:, 0]), 1.0))
        where = f"{layer} at one of {SIZES}"
        _elementwise(case, found[:, i], wanted[:, i], scale, limit, where)
    limit = tolerances.limit(case.precision, "gradient")
    draws = {key: np.zeros((2, *draw.source.shape)) for key, draw in workload.draw_table().items()}
    for point in _held(POINTS, case):
        at = first | {"generator/dense_0/bias": np.full(1, point)}
        _, ours = program.losses_and_gradients(program.import_state(at), "both", draws)
        _, theirs = reference.losses_and_gradients(reference.import_state(at), "both", draws)
        case.measured.tensors(ours, theirs, limit, f"derivatives of activations at {point:g}")


def check_extreme_losses(case: Case) -> None:
    """Every loss and its gradients where all scores are one number: large, tiny or zero."""
    for steps in LOSSES:
        workload = _workload(SGD, steps)
        program, reference = case.prepare(workload, case.mode), oracle(workload)
        for point in _held(POINTS, case):
            first = _at_rest(workload) | {"generator/dense_0/bias": np.full(1, point)}
            table = workload.draw_table()
            draws = {k: np.full((2, 1), 0.0 if k.endswith("/z") else point) for k in table}
            for phase in workload.phases:
                given = {k: v for k, v in draws.items() if k.startswith(f"{phase.name}/")}
                ours, theirs = (
                    one.losses_and_gradients(one.import_state(first), phase.name, given)
                    for one in (program, reference)
                )
                where = f"{steps['loss']} {phase.name} at {point:g}"
                loss = tolerances.limit(case.precision, "loss")
                case.measured.losses(ours[0], theirs[0], loss, where)
                # Beside 1, since a real and a generated sample's may cancel: sigmoid(x) - 1/2, say.
                gradient = tolerances.limit(case.precision, "gradient")
                for key, expected in theirs[1].items():
                    error = loss_error(ours[1][key], expected)
                    case.measured.within(error, gradient, f"{where} {key}")


def check_extreme_norms(case: Case) -> None:
    """Equal numbers, which have no spread; and numbers far from zero with a spread of one."""
    limit = tolerances.limit(case.precision, "forward")
    for place in (Place((3, 2, 4), 2), VECTORS[0]):
        layers = normalisations(place)
        workload = grid(place, layers)
        program, reference = case.prepare(workload, case.mode), oracle(workload)
        state = init_state(workload, SEED)
        equal = np.full((place.batch, *place.shape), 0.5)
        far = OFFSET + case.normal("far", place.shape, place.batch)
        # Of a number near OFFSET, less its mean, rounding is OFFSET times as large a share.
        for inputs, within in ((equal, limit), (far, OFFSET * limit)):
            found, wanted = (
                one.apply(one.import_state(state), "discriminator", inputs, train=True, masks={})
                for one in (program, reference)
            )
            where = f"{place}, numbers like {float(inputs.flat[0]):g}"
            _elementwise(case, found, wanted, np.ones_like(wanted), within, where)


def check_extreme_optimizers(case: Case) -> None:
    """Every update rule on gradients of all sizes and on none, from zero, number by number."""
    limit = tolerances.limit(case.precision, "optimizer")
    for optimizer in OPTIMIZERS:
        own = {"learning_rate": 0.01, **optimizer}
        workload = _workload(own, LOSSES[2], len(GRADIENTS))
        program, reference = case.prepare(workload, case.mode), oracle(workload)
        live, state = (one.import_state(_at_rest(workload)) for one in (program, reference))
        gradients = {
            "generator/dense_0/kernel": GRADIENTS[:, None],
            "generator/dense_0/bias": np.zeros(1),
        }
        for _ in range(3):
            live = program.update(live, "g", gradients)
            state = reference.update(state, "g", gradients)
        found, wanted = program.export_state(live), reference.export_state(state)
        for key in (key for key in wanted if "generator" in key and "/dense_0/" in key):
            scale = np.abs(wanted[key])
            _elementwise(case, found[key], wanted[key], scale, limit, f"{own} {key}")


SGD = {"kind": "sgd", "learning_rate": 0.01, "momentum": 0.0, "nesterov": False}


def _workload(optimizer: dict[str, Any], steps: dict[str, Any], features: int = 1) -> Workload:
    """G and D of one dense layer each, from so many features to one number and to its score."""
    dense = {"kind": "dense", "units": 1, "bias": True, "kernel_init": NORMAL, "bias_init": NORMAL}
    normal = {"mean": 0.0, "std": 1.0}
    common = {"d_steps": 1, "g_steps": 1, "d_update": "sum_of_means", "g_noise": "fresh"}
    return workload_of(
        {
            "name": "extremes",
            "title": "One layer each",
            "generator": {"input": [features], "layers": [dense]},
            "discriminator": {"input": [1], "layers": [dense]},
            "noise": {"kind": "normal", **normal, "shape": [features]},
            "data": {"kind": "gaussian_stream", **normal, "sampling": "stream", "shape": [1]},
            "steps": common | {"d_fakes": "train"} | steps,
            "optimizers": {"generator": optimizer, "discriminator": optimizer},
            "schedule": {
                "batch_size": 2,
                "length": 1,
                "unit": "iterations",
                "learning_rate": "constant",
            },
        }
    )


REST = {
    "generator/dense_0/kernel": 0.0,
    "generator/dense_0/bias": 0.0,
    "discriminator/dense_0/kernel": 1.0,
    "discriminator/dense_0/bias": 0.0,
}


def _at_rest(workload: Workload) -> Arrays:
    """The first state, but G gives its bias, zero, whatever its noise is; and D's score is that."""
    state = init_state(workload, SEED)
    return state | {k: np.full_like(state[k], v) for k, v in REST.items() if k in state}


def _held(points: np.ndarray, case: Case) -> np.ndarray:
    """As the precision holds them."""
    return points.astype(case.precision).astype(np.float64)


def _elementwise(
    case: Case, found: np.ndarray, wanted: np.ndarray, scale: np.ndarray, limit: float, where: str
) -> None:
    """No number off by more than the limit times the scale beside it."""
    case.measured.true(found.shape == wanted.shape, f"{where}: shape {found.shape}")
    case.measured.true(bool(np.isfinite(found).all()), f"{where}: all are finite")
    off = np.abs(found.astype(np.float64) - wanted)
    error = np.where(off > SMALLEST, off / np.maximum(scale, SMALLEST), 0.0)
    case.measured.within(float(error.max()), limit, where)
