"""Slips in training: its records, its checkpoints, what is held out, and quality."""

from tests.meta.slip import Slip

TRAINING = "tests/bench/training/test_"
WATCHING = "tests/bench/training/test_watching.py::test_"

SLIPS = (
    Slip(
        "the mean of losses that does not know their weights",
        "bench/training/metrics.py",
        "sum(means[loss] for loss in losses) / weight",
        "sum(means[loss] for loss in losses) / len(losses)",
        TRAINING + "makers.py::test_the_mean_of_the_halves",
    ),
    Slip(
        "intervals that end within a chunk",
        "bench/training/length.py",
        "return chunk * max(1, round((wanted or total / INTERVALS) / chunk))",
        "return max(1, round(wanted or total / INTERVALS))",
        TRAINING + "makers.py::test_intervals_are_whole_chunks",
    ),
    Slip(
        "the oldest checkpoint for the newest",
        "bench/training/keeping.py",
        "sorted(_numbered(folder), reverse=True)",
        "sorted(_numbered(folder))",
        TRAINING + "newest.py::test_the_newest_is_found",
    ),
    Slip(
        "every piece of a training on the draws of the first",
        "bench/training/worker.py",
        "live.seed, n, live.iteration)",
        "live.seed, n, 0)",
        TRAINING + "training.py::test_the_spec_s_draws",
    ),
    Slip(
        "a checkpoint of any workload",
        "bench/training/checkpoint.py",
        "_require_same(facts.workload, expected or facts.workload)",
        "_require_same(facts.workload, facts.workload)",
        TRAINING + "refused_facts.py::test_another_workload_than_expected",
    ),
    Slip(
        "infinite numbers in a checkpoint",
        "bench/training/checkpoint.py",
        "if not np.isfinite(array).all())",
        "if np.isnan(array).any())",
        TRAINING + "refused_facts.py::test_numbers_that_are_not_finite",
    ),
    Slip(
        "a header as long as it says",
        "bench/training/header.py",
        "if length > min(LARGEST_BYTES, size_bytes - LENGTH_BYTES):",
        "if length > size_bytes - LENGTH_BYTES:",
        TRAINING + "refused.py::test_a_long_header",
    ),
    Slip(
        "precision for recall",
        "bench/training/quality/precision_recall.py",
        "return precision(real, generated)",
        "return precision(generated, real)",
        "tests/bench/training/quality/test_precision_recall.py::test_a_collapsed_generator",
    ),
    Slip(
        "a kernel distance with its diagonal",
        "bench/training/quality/kernel_distance.py",
        "float(square.sum() - np.trace(square)) / (count * (count - 1))",
        "float(square.sum()) / count**2",
        "tests/bench/training/quality/test_kernel_distance.py::test_it_is_the_sum_over_pairs",
    ),
    # What a training says of itself.
    Slip(
        "a limit compared the wrong way",
        "bench/training/watching.py",
        "and min(real.values()) > rule.real_above",
        "and min(real.values()) < rule.real_above",
        WATCHING + "a_discriminator_has_won",
    ),
    Slip(
        "an interval judged by its last iteration",
        "bench/training/metrics.py",
        "return float(np.mean(np.asarray(values, np.float64)))",
        "return float(values[-1])",
        WATCHING + "a_mean_is_over_all",
    ),
    Slip(
        "a verdict one interval late",
        "bench/training/loop.py",
        "watching.verdicts(self.workload, made, self.not_finite)",
        "watching.verdicts(self.workload, (*log.records, made)[-2:][0], self.not_finite)",
        "tests/bench/training/test_stopped.py::test_one_whose_discriminator_wins",
    ),
    Slip(
        "losses below zero that never diverge",
        "bench/training/watching.py",
        "abs(mean) > rule.loss_above",
        "mean > rule.loss_above",
        WATCHING + "a_loss_diverges",
    ),
    Slip(
        "labels that vary with the noise",
        "bench/training/looking.py",
        "name: array if name in noise or not noise else _repeated(array)",
        "name: array",
        "tests/bench/training/test_looking.py::test_of_a_conditional",
    ),
    Slip(
        "a note that stops",
        "bench/training/watching.py",
        'stops = any(one.action == "stop" for one in found)',
        "stops = bool(found)",
        WATCHING + "a_verdict_is_news",
    ),
    Slip(
        "limits that are part of what is computed",
        "spec/workload.py",
        'left_out = {"title", "provenance", "stopping", "target"}',
        'left_out = {"title", "provenance", "target"}',
        "tests/spec/test_stopping.py::test_a_table_is_read",
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
        "the share of those that reached the target alone",
        "bench/convergence/summary.py",
        "share=share(reached, n),",
        "share=share(reached, max(1, reached)),",
        "tests/bench/convergence/test_chapters.py::test_trainings_that_never_came",
    ),
    Slip(
        "a target in the hash",
        "spec/workload.py",
        'left_out = {"title", "provenance", "stopping", "target"}',
        'left_out = {"title", "provenance", "stopping"}',
        "tests/spec/test_target.py::test_a_file_has_the_same_hash",
    ),
)
