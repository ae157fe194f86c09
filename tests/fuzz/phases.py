"""Hypothesis strategies: workloads in the long form, whose phases share, reuse, wait and pool.

Networks are those of the short form's strategies, or grown from them: a maker G, which may be given
a class; a judge D, which may be given one too and may have a second head; and in some a translator
T from what G makes to what D judges. Phases are a discriminator's, a generator's and at most two
more, in either order.
"""

from math import prod
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.strategies import Draw, Layer, Shape, _grown, _optimizer, _schedule, _with_bias

CLASSES = 10
PERIODS = [1, 1, 2, 4]
"""At most four iterations: a proof covers one period and the return to its first place."""


@st.composite
def _maker(draw: Draw, shape: Shape, labelled: bool) -> Layer:
    """From noise, and a class where there is one, to samples."""
    z = draw(st.integers(2, 5))
    layers: list[Layer] = []
    if labelled:
        table = {"kind": "normal", "mean": 0.0, "std": 1.0}
        width = z if draw(st.booleans()) else draw(st.integers(1, 4))
        own = {"classes": CLASSES, "width": width, "table_init": table, "inputs": ["label"]}
        join = draw(st.sampled_from(["product", "concatenate"])) if width == z else "concatenate"
        layers = [
            {"kind": "embedding", "name": "table", **own},
            {"kind": join, "inputs": ["z", "table"], "name": "given"},
        ]
        wide = z if join == "product" else z + width
    else:
        wide = z
    more, _ = draw(_grown((wide,), draw(st.integers(0, 2)), "a"))
    layers += more
    layers.append(draw(_with_bias(kind="dense", units=prod(shape))))
    layers += [{"kind": "reshape", "shape": list(shape)}, {"kind": "tanh"}]
    ports: Layer = {"inputs": {"z": [z], "label": {"classes": CLASSES}}} if labelled else {}
    return (ports or {"input": [z]}) | {"layers": layers}


@st.composite
def _judge(draw: Draw, shape: Shape, labelled: bool, headed: bool) -> Layer:
    """From samples, and a class where there is one, to a score or a map; and logits of classes."""
    layers, end = draw(_grown(shape, draw(st.integers(0, 2)), "c"))
    if not layers:
        layers, end = [{"kind": "leaky_relu", "slope": 0.2, "name": "c0"}], shape
    if labelled or headed:  # the first takes the image by its name
        layers[0] = layers[0] | ({"inputs": ["image"]} if labelled else {})
    trunk = layers[-1]["name"]
    maps = len(end) == 3 and not labelled and draw(st.booleans())
    if maps:
        conv = {"filters": 1, "kernel": 1, "stride": 1, "padding": 0}
        layers.append(draw(_with_bias(kind="conv", **conv)) | {"name": "score"})
    else:
        layers.append({"kind": "flatten", "name": "flat", "inputs": [trunk]})
        if labelled:
            table = {"kind": "normal", "mean": 0.0, "std": 1.0}
            own = {"classes": CLASSES, "width": draw(st.integers(1, 4)), "table_init": table}
            layers.append({"kind": "embedding", "name": "table", "inputs": ["label"], **own})
            layers.append({"kind": "concatenate", "name": "both", "inputs": ["flat", "table"]})
        layers.append(draw(_with_bias(kind="dense", units=1)) | {"name": "score"})
    if headed:
        layers.append({"kind": "flatten", "name": "seen", "inputs": [trunk]})
        layers.append(draw(_with_bias(kind="dense", units=CLASSES)) | {"name": "classes"})
    ports: Layer = {"input": list(shape)}
    if labelled:
        ports = {"inputs": {"image": list(shape), "label": {"classes": CLASSES}}}
    if headed:
        ports["outputs"] = {"score": "score", "classes": "classes"}
    return ports | {"layers": layers}


class Names:
    """What phases may ask for, as one GAN has it."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        images = draw(st.booleans())
        sides = (draw(st.integers(2, 5)), draw(st.integers(2, 5)), 1)
        self.shape: Shape = sides if images else (draw(st.integers(1, 6)),)
        self.digits = images and draw(st.booleans())
        self.labelled_g, self.labelled_d, self.headed = (draw(st.booleans()) for _ in range(3))
        self.translator = draw(st.integers(0, 2)) == 0
        self.shared: dict[str, str] = {}
        for name, source in (("noise", "z"), ("batch", "x"), ("wanted", "y")):
            if draw(st.booleans()):
                self.shared[name] = source
        self.used: set[str] = set()

    def name(self, source: str) -> str:
        """How a phase draws a source: for itself, or with others."""
        common = next((name for name, of in self.shared.items() if of == source), None)
        name = common if common and self.draw(st.booleans()) else source
        self.used.add(name)
        return name

    def forward(
        self, network: str, inputs: list[str], labels: list[str], outputs: list[str]
    ) -> Layer:
        """A pass through G, D or T, with the ports that it has."""
        given: Any = inputs
        if network == "g" and self.labelled_g:
            given = {"z": inputs, "label": labels}
        if network == "d" and self.labelled_d:
            given = {"image": inputs, "label": labels}
        made: Any = outputs
        if network == "d" and self.headed:
            made = {"score": outputs, "classes": [f"{name}_classes" for name in outputs]}
        mode = self.draw(st.sampled_from(["train", "train", "eval"]))
        fields = {"network": network, "inputs": given, "outputs": made}
        return fields | {"mode": mode, "detach": False}


@st.composite
def _adversarial(draw: Draw, scores: str, real: bool) -> Layer:
    """D's or G's term on scores."""
    weight = draw(st.sampled_from([1.0, 0.5]))
    kind = draw(st.sampled_from(["bce", "least_squares", "hinge", "mean_score"]))
    if kind == "bce":
        target = draw(st.sampled_from([0.9, 1.0])) if real else 0.0
        return {"kind": kind, "logits": scores, "target": target, "weight": weight}
    if kind == "least_squares":
        return {"kind": kind, "scores": scores, "target": 1.0 if real else 0.0, "weight": weight}
    if kind == "hinge":
        return {"kind": kind, "scores": scores, "sign": 1 if real else -1, "weight": weight}
    return {"kind": kind, "scores": scores, "weight": -weight if real else weight}


@st.composite
def _terms(draw: Draw, real: str, fake: str) -> list[Layer]:
    """D's terms on both: each alone, one against the other, or both in one logarithm."""
    kind = draw(st.sampled_from(["apart", "apart", "relativistic", "log_partition"]))
    if kind == "relativistic":
        form = draw(st.sampled_from(["pairs", "average"]))
        return [
            {"kind": kind, "scores": one, "against": other, "form": form, "target": target}
            | {"weight": 0.5}
            for one, other, target in ((real, fake, 1.0), (fake, real, 0.0))
        ]
    if kind == "log_partition":
        own = {"epsilon": 1e-8, "weight": 1.0}
        alone = {"kind": "mean_score", "scores": real, "weight": 1.0}
        return [alone, {"kind": kind, "scores": [real, fake], **own}]
    return [draw(_adversarial(real, True)), draw(_adversarial(fake, False))]


@st.composite
def long_gans(draw: Draw) -> Layer:
    """A valid workload file in the long form, as a mapping."""
    of = Names(draw)
    networks = {
        "g": draw(_maker(of.shape, of.labelled_g)),
        "d": draw(_judge(of.shape, of.labelled_d, of.headed)),
    }
    if of.translator:
        layers, end = draw(_grown(of.shape, 1, "t"))
        layers = layers if end == of.shape else []
        layers.append({"kind": "flatten"})
        layers.append(draw(_with_bias(kind="dense", units=prod(of.shape))))
        layers.append({"kind": "reshape", "shape": list(of.shape)})
        networks["t"] = {"input": list(of.shape), "layers": layers}
    lazy = draw(st.sampled_from(PERIODS))
    d_first = draw(st.booleans())
    chained = of.translator and draw(st.booleans())
    if chained:
        phases = _three(draw, of)
    elif d_first:
        phases = _d_then_g(draw, of)
    else:
        first = _g_phase(draw, of)
        reused = first["repeat"] == 1 and draw(st.booleans())
        phases = [first, _d_phase(draw, of, "g_phase" if reused else None)]
    if of.translator and not chained:
        phases.append(_t_phase(draw, of, phases, lazy))
    elif lazy > 1:
        own = {"name": "lazy", "every": lazy, "repeat": 1, "metrics": {}}
        phases.append(_d_phase(draw, of, None) | own)
    named = {draw_ for phase in phases for draw_ in phase["draws"]}
    stream = {"kind": "gaussian_stream", "mean": 0.0, "std": 0.5, "sampling": "stream"}
    digits: Layer = {"kind": "digits", "interpolation": "bilinear", "range": [-1.0, 1.0]}
    digits |= {"sampling": draw(st.sampled_from(["shuffled_epochs", "with_replacement"]))}
    digits |= {"parts": {"label": {"kind": "class"}}}
    z = networks["g"].get("input") or networks["g"]["inputs"]["z"]
    optimizers = {name: draw(_optimizer()) for name in sorted({p["optimizer"] for p in phases})}
    # A batch norm of few numbers is all rounding; a map of one pixel has no variance.
    kinds = {layer["kind"] for network in networks.values() for layer in network["layers"]}
    batch = [4, 5] if "batch_norm" in kinds else [2, 4, 5]
    schedule = draw(_schedule(batch))
    for phase in phases:
        for pool in phase.get("pools", {}).values():
            pool["size"] = schedule["batch_size"] * draw(st.integers(1, 3))
    return {
        "name": "random_gan",
        "title": "A random GAN in the long form",
        "networks": networks,
        "sources": {
            "z": {"kind": "normal", "mean": 0.0, "std": 1.0, "shape": z},
            "y": {"kind": "labels", "classes": CLASSES},
            "x": (digits if of.digits else stream) | {"shape": list(of.shape)},
        },
        "shared": {name: source for name, source in of.shared.items() if name in named},
        "phases": phases,
        "optimizers": optimizers,
        "schedule": schedule,
        "averages": {name: 0.9 for name in networks if draw(st.booleans())},
    }


def _phase(name: str, draws: list[str], updates: list[str], **parts: Any) -> Layer:
    own = {"name": name, "draws": list(dict.fromkeys(draws)), "updates": updates}
    return own | {"optimizer": updates[0], "repeat": 1, "every": 1, "metrics": {}} | parts


def _real(of: Names) -> tuple[list[str], str, str]:
    """(draws, the samples' name, their labels')."""
    x = of.name("x")
    if of.digits:
        return [x], x, f"{x}.label"
    y = of.name("y")
    return [x, y], x, y


def _made(draw: Draw, of: Names, output: str) -> tuple[list[str], Layer, str]:
    """(draws, G's forward on fresh noise, the labels that it was given)."""
    z, y = of.name("z"), of.name("y")
    draws = [z, y] if of.labelled_g or of.labelled_d or of.headed else [z]
    return draws, of.forward("g", [z], [y], [output]), y


def _class_terms(draw: Draw, of: Names, pairs: list[tuple[str, str | int]]) -> list[Layer]:
    """The second head's terms: which class a sample has."""
    if not of.headed:
        return []
    return [
        {"kind": "cross_entropy", "logits": f"{scores}_classes", "label": label, "weight": 0.5}
        for scores, label in pairs
    ]


def _d_phase(draw: Draw, of: Names, fakes_of: str | None) -> Layer:
    """D on real samples, and on fakes: its own, or what G's phase has made, perhaps with old."""
    draws, x, label = _real(of)
    parts: Layer = {}
    if fakes_of is None:
        more, made, wanted = _made(draw, of, "fake")
        made["detach"] = True
        forwards = [made]
        draws += more
    else:
        wanted = of.name("y")
        draws += [wanted] if of.labelled_d or of.headed else []
        parts["reuse"] = {"fake": {"phase": fakes_of, "output": "made", "form": "value"}}
        forwards = []
    shown = "fake"
    if draw(st.booleans()):
        parts["pools"] = {"shown": {"of": "fake", "size": 1}}
        shown = "shown"
    if draw(st.booleans()):
        forwards.append(of.forward("d", [x, shown], [label, wanted], ["real_d", "fake_d"]))
    else:
        forwards.append(of.forward("d", [x], [label], ["real_d"]))
        forwards.append(of.forward("d", [shown], [wanted], ["fake_d"]))
    losses = draw(_terms("real_d", "fake_d"))
    losses += _class_terms(draw, of, [("real_d", label), ("fake_d", 3)])
    repeat = draw(st.integers(1, 2))
    metrics = {"seen": "real_d"} if draw(st.booleans()) else {}
    fields = {"forwards": forwards, "losses": losses, "repeat": repeat, "metrics": metrics}
    return _phase("d_phase", draws, ["d"], **fields, **parts)


def _g_phase(draw: Draw, of: Names) -> Layer:
    """G on noise of its own, judged by D; or against real samples."""
    draws, made, wanted = _made(draw, of, "made")
    forwards = [made, of.forward("d", ["made"], [wanted], ["fake_g"])]
    losses = [draw(_adversarial("fake_g", True))]
    losses += _class_terms(draw, of, [("fake_g", wanted)])
    if draw(st.booleans()):
        more, x, label = _real(of)
        draws += more
        if draw(st.booleans()):
            kind = draw(st.sampled_from(["absolute_error", "squared_error"]))
            losses.append({"kind": kind, "value": "made", "other": x, "weight": 0.5})
        else:
            forwards.append(of.forward("d", [x], [label], ["real_g"]))
            form = draw(st.sampled_from(["pairs", "average"]))
            own = {"form": form, "target": 1.0, "weight": 0.5}
            pair = {"scores": "fake_g", "against": "real_g"}
            losses.append({"kind": "relativistic", **pair, **own})
    repeat = draw(st.integers(1, 2))
    return _phase("g_phase", draws, ["g"], forwards=forwards, losses=losses, repeat=repeat)


def _d_then_g(draw: Draw, of: Names) -> list[Layer]:
    """D first; then G on noise of its own, through D's fakes, or through D's scores of them."""
    form = draw(st.sampled_from(["own", "fakes", "score", "value"]))
    d = _d_phase(draw, of, None)
    if form == "own":
        return [d, _g_phase(draw, of)]
    d["repeat"] = 1
    if form == "value":
        g = _g_phase(draw, of)
        reuse = {"old": {"phase": "d_phase", "output": "fake", "form": "value"}}
        own = {"kind": "squared_error", "value": "made", "other": "old", "weight": 0.1}
        return [d, g | {"reuse": reuse, "losses": [*g["losses"], own], "repeat": 1}]
    if form == "fakes":
        wanted = of.name("y")
        draws = [wanted] if of.labelled_d or of.headed else []
        forwards = [of.forward("d", ["made"], [wanted], ["fake_g"])]
        losses = [draw(_adversarial("fake_g", True))]
        reuse = {"made": {"phase": "d_phase", "output": "fake", "form": "graph"}}
        fields = {"forwards": forwards, "losses": losses, "reuse": reuse}
        together = draw(st.booleans())
        return [d, _phase("g_phase", draws, ["g"], **fields, together=together)]
    # Through the score: D's pass of the fakes is not cut, and no pool stands between.
    d.pop("pools", None)
    for forward in d["forwards"]:
        forward["detach"] = False
        given = forward["inputs"]
        for port in [given] if isinstance(given, list) else given.values():
            port[:] = ["fake" if name == "shown" else name for name in port]
    reuse = {"score": {"phase": "d_phase", "output": "fake_d", "form": "graph"}}
    losses = [draw(_adversarial("score", True))]
    own = {"forwards": [], "losses": losses, "reuse": reuse, "together": True}
    return [d, _phase("g_phase", [], ["g"], **own)]


def _three(draw: Draw, of: Names) -> list[Layer]:
    """Three phases that hang together: two go back through what the first has made.

    Both at once, through T to G; or one alone, to D, behind a step of G, whose forward was cut.
    """
    late = draw(st.booleans())
    draws, made, wanted = _made(draw, of, "fake")
    made["detach"] = late
    moved = of.forward("t", ["fake"], [], ["moved"])
    forwards = [made, moved, of.forward("d", ["moved"], [wanted], ["moved_t"])]
    if late:
        forwards.append(of.forward("d", ["fake"], [wanted], ["fake_t"]))
    losses = [draw(_adversarial("moved_t", True))]
    first = _phase("t_phase", draws, ["t"], forwards=forwards, losses=losses)
    score = {"phase": "t_phase", "output": "fake_t" if late else "moved_t", "form": "graph"}
    parts: Layer = {"reuse": {"score": score}}
    if not late:
        parts |= {"forwards": [], "together": True}
        up, down = (draw(_adversarial("score", real)) for real in (True, False))
        g = _phase("g_phase", [], ["g"], losses=[up], **parts)
        return [first, g, _phase("d_phase", [], ["d"], losses=[down], **parts)]
    more, again, others = _made(draw, of, "more")
    judged = of.forward("d", ["more"], [others], ["more_d"])
    terms = [draw(_adversarial("score", False)), draw(_adversarial("more_d", True))]
    parts |= {"forwards": [again, judged], "losses": terms}
    middle = _g_phase(draw, of) | {"repeat": 1}
    return [first, middle, _phase("d_phase", more, ["d", "g"], **parts)]


def _t_phase(draw: Draw, of: Names, phases: list[Layer], lazy: int) -> Layer:
    """T from what a phase before it has made, or from real samples, back to real ones."""
    makers = {"g_phase": "made", "d_phase": "fake"}
    made = [
        (phase["name"], makers[phase["name"]])
        for phase in phases
        if phase["repeat"] == 1
        and any(
            makers[phase["name"]] in forward["outputs"]
            for forward in phase["forwards"]
            if isinstance(forward["outputs"], list)
        )
    ]
    draws, x, _ = _real(of)
    parts: Layer = {}
    start = x
    if made and draw(st.booleans()):
        name, output = draw(st.sampled_from(made))
        parts["reuse"] = {"start": {"phase": name, "output": output, "form": "value"}}
        start = "start"
    forwards = [of.forward("t", [start], [], ["moved"])]
    kind = draw(st.sampled_from(["absolute_error", "squared_error"]))
    losses: list[Layer] = [{"kind": kind, "value": "moved", "other": x, "weight": 1.0}]
    fields = {"forwards": forwards, "losses": losses, "every": lazy}
    return _phase("t_phase", draws, ["t"], **fields, **parts)
