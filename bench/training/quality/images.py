"""The part of a record that is about images: measures on features, of classes and of copies."""

from dataclasses import asdict
from math import inf

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bench.training.quality import (
    classes,
    features,
    kernel_distance,
    memorisation,
    precision_recall,
)
from bench.training.quality.features import Features
from bench.training.quality.resampling import (
    Estimate,
    Estimates,
    Indices,
    Record,
    by_measure,
    half_samples,
)
from bench.training.quality.samples import Compared, Samples, bounded

Matrix = NDArray[np.float64]


def measured(samples: Samples, sets: Compared, seed: int, random: Generator) -> Record:
    """Which features were used and how good they are, each set's measures, and its classes."""
    assert samples.training is not None
    training, labels = bounded(samples.training, samples.labels, random)
    fitted = features.fit(training, labels, seed)
    reference = fitted.of(sets.reference)
    far = memorisation.nearest(sets.reference, training)
    found: dict[str, Estimates] = {}
    for name, images in sets.candidates.items():
        near = memorisation.nearest(images, training)
        found[name] = _of_features(fitted.of(images), reference, random)
        found[name] |= _of_distances(near, far, random)
    record = {"features": _told(fitted, samples, len(training), reference.shape[1])}
    if fitted.classifier is not None:
        seen = {name: fitted.probabilities(images) for name, images in sets.candidates.items()}
        found = {name: of | _of_classes(seen[name], random) for name, of in found.items()}
        record["classes"] = _classes(fitted, seen, random)
    return record | {"measures": by_measure(found)}


def _told(fitted: Features, samples: Samples, training: int, width: int) -> Record:
    told: Record = {"kind": fitted.kind, "width": width, "training": training}
    if fitted.classifier is not None and samples.held_out_labels is not None:
        accuracy = fitted.accuracy(samples.held_out, samples.held_out_labels)
        told |= {"held_out_accuracy": accuracy, "accurate": accuracy >= features.ACCURATE}
    return told


def _of_features(own: Matrix, reference: Matrix, random: Generator) -> Estimates:
    distance = kernel_distance.with_interval(own, reference, random)
    return {"kernel_distance": distance} | precision_recall.with_interval(own, reference, random)


def _of_distances(near: Matrix, far: Matrix, random: Generator) -> Estimates:
    counts = [len(near), len(far)]

    def ratio(i: Indices, j: Indices) -> float:
        return memorisation.distance_ratio(near[i], far[j])

    def share(i: Indices, j: Indices) -> float:
        return memorisation.share_nearer(near[i], far[j])

    return {
        "distance_ratio": half_samples(ratio, counts, random, (0.0, inf)),
        "share_nearer": half_samples(share, counts, random, (0.0, 1.0)),
    }


def _of_classes(seen: Matrix, random: Generator) -> Estimates:
    count, most = [len(seen)], float(seen.shape[1])

    def found(i: Indices) -> float:
        return float(classes.found(classes.shares(seen[i])))

    def evenness(i: Indices) -> float:
        return classes.evenness(classes.shares(seen[i]))

    def confidence(i: Indices) -> float:
        return classes.confidence(seen[i])

    return {
        "classes_found": half_samples(found, count, random, (0.0, most)),
        "class_evenness": half_samples(evenness, count, random, (0.0, 1.0)),
        "confidence": half_samples(confidence, count, random, (0.0, 1.0)),
    }


def _classes(fitted: Features, seen: dict[str, Matrix], random: Generator) -> Record:
    """The classes by name, the share above which one counts as found, and each set's shares."""
    assert fitted.classifier is not None
    names = fitted.classifier.classes_.tolist()

    def share(probabilities: Matrix, place: int) -> Estimate:
        def of_part(i: Indices) -> float:
            return float(classes.shares(probabilities[i])[place])

        return half_samples(of_part, [len(probabilities)], random, (0.0, 1.0))

    return {
        "names": names,
        "smallest_share": classes.smallest_share(len(names)),
        "shares": {
            name: [asdict(share(of, place)) for place in range(len(names))]
            for name, of in seen.items()
        },
    }
