"""Keras on TensorFlow: the gradient step, compilation and loops.

Variables belong to the program and are changed in place, so the `values` that steps take and
return are empty here.
"""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from backends import xla
from backends.keras3.state import State

if TYPE_CHECKING:
    from backends.keras3.phases import Phases
    from backends.keras3.training import Program

Tensor = Any
Tensors = dict[str, Tensor]
Loss = Callable[[], tuple[Tensor, Tensors, Tensors]]
Hanging = Callable[[Tensors], tuple[Tensor, Tensors, Tensors, Tensors]]
Pull = Callable[[Tensor | None, dict[str, Tensor | None], Sequence[str]], tuple[Tensors, Tensors]]
Cut = Callable[[Tensors], Tensors]
Body = Callable[[Tensors, Tensors], tuple[Tensors, Tensors]]


def gpu_name() -> str | None:
    """What the first GPU is called, if there is one."""
    gpus = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(gpus[0])["device_name"] if gpus else None


def peak_memory_bytes() -> int:
    """The most that TensorFlow's allocator has given out on the first GPU."""
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])


def configure(precision: str) -> None:
    """No TF32 in products and convolutions."""
    tf.config.experimental.enable_tensor_float_32_execution(False)


def make_deterministic() -> None:
    """Only operations that give the same bits each time; one that has none such raises.

    Of the convolutions that autotuning tries it takes the first that works, not the fastest.
    """
    tf.config.experimental.enable_op_determinism()


def describe() -> dict[str, Any]:
    """Version, threads (0 where TensorFlow chooses) and precision flags, as read back."""
    tf32 = tf.config.experimental.tensor_float_32_execution_enabled()
    # Of convolutions outside XLA, so in eager mode; TensorFlow has no call that says it.
    autotune = os.environ.get("TF_CUDNN_USE_AUTOTUNE", "not set (TensorFlow's default is true)")
    return {
        "versions": {"tensorflow": tf.__version__},
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "precision": {
            "tensor_float_32_execution": tf32,
            "TF_CUDNN_USE_AUTOTUNE": autotune,
            **xla.autotuning(),
        },
    }


def block_until_ready(leaves: list[Any]) -> None:
    """Waits for all work on all devices: TensorFlow cannot wait for one tensor."""
    tf.test.experimental.sync_devices()


def hold(program: "Program", state: State) -> None:
    """Put the state into the program's variables; the one that was there gets its tensors back."""
    if program.held is state:
        return
    if program.held is not None:
        program.held.values = look(program, program.held)
    for key, variable in program.variables.items():
        variable.assign(state.values[key])
    program.held, state.values = state, {}


def look(program: "Program", state: State) -> Tensors:
    """The state's tensors, by canonical key."""
    if program.held is not state:
        return state.values
    return {key: tf.identity(variable.value) for key, variable in program.variables.items()}


def within(phases: "Phases", values: Tensors, call: Callable[[], Any]) -> tuple[Any, Tensors]:
    """(result of Keras code, values after it)."""
    return call(), values


def differentiate(
    phases: "Phases", values: Tensors, moving: Sequence[str], loss: Loss
) -> tuple[tuple[Tensor, Tensors, Tensors], Tensors, Tensors]:
    """((loss, logits, outputs), gradients by parameter key, values after the forwards)."""
    variables = [phases.variables[key].value for key in moving]
    with tf.GradientTape(persistent=False, watch_accessed_variables=False) as tape:
        tape.watch(variables)
        value, logits, told = loss()
    gradients = tape.gradient(value, variables)
    return (value, logits, told), dict(zip(moving, gradients, strict=True)), values


def passed(
    phases: "Phases", values: Tensors, through: Sequence[str], graphs: Tensors, loss: Hanging
) -> tuple[tuple[Tensor, Tensors, Tensors], Pull, Tensors]:
    """((loss, logits, outputs), the way back, values after the forwards).

    The way back takes gradients of the loss and of open outputs to those of the parameters asked
    for and of graphs; None is zero.
    """
    variables = [phases.variables[key].value for key in through]
    # What comes from an earlier tape is a tensor of this one's own, or two would go back at once.
    graphs = {name: tf.identity(tensor) for name, tensor in graphs.items()}
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch([*variables, *graphs.values()])
        value, logits, told, open_ = loss(graphs)

    def pull(of_loss: Any, asked: Any, keys: Sequence[str]) -> tuple[Tensors, Tensors]:
        # In eager mode nobody else leaves out what is zero or not asked for.
        given = [(value, of_loss), *((open_[name], of) for name, of in asked.items())]
        given = [(target, of) for target, of in given if of is not None]
        own = {k: v for k, v in zip(through, variables, strict=True) if k in keys}
        found = tape.gradient(
            [target for target, _ in given],
            [*own.values(), *graphs.values()],
            output_gradients=[of for _, of in given],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return dict(zip(own, found, strict=False)), dict(
            zip(graphs, found[len(own) :], strict=True)
        )

    return (value, logits, told), pull, values


def compiled(function: Callable[..., Any], mode: str, *, donate: bool) -> Callable[..., Any]:
    """The function as one dispatch, outside eager mode; in-place changes need no donation."""
    return function if mode == "eager" else tf.function(function, autograph=False, jit_compile=True)


def drawing(function: Callable[..., Tensor], static: Sequence[str]) -> Callable[..., Tensor]:
    """The function that makes draws, operation by operation; `static` arguments are no tensors."""
    # XLA's normal numbers are others than TensorFlow's. A graph without XLA gives the same numbers
    # and is not faster on a CPU. us an iteration, three processes each, graph / this: mlp_square
    # 790 to 1065 / 954 to 1226, with batches of one 196 to 252 / 122 to 184.
    return function


def in_pieces(
    draw: Callable[[Tensor, tuple[int, ...]], Tensor], place: Tensor, shape: tuple[int, ...]
) -> Tensor:
    """Numbers of this shape from a seed, all at once: TensorFlow draws them in one operation."""
    return draw(place, shape)


def looped(body: Body, cut: Cut, join: Cut) -> Body:
    """The body on each row of the draws in turn, all in one dispatch: (values, all metrics).

    `cut` makes of the draws what the body takes, and `join` metrics one by one of what it gives.
    """
    row = _row(body)

    def whole(values: Tensors, draws: Tensors) -> tuple[Tensors, Tensors]:
        values, metrics = _loop(row, values, cut(draws))
        return values, join(metrics)

    return tf.function(whole, autograph=False, jit_compile=False)


def repeat(body: Body, values: Tensors, draws: Tensors) -> tuple[Tensors, Tensors]:
    """As `looped`, as a part of a larger graph."""
    return _loop(_row(body), values, draws)


def _row(body: Body) -> Callable[[Tensors], Tensors]:
    # The loop is the graph's and its body XLA's. CPU ms an iteration, one thread, float32, graph /
    # this / all in XLA: mlp_square 9.3 / 7.7 / 7.0; dcgan_32 367 / 331 / nothing within 150 s, for
    # XLA's convolutions leave their fast path inside its loops on a CPU.
    return tf.function(lambda given: body({}, given)[1], autograph=False, jit_compile=True)


def _loop(row: Any, values: Tensors, draws: Tensors) -> tuple[Tensors, Tensors]:
    first = {key: draw[0] for key, draw in draws.items()}
    metrics = row.get_concrete_function(first).structured_outputs
    like = tf.nest.map_structure(tf.TensorSpec.from_tensor, metrics)
    # One at a time: each row goes on from the variables that the row before it left.
    return values, tf.map_fn(row, draws, fn_output_signature=like, parallel_iterations=1)
