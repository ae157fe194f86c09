"""The reference as a program: `run` is its own steps, samples are made with averages."""

from typing import Any

import numpy as np
import pytest

import spec
from backends import ORACLE, load, missing, names, prepare
from backends.protocol import Settings
from backends.xla import autotuning
from spec import data, randomness
from spec.errors import UserError
from spec.state import init_state, parameter_count, parameters, read, save

SIZE = {"schedule.batch_size": 4}
AVERAGED = SIZE | {"averages": {"generator": 0.75}}


def made(put: dict[str, Any], chunk: int = 2) -> tuple[Any, Any, Any]:
    """(workload, program, samples) of a small GAN."""
    workload = spec.load("mlp_small", put)
    program = load(ORACLE).program(workload, Settings("eager", "float64", "cpu", chunk))
    return workload, program, data.synthetic(workload, 1)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_run_is_its_own_steps_on_its_own_draws(n: int) -> None:
    workload, program, arrays = made(AVERAGED)
    state = expected = program.import_state(init_state(workload, 1))
    rows = []
    for i in range(n):
        given = randomness.draws(workload, 7, i, arrays, full_only=True)
        expected, metrics = program.train_step(expected, given)
        rows.append(metrics)
    state, found = program.run(state, program.place(arrays), 7, n)
    program.block_until_ready(state)
    assert found.keys() == rows[0].keys()
    for name, values in found.items():
        assert list(values) == [row[name] for row in rows]
    assert state.keys() == expected.keys()
    assert all(np.array_equal(state[key], expected[key]) for key in state)
    assert state["iteration"] == n


def test_chunks_hold_all_iterations_in_order() -> None:
    workload, program, arrays = made(SIZE, chunk=3)
    for first, lengths in ((0, [3, 3, 1]), (2, [1, 3, 3]), (4, [2, 3, 2])):
        chunks = list(program.draws(program.place(arrays), 7, 7, first))
        for name in chunks[0]:
            assert [len(chunk[name]) for chunk in chunks] == lengths
            rows = [row for chunk in chunks for row in chunk[name]]
            for i, row in enumerate(rows, start=first):
                expected = randomness.draws(workload, 7, i, arrays, full_only=True)[name]
                np.testing.assert_array_equal(row, expected)


def test_samples_are_made_with_the_averages_where_there_are_any() -> None:
    z = np.random.default_rng(1).normal(
        size=(3, *spec.load("mlp_small").networks["generator"].taken["input"])
    )
    for put, averaged in ((AVERAGED, True), (SIZE, False)):
        workload, program, arrays = made(put)
        state, _ = program.run(program.import_state(init_state(workload, 1)), arrays, 7, 3)
        own = dict(state)
        for key in parameters(workload, ("generator",)):
            if averaged:
                own[key] = state[f"average/{key}"]
        expected = program.apply(own, "generator", z, train=False)
        np.testing.assert_array_equal(program.generate(state, "generator", z), expected)
        live = program.apply(state, "generator", z, train=False)
        assert np.array_equal(live, expected) != averaged


def test_states_that_go_in_and_out_are_copies() -> None:
    workload, program, _ = made(SIZE)
    first = init_state(workload, 1)
    live = program.import_state(first)
    out = program.export_state(live)
    for key, value in out.items():
        assert value.dtype == (np.int64 if value.dtype.kind == "i" else np.float64)
        for other in (first, live):
            assert not np.shares_memory(value, other[key])
        np.testing.assert_array_equal(value, first[key])


def test_a_state_in_a_file(tmp_path: Any) -> None:
    workload, _, _ = made(AVERAGED)
    state = init_state(workload, 1)
    save(state, tmp_path / "state")
    back = read(tmp_path / "state")
    assert back.keys() == state.keys()
    for key, value in state.items():
        assert (back[key].dtype, back[key].shape) == (value.dtype, value.shape)
        np.testing.assert_array_equal(back[key], value)


def test_parameters_are_counted_by_network() -> None:
    workload = spec.load("mlp_square")
    state = init_state(workload, 1)
    g = 784 * 256 + 256 + 256 * 256 + 256 + 256 * 784 + 784
    d = 784 * 256 + 256 + 256 * 256 + 256 + 256 * 1 + 1
    assert parameter_count(workload, "generator", state) == g
    assert parameter_count(workload, "discriminator", state) == d


def test_what_the_reference_says_of_its_device() -> None:
    device = load(ORACLE).device
    told = device.describe()
    assert (device.devices(), told["device"]) == (("cpu",), "cpu")
    assert told["versions"]["numpy"] == np.__version__
    assert told["precision"] == {"float64": "always"}
    assert device.peak_memory_bytes() is device.stopwatch() is None
    device.make_deterministic()
    device.matrix_product(8, "float64", "cpu")()


def test_rows_by_name() -> None:
    assert load(ORACLE).name == "reference"
    assert names() == ("flax_nnx", "keras3-jax", "keras3-tensorflow", "pytorch")
    with pytest.raises(UserError, match="no backend is called 'torch'; allowed: flax_nnx, keras3"):
        load("torch")
    assert missing(ORACLE) == ()
    workload, cuda = spec.load("mlp_small"), Settings("eager", "float64", "cuda", 1)
    with pytest.raises(UserError, match="reference has no device 'cuda' here; allowed: cpu"):
        prepare(ORACLE, workload, cuda)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("", "not set (XLA's default is 4)"),
        ("--xla_gpu_autotune_level=2", "2"),
        ("--xla_gpu_autotune_level=2 --xla_gpu_autotune_level=0", "0"),
        ("--xla_gpu_deterministic_ops=true", "off by xla_gpu_deterministic_ops"),
        ("--xla_gpu_deterministic_ops=false --xla_gpu_autotune_level=4", "4"),
        ("--xla_gpu_deterministic_ops=0", "not set (XLA's default is 4)"),
        ("flags.txt", "not set (XLA's default is 4)"),
    ],
)
def test_what_xla_was_told(flags: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", flags)
    assert autotuning() == {"xla_gpu_autotune_level": said}
    monkeypatch.delenv("XLA_FLAGS")
    assert autotuning() == {"xla_gpu_autotune_level": "not set (XLA's default is 4)"}


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_ceiling_multiplies_in_the_precision_that_is_asked_for(
    precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def dot(one: Any, other: Any, out: Any) -> None:
        seen.append([(part.shape, str(part.dtype)) for part in (one, other, out)])

    product = load(ORACLE).device.matrix_product(5, precision, "cpu")
    monkeypatch.setattr(np, "dot", dot)
    product()
    assert seen == [[((5, 5), precision)] * 3]
