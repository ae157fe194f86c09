"""Update rules: Keras's SGD, and Keras's Adam with the spec's place for epsilon.

Every other service of a Keras optimizer (clipping, weight decay, averages) is switched off.
"""

from collections.abc import Callable
from math import inf, log
from typing import Any, Literal

import keras
from keras import ops

from spec import optimizers
from spec.phases import Schedule
from spec.workload import Pace

Tensor = Any

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


def origin(optimizer: optimizers.Optimizer) -> Literal["native", "own"]:
    """Whether the rule is Keras's own."""
    native = isinstance(optimizer, optimizers.Sgd) and not optimizer.momentum
    return "native" if native else "own"


def rate_factor(schedule: Schedule, pace: Pace, step: Tensor) -> Tensor:
    """What the learning rate is multiplied with after `step` steps, in their iteration.

    Keras's own schedules take their numbers through float32 on TensorFlow.
    """
    factor, iterations = schedule.decay
    iteration, place = step // pace.steps * pace.period, step % pace.steps
    for reached, further in pace.gaps:
        iteration = iteration + further * ops.cast(place >= reached, step.dtype)
    share = ops.cast(iteration, keras.config.floatx()) / iterations
    if schedule.learning_rate == "linear":
        return 1.0 + (factor - 1.0) * ops.minimum(share, 1.0)
    return ops.exp(share * log(factor))


def apply(
    optimizer: keras.optimizers.Optimizer,
    parameters: list[keras.Variable],
    gradients: list[Tensor],
) -> None:
    """One step, in place on parameters, slots and the step counter."""
    optimizer.apply(gradients, parameters)


class _Rate(keras.optimizers.schedules.LearningRateSchedule):
    """An optimizer's learning rate, as Keras asks for it: by the number of its steps."""

    def __init__(self, learning_rate: float, schedule: Schedule, pace: Pace) -> None:
        super().__init__()
        self.learning_rate, self.schedule, self.pace = learning_rate, schedule, pace

    def __call__(self, step: Tensor) -> Tensor:
        return self.learning_rate * rate_factor(self.schedule, self.pace, step)


def _rate(optimizer: optimizers.Optimizer, schedule: Schedule, pace: Pace) -> float | _Rate:
    rate = optimizer.learning_rate
    return rate if schedule.learning_rate == "constant" else _Rate(rate, schedule, pace)


class _Adam(keras.optimizers.Adam):
    """Epsilon outside the root, on the corrected moment, or added to the uncorrected one.

    The second is Keras's own formula, but not Keras's own code: that casts its betas by `ops.cast`,
    which goes through float32 on TensorFlow and is 1e-8 off in float64.
    """

    decay, hat = 0.0, False

    @property
    def slots(self) -> dict[str, list[keras.Variable]]:
        """The moments by their canonical names, in the order of the parameters."""
        return {"first_moment": self._momentums, "second_moment": self._velocities}

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        i = self._get_variable_index(variable)
        if self.decay:
            self.assign(variable, variable * (1.0 - learning_rate * self.decay))
        t = ops.cast(self.iterations + 1, variable.dtype)
        m = self.beta_1 * self._momentums[i].value + (1.0 - self.beta_1) * gradient
        v = self.beta_2 * self._velocities[i].value + (1.0 - self.beta_2) * gradient**2
        self.assign(self._momentums[i], m)
        self.assign(self._velocities[i], v)
        m_hat, root = m / _correction(self.beta_1, t), ops.sqrt(_correction(self.beta_2, t))
        if self.hat:
            step = m_hat * root / (ops.sqrt(v) + self.epsilon)
        else:
            step = m_hat / (ops.sqrt(v) / root + self.epsilon)
        self.assign_sub(variable, learning_rate * step)


class _RmsProp(keras.optimizers.RMSprop):
    """Epsilon where the spec says, and the learning rate outside the momentum's buffer."""

    inside = False

    @property
    def slots(self) -> dict[str, list[keras.Variable]]:
        """The moments by their canonical names, in the order of the parameters."""
        return {"second_moment": self._velocities, "momentum": self._momentums}

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        i = self._get_variable_index(variable)
        v = self.rho * self._velocities[i].value + (1.0 - self.rho) * gradient**2
        self.assign(self._velocities[i], v)
        inside = ops.sqrt(v + self.epsilon) if self.inside else ops.sqrt(v) + self.epsilon
        step = gradient / inside
        if self.momentum:
            step = self.momentum * self._momentums[i].value + step
            self.assign(self._momentums[i], step)
        self.assign_sub(variable, learning_rate * step)


class _Sgd(keras.optimizers.SGD):
    """The learning rate outside the momentum's buffer; Keras has it inside."""

    @property
    def slots(self) -> dict[str, list[keras.Variable]]:
        """The moments by their canonical names, in the order of the parameters."""
        return {"momentum": self.momentums}

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        i = self._get_variable_index(variable)
        buffer = self.momentum * self.momentums[i].value + gradient
        self.assign(self.momentums[i], buffer)
        step = gradient + self.momentum * buffer if self.nesterov else buffer
        self.assign_sub(variable, learning_rate * step)


def _correction(beta: float, t: Tensor) -> Tensor:
    """1 - beta^t. In float32 that difference is 1e-5 off for beta = 0.999; expm1 is exact."""
    return -ops.expm1(t * (log(beta) if beta else -inf))


def _adam(
    optimizer: optimizers.Adam | optimizers.AdamW, schedule: Schedule, pace: Pace
) -> keras.optimizers.Optimizer:
    rule = _Adam(
        learning_rate=_rate(optimizer, schedule, pace),
        beta_1=optimizer.beta_1,
        beta_2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
        amsgrad=False,
        **_PLAIN,
    )
    if isinstance(optimizer, optimizers.AdamW):
        rule.decay = optimizer.weight_decay
    else:
        rule.hat = optimizer.epsilon_place == "hat"
    return rule


def _rmsprop(
    optimizer: optimizers.RmsProp, schedule: Schedule, pace: Pace
) -> keras.optimizers.Optimizer:
    rule = _RmsProp(
        learning_rate=_rate(optimizer, schedule, pace),
        rho=optimizer.decay,
        momentum=optimizer.momentum,
        epsilon=optimizer.epsilon,
        centered=False,
        **_PLAIN,
    )
    rule.inside = optimizer.epsilon_place == "inside_root"
    return rule


def _sgd(optimizer: optimizers.Sgd, schedule: Schedule, pace: Pace) -> keras.optimizers.Optimizer:
    kind = _Sgd if optimizer.momentum else keras.optimizers.SGD
    return kind(
        learning_rate=_rate(optimizer, schedule, pace),
        momentum=optimizer.momentum,
        nesterov=optimizer.nesterov,
        **_PLAIN,
    )


RULES: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
    "adam": _adam,
    "adamw": _adam,
    "rmsprop": _rmsprop,
    "sgd": _sgd,
}
