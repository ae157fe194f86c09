"""Examples for the vocabulary's page; a test puts each into a workload file and reads it."""

from pathlib import Path

FILE = """\
A file has these parts, in any order:

- `name`, which results carry, and `title`, for people;
- `[generator]` and `[discriminator]`, each with the `input` shape of one sample and its `layers`;
- `[noise]`, what the generator is fed, and `[data]`, the real samples;
- `[steps]`, how an iteration alternates between the two networks, and the loss;
- `[optimizers.generator]` and `[optimizers.discriminator]`;
- `[schedule]`: batch size, length of training, learning rate over time;
- where they are wanted, `[averages]`, `[stopping]`, `[target]` and `[provenance]`.

Shapes are `[height, width, channels]` for images and `[length]` for vectors, without the batch."""

LAYERS = """\
A layer takes the output of the one before it, the first layer the network's input. Every layer may
have two fields more than are listed:

- `name`, by which others know it. Without it the name is the kind and a number that counts from 0
  within the kind: `dense_0`, `relu_0`, `dense_1`. The network's input is called `input`.
- `inputs`, a list of earlier names that it takes instead of the layer before: two or more for `add`
  and `concatenate`, one for any other layer.

A layer whose output the next one does not take has to be named by a later one or in `outputs`,
which a network of the long form may have. Without them the last layer's output is the network's. A
layer may be named by several others, and twice by one, so that `concatenate` repeats channels.

A class, which is a whole number, goes into an `embedding` and into no other layer. How a dense
layer on a class as 0s and 1s is written stands there."""

LONG = """\
A file in the long form has these parts in place of `[generator]`, `[discriminator]`, `[noise]`,
`[data]` and `[steps]`; the others are the same.

- `[networks.NAME]`, as many as there are. One has `input`, a shape, or `inputs` by name, never
  both: `inputs = { image = [8, 8, 1], label = { classes = 10 } }`, which layers then name in their
  own `inputs`. With either it may have `outputs` by name, each with the layer that gives it:
  `outputs = { score = "dense_1", label = "dense_2" }`. Without them the last layer's output is the
  network's.
- `[sources]`: noise and data by name.
- `[shared]`, where it is wanted: `batch = "x"` is a draw of the source `x` that is made once an
  iteration. All phases that name `batch` are given the same samples, and so are all repetitions of
  a phase.
- `[[phases]]`, a list in the order of an iteration: each draws, passes what it has through
  networks, adds up its losses, and moves the parameters of the networks that it `updates`.
- `[optimizers.NAME]`, as many as phases name.

A phase knows what it draws and what its own forwards gave. A source with `parts` gives `x` and
`x.label`, both of one sample. An output may be used by nobody: its forward moves running statistics
all the same. `forwards` may be an empty list, where a loss is of what is reused. A network may have
no parameters at all, such as one that concatenates an image with itself; and no phase need move it,
as with a network of features that stay. Such a network has the numbers that its initialisers draw:
there are no pretrained ones. Where a program normalises what goes into it, (x - mean) / std by
channel, that is a `scale` with lists: factor 1 / std, offset -mean / std.

Where several sources are finite arrays each has epochs of its own. A timed run takes their full
batches; elsewhere the last batch of an epoch is smaller, and noise is as long as the batch of the
array that is first in the file.

Four things more, each in the phase that wants it:

- `reuse = { fakes = { phase = "g", output = "made", form = "value" } }`: `fakes` is what `g` has
  made in this iteration, with the parameters of then. It has no gradient; `g` has `repeat = 1` and
  runs in every iteration that this phase runs in. With `form = "graph"` a gradient goes on to the
  networks that made it, of which this phase moves one, and which have not moved since; `g`, this
  phase and all between them have `repeat = 1` and `every = 1`. One loss may be of reused values,
  graphs and outputs of the phase's own.
- `together = true`: its gradient is taken before the phase in front of it makes its step. Both
  steps follow. So G and D see each other as they were. Both phases have `repeat = 1` and the same
  `every`, and they move different networks. Where G moves in every fifth step of D, write an
  iteration of five: D, then G with `together`, then a third phase with D again and `repeat = 4`.
- `every = 4`: it runs in iterations 0, 4, 8 and so on; what it draws is drawn for its runs alone.
  What runs repeats after 16 iterations at most: with `every` 3 and 4 after 12. No phase can begin
  or end at an iteration. Nothing is scaled. StyleGAN2, whose penalty comes every n-th iteration,
  multiplies its weight by n, and takes the rate and both betas of that optimizer to
  c = n / (n + 1): rate c, beta^c.
- `pools = { shown = { of = "fakes", size = 50 } }`: `shown` is `fakes` with some exchanged for
  older ones, as CycleGAN shows them to its discriminators."""

LOSSES = """\
Scores and logits are numbers of a discriminator: one a sample, [1], or a map of them, [h, w, 1], as
a discriminator of patches gives it. A mean is over all numbers of the batch."""

CONDITIONAL, ONE_HOT = (
    (Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8").strip()
    for name in ("conditional", "one_hot")
)

PARTS = """\
Each belongs to one sample. All arrays have blurred and half_size; those in colour have grey and
edges, and `digits`, `mnist` and `cifar10` have class."""

KINDS = {
    "embedding": ONE_HOT,
    "add": """\
[generator]
input = [784]
layers = [
  { kind = "dense", units = 64, bias = false, kernel_init = { kind = "torch_uniform" } },
  { kind = "relu", name = "first" },
  { kind = "dense", units = 64, bias = false, kernel_init = { kind = "torch_uniform" } },
  { kind = "add", inputs = ["first", "dense_1"] },
  { kind = "concatenate", inputs = ["input", "add_0"] },
  { kind = "dense", units = 784, bias = false, kernel_init = { kind = "torch_uniform" } },
  { kind = "tanh" },
  { kind = "reshape", shape = [28, 28, 1] },
]""",
    "clip": """\
[steps]
d_steps = 5
g_steps = 1
d_update = "sum_of_means"
g_noise = "fresh"
loss = "wasserstein"
clip = { limit = 0.01, when = "after_step" }""",
}
"""By the kind or the table that an example is for."""

AVERAGES = """\
[averages]
generator = 0.999"""

STOPPING = """\
[stopping.diverged]
loss_above = 20.0
action = "stop"
reason = "In three trainings to their end no interval's mean of a loss was above 2.2."

[stopping.ignores_input]
action = "note"
reason = "A hundredth of the real spread looks like one and the same sample."
spread_below = 0.01"""

TARGET = """\
When a training counts as good enough, for `nox -s converge`. It changes nothing of what is computed
and is not part of the spec's hash."""

TARGET_EXAMPLE = """\
[target]
kind = "kernel_distance"
features = "components"
below = 2.5
samples = 500
every = 32
hold = 3
longest = 2048
margin = 1.25
reason = "nine of ten calibrating seeds reach it"
set = { "data.hold_out" = 0.2 }"""

PROVENANCE = """\
[provenance]
document = "A paper, its table 2"
fields = [
  { field = "generator.layers", status = "document", says = "784-256-784" },
  { field = "schedule.batch_size", status = "open", says = "nothing", taken = "64, its program" },
]"""
