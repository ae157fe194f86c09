"""Networks with several inputs and outputs by name: what fits, and what does not."""

import copy
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

import spec
from backends import ORACLE, load
from backends.protocol import Settings
from bench.plan.fitting import describe
from spec import data, randomness
from spec.errors import SpecError
from spec.state import init_state
from spec.work import iteration_multiply_adds

FILE = Path(__file__).parent.parent / "meta" / "workloads" / "ports.toml"
GOOD = tomllib.loads(FILE.read_text(encoding="utf-8"))
CRITIC, JUDGE = "networks.critic", "phases.0.forwards.1"
REFUSED: dict[str, list[tuple[str, Any]]] = {
    "networks.critic.input: missing; allowed: a list of one to three whole numbers: height, width, "
    "channels of an image, or a length": [(f"{CRITIC}.inputs", {})],
    "networks.critic.layers[0].inputs: missing; the network has several inputs, of which it takes "
    "one: image, code": [(f"{CRITIC}.layers.0", {"kind": "flatten"})],
    "networks.critic.inputs.more: no layer names it in its inputs": [
        (f"{CRITIC}.inputs.more", [3])
    ],
    "networks.critic.outputs.score: no layer is called 'last'; layers are: flatten_0, dense_0, "
    "features, dropout_0, score, concatenate_0, match": [(f"{CRITIC}.outputs.score", "last")],
    "networks.critic.layers[6]: the output of 'match' goes nowhere: it is none of the outputs": [
        (f"{CRITIC}.outputs", {"score": "score"})
    ],
    "networks.critic.layers[4]: the output of 'score' goes nowhere: the layer behind it takes "
    "other inputs, and none names it": [(f"{CRITIC}.outputs", {"match": "match"})],
    "phases[0].forwards[1].inputs: the network has several; allowed: a table with image, code": [
        (f"{JUDGE}.inputs", ["x", "made"])
    ],
    "phases[0].forwards[1].inputs: missing: code": [(f"{JUDGE}.inputs", {"image": ["x", "made"]})],
    "phases[0].forwards[1].inputs: no input of the network is called 'picture'; allowed: image, "
    "code": [(f"{JUDGE}.inputs", {"picture": ["x", "made"], "code": ["c", "c"]})],
    "phases[0].forwards[1].outputs: no output of the network is called 'real'; allowed: score, "
    "match": [(f"{JUDGE}.outputs", {"real": ["a", "b"]})],
    "phases[0].forwards[1].inputs.code: 1 batches beside 2 of another input": [
        (f"{JUDGE}.inputs", {"image": ["x", "made"], "code": ["c"]})
    ],
    "phases[0].forwards[1].outputs.match: as many outputs as inputs are needed": [
        (f"{JUDGE}.outputs.match", ["only"])
    ],
    "networks.critic.inputs.code: given [3], but 'z' of phase 'd' has shape [12]; the two must be "
    "equal": [(f"{JUDGE}.inputs.code", ["z", "c"])],
    "phases[0].forwards[1].inputs.code: no draw or earlier output is called 'nothing'; allowed: x, "
    "z, c, made": [(f"{JUDGE}.inputs.code", ["nothing", "c"])],
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused(message: str, tmp_path: Path) -> None:
    raw = copy.deepcopy(GOOD)
    for place, value in REFUSED[message]:
        *parents, last = place.split(".")
        spot: Any = raw
        for part in parents:
            spot = spot[int(part) if part.isdigit() else part]
        spot[int(last) if last.isdigit() else last] = value
    path = tmp_path / "gan.toml"
    path.write_text(tomli_w.dumps(raw), encoding="utf-8")
    with pytest.raises(SpecError) as refusal:
        spec.load(str(path))
    assert str(refusal.value) == f"{path}: {message}"


def test_what_goes_in_and_out() -> None:
    workload = spec.load(str(FILE))
    critic, generator = workload.networks["critic"], workload.networks["generator"]
    assert critic.taken == {"image": (8, 8, 1), "code": (3,)}
    assert critic.made == {"score": (1,), "match": (1,)}
    assert generator.made == {"output": (8, 8, 1)}
    assert describe("ports", workload, ()) == (
        "ports: fits; generator z [12], code [3] -> [8, 8, 1], 2,400 parameters; "
        "critic image [8, 8, 1], code [3] -> score [1], match [1], 1,343 parameters; 8 real "
        "samples an iteration"
    )
    assert set(workload.draw_table()) == {
        *("d/x", "d/z", "d/c", "g/z", "g/c"),
        *("d/1.dropout_0.x", "d/1.dropout_0.made", "g/1.dropout_0.made"),
    }
    # G: 15 x 30 and 30 x 64; D: 64 x 20, 20 and 23. D's phase: G ahead, D ahead and its kernels for
    # two batches, and of its inputs all but the first product's; G's phase: all three of G but
    # that of the noise, D ahead and back to the image.
    g, d = 15 * 30 + 30 * 64, 64 * 20 + 20 + 23
    expected = g + 2 * (3 * d - 64 * 20) + (3 * g - 15 * 30) + 2 * d
    assert iteration_multiply_adds(workload) == 8 * expected


def test_outputs_are_those_of_the_layers_that_are_named() -> None:
    workload = spec.load(str(FILE))
    program = load(ORACLE).program(workload, Settings("eager", "float64", "cpu", 2))
    state = program.import_state(init_state(workload, 3))
    inputs = randomness.inputs(workload.networks["critic"], "ports", 5)
    assert {name: value.shape for name, value in inputs.items()} == {
        "image": (5, 8, 8, 1),
        "code": (5, 3),
    }
    found = program.apply(state, "critic", inputs, train=False)
    hidden = inputs["image"].reshape(5, 64) @ state["critic/dense_0/kernel"]
    hidden = hidden + state["critic/dense_0/bias"]
    features = hidden / (1.0 + np.exp(-hidden))
    score = features @ state["critic/score/kernel"]
    match = np.concatenate([features, inputs["code"]], axis=1) @ state["critic/match/kernel"]
    np.testing.assert_allclose(found["score"], score, rtol=1e-12)
    np.testing.assert_allclose(found["match"], match, rtol=1e-12)


def test_batches_pass_together_in_their_order() -> None:
    """Both halves of the critic's batch keep their own codes."""
    workload = spec.load(str(FILE))
    program = load(ORACLE).program(workload, Settings("eager", "float64", "cpu", 2))
    state = program.import_state(init_state(workload, 3))
    draws = randomness.draws(workload, 1, 0, data.synthetic(workload, 1))
    given = {key: value[0] for key, value in draws.items()}
    metrics, _ = program.losses_and_gradients(state, "d", given)
    masks = {"dropout_0": given["d/1.dropout_0.x"]}
    real = {"image": given["d/x"], "code": given["d/c"]}
    match = program.apply(state, "critic", real, train=True, masks=masks)["match"]
    assert metrics["d_m"] == pytest.approx(np.mean(1.0 / (1.0 + np.exp(-match))), rel=1e-12)
