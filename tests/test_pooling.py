import numpy as np
import pytest
import scipy.optimize
from scipy.special import log_softmax

from skglove.pooling import fit_weights, log, pool

USUAL = [0.6, 0.6]


def opinions(n=2000, n_classes=3, sharpness=(1.0, 0.0), seed=0):
    """Make calibrated opinions about random classes, each multiplied by its sharpness, and the classes."""
    rng = np.random.RandomState(seed)
    truth = log_softmax(2 * rng.standard_normal((n, n_classes)), axis=1)
    codes = (np.exp(truth).cumsum(axis=1) < rng.rand(n, 1)).sum(axis=1)
    noise = log_softmax(2 * rng.standard_normal((n, n_classes)), axis=1)
    return [log_softmax(sharpness[0] * truth, axis=1), noise], codes


def test_a_model_that_knows_weighs_more_than_one_that_guesses():
    (truth, noise), codes = opinions()
    knows, guesses = fit_weights([truth, noise], codes, np.ones(2000), USUAL)
    assert knows == pytest.approx(1, abs=0.1)
    assert guesses < 0.1
    swapped = fit_weights([noise, truth], codes, np.ones(2000), USUAL)
    np.testing.assert_allclose(swapped, [guesses, knows], rtol=1e-3)


@pytest.mark.parametrize("sharpness", [0.5, 3.0])
def test_probabilities_too_sure_or_too_unsure_are_calibrated(sharpness):
    (sure, _), codes = opinions(sharpness=(sharpness, 0))
    [weight] = fit_weights([sure], codes, np.ones(2000), [1.0])
    assert weight == pytest.approx(1 / sharpness, rel=0.1)


def test_without_documents_the_weights_are_the_usual_ones():
    no_documents = [np.empty((0, 3))] * 2
    weights = fit_weights(no_documents, np.empty(0, dtype=int), np.empty(0), [0.6, 0.2])
    np.testing.assert_allclose(weights, [0.6, 0.2], rtol=1e-6)


def test_few_documents_change_the_weights_a_little():
    models, codes = opinions()
    many = fit_weights(models, codes, np.ones(2000), USUAL)
    some = fit_weights([model[:10] for model in models], codes[:10], np.ones(10), USUAL)
    assert many[1] < 0.1 < 0.3 < some[1] < 0.6


@pytest.mark.parametrize("n_classes", [2, 7])
def test_the_gradient_is_that_of_finite_differences(monkeypatch, n_classes):
    models, codes = opinions(n=50, n_classes=n_classes)
    minimize, errors = scipy.optimize.minimize, []

    def check(loss, start, **options):
        for point in (start, start + np.array([0.5, -1])):
            numeric = scipy.optimize.approx_fprime(point, lambda x: loss(x)[0], 1e-6)
            errors.append(np.abs(numeric - loss(point)[1]).max() / np.abs(numeric).max())
        return minimize(loss, start, **options)

    monkeypatch.setattr(scipy.optimize, "minimize", check)
    fit_weights(models, codes, np.random.RandomState(0).rand(50), USUAL)
    assert len(errors) == 2
    assert max(errors) < 1e-4


def test_documents_count_by_their_weights():
    models, codes = opinions(200)
    weights = np.random.RandomState(0).randint(0, 4, 200)
    copies = np.repeat(np.arange(200), weights)
    expected = fit_weights([model[copies] for model in models], codes[copies], np.ones(len(copies)), USUAL)
    np.testing.assert_allclose(fit_weights(models, codes, weights * 1.0, USUAL), expected, rtol=1e-3)


def test_one_document_that_was_thought_impossible_does_not_decide():
    (truth, _), codes = opinions()
    truth[0, codes[0]] = -1e6
    [weight] = fit_weights([truth], codes, np.ones(2000), [1.0])
    assert weight == pytest.approx(1, abs=0.15)


def test_a_pool_is_a_weighted_geometric_mean():
    one, other = np.random.RandomState(0).dirichlet(np.ones(4), (2, 9)).astype(np.float32)
    expected = one**0.3 * other**1.2
    expected /= expected.sum(axis=1, keepdims=True)
    logs = [np.log(one), np.log(other)]
    pooled = pool(logs, np.array([0.3, 1.2], dtype=np.float32))
    assert pooled.dtype == np.float32
    assert pooled is logs[0]  # no further memory
    np.testing.assert_allclose(np.exp(pooled), expected, rtol=1e-5)
    [alone] = [np.log(one)]
    np.testing.assert_allclose(np.exp(pool([alone], [1.0])), one, rtol=1e-5)


def test_logarithms_of_what_underflows_are_finite():
    probabilities = np.array([[0, 1]], dtype=np.float32)
    assert log(probabilities) is probabilities
    assert probabilities[0, 1] == 0
    assert -100 < probabilities[0, 0] < -80
