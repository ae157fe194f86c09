"""Update rules: Keras's SGD, and Keras's Adam with the spec's place for epsilon.

Every other service of a Keras optimizer (clipping, weight decay, averages) is switched off.
"""

from collections.abc import Callable
from math import inf, log
from typing import Any, Literal

import keras
from keras import ops

from spec import optimizers

Tensor = Any

ORIGIN: dict[str, Literal["native", "own"]] = {"adam": "own", "sgd": "native"}

_PLAIN: dict[str, Any] = {
    "name": "optimizer",
    "weight_decay": None,
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
    "use_ema": False,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


def apply(
    optimizer: keras.optimizers.Optimizer,
    parameters: list[keras.Variable],
    gradients: list[Tensor],
) -> None:
    """One step, in place on parameters, slots and the step counter."""
    optimizer.apply(gradients, parameters)


class _Adam(keras.optimizers.Adam):
    """Epsilon outside the root, on the corrected moment; Keras adds it to the uncorrected one."""

    @property
    def slots(self) -> dict[str, list[keras.Variable]]:
        """The moments by their canonical names, in the order of the parameters."""
        return {"first_moment": self._momentums, "second_moment": self._velocities}

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        i = self._get_variable_index(variable)
        t = ops.cast(self.iterations + 1, variable.dtype)
        m = self.beta_1 * self._momentums[i].value + (1.0 - self.beta_1) * gradient
        v = self.beta_2 * self._velocities[i].value + (1.0 - self.beta_2) * gradient**2
        self.assign(self._momentums[i], m)
        self.assign(self._velocities[i], v)
        m_hat, v_hat = m / _correction(self.beta_1, t), v / _correction(self.beta_2, t)
        self.assign_sub(variable, learning_rate * m_hat / (ops.sqrt(v_hat) + self.epsilon))


def _correction(beta: float, t: Tensor) -> Tensor:
    """1 - beta^t. In float32 that difference is 1e-5 off for beta = 0.999; expm1 is exact."""
    return -ops.expm1(t * (log(beta) if beta else -inf))


def _adam(optimizer: optimizers.Adam) -> keras.optimizers.Optimizer:
    return _Adam(
        learning_rate=optimizer.learning_rate,
        beta_1=optimizer.beta_1,
        beta_2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
        amsgrad=False,
        **_PLAIN,
    )


def _sgd(optimizer: optimizers.Sgd) -> keras.optimizers.Optimizer:
    return keras.optimizers.SGD(
        learning_rate=optimizer.learning_rate, momentum=0.0, nesterov=False, **_PLAIN
    )


RULES: dict[str, Callable[..., keras.optimizers.Optimizer]] = {"adam": _adam, "sgd": _sgd}
