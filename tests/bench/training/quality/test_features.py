"""Features: the classifier is good enough, its activations are its own, and pixels' stand in."""

import numpy as np
import pytest
from numpy.random import Generator
from scipy.special import softmax

from bench.training.quality import features
from bench.training.quality.features import Features
from tests.bench.training.quality.conftest import Digits


def test_the_classifier_knows_digits_that_it_has_not_seen(real: Digits, fitted: Features) -> None:
    assert fitted.kind == "classifier"
    accuracy = fitted.accuracy(real.held_out, real.held_out_labels)
    assert accuracy >= features.ACCURATE
    wrong = (real.held_out_labels + 1) % 10
    assert fitted.accuracy(real.held_out, wrong) < 0.05


def test_features_are_the_last_hidden_activations(real: Digits, fitted: Features) -> None:
    """What the classifier's own last layer makes of them are its probabilities."""
    assert fitted.classifier is not None
    found = fitted.of(real.held_out)
    assert found.shape == (500, 64)
    assert np.min(found) == 0.0
    kernel, bias = fitted.classifier.coefs_[-1], fitted.classifier.intercepts_[-1]
    expected = softmax(found / fitted.scale @ kernel + bias, axis=1)
    np.testing.assert_allclose(fitted.probabilities(real.held_out), expected, rtol=1e-9, atol=1e-12)


def test_features_have_mean_square_1_over_the_training_set(real: Digits, fitted: Features) -> None:
    assert np.mean(fitted.of(real.training) ** 2) == pytest.approx(1.0)
    components = features.fit(real.training, None, 0)
    assert np.mean(components.of(real.training) ** 2) == pytest.approx(1.0)


def test_features_do_not_depend_on_the_range_of_the_data(real: Digits) -> None:
    few = real.training[:200]
    one = features.fit(few, None, 0).of(few)
    other = features.fit(3.0 * few + 5.0, None, 0).of(3.0 * few + 5.0)
    np.testing.assert_allclose(np.abs(one), np.abs(other), rtol=1e-3, atol=1e-3)


def test_without_labels_they_are_principal_components(
    random: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of images with two ways to vary: those, and how far an image lies off them."""
    monkeypatch.setattr(features, "COMPONENTS", 2)
    ways = np.linalg.qr(random.normal(size=(12, 3)))[0]
    images = (random.normal(size=(40, 2)) @ ways[:, :2].T).reshape(40, 2, 3, 2)
    found = features.fit(images, None, 0)
    assert (found.kind, found.classifier) == ("pca", None)
    apart = np.linalg.norm(found.of(images[:1]) - found.of(images[1:2]))
    expected = np.linalg.norm(images[0] - images[1]) / images.std() * found.scale
    assert apart == pytest.approx(expected)
    off = found.of(images + ways[:, 2].reshape(2, 3, 2))
    np.testing.assert_allclose(off[:, :-1], found.of(images)[:, :-1], atol=1e-9)
    np.testing.assert_allclose(off[:, -1], found.scale / images.std(), rtol=1e-6)


def test_labels_of_one_class_teach_nothing(random: Generator) -> None:
    images = random.normal(size=(20, 2, 2, 1))
    assert features.fit(images, np.zeros(20, dtype=np.int32), 0).kind == "pca"


def test_images_without_any_difference_have_features() -> None:
    found = features.fit(np.ones((20, 2, 2, 1)), None, 0)
    assert np.all(found.of(np.ones((3, 2, 2, 1))) == 0.0)
