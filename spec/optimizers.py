"""Update rules, every number and every form of them written out.

g is the gradient, p the parameter, lr the learning rate, t the number of the step from 1.
"""

from typing import Annotated, Literal

from pydantic import Field

from spec.base import Fraction, Model, NotNegative, Positive, Rate


class Adam(Model):
    """Adam (Kingma and Ba 2015, arXiv 1412.6980).

    outside_root, algorithm 1: p - lr m_hat / (sqrt(v_hat) + epsilon), on the corrected moments.
    hat, the end of section 2: p - lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon),
    where epsilon meets the uncorrected moment.
    """

    kind: Literal["adam"]
    learning_rate: Rate
    beta_1: Fraction
    beta_2: Fraction
    epsilon: Positive
    epsilon_place: Literal["outside_root", "hat"]

    @property
    def slots(self) -> tuple[str, ...]:
        """Arrays kept per parameter."""
        return ("first_moment", "second_moment")


class AdamW(Model):
    """Adam, epsilon outside the root, after p has lost lr weight_decay p (arXiv 1711.05101)."""

    kind: Literal["adamw"]
    learning_rate: Rate
    beta_1: Fraction
    beta_2: Fraction
    epsilon: Positive
    weight_decay: NotNegative

    @property
    def slots(self) -> tuple[str, ...]:
        """Arrays kept per parameter."""
        return ("first_moment", "second_moment")


class RmsProp(Model):
    """RMSprop (Tieleman and Hinton 2012, lecture 6e).

    v = decay v + (1 - decay) g^2, from `initial_accumulator`. The step is u = g / (sqrt(v) +
    epsilon) outside the root, or g / sqrt(v + epsilon) inside it; with momentum b = momentum b + u
    and p - lr b, else p - lr u.
    """

    kind: Literal["rmsprop"]
    learning_rate: Rate
    decay: Fraction
    epsilon: Positive
    epsilon_place: Literal["outside_root", "inside_root"]
    initial_accumulator: NotNegative
    momentum: Fraction

    @property
    def slots(self) -> tuple[str, ...]:
        """Arrays kept per parameter."""
        return ("second_moment", "momentum") if self.momentum else ("second_moment",)


class Sgd(Model):
    """p - lr g; with momentum b = momentum b + g and p - lr b, or p - lr (g + momentum b)."""

    kind: Literal["sgd"]
    learning_rate: Rate
    momentum: Fraction = 0.0
    nesterov: bool = False
    """The form of Sutskever et al. 2013 as rewritten by Bengio et al. 2013 (arXiv 1212.0901)."""

    @property
    def slots(self) -> tuple[str, ...]:
        """Arrays kept per parameter."""
        return ("momentum",) if self.momentum else ()


Optimizer = Annotated[Adam | AdamW | RmsProp | Sgd, Field(discriminator="kind")]
