"""The short form that files use for a GAN of two networks, expanded into phases."""

from typing import Annotated, Any, Literal

from pydantic import Field

from spec.base import Model, Size
from spec.optimizers import Optimizer
from spec.phases import Schedule
from spec.sources import NormalNoise, Source, UniformNoise
from spec.workload import Network, Provenance

NETWORKS = ("generator", "discriminator")


class Optimizers(Model):
    """One optimizer for each network."""

    generator: Optimizer
    discriminator: Optimizer


class Steps(Model):
    """How an iteration alternates between the two networks."""

    d_steps: Size
    """Updates of D in a row."""
    g_steps: Size
    """Updates of G in a row."""
    d_update: Literal["sum_of_means", "concatenated"]
    """One step on mean(real) + mean(fake), or on the mean over the concatenated batch."""
    g_noise: Literal["fresh"]
    """G's update draws its own noise."""
    g_loss: Literal["non_saturating"]
    """-log D(G(z)), in place of log(1 - D(G(z)))."""


class ShortForm(Model):
    """A workload file in the short form."""

    name: str
    title: str
    generator: Network
    discriminator: Network
    noise: Annotated[NormalNoise | UniformNoise, Field(discriminator="kind")]
    data: Source
    steps: Steps
    optimizers: Optimizers
    schedule: Schedule
    provenance: Provenance | None = None


def is_short(raw: dict[str, Any]) -> bool:
    """Whether a file is in the short form: it names no phases."""
    return "phases" not in raw


def expand(short: ShortForm) -> dict[str, Any]:
    """The same workload as a mapping in the long form."""
    fields = short.model_dump(mode="json")
    return {
        "name": fields["name"],
        "title": fields["title"],
        "networks": {name: fields[name] for name in NETWORKS},
        "sources": {"x": fields["data"], "z": fields["noise"]},
        "phases": [_discriminator_phase(short.steps), _generator_phase(short.steps)],
        "optimizers": fields["optimizers"],
        "schedule": fields["schedule"],
        "provenance": fields["provenance"],
    }


def _forward(network: str, inputs: list[str], outputs: list[str], detach: bool) -> dict[str, Any]:
    return {
        "network": network,
        "inputs": inputs,
        "outputs": outputs,
        "mode": "train",
        "detach": detach,
    }


def _bce(logits: str, target: float, weight: float) -> dict[str, Any]:
    return {"kind": "bce", "logits": logits, "target": target, "weight": weight}


def _discriminator_phase(steps: Steps) -> dict[str, Any]:
    fake = _forward("generator", ["z"], ["fake"], detach=True)
    if steps.d_update == "sum_of_means":
        # The order in which the documents call D; it decides the running statistics.
        forwards = [
            _forward("discriminator", ["x"], ["real_logits"], detach=False),
            fake,
            _forward("discriminator", ["fake"], ["fake_logits"], detach=False),
        ]
        weight = 1.0
    else:
        both = ["x", "fake"], ["real_logits", "fake_logits"]
        forwards = [fake, _forward("discriminator", *both, detach=False)]
        weight = 0.5  # the mean over both halves of one batch
    return {
        "name": "d",
        "draws": ["x", "z"],
        "forwards": forwards,
        "losses": [_bce("real_logits", 1.0, weight), _bce("fake_logits", 0.0, weight)],
        "updates": ["discriminator"],
        "optimizer": "discriminator",
        "repeat": steps.d_steps,
        "every": 1,
        "metrics": {"d_x": "real_logits", "d_g_z": "fake_logits"},
    }


def _generator_phase(steps: Steps) -> dict[str, Any]:
    return {
        "name": "g",
        "draws": ["z"],
        "forwards": [
            _forward("generator", ["z"], ["fake"], detach=False),
            _forward("discriminator", ["fake"], ["fake_logits"], detach=False),
        ],
        "losses": [_bce("fake_logits", 1.0, 1.0)],
        "updates": ["generator"],
        "optimizer": "generator",
        "repeat": steps.g_steps,
        "every": 1,
        "metrics": {},
    }
