"""The short form that files use for a GAN of two networks, expanded into phases."""

from math import inf
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from spec.base import Beyond, Fraction, Model, Name, Number, Repeats
from spec.errors import PlaceError, SpecError
from spec.network import INPUT, Network, check_layers
from spec.optimizers import Optimizer
from spec.phases import Clip, Schedule
from spec.sources import NormalNoise, Source, UniformNoise
from spec.stopping import Stopping
from spec.target import AnyTarget
from spec.workload import Provenance, Workload

NETWORKS = ("generator", "discriminator")
PHASES = Beyond("any phases in any order, each with its own losses, targets, optimizer and clip")
TARGETS = Beyond("a target in each loss, 0 to 1 in bce and any number in least_squares")
NOISE = Beyond("any source as the generator's input")
UNASKED = Beyond("no such rule, for a document that really asks for it")
SEVERAL = Beyond("networks with several inputs and outputs by name")
PARTS = Beyond("any number of networks, sources and optimizers")


class Optimizers(Model):
    """One optimizer for each network."""

    beyond: ClassVar[Beyond] = PARTS

    generator: Optimizer
    discriminator: Optimizer


class Steps(Model):
    """How an iteration alternates between the two networks."""

    beyond: ClassVar[Beyond] = PHASES

    d_steps: Repeats
    """Updates of D in a row."""
    g_steps: Repeats
    """Updates of G in a row."""
    d_update: Annotated[Literal["sum_of_means", "concatenated", "sequential"], PHASES]
    """One step on mean(real) + mean(fake), or on the mean over the concatenated batch; or two
    steps, on the real batch and then on the fake one."""
    g_noise: Annotated[Literal["fresh", "reused"], PHASES]
    """fresh: G's update draws its own noise. reused: there is one batch of fakes in an iteration;
    with D first G differentiates through those that D was shown, with G first D is shown what G has
    made, before G's step."""
    first: Annotated[Literal["discriminator", "generator"], PHASES] = "discriminator"
    """Whose updates an iteration begins with."""
    loss: Annotated[Literal["bce", "least_squares", "hinge", "wasserstein"], PHASES] = "bce"
    """Cross entropy; 1/2 (score - target)^2; max(0, 1 -+ score); or the scores themselves."""
    g_loss: Literal["non_saturating", "minimax"] | None = None
    """-log D(G(z)), or log(1 - D(G(z))). With bce, and only then, it must be written."""
    real_target: Annotated[Number, TARGETS] = 1.0
    """D's target for real samples, of bce from 0 to 1, of least_squares any; below 1 it is
    one-sided label smoothing (arXiv 1606.03498)."""
    fake_target: Annotated[Number, TARGETS] = 0.0
    """D's target for generated samples."""
    g_target: Annotated[Number, TARGETS] = 1.0
    """G's target for them; not of minimax."""
    d_fakes: Literal["train", "eval"] = "train"
    """Mode of G where it makes D's fakes."""
    clip: Clip | None = None
    """D's parameters are cut, as in a Wasserstein GAN with clipping."""

    @model_validator(mode="after")
    def _fits(self) -> "Steps":
        if (self.loss == "bce") != (self.g_loss is not None):
            given = f"given with loss = {self.loss!r}" if self.g_loss else "missing"
            raise PlaceError(
                "g_loss",
                f"{given}; with loss = 'bce' it is non_saturating or minimax, with every other "
                "loss it is left out",
            )
        for name, usual in (("real_target", 1.0), ("fake_target", 0.0), ("g_target", 1.0)):
            given = getattr(self, name)
            if given != usual and self.loss not in ("bce", "least_squares"):
                message = f"given {given}; it means nothing to the loss {self.loss!r}"
                raise PlaceError(name, f"{message}, leave it out")
            if self.loss == "bce" and not 0 <= given <= 1:
                message = f"given {given}; a target of bce is a number from 0 to 1"
                raise PlaceError(name, message)
        if self.g_target != 1.0 and self.g_loss == "minimax":
            message = f"given {self.g_target}; minimax is D's own term for generated samples"
            raise PlaceError("g_target", f"{message}, leave it out")
        if self.d_fakes == "eval" and (self.first, self.g_noise) == ("generator", "reused"):
            message = "given 'eval'; D is given G's own fakes where first = 'generator' and"
            raise PlaceError("d_fakes", f"{message} g_noise = 'reused'; leave it out")
        for name in ("d_steps", "g_steps"):
            if self.g_noise == "reused" and getattr(self, name) > 1:
                message = f"given {getattr(self, name)}; g_noise = 'reused' has {name} = 1"
                raise PlaceError(name, f"{message}: one batch of fakes an iteration; {PHASES}")
        if self.d_update == "sequential" and self.d_steps > 1:
            message = f"given {self.d_steps}; d_update = 'sequential' has d_steps = 1"
            raise PlaceError("d_steps", f"{message}: its two steps in turn; {PHASES}")
        return self


class ShortForm(Model):
    """A workload file in the short form."""

    beyond: ClassVar[Beyond] = PARTS

    name: Name
    title: str
    generator: Network
    discriminator: Network
    noise: Annotated[NormalNoise | UniformNoise, Field(discriminator="kind"), NOISE]
    data: Source
    steps: Steps
    optimizers: Optimizers
    schedule: Schedule
    averages: dict[Name, Fraction] = Field(default={})
    """By network, the decay d of a moving average of its parameters: after each iteration
    average = d average + (1 - d) parameter, from the first parameters on. Samples are made with the
    averages and the running statistics."""
    stopping: Stopping | None = None
    target: AnyTarget | None = None
    """When a training counts as good enough; not part of the spec's hash."""
    provenance: Provenance | None = None

    @model_validator(mode="after")
    def _connects(self) -> "ShortForm":
        """The same that every workload has to fulfil, in the words of the short form."""
        for name in NETWORKS:
            network: Network = getattr(self, name)
            check_layers(name, network)
            for part in ("inputs", "outputs"):
                if getattr(network, part):
                    message = f"the short form's networks have one of them; {SEVERAL}"
                    raise PlaceError(f"{name}.{part}", message)
            if not network.parameters():
                raise PlaceError(f"{name}.layers", "no layer has parameters: nothing to train")
        made, judged = self.generator.output, self.discriminator.taken[INPUT]
        given = self.generator.taken[INPUT]
        _same("discriminator.input", judged, "the generator gives", made)
        _same("discriminator.input", judged, "data.shape is", self.data.shape)
        _same("generator.input", given, "noise.shape is", self.noise.shape)
        _check_score(self.discriminator, self.steps.loss)
        return self

    @model_validator(mode="after")
    def _in_range(self) -> "ShortForm":
        """What G's last activation cannot give, no training can make it give."""
        ends = [layer.kind for layer in self.generator.layers if layer.kind in REACH]
        wanted = getattr(self.data, "range", None)
        if ends and wanted:
            low, high = REACH[ends[-1]]
            if wanted[0] < low or wanted[1] > high:
                raise PlaceError(
                    "data.range",
                    f"given {list(wanted)}, but the generator ends in {ends[-1]}, which gives "
                    f"{low} to {high}; {UNASKED}",
                )
        return self


def _same(place: str, given: tuple[int, ...], what: str, other: tuple[int, ...]) -> None:
    if given != other:
        message = f"given {list(given)}, but {what} {list(other)}; the two must be equal"
        raise PlaceError(place, message)


def _check_score(discriminator: Network, loss: str) -> None:
    """One number a sample, without a sigmoid."""
    if discriminator.output != (1,):
        score = "logit" if loss == "bce" else "score"
        raise PlaceError(
            "discriminator.layers",
            f"gives {list(discriminator.output)}; a discriminator gives one {score} a sample, [1]",
        )
    last = _last_computing(discriminator)
    if last >= 0 and discriminator.layers[last].kind == "sigmoid":
        why = "bce has the sigmoid in it" if loss == "bce" else f"{loss} takes them as they are"
        message = f"given sigmoid at the end, but D gives logits or scores: {why}; remove the layer"
        message += f"; {UNASKED}"
        raise PlaceError(f"discriminator.layers[{last}]", message)


def _last_computing(network: Network) -> int:
    """The layer whose numbers are the output, -1 for none: those behind it change the shape."""
    rows = network.named_layers()
    position = {name: i for i, (name, _, _) in enumerate(rows)} | {"input": -1}
    last = len(rows) - 1
    while last >= 0 and rows[last][1].kind in ("flatten", "reshape"):
        source = rows[last][1].inputs
        last = position[source[0]] if source else last - 1
    return last


REACH = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0), "relu": (0.0, inf), "softplus": (0.0, inf)}


OWN = tuple(name for name in ShortForm.model_fields if name not in Workload.model_fields)
LONG = tuple(name for name in Workload.model_fields if name not in ShortForm.model_fields)
"""The keys that only one form has."""


def is_short(raw: dict[str, Any]) -> bool:
    """Whether a file is in the short form: it has no key of the long form's own."""
    return not any(name in raw for name in LONG)


def require_one_form(raw: dict[str, Any]) -> None:
    """SpecError for a file with keys of both forms."""
    short, long = ([name for name in names if name in raw] for names in (OWN, LONG))
    if short and long:
        raise SpecError(
            f"{long[0]}: the long form's, but {short[0]} is the short form's; a file has either "
            f"{', '.join(LONG)} or {', '.join(OWN)}"
        )


def expand(short: ShortForm) -> dict[str, Any]:
    """The same workload as a mapping in the long form."""
    fields = short.model_dump(mode="json")
    return {
        "name": fields["name"],
        "title": fields["title"],
        "networks": {name: fields[name] for name in NETWORKS},
        "sources": {"x": fields["data"], "z": fields["noise"]},
        "phases": _phases(short.steps),
        "optimizers": fields["optimizers"],
        "schedule": fields["schedule"],
        "averages": fields["averages"],
        "stopping": fields["stopping"],
        "target": fields["target"],
        "provenance": fields["provenance"],
    }


def _forward(
    network: str, inputs: list[str], outputs: list[str], mode: str = "train"
) -> dict[str, Any]:
    return {
        "network": network,
        "inputs": inputs,
        "outputs": outputs,
        "mode": mode,
        "detach": False,
    }


def _phase(name: str, network: str, repeat: int, **parts: Any) -> dict[str, Any]:
    own = {"updates": [network], "optimizer": network, "repeat": repeat, "every": 1}
    return {"name": name, **own, "metrics": {}, **parts}


def _phases(steps: Steps) -> list[dict[str, Any]]:
    """In their order; where fakes are reused the later ones take them from the first."""
    d_phases, g_phase = _discriminator_phases(steps), _generator_phase(steps)
    if steps.first == "discriminator":
        if steps.g_noise == "reused":
            _take(g_phase, d_phases[-1]["name"], "graph")
        return [*d_phases, g_phase]
    if steps.g_noise == "reused":
        _take(d_phases[-1], "g", "value")
    return [g_phase, *d_phases]


def _take(phase: dict[str, Any], maker: str, form: str) -> None:
    """A phase takes an earlier one's fakes, and makes none itself."""
    phase["draws"] = [name for name in phase["draws"] if name != "z"]
    phase["forwards"] = [one for one in phase["forwards"] if one["network"] != "generator"]
    phase["reuse"] = {"fake": {"phase": maker, "output": "fake", "form": form}}


def _d_term(steps: Steps, scores: str, real: bool, weight: float) -> dict[str, Any]:
    """D's loss on real or on generated samples."""
    target = steps.real_target if real else steps.fake_target
    match steps.loss:
        case "bce":
            return {"kind": "bce", "logits": scores, "target": target, "weight": weight}
        case "least_squares":
            own = {"scores": scores, "target": target, "weight": 0.5 * weight}
            return {"kind": "least_squares", **own}
        case "hinge":
            own = {"scores": scores, "sign": 1 if real else -1, "weight": weight}
            return {"kind": "hinge", **own}
    return {"kind": "mean_score", "scores": scores, "weight": -weight if real else weight}


def _g_term(steps: Steps) -> dict[str, Any]:
    """G's loss on what it generated."""
    scores = "fake_logits"
    match steps.loss, steps.g_loss:
        case "bce", "non_saturating":
            return {"kind": "bce", "logits": scores, "target": steps.g_target, "weight": 1.0}
        case "bce", _:
            own = {"target": steps.fake_target, "weight": -1.0}
            return {"kind": "bce", "logits": scores, **own}
        case "least_squares", _:
            own = {"target": steps.g_target, "weight": 0.5}
            return {"kind": "least_squares", "scores": scores, **own}
    return {"kind": "mean_score", "scores": scores, "weight": -1.0}


def _discriminator_phases(steps: Steps) -> list[dict[str, Any]]:
    fake = _forward("generator", ["z"], ["fake"], steps.d_fakes) | {"detach": True}
    judge_real = _forward("discriminator", ["x"], ["real_logits"])
    judge_fake = _forward("discriminator", ["fake"], ["fake_logits"])
    # The mean over both halves of one batch, where they are concatenated.
    weight = 0.5 if steps.d_update == "concatenated" else 1.0
    real_loss = _d_term(steps, "real_logits", True, weight)
    fake_loss = _d_term(steps, "fake_logits", False, weight)
    clip = {"clip": steps.clip.model_dump() if steps.clip else None}
    if steps.d_update == "sequential":
        real = {"draws": ["x"], "forwards": [judge_real], "losses": [real_loss]}
        made = {"draws": ["z"], "forwards": [fake, judge_fake], "losses": [fake_loss]}
        return [
            _phase("d_real", "discriminator", 1, **real, metrics={"d_x": "real_logits"}, **clip),
            _phase("d_fake", "discriminator", 1, **made, metrics={"d_g_z": "fake_logits"}, **clip),
        ]
    # The order in which the documents call D; it decides the running statistics.
    forwards = [judge_real, fake, judge_fake]
    if steps.d_update == "concatenated":
        both = ["x", "fake"], ["real_logits", "fake_logits"]
        forwards = [fake, _forward("discriminator", *both)]
    parts = {"draws": ["x", "z"], "forwards": forwards, "losses": [real_loss, fake_loss]}
    metrics = {"d_x": "real_logits", "d_g_z": "fake_logits"}
    return [_phase("d", "discriminator", steps.d_steps, **parts, metrics=metrics, **clip)]


def _generator_phase(steps: Steps) -> dict[str, Any]:
    forwards = [
        _forward("generator", ["z"], ["fake"]),
        _forward("discriminator", ["fake"], ["fake_logits"]),
    ]
    parts = {"draws": ["z"], "forwards": forwards, "losses": [_g_term(steps)]}
    return _phase("g", "generator", steps.g_steps, **parts)
