"""Features of images, in which they are compared: a small classifier's, or principal components.

Published measures take the features of a network that was trained on ImageNet. Those need a
download and a framework, and say little about 28x28 digits. Here a classifier is trained on the
real training data where it has labels, else its principal components are taken. Numbers in one
kind of features are never comparable with those in the other, nor with published ones.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

Array = NDArray[Any]
UNITS = (128, 64)
"""Of the classifier's hidden layers; the last one's activations are the features."""
BATCH_SIZE, UPDATES = 64, 1000
"""Of its training: about 2 s on one core at 28x28, whatever the count of images."""
COMPONENTS = 64
"""Principal components, where there are no labels."""
ACCURATE = 0.95
"""What a classifier should reach on held-out images before its word on classes is taken."""


@dataclass(frozen=True)
class Features:
    """What turns images (n, h, w, c) into features (n, width), fitted on the training set."""

    kind: Literal["classifier", "pca"]
    pixels: Callable[[Array], Array]
    """(n, h, w, c) -> (n, h*w*c), less the training set's mean, over its overall deviation."""
    hidden: Callable[[Array], Array]
    """(n, h*w*c) -> (n, width), before scaling."""
    scale: float
    classifier: MLPClassifier | None

    def of(self, images: Array) -> NDArray[np.float64]:
        """(n, h, w, c) -> (n, width): mean square 1 over the training set.

        One factor for all: kernels depend on the unit, and activations have none of their own.
        """
        return self.scale * self.hidden(self.pixels(images))

    def probabilities(self, images: Array) -> NDArray[np.float64]:
        """Of each class by the classifier: (n, h, w, c) -> (n, classes), rows summing to 1."""
        assert self.classifier is not None
        return np.asarray(self.classifier.predict_proba(self.pixels(images)))

    def accuracy(self, images: Array, labels: Array) -> float:
        """The share of images (n, h, w, c) whose class (n,) the classifier finds."""
        assert self.classifier is not None
        found = self.classifier.classes_[self.probabilities(images).argmax(axis=1)]
        return float(np.mean(found == labels))


def fit(training: Array, labels: Array | None, seed: int) -> Features:
    """Features for images like `training` (n, h, w, c), with its classes (n,) if it has any.

    `kind` says which features they are. Cannot show what the classifier had no reason to look at
    (stroke, background, sharpness), or what two images have in the same amount off the components.
    """
    flat = training.reshape(len(training), -1).astype(np.float64)
    mean, deviation = flat.mean(axis=0), float(flat.std(ddof=0)) or 1.0

    def pixels(images: Array) -> Array:
        return (images.reshape(len(images), -1).astype(np.float64) - mean) / deviation

    classifier, hidden = None, None
    if labels is not None and len(np.unique(labels)) > 1:
        classifier = _classifier(pixels(training), labels, seed)
        hidden = _last_hidden(classifier)
    hidden = hidden or _components(pixels(training), seed)
    root = float(np.sqrt(np.mean(hidden(pixels(training)) ** 2)))
    kind: Literal["classifier", "pca"] = "classifier" if classifier else "pca"
    return Features(kind, pixels, hidden, 1.0 / (root or 1.0), classifier)


def _classifier(pixels: Array, labels: Array, seed: int) -> MLPClassifier:
    """Trained for a number of updates, not until it stops: the time is bounded, on any data."""
    classifier = MLPClassifier(
        hidden_layer_sizes=UNITS,
        activation="relu",
        solver="adam",
        alpha=1e-4,
        batch_size=min(BATCH_SIZE, len(pixels)),
        learning_rate="constant",
        learning_rate_init=1e-3,
        max_iter=ceil(UPDATES * BATCH_SIZE / len(pixels)),
        shuffle=True,
        random_state=seed,
        tol=0.0,
        verbose=False,
        warm_start=False,
        early_stopping=False,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=UPDATES * BATCH_SIZE,
    )
    with warnings.catch_warnings():  # which says that the number of updates ended it
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(pixels, labels)


def _last_hidden(classifier: MLPClassifier) -> Callable[[Array], Array]:
    """Activations of the last hidden layer, after its ReLU: (n, pixels) -> (n, 64)."""

    def hidden(pixels: Array) -> Array:
        for kernel, bias in zip(classifier.coefs_[:-1], classifier.intercepts_[:-1], strict=True):
            pixels = np.maximum(pixels @ kernel + bias, 0.0)
        return pixels

    return hidden


def _components(pixels: Array, seed: int) -> Callable[[Array], Array]:
    """Principal components, and how far an image lies off them: (n, pixels) -> (n, at most 65).

    Without the last one, noise that no training image has would not be seen at all.
    """
    with np.errstate(invalid="ignore"):  # images that are all one image explain 0 of 0
        pca = _principal(pixels, seed)

    def hidden(pixels: Array) -> Array:
        along = pca.transform(pixels)
        off = np.linalg.norm(pixels - pca.inverse_transform(along), axis=1, keepdims=True)
        return np.hstack([along, off])

    return hidden


def _principal(pixels: Array, seed: int) -> PCA:
    return PCA(
        n_components=min(COMPONENTS, len(pixels) - 1, pixels.shape[1]),
        copy=True,
        whiten=False,
        svd_solver="randomized",
        tol=0.0,
        iterated_power=7,
        n_oversamples=10,
        power_iteration_normalizer="QR",
        random_state=seed,
    ).fit(pixels)
