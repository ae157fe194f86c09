"""Hypothesis strategies: valid workloads in the short form, small, from the whole vocabulary."""

from math import prod
from typing import Any

from hypothesis import strategies as st
from pydantic import TypeAdapter

from spec.layer import ShapeError
from spec.layers import AnyLayer

LAYER: TypeAdapter[Any] = TypeAdapter(AnyLayer)  # type: ignore[arg-type]
SIDE, CHANNELS, FEATURES = 10, 6, 16
"""Largest image, and largest numbers of channels and of features: equality needs no more."""

Draw = Any
Layer = dict[str, Any]
Shape = tuple[int, ...]

fractions = st.sampled_from([0.0, 0.3, 0.5, 0.9, 0.99])
epsilons = st.sampled_from([1e-2, 1e-3, 1e-5])
"""Not smaller: where a gradient is rounding noise, an optimizer's step would be noise too."""
initialisers = st.one_of(
    st.just({"kind": "torch_uniform"}),
    st.just({"kind": "normal", "mean": 0.1, "std": 0.3}),
    st.builds(
        lambda kind, distribution: {"kind": kind, "distribution": distribution},
        st.sampled_from(["glorot", "he", "lecun"]),
        st.sampled_from(["normal", "uniform"]),
    ),
)
vectors = st.one_of(initialisers, st.just({"kind": "constant", "value": 0.1}))


@st.composite
def _with_bias(draw: Draw, **fields: Any) -> Layer:
    bias = draw(st.booleans())
    own = {"bias": bias, "kernel_init": draw(initialisers)}
    # Glorot, He and LeCun are rules for kernels.
    simple = st.sampled_from([{"kind": "torch_uniform"}, {"kind": "constant", "value": 0.1}])
    return fields | own | ({"bias_init": draw(simple)} if bias else {})


@st.composite
def _normalisation(draw: Draw, kind: str, shape: Shape) -> Layer:
    layer: Layer = {"kind": kind, "epsilon": draw(epsilons)}
    if kind == "batch_norm":
        layer |= {
            "keep": draw(fractions),
            "running_variance": draw(st.sampled_from(["biased", "unbiased"])),
        }
    if kind == "group_norm":
        layer["groups"] = draw(st.sampled_from([g for g in (1, 2, 3) if shape[-1] % g == 0]))
    if draw(st.booleans()):
        normal = {"kind": "normal", "mean": 1.0, "std": 0.2}
        layer |= {"scale_init": normal, "bias_init": {"kind": "constant", "value": 0.1}}
    return layer


activations = st.one_of(
    st.sampled_from([{"kind": k} for k in ("relu", "tanh", "sigmoid", "silu", "softplus")]),
    st.builds(lambda slope: {"kind": "leaky_relu", "slope": slope}, fractions),
    st.builds(lambda alpha: {"kind": "elu", "alpha": alpha}, st.sampled_from([0.5, 1.0, 1.7])),
    st.builds(lambda form: {"kind": "gelu", "form": form}, st.sampled_from(["erf", "tanh"])),
    st.builds(
        lambda slopes: {"kind": "prelu", "slopes": slopes, "slope": 0.25},
        st.sampled_from(["one", "by_channel"]),
    ),
    st.builds(lambda t: {"kind": "softmax", "temperature": t}, st.sampled_from([0.5, 2.0])),
)


@st.composite
def _scale(draw: Draw, shape: Shape) -> Layer:
    many = [0.3 - 0.2 * i for i in range(shape[-1])]
    factor, offset = (draw(st.sampled_from([one, many])) for one in (0.7, -0.25))
    return {"kind": "scale", "factor": factor, "offset": offset}


sides = st.lists(st.integers(-1, 3), min_size=4, max_size=4)


@st.composite
def _convolution(draw: Draw, kind: str) -> Layer:
    stride = draw(st.integers(1, 3))
    layer = {
        "kind": kind,
        "filters": draw(st.integers(1, CHANNELS)),
        "kernel": draw(st.integers(1, 5)),
        "stride": stride,
        "padding": draw(
            st.one_of(st.integers(0, 3), st.lists(st.integers(0, 3), min_size=4, max_size=4))
        ),
    }
    if kind == "conv_transpose":
        layer["output_padding"] = draw(st.integers(0, stride - 1))
    return draw(_with_bias(**layer))


dropouts = st.builds(lambda rate: {"kind": "dropout", "rate": rate}, st.sampled_from([0.2, 0.5]))


def _images(shape: Shape) -> list[Any]:
    """What may follow an image."""
    norms = ["batch_norm"]
    if shape[0] * shape[1] >= 4:
        norms += ["layer_norm", "instance_norm", "group_norm"]
    return [
        _convolution("conv"),
        _convolution("conv_transpose"),
        st.sampled_from(norms).flatmap(lambda kind: _normalisation(kind, shape)),
        st.builds(
            lambda f, how: {"kind": "upsample", "factor": f, "interpolation": how},
            st.integers(2, 3),
            st.sampled_from(["nearest", "bilinear"]),
        ),
        st.builds(lambda s: {"kind": "average_pool", "size": s}, st.integers(2, 3)),
        st.builds(
            lambda k, s, p: {"kind": "max_pool", "size": k, "stride": s, "padding": p},
            st.integers(2, 3),
            st.integers(1, 2),
            st.integers(0, 1),
        ),
        st.builds(
            lambda s, mode: {"kind": "pad", "sides": s, "mode": mode},
            sides,
            st.sampled_from(["zero", "reflect"]),
        ),
        st.just({"kind": "pixel_shuffle", "factor": 2}),
        st.builds(
            lambda rate: {"kind": "channel_dropout", "rate": rate}, st.sampled_from([0.2, 0.5])
        ),
        _scale(shape),
        dropouts,
        activations,
    ]


def _features(shape: Shape) -> list[Any]:
    """What may follow a vector."""
    norms = ["batch_norm", *(["layer_norm"] if shape[0] >= 4 else [])]
    options = [
        st.integers(1, FEATURES).flatmap(lambda units: _with_bias(kind="dense", units=units)),
        st.sampled_from(norms).flatmap(lambda kind: _normalisation(kind, shape)),
        _scale(shape),
        dropouts,
        activations,
    ]
    if shape[0] >= 4:
        options.append(st.just({"kind": "moments", "epsilon": 1e-3}))
    return options


def _fits(layer: Layer, shape: Shape) -> Shape | None:
    """The output shape, or None where the layer cannot follow or would grow too large."""
    model = LAYER.validate_python(layer, strict=False)
    try:
        model.parameters(shape)
        after: Shape = model.output_shape(shape)
    except ShapeError:
        return None
    small = max(after[:-1], default=1) <= SIDE and after[-1] <= max(FEATURES, CHANNELS)
    return after if small else None


@st.composite
def _grown(draw: Draw, shape: Shape, length: int, prefix: str) -> tuple[list[Layer], Shape]:
    """(layers, output shape): up to `length` layers that connect, one after the other."""
    layers: list[Layer] = []
    earlier: list[tuple[str, Shape]] = []
    for _ in range(length):
        if len(earlier) > 1 and draw(st.integers(0, 3)) == 0:
            shape = draw(_branch(layers, earlier, prefix))
            continue
        layer = draw(st.one_of(_images(shape) if len(shape) == 3 else _features(shape)))
        after = _fits(layer, shape)
        if after is not None:
            layers.append(layer | {"name": f"{prefix}{len(layers)}"})
            shape = after
            earlier.append((layers[-1]["name"], shape))
            skip = draw(_skip(earlier))
            if skip:
                layers.append(skip | {"name": f"{prefix}{len(layers)}"})
                shape = _joined(skip, dict(earlier))
                earlier.append((layers[-1]["name"], shape))
    return layers, shape


@st.composite
def _branch(
    draw: Draw, layers: list[Layer], earlier: list[tuple[str, Shape]], prefix: str
) -> Shape:
    """A layer fed by an earlier one than the last, and joined with the last; the last shape."""
    last, shape = earlier[-1]
    source, given = draw(st.sampled_from(earlier[:-1]))
    layer = draw(st.one_of(_images(given) if len(given) == 3 else _features(given)))
    after = _fits(layer, given)
    if after is None or after[:-1] != shape[:-1] or after[-1] + shape[-1] > FEATURES:
        return shape
    name = f"{prefix}{len(layers)}"
    layers.append(layer | {"inputs": [source], "name": name})
    earlier.append((name, after))
    join: Layer = {"kind": "concatenate", "inputs": [last, name], "name": f"{prefix}{len(layers)}"}
    layers.append(join)
    shape = _joined(join, dict(earlier))
    earlier.append((join["name"], shape))
    return shape


@st.composite
def _skip(draw: Draw, earlier: list[tuple[str, Shape]]) -> Layer | None:
    """A sum or a concatenation of the last layer with an earlier one, if there is one to join."""
    if len(earlier) < 2 or not draw(st.booleans()):
        return None
    last, shape = earlier[-1]
    same = [name for name, other in earlier[:-1] if other == shape]
    allowed = (shape, (1,) * (len(shape) - 1) + shape[-1:], shape[-1:], (1,))
    factors = [name for name, other in earlier[:-1] if other in allowed]
    beside = [
        name
        for name, other in earlier[:-1]
        if other[:-1] == shape[:-1] and other[-1] + shape[-1] <= max(FEATURES, CHANNELS)
    ]
    kinds = {"add": same, "concatenate": beside, "product": factors}
    kinds = {kind: names for kind, names in kinds.items() if names}
    if not kinds:
        return None
    kind = draw(st.sampled_from(sorted(kinds)))
    other = draw(st.sampled_from(kinds[kind]))
    if kind == "product":  # what is repeated comes behind what it is repeated over
        return {"kind": kind, "inputs": [last, other]}
    return {"kind": kind, "inputs": draw(st.permutations([last, other]))}


def _joined(skip: Layer, shapes: dict[str, Shape]) -> Shape:
    return LAYER.validate_python(skip, strict=False).joined_shape(
        [shapes[n] for n in skip["inputs"]]
    )


@st.composite
def _generator(draw: Draw) -> tuple[Layer, Shape]:
    z = draw(st.integers(2, 6))
    layers, shape = draw(_grown((z,), draw(st.integers(0, 3)), "a"))
    if draw(st.booleans()):
        height, width = draw(st.integers(2, 4)), draw(st.integers(2, 4))
        image = (height, width, draw(st.integers(1, 4)))
        dense = draw(_with_bias(kind="dense", units=prod(image)))
        more, shape = draw(_grown(image, draw(st.integers(1, 4)), "b"))
        layers += [dense, {"kind": "reshape", "shape": list(image)}, *more]
    if not any(layer["kind"] == "dense" for layer in layers):  # something has to be trained
        units = draw(st.integers(1, FEATURES))
        layers.insert(0, draw(_with_bias(kind="dense", units=z)))
        if len(shape) == 1:
            layers.append(draw(_with_bias(kind="dense", units=units)))
            shape = (units,)
    layers.append(draw(st.sampled_from([{"kind": "tanh"}, {"kind": "sigmoid"}])))
    return {"input": [z], "layers": layers}, shape


@st.composite
def _discriminator(draw: Draw, shape: Shape) -> Layer:
    layers, end = draw(_grown(shape, draw(st.integers(0, 4)), "c"))
    if len(end) == 3:
        layers.append({"kind": "flatten"})
    layers.append(draw(_with_bias(kind="dense", units=1)))
    return {"input": list(shape), "layers": layers}


OPTIMIZED = ("generator", "discriminator")
betas = st.sampled_from([0.0, 0.5, 0.9])


@st.composite
def _optimizer(draw: Draw) -> Layer:
    kind = draw(st.sampled_from(["adam", "adamw", "rmsprop", "sgd"]))
    fields: Layer = {"kind": kind, "learning_rate": draw(st.sampled_from([1e-3, 0.01]))}
    if kind in ("adam", "adamw"):
        fields |= {"beta_1": draw(betas), "beta_2": draw(st.sampled_from([0.9, 0.999]))}
        fields["epsilon"] = draw(epsilons)
    if kind == "adam":
        fields["epsilon_place"] = draw(st.sampled_from(["outside_root", "hat"]))
    if kind == "adamw":
        fields["weight_decay"] = draw(st.sampled_from([0.0, 0.1]))
    if kind == "rmsprop":
        fields |= {
            "decay": draw(st.sampled_from([0.9, 0.99])),
            "epsilon": draw(epsilons),
            "epsilon_place": draw(st.sampled_from(["outside_root", "inside_root"])),
            "initial_accumulator": draw(st.sampled_from([0.0, 1.0])),
            "momentum": draw(st.sampled_from([0.0, 0.9])),
        }
    if kind == "sgd":
        fields |= {"momentum": draw(st.sampled_from([0.0, 0.9])), "nesterov": draw(st.booleans())}
    return fields


@st.composite
def _steps(draw: Draw) -> Layer:
    loss = draw(st.sampled_from(["bce", "least_squares", "hinge", "wasserstein"]))
    update = draw(st.sampled_from(["sum_of_means", "concatenated", "sequential"]))
    steps: Layer = {
        "d_steps": 1 if update == "sequential" else draw(st.integers(1, 3)),
        "g_steps": draw(st.integers(1, 2)),
        "d_update": update,
        "g_noise": draw(st.sampled_from(["fresh", "fresh", "reused"])),
        "first": draw(st.sampled_from(["discriminator", "generator"])),
        "loss": loss,
        "d_fakes": draw(st.sampled_from(["train", "eval"])),
    }
    if steps["g_noise"] == "reused":
        steps |= {"d_steps": 1, "g_steps": 1}
        if steps["first"] == "generator":  # D makes no fakes
            steps["d_fakes"] = "train"
    if loss == "bce":
        steps["g_loss"] = draw(st.sampled_from(["non_saturating", "minimax"]))
    if loss in ("bce", "least_squares"):
        steps["real_target"] = draw(st.sampled_from([1.0, 0.9]))
        steps["fake_target"] = draw(st.sampled_from([0.0, 0.1]))
        if steps.get("g_loss") != "minimax":
            steps["g_target"] = draw(st.sampled_from([1.0, 0.9]))
    if draw(st.booleans()):
        when = draw(st.sampled_from(["before_step", "after_step"]))
        steps["clip"] = {"limit": draw(st.sampled_from([0.05, 0.3])), "when": when}
    return steps


@st.composite
def _schedule(draw: Draw, sizes: list[int]) -> Layer:
    rate = draw(st.sampled_from(["constant", "linear", "exponential"]))
    schedule = {
        "batch_size": draw(st.sampled_from(sizes)),
        "length": 1,
        "unit": draw(st.sampled_from(["iterations", "rounds", "epochs"])),
        "learning_rate": rate,
    }
    if rate != "constant":
        schedule["decay_factor"] = draw(st.sampled_from([0.1, 2.0]))
        schedule["decay_iterations"] = draw(st.integers(1, 3))
    return schedule


@st.composite
def gans(draw: Draw) -> Layer:
    """A valid workload file in the short form, as a mapping."""
    generator, shape = draw(_generator())
    discriminator = draw(_discriminator(shape))
    kinds = {layer["kind"] for network in (generator, discriminator) for layer in network["layers"]}
    # A batch norm of few numbers is all rounding.
    sizes = [3, 4, 5] if "batch_norm" in kinds else [1, 3, 4, 5]
    optimizers = {"generator": draw(_optimizer()), "discriminator": draw(_optimizer())}
    noise = draw(
        st.sampled_from(
            [
                {"kind": "normal", "mean": 0.0, "std": 1.0},
                {"kind": "uniform", "low": -1.0, "high": 1.0},
            ]
        )
    )
    stream = {"kind": "gaussian_stream", "mean": 0.0, "std": 0.5, "sampling": "stream"}
    return {
        "name": "random_gan",
        "title": "A random GAN",
        "generator": generator,
        "discriminator": discriminator,
        "noise": noise | {"shape": generator["input"]},
        "data": stream | {"shape": list(shape)},
        "steps": draw(_steps()),
        "optimizers": optimizers,
        "schedule": draw(_schedule(sizes)),
        "averages": {name: 0.9 for name in OPTIMIZED if draw(st.booleans())},
    }
