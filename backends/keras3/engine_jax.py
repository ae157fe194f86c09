"""Keras on JAX: the gradient step, compilation and loops.

Steps are pure functions from `values` to `values`. Keras code runs in a StatelessScope, which is
what `stateless_call` and `stateless_apply` open; here one scope goes round a whole phase, so that
it is the same code as on TensorFlow.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import keras
from keras.src.backend.common import dtypes

from backends import xla
from backends.keras3.state import State

if TYPE_CHECKING:
    from backends.keras3.phases import Phases
    from backends.keras3.training import Program

PIECE, LARGE = 100_000, 1_000_000
"""How many numbers are drawn at a time on a CPU, where there are at least so many."""

Tensor = Any
Tensors = dict[str, Tensor]
Loss = Callable[[], tuple[Tensor, Tensors, Tensors]]
Hanging = Callable[[Tensors], tuple[Tensor, Tensors, Tensors, Tensors]]
Pull = Callable[[Tensor | None, dict[str, Tensor | None], Sequence[str]], tuple[Tensors, Tensors]]
Cut = Callable[[Tensors], Tensors]
Body = Callable[[Tensors, Tensors], tuple[Tensors, Tensors]]


def gpu_name() -> str | None:
    """What the first GPU is called, if there is one."""
    gpus = [device for device in jax.devices() if device.platform == "gpu"]
    return gpus[0].device_kind if gpus else None


def peak_memory_bytes() -> int:
    """The most that JAX's allocator has given out on the first GPU."""
    gpu = next(device for device in jax.devices() if device.platform == "gpu")
    return int(gpu.memory_stats()["peak_bytes_in_use"])


def configure(precision: str) -> None:
    """float64 where it is asked for; no TF32 in products and convolutions."""
    jax.config.update("jax_enable_x64", precision == "float64")
    # Keras's type promotion takes no notice of JAX's x64 switch: without this entry of its table
    # (private, as there is no public one) tanh and batch norm turn float64 into float32.
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = precision
    jax.config.update("jax_default_matmul_precision", "highest")


def make_deterministic() -> None:
    """Nothing: XLA takes it from XLA_FLAGS, and does not autotune then."""


def describe() -> dict[str, Any]:
    """Version, threads (0: JAX has no such number) and precision flags, as read back."""
    flags = ("jax_enable_x64", "jax_default_matmul_precision")
    return {
        "versions": {"jax": jax.__version__},
        "threads": 0,
        "precision": {flag: getattr(jax.config, flag) for flag in flags} | xla.autotuning(),
    }


def block_until_ready(leaves: list[Any]) -> None:
    """Waits for all work on the arrays."""
    jax.block_until_ready(leaves)


def hold(program: "Program", state: State) -> None:
    """Nothing: a state holds its own tensors."""


def look(program: "Program", state: State) -> Tensors:
    """The state's tensors, by canonical key."""
    return state.values


def within(phases: "Phases", values: Tensors, call: Callable[[], Any]) -> tuple[Any, Tensors]:
    """(result of Keras code that finds these values in the variables, values after it)."""
    mapping = [(phases.variables[key], value) for key, value in values.items()]
    with keras.StatelessScope(state_mapping=mapping) as scope:
        result = call()
    return result, {key: scope.get_current_value(phases.variables[key]) for key in values}


def differentiate(
    phases: "Phases", values: Tensors, moving: Sequence[str], loss: Loss
) -> tuple[tuple[Tensor, Tensors, Tensors], Tensors, Tensors]:
    """((loss, logits, outputs), gradients by parameter key, values after the forwards)."""

    def pure(parameters: Tensors) -> tuple[Tensor, tuple[Tensors, Tensors, Tensors]]:
        (value, logits, told), after = within(phases, values | parameters, loss)
        return value, (logits, told, after)

    parameters = {key: values[key] for key in moving}
    (value, (logits, told, after)), gradients = jax.value_and_grad(pure, has_aux=True)(parameters)
    return (value, logits, told), gradients, after


def passed(
    phases: "Phases", values: Tensors, through: Sequence[str], graphs: Tensors, loss: Hanging
) -> tuple[tuple[Tensor, Tensors, Tensors], Pull, Tensors]:
    """((loss, logits, outputs), the way back, values after the forwards).

    The way back takes gradients of the loss and of open outputs to those of the parameters asked
    for and of graphs; None is zero.
    """

    def pure(parameters: Tensors, graphs: Tensors) -> Any:
        found, after = within(phases, values | parameters, lambda: loss(graphs))
        value, logits, told, open_ = found
        return (value, open_), (logits, told, after)

    parameters = {key: values[key] for key in through}
    made, pull, (logits, told, after) = jax.vjp(pure, parameters, graphs, has_aux=True)
    value, open_ = made

    def asked_for(of_loss: Any, asked: Any, keys: Sequence[str]) -> tuple[Tensors, Tensors]:
        of = {k: jnp.zeros_like(open_[k]) if v is None else v for k, v in asked.items()}
        own, behind = pull((jnp.zeros_like(value) if of_loss is None else of_loss, of))
        return {key: own[key] for key in keys if key in own}, behind

    return (value, logits, told), asked_for, after


def compiled(function: Callable[..., Any], mode: str, *, donate: bool) -> Callable[..., Any]:
    """The function as one dispatch; `donate` gives its first argument's memory to the results."""
    return jax.jit(function, donate_argnums=(0,) if donate else ())


def drawing(function: Callable[..., Tensor], static: Sequence[str]) -> Callable[..., Tensor]:
    """The function that makes draws, in one dispatch; arguments called `static` are no tensors."""
    return jax.jit(function, static_argnames=tuple(static))


def in_pieces(
    draw: Callable[[Tensor, tuple[int, ...]], Tensor], place: Tensor, shape: tuple[int, ...]
) -> Tensor:
    """Numbers of this shape from a seed; many of them on a CPU in pieces that stay in its cache.

    A large call walks memory for each of threefry's operations. On a GPU nothing was
    measured, so there it is one call. A piece has the seed that Keras's own generator has after so
    many draws: its count goes up.
    """
    size = prod(shape)
    if size < LARGE:
        return draw(place, shape)
    pieces = -(-size // PIECE)
    length = -(-size // (2 * pieces)) * 2  # threefry makes two at a time; odd sizes are slow

    def one_by_one(place: Tensor) -> Tensor:
        first, count = place
        drawn = jax.lax.map(
            lambda piece: draw(jnp.stack([first, piece]), (length,)),
            count + jnp.arange(pieces, dtype=place.dtype),
        )
        return drawn.reshape(-1)[:size].reshape(shape)

    return jax.lax.platform_dependent(
        place, cpu=one_by_one, default=lambda place: draw(place, shape)
    )


def looped(body: Body, cut: Cut, join: Cut) -> Body:
    """The body on each row of the draws in turn, all in one dispatch: (values, all metrics).

    `cut` makes of the draws what the body takes, and `join` metrics one by one of what it gives.
    """

    def whole(values: Tensors, draws: Tensors) -> tuple[Tensors, Tensors]:
        values, metrics = repeat(body, values, cut(draws))
        return values, join(metrics)

    return compiled(whole, "multistep", donate=True)


def repeat(body: Body, values: Tensors, draws: Tensors) -> tuple[Tensors, Tensors]:
    """As `looped`, as a part of a larger graph."""
    return jax.lax.scan(body, values, draws)
