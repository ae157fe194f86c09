"""docs/vocabulary.md and spec/schema.json, generated from the models.

`python -m spec.vocabulary` writes both; a test holds them current.
"""

import inspect
import json
import re
import textwrap
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from spec.base import LARGEST_NUMBER, Model
from spec.examples import (
    AVERAGES,
    CONDITIONAL,
    FILE,
    KINDS,
    LAYERS,
    LONG,
    LOSSES,
    PARTS,
    PROVENANCE,
    STOPPING,
    TARGET,
    TARGET_EXAMPLE,
)
from spec.initialisers import Initialiser
from spec.layer import Layer
from spec.layers import AnyLayer
from spec.losses import LossTerm
from spec.optimizers import Optimizer
from spec.parts import Part
from spec.phases import Clip, Forward, Phase, Pool, Reuse, Schedule
from spec.places import allowed, bare, models_of
from spec.short_form import LONG as LONG_PARTS
from spec.short_form import ShortForm, Steps
from spec.sources import Source
from spec.stopping import DiscriminatorWon, Diverged, IgnoresInput, Stopping
from spec.target import AnyTarget
from spec.workload import Provenance, ProvenanceField, Workload

ROOT = Path(__file__).parent.parent

NOTES = {
    "dense": "torch draws kernels and biases from U(+-1/sqrt(fan_in)), Keras takes Glorot uniform "
    "and zeros, Flax LeCun normal and zeros.",
    "conv": "Keras and Flax pad `same` unevenly where a stride meets an even size; here padding is "
    "always written, as one number or by side.",
    "conv_transpose": "JAX does not flip the kernel unless told to (`transpose_kernel`), Keras has "
    "no explicit padding and needs a cut, and k5 s2 p2 o1 is not Keras's or Flax's `same`.",
    "batch_norm": "Epsilon is 1e-5 in torch and Flax, 1e-3 in Keras; torch's momentum 0.1 is "
    "`keep` 0.9, Keras and Flax keep 0.99; torch's running variance is unbiased, theirs biased.",
    "layer_norm": "Epsilon is 1e-5 in torch, 1e-3 in Keras, 1e-6 in Flax; torch's own layer norm "
    "has a scale for every number, here one for each channel.",
    "instance_norm": "torch has no scale and bias unless asked, Flax has both; epsilon as in "
    "layer_norm.",
    "group_norm": "Epsilon as in layer_norm.",
    "leaky_relu": "The slope is 0.01 in torch and JAX, 0.3 in Keras's layer, 0.2 in its function.",
    "gelu": "torch takes erf, JAX and keras.ops the tanh form.",
    "dropout": "All three scale by 1 / (1 - rate) in training; their masks differ, so masks are "
    "draws here, made outside the layer and inside the timed call.",
    "channel_dropout": "torch's Dropout2d and Keras's SpatialDropout2D; in Flax a dropout that is "
    "broadcast over height and width.",
    "embedding": "torch starts from N(0, 1), Keras from U(+-0.05), Flax by the fan out. Keras's "
    "own has sparse gradients on TensorFlow, which its optimizers treat otherwise.",
    "prelu": "torch has one slope for all, from 0.25; Keras one for each number, from 0; Flax one, "
    "from 0.01.",
    "pad": "Flax has no layer for it, Keras none that mirrors.",
    "upsample": "TensorFlow resizes float64 in float32, so Keras has two products here where it is "
    "bilinear.",
    "max_pool": "Keras pads with `same` or not at all; torch and Flax take a number.",
    "pixel_shuffle": "Flax has none, Keras's depth_to_space has another order of channels.",
    "cross_entropy": "torch and optax take logits; Keras takes probabilities unless told. Programs "
    "that give it a softmax's output have softmax as a layer.",
    "moments": "torch's std is the unbiased one; the gradient of a root at 0 is 0 in torch and NaN "
    "in JAX, hence the epsilon.",
    "adam": "Keras adds epsilon 1e-7 to the uncorrected root (`hat`), torch and optax 1e-8 to the "
    "corrected one; no constant turns one into the other. torch's Adam(weight_decay=...) adds "
    "weight_decay p to the gradient: that is not available, and adamw is something else.",
    "adamw": "The decay is 0.01 in torch, 0.004 in Keras, 0.0001 in optax.",
    "rmsprop": "torch: decay 0.99, epsilon outside; Keras: 0.9, inside, with the rate inside the "
    "momentum's buffer; optax: 0.9, inside; the first TensorFlow started the accumulator at 1.",
    "sgd": "Keras has the rate inside the momentum's buffer, torch and optax outside; they agree "
    "while the rate is constant.",
    "bce": "On probabilities torch clamps the logarithm at -100 and Keras clips at 1e-7; here it "
    "is always computed from logits.",
}


def _block(example: str) -> str:
    return f"```toml\n{example}\n```"


ABOUT = {
    "Layers": (LAYERS,),
    "Parts of a sample": (PARTS,),
    "The long form": (LONG, _block(CONDITIONAL)),
    "Loss terms (long form)": (LOSSES,),
}
"""What stands before a section's entries."""


def members(union: Any) -> list[type[Model]]:
    """The models of a discriminated union, in order."""
    return list(get_args(get_args(union)[0]))


def page() -> str:
    """The vocabulary as Markdown."""
    parts = [
        "# Vocabulary",
        "<!-- Generated from spec/ by `python -m spec.vocabulary`; do not edit. -->",
        "Every number is written in the file. A field with a value in brackets may be left out and "
        "then means that value. A **Note** says where the frameworks' own defaults differ. "
        f"Where nothing is said, a number is at most {LARGEST_NUMBER:,.0f} in size.",
        "## The file",
        FILE,
    ]
    sections: tuple[tuple[str, list[type[Model]]], ...] = (
        ("Layers", members(AnyLayer)),
        ("Initialisers", members(Initialiser)),
        ("Optimizers", members(Optimizer)),
        ("Noise and data", members(Source)),
        ("Parts of a sample", members(Part)),
        ("`[steps]`: how an iteration alternates", [Steps, Clip]),
        ("`[schedule]`", [Schedule]),
        ("The long form", [Phase, Forward, Reuse, Pool]),
        ("Loss terms (long form)", members(LossTerm)),
    )
    for title, models in sections:
        parts += [f"## {title}", *ABOUT.get(title, ())]
        parts += [_entry(model) for model in models]
        if models == [Schedule]:
            parts += _optional_tables()
    return "\n\n".join(_wrapped(part) for part in parts) + "\n"


def _wrapped(part: str) -> str:
    """A part of the page with lines of 100 columns at most; an example is left as it is."""
    lines, example = [], False
    for line in part.splitlines():
        example ^= line.startswith("```")
        if example:
            lines.append(line)
            continue
        # A lone sign stays behind its word: at the start of a line it would begin a list.
        bound = re.sub(r" ([-+*=<>]) ", "\0\\1 ", line)
        below = "  " if re.match("[- ] ", line) else ""
        lines += textwrap.wrap(
            bound, 100, subsequent_indent=below, break_long_words=False, break_on_hyphens=False
        ) or [""]
    return "\n".join(lines).replace("\0", " ")


def _optional_tables() -> list[str]:
    averages = _plain(ShortForm.model_fields["averages"].description)
    about = inspect.cleandoc(Provenance.__doc__ or "")
    fields = "\n".join(_field(ProvenanceField, name) for name in ProvenanceField.model_fields)
    watched = inspect.cleandoc(Stopping.__doc__ or "")
    rules: dict[str, type[Model]] = {
        "diverged": Diverged,
        "discriminator_won": DiscriminatorWon,
        "ignores_input": IgnoresInput,
    }
    targets = [_entry(model) for model in members(AnyTarget)]
    return [
        *("## `[averages]`", averages, _block(AVERAGES)),
        *("## `[stopping]`", watched, _block(STOPPING)),
        *(_entry(model, f"`[stopping.{name}]`") for name, model in rules.items()),
        *("## `[target]`", TARGET, *targets, _block(TARGET_EXAMPLE)),
        *("## `[provenance]`", about, _block(PROVENANCE)),
        *("Each of its `fields` has:", fields),
    ]


def _entry(model: type[Model], title: str = "") -> str:
    kind = model.model_fields.get("kind")
    names = get_args(kind.annotation) if kind else ()
    heading = title or ", ".join(f"`{name}`" for name in names) or model.__name__.lower()
    lines = [f"### {heading}", inspect.cleandoc(model.__doc__ or "")]
    names_of = sorted(model.model_fields, key=lambda n: not model.model_fields[n].is_required())
    fields = [f for name in names_of if (f := _field(model, name))]
    if fields:
        lines.append("\n".join(fields))
    lines += [f"**Note.** {NOTES[name]}" for name in names if name in NOTES]
    lines += [_block(KINDS[name]) for name in names or (heading,) if name in KINDS]
    return "\n\n".join(lines)


def _field(model: type[Model], name: str) -> str:
    if name == "kind" or (name in ("name", "inputs") and issubclass(model, Layer)):
        return ""
    field = model.model_fields[name]
    default = "" if field.is_required() else f" [{_default(field.default)}]"
    takes = _type(Annotated[(field.annotation, field)])
    about = f"{'.' if ':' in takes else ':'} {_plain(field.description)}"
    return f"- `{name}`{default} {takes}{about if field.description else ''}"


def _plain(text: str | None) -> str:
    """A docstring in one line."""
    return inspect.cleandoc(text or "").replace("\n", " ")


def _default(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value)


def _type(annotation: Any) -> str:
    """What a field takes, in the words of the errors but for limits that hold everywhere."""
    plain = bare(annotation)
    if get_origin(plain) is Literal:
        return " or ".join(json.dumps(value) for value in get_args(plain))
    if len(models_of(plain)) > 1:
        return "initialiser"
    text = "table" if models_of(plain) else allowed(annotation).removeprefix("a ")
    general = f" from {-LARGEST_NUMBER:,.0f}| (to|and at most) ({LARGEST_NUMBER:,.0f}|{2**31:,})"
    return re.sub(general, "", text)


def schema() -> dict[str, Any]:
    """JSON schema of a workload file, in the short form or the long one."""
    short = ShortForm.model_json_schema(ref_template="#/$defs/{model}")
    long = Workload.model_json_schema(ref_template="#/$defs/{model}")
    definitions = short.pop("$defs") | long.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Gantlet workload",
        "if": {"anyOf": [{"required": [name]} for name in LONG_PARTS]},
        "then": long,
        "else": short,
        "$defs": definitions,
    }


def files() -> dict[Path, str]:
    """What is generated, by path."""
    return {
        ROOT / "docs" / "vocabulary.md": page(),
        ROOT / "spec" / "schema.json": json.dumps(schema(), indent=1) + "\n",
    }


def main() -> None:
    """Write both files."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
