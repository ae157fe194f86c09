"""Update rules, every number and every form of them written out."""

from typing import Annotated, Literal

from pydantic import Field

from spec.base import Fraction, Model, Positive


class Adam(Model):
    """Adam (arXiv 1412.6980, algorithm 1): epsilon outside the root, on the corrected moment."""

    kind: Literal["adam"]
    learning_rate: Positive
    beta_1: Fraction
    beta_2: Fraction
    epsilon: Positive
    epsilon_place: Literal["outside_root"]

    @property
    def slots(self) -> tuple[str, ...]:
        """Arrays kept per parameter."""
        return ("first_moment", "second_moment")


class Sgd(Model):
    """p - learning_rate * gradient."""

    kind: Literal["sgd"]
    learning_rate: Positive

    @property
    def slots(self) -> tuple[str, ...]:
        """Arrays kept per parameter."""
        return ()


Optimizer = Annotated[Adam | Sgd, Field(discriminator="kind")]
