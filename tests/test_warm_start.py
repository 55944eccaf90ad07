import pickle

import numpy as np
import pytest
from classifier_samples import VOCABULARY, all_architectures, documents, small
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV

from skglove import TokenIds, Vocabulary

X, Y = documents(n=40)


def warm(architecture="hybrid", **parameters):
    return small(architecture=architecture, warm_start=True, **{"epochs": 3, **parameters})


@pytest.fixture(scope="module")
def once():
    return warm().fit(X, Y)


@pytest.fixture(scope="module")
def stacked():
    return warm("stacked", n_conv_layers=2, pool_size=2, epochs=20).fit(X, Y)


@all_architectures
def test_fit_goes_on_from_the_weights_of_the_last_fit(architecture, once):
    classifier = once if architecture == "hybrid" else warm(architecture).fit(X, Y)
    before = classifier.model_.get_weights()
    still = pickle.loads(pickle.dumps(classifier)).set_params(learning_rate=1e-20).fit(X, Y)
    for one, other in zip(before, still.model_.get_weights()[: len(before) - 1], strict=False):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    assert still.n_iter_ == len(still.history_["loss"]) == 3
    assert still.history_["loss"][-1] < classifier.history_["loss"][0]


@pytest.mark.slow
def test_words_that_only_the_first_fit_has_seen_keep_what_was_learned(once):
    classifier = pickle.loads(pickle.dumps(once))
    before = {layer.name: layer.get_weights() for layer in classifier.model_.layers}
    without = (np.asarray(X) == 3).any(axis=1)
    ids = np.where(np.asarray(X) == 3, 4, X)[without]
    classifier.fit(TokenIds(ids, VOCABULARY), Y[without])
    for name in ("embedding", "sum"):
        (old,), (new,) = before[name], classifier.model_.get_layer(name).get_weights()
        np.testing.assert_allclose(new[3], old[3], rtol=1e-6)
    assert (classifier.model_.get_layer("embedding").get_weights()[0][4] != before["embedding"][0][4]).any()


def test_a_failed_fit_is_no_reason_to_forget(once):
    predicted = once.predict_proba(X)
    with pytest.raises(ValueError, match="warm_start=True"):
        once.fit(X, Y + 1)
    np.testing.assert_array_equal(once.predict_proba(X), predicted)
    assert once.classes_.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("ids", "y", "parameters", "message"),
    [
        (X, Y + 1, {}, r"same classes .* Previously got \[0, 1\], y has \[1, 2\]"),
        (
            TokenIds(np.asarray(X), Vocabulary(["a", *VOCABULARY.words[1:]])),
            Y,
            {"pretrained": False},
            r"same vocabulary .*one of 4 words, the first \('good'.*one of 4 words, the first \('a'",
        ),
        (np.array(X.tolist()), Y, {"pretrained": False}, "X has no vocabulary"),
        (X, Y, {"filters": 5}, "layer 'convolution_1' had arrays of shape .*Set architecture"),
        (X, Y, {"architecture": "stacked", "kernel_size": 2}, "warm_start=True needs a network of the same"),
        (X, Y, {"pretrained": False}, "layer 'embedding' had arrays"),
    ],
)
def test_what_differs_from_the_last_fit_is_named(once, ids, y, parameters, message):
    classifier = pickle.loads(pickle.dumps(once)).set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        classifier.fit(ids, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_conv_layers": 1}, r"layer 'convolution_2' had arrays of shape \[.+\], and now \[\]"),
        ({"pool_size": 3}, r"poolings had sizes of \[2\], and now \[3\]"),
        (
            {"architecture": "parallel", "n_conv_layers": "auto", "pool_size": 5, "dense_units": 128},
            "'convolution_2'",
        ),
    ],
)
def test_nothing_that_the_last_fit_learned_is_thrown_away(stacked, parameters, message):
    classifier = pickle.loads(pickle.dumps(stacked)).set_params(**parameters)
    with pytest.raises(ValueError, match=message):
        classifier.fit(X, Y)
    with pytest.raises(ValueError, match=message):
        classifier.partial_fit(X, Y)


def test_a_fit_goes_on_from_the_weights_that_predict(stacked):
    classifier = pickle.loads(pickle.dumps(stacked)).set_params(learning_rate=1e-20)
    classifier.model_.set_weights([0 * array for array in classifier.model_.get_weights()])
    expected = classifier.predict_proba(X)
    assert np.ptp(expected[:, 0]) > 0.1
    np.testing.assert_allclose(classifier.fit(X, Y).predict_proba(X), expected, atol=1e-6)


@pytest.mark.slow
def test_several_labels_are_another_kind_than_one(once):
    indicator = np.stack([Y, 1 - Y], axis=1)  # whose classes_ are [0, 1], too
    with pytest.raises(ValueError, match=r"had one label a document; now y has an indicator matrix"):
        once.fit(X, indicator)
    assert once.predict(X).shape == Y.shape
    several = warm(epochs=1).fit(X, indicator)
    with pytest.raises(ValueError, match=r"had an indicator matrix \(multilabel\); now y has one label"):
        several.fit(X, Y)
    assert several.predict(X).shape == indicator.shape


@pytest.mark.slow
def test_rows_of_the_embedding_stay_without_a_vocabulary():
    ids = np.array(X.tolist())
    classifier = warm("parallel", pretrained=False, epochs=1).fit(ids, Y)
    assert classifier.fit(np.minimum(ids, 3), Y)._network.n_ids == 5
    with pytest.raises(ValueError, match="X has the id 5, but the embedding ends at 4"):
        classifier.fit(ids + (ids == 4), Y)


@pytest.mark.slow
def test_automatic_filters_stay_as_they_were(monkeypatch):
    classifier = warm(filters="auto", epochs=1).fit(X, Y)
    monkeypatch.setattr("skglove.auto_settings.MUCH_TEXT", 0)
    assert classifier.fit(X, Y).settings_["filters"] == 50


@pytest.mark.slow
def test_partial_fit_after_fit_goes_on_from_the_network(once):
    classifier = pickle.loads(pickle.dumps(once)).set_params(learning_rate=1e-20)
    before = classifier.model_.get_weights()[0]
    with pytest.warns(UserWarning, match="its linear model starts anew"):
        classifier.partial_fit(X, Y)
    np.testing.assert_allclose(classifier.model_.get_weights()[0], before, rtol=1e-6)
    assert classifier.n_iter_ == 1


def test_partial_fit_that_fails_after_fit_warns_of_nothing(once):
    with pytest.raises(ValueError, match="labels that are not in classes"):
        once.partial_fit(X, Y + 1)


@pytest.mark.slow
def test_a_clone_starts_afresh(once):
    np.testing.assert_array_equal(clone(once).fit(X, Y).predict_proba(X), once.predict_proba(X))


@pytest.mark.slow
def test_fit_goes_on_after_partial_fit():
    classifier = warm(lexical_weight=0).partial_fit(X, Y, classes=[0, 1])
    before = classifier.model_.get_weights()[0]
    classifier.set_params(learning_rate=1e-20).fit(X, Y)
    np.testing.assert_allclose(classifier.model_.get_weights()[0], before, rtol=1e-6)
    assert not hasattr(classifier, "_stream")


@pytest.mark.slow
def test_halving_search_for_epochs():
    grid, resources = {"filters": [2, 3]}, {"resource": "epochs", "min_resources": 2, "max_resources": 4}
    search = HalvingGridSearchCV(warm(lexical_weight=0), grid, factor=2, cv=2, **resources).fit(X, Y)
    assert search.n_resources_ == [2, 4]
    assert search.best_estimator_.n_iter_ == 4
