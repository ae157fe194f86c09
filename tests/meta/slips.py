"""Slips of the pen in what all rows share and in the numbers that people read.

Each is a change of a line's text in a copy of the project; a named test must fail there. Faults of
the rows are in faults.py, where the rows run.
"""

from typing import NamedTuple


class Slip(NamedTuple):
    """A mistake, what it changes, and who notices."""

    name: str
    path: str
    old: str
    """Stands in the file once."""
    new: str
    caught_by: str
    """A test, or several of one file by what their names begin with."""


FIRST = "tests/spec/test_first_states.py::test_"
LOSSES = "tests/spec/test_losses.py::test_"
LAYERS = "tests/spec/test_layers.py::test_"
RECOMPUTED = "tests/bench/results/test_recomputed.py::test_every_"

SLIPS = (
    # What all rows read.
    Slip(
        "the critic's sign",
        "spec/short_form.py",
        '"weight": -weight if real else weight}',
        '"weight": weight if real else -weight}',
        LOSSES + "losses_are_the_papers",
    ),
    Slip(
        "half the weight everywhere",
        "spec/short_form.py",
        'weight = 0.5 if steps.d_update == "concatenated" else 1.0',
        "weight = 0.5",
        "tests/spec/test_phases.py::test_sum_of_means",
    ),
    Slip(
        "the accumulator that RMSprop starts from",
        "spec/state.py",
        "+= optimizer.initial_accumulator",
        "+= 0.0",
        FIRST + "an_rmsprop_starts_from_its_accumulator",
    ),
    Slip(
        "Glorot's variance 1 / (fan_in + fan_out)",
        "spec/initialisers.py",
        "return 2.0 / (fan_in + fan_out)",
        "return 1.0 / (fan_in + fan_out)",
        FIRST + "scaled_rules",
    ),
    Slip(
        "a transposed convolution's fan_in as a convolution's",
        "spec/layers.py",
        "torch_fan = area * (self.filters if isinstance(self, ConvTranspose) else shape[2])",
        "torch_fan = area * shape[2]",
        FIRST + "torch_uniform",
    ),
    Slip(
        "the bound of a uniform rule without its root of three",
        "spec/state.py",
        "bound = np.sqrt(3 * init.variance(*fans))",
        "bound = np.sqrt(init.variance(*fans))",
        FIRST + "scaled_rules",
    ),
    Slip(
        "the same order in every epoch",
        "spec/randomness.py",
        'order = permutation(f"{key}/epoch {epoch}", len(array))',
        'order = permutation(f"{key}/epoch 0", len(array))',
        "tests/spec/test_randomness.py::test_an_epoch_sees",
    ),
    Slip(
        "a mask that drops what it should keep",
        "spec/randomness.py",
        "kept = uniform(key, start, rows, source.shape) >= rate",
        "kept = uniform(key, start, rows, source.shape) < rate",
        FIRST + "masks_keep_what_they_should",
    ),
    Slip(
        "images of one repetition",
        "spec/workload.py",
        "draw.repeat * self._seen(key) for key, draw in real.items()",
        "self._seen(key) for key in real",
        "tests/spec/test_phases.py::test_iterations_updates_and_images",
    ),
    Slip(
        "a gradient for data that nobody asks for",
        "spec/work.py",
        "inputs = ahead if fed else ahead - _first_product(network)",
        "inputs = ahead",
        "tests/spec/test_work.py::test_mlp_square_by_hand",
    ),
    Slip(
        "digits from 0 up, whatever their range",
        "spec/data/digits.py",
        "low + (high - low) * resized",
        "(high - low) * resized",
        "tests/spec/test_data.py::test_embedded_data",
    ),
    # The reference, which all rows are held against.
    Slip(
        "group norm over whole samples",
        "backends/reference/networks.py",
        "axes = (*range(1, x.ndim - 1), x.ndim)  # all but the batch and the group",
        "axes = tuple(range(1, x.ndim + 1))",
        LAYERS + "normalisation",
    ),
    Slip(
        "pooled by the wrong side",
        "backends/reference/resampling.py",
        "squares = np.reshape(x[:, : h * k, : w * k], (n, h, k, w, k, channels))",
        "squares = np.reshape(x[:, : h * k, : w * k], (n, k, h, k, w, channels))",
        LAYERS + "average_pool_drops_what_is_left_over",
    ),
    Slip(
        "the derivative of erf",
        "backends/reference/networks.py",
        "lambda g: g * 2.0 / np.sqrt(np.pi) * np.exp(-(x**2))",
        "lambda g: g * 2.0 / np.sqrt(np.pi) * np.exp(-x)",
        LAYERS + "derivatives",
    ),
    Slip(
        "RMSprop's square root over its epsilon",
        "backends/reference/optimizers.py",
        "np.sqrt(v + epsilon) if inside else np.sqrt(v) + epsilon",
        "np.sqrt(v) + epsilon if inside else np.sqrt(v + epsilon)",
        "tests/spec/test_update_rules.py::test_rule",
    ),
    Slip(
        "the average of parameters one step behind",
        "backends/reference/training.py",
        'averages[f"average/{key}"] = kept + (1.0 - decay) * state[key]',
        'averages[f"average/{key}"] = kept + decay * state[key]',
        "tests/spec/test_reference.py::test_averages_by_hand",
    ),
    # The proof.
    Slip(
        "the first mode's closeness for all",
        "bench/proof/group.py",
        "for one, n, found in own\n",
        "for one, n, found in own[:1]\n",
        "tests/bench/proof/test_outcomes.py::test_close_are_all_that_ran",
    ),
    Slip(
        "a limit that is not finite passes",
        "bench/proof/closeness.py",
        "if not isfinite(limit):",
        "if limit < 0:",
        "tests/bench/proof/test_closeness.py::test_what_is_not_finite_is_no_limit",
    ),
    Slip(
        "numbers that are not finite are close",
        "bench/proof/closeness.py",
        "if not error <= limit:  # also catches NaN",
        "if error > limit:",
        "tests/bench/proof/test_closeness.py::test_what_is_not_finite_is_no_error",
    ),
    Slip(
        "a proof recognised by its key alone",
        "bench/proof/kept.py",
        "or kept.proof.fingerprint != fingerprint:",
        "or not fingerprint:",
        "tests/bench/proof/test_kept.py::test_other_bits_are_not_recognised",
    ),
    Slip(
        "the source left out of the key",
        "bench/proof/kept.py",
        'SOURCES = ("spec", "backends", "bench/proof")',
        'SOURCES = ("spec", "bench/proof")',
        "tests/bench/proof/test_kept.py::test_one_line_of_source",
    ),
    # What is timed.
    Slip(
        "the wait left out of a round",
        "bench/timing/cell.py",
        "ready.program.block_until_ready((ready.state, metrics))\n    elapsed",
        "elapsed",
        "tests/bench/timing/test_cell.py::test_a_round_is_its_work_and_the_wait",
    ),
    Slip(
        "every round on the draws of the first",
        "bench/timing/cell.py",
        "ready.placed, SEED + ready.calls, n)",
        "ready.placed, SEED, n)",
        "tests/bench/timing/test_cell.py::test_every_round_draws_anew",
    ),
    Slip(
        "the warm-up as long as the round",
        "bench/timing/test_train_step.py",
        "n = unit * round(WARM_SHARE * dispatches)",
        "n = unit * round(dispatches)",
        "tests/bench/timing/test_warming.py::test_a_round_of_few",
    ),
    # What people read.
    Slip(
        "the standard deviation of blocks with ddof 0",
        "bench/results/statistics.py",
        "from statistics import fmean, median, stdev, variance",
        "from statistics import fmean, median, variance\nfrom statistics import pstdev as stdev",
        RECOMPUTED + "field_of_a_comparison",
    ),
    Slip(
        "the slowest block left out of the table",
        "bench/results/assemble.py",
        "middle, first = median(speeds), extras[0]",
        "middle, first = median(speeds[1:]), extras[0]",
        RECOMPUTED + "field_of_the_summary",
    ),
    Slip(
        "half the arithmetic",
        "bench/results/blocks.py",
        "2e-9 * steps_per_s",
        "1e-9 * steps_per_s",
        RECOMPUTED + "field_of_the_summary",
    ),
    Slip(
        "start without what its iterations take",
        "bench/results/costs.py",
        'cell["first_step_s"] - first[cell["id"]] / cell["steps_per_s"]',
        'cell["first_step_s"]',
        RECOMPUTED + "field_of_the_summary",
    ),
    Slip(
        "a band of half the pair's difference",
        "bench/results/statistics.py",
        "*(exp(end) - 1 for end in ends)",
        "*(exp(end / 2) - 1 for end in ends)",
        RECOMPUTED + "field_of_a_comparison",
    ),
    Slip(
        "controls averaged plainly",
        "bench/compare/normalising.py",
        "exp(fmean(log(by_turn[turn]) for by_turn in turns))",
        "fmean(by_turn[turn] for by_turn in turns)",
        "tests/bench/compare/test_normalising.py::test_the_yardstick",
    ),
    Slip(
        "a password in a URL",
        "bench/workers/cleaning.py",
        'text = BARE_USER.sub("", URL_USER.sub(r"\\1", text))',
        'text = BARE_USER.sub("", text)',
        "tests/bench/workers/test_cleaning.py::test_what_a_text_itself",
    ),
    Slip(
        "one draft for all who write a file",
        "bench/workers/whole.py",
        'path.with_name(f".{secrets.token_hex(8)}.part")',
        'path.with_suffix(".part")',
        "tests/bench/workers/test_whole.py::test_two_write_one_file",
    ),
    Slip(
        "every block of a cell whose rounds are very long",
        "bench/plan/turns.py",
        'long = found["round_s"] > VERY_LONG_BLOCKS * wanted_s * turns',
        'long = found["round_s"] > VERY_LONG_BLOCKS * turns',
        "tests/bench/plan/test_turns.py::test_very_long_rounds",
    ),
    # What is said of times to a target.
    Slip(
        "one of the two one-sided tests",
        "bench/convergence/statistics.py",
        "p_equivalent = max(_p_above",
        "p_equivalent = min(_p_above",
        "tests/bench/convergence/test_statistics.py::test_equivalent_is",
    ),
    Slip(
        "evaluations within the band, in a row or not",
        "bench/convergence/reaching.py",
        "run = run + 1 if good else 0",
        "run = run + 1 if good else run",
        "tests/bench/convergence/test_reaching.py::test_the_first",
    ),
    Slip(
        "a censored training left out",
        "bench/convergence/statistics.py",
        "    pairs = list(zip(a, b, strict=True))\n",
        "    pairs = [p for p in zip(a, b, strict=True) if isfinite(p[0] + p[1])]\n",
        "tests/bench/convergence/test_statistics.py::test_with_a_censored",
    ),
    Slip(
        "a target in the hash",
        "spec/workload.py",
        'left_out = {"title", "provenance", "target"}',
        'left_out = {"title", "provenance"}',
        "tests/spec/test_target.py::test_a_file_has_the_same_hash",
    ),
)
