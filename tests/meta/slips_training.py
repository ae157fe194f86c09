"""Slips in training: its records, its checkpoints, what is held out, and quality."""

from tests.meta.slip import Slip

TRAINING = "tests/bench/training/test_"

SLIPS = (
    Slip(
        "the last iteration of an interval for its mean",
        "bench/training/metrics.py",
        "{name: fmean(values) for name, values in raw.items() if values}",
        "{name: values[-1] for name, values in raw.items() if values}",
        TRAINING + "training.py::test_a_record_has_the_mean",
    ),
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
        "if not np.isfinite(array).all()}",
        "if np.isnan(array).any()}",
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
)
