import numpy as np
import pytest
from classifier_samples import documents, hybrid, parallel, small, stacked  # noqa: F401
from scipy.special import expit, log_softmax

from skglove.documents import Documents
from skglove.explanations import contributions as module
from skglove.explanations.contributions import Contributions, _mean_effects, log_odds, read_lexical
from skglove.lexical import LexicalModel
from skglove.network import inference
from skglove.network.contributions import reader


def as_documents(*documents):
    return Documents.from_sequences([np.asarray(ids, dtype=np.int32) for ids in documents])


def token_scores(parts, n_classes=2):
    """Return what each token of a document adds to each class score."""
    return np.stack([parts.share(effects[np.newaxis]) for effects in np.eye(n_classes)], axis=1)


DOCUMENTS = [[1], [3, 1, 4, 2, 3], [4, 1, 2, 1, 1, 3], [3, 0, 1, 4], [0], [2, 2]]


# "parallel" is a part of "hybrid".
each_classifier = pytest.mark.parametrize(
    "classifier", ["hybrid", "stacked", pytest.param("parallel", marks=pytest.mark.slow)], indirect=True
)


@pytest.fixture
def classifier(request):
    return request.getfixturevalue(request.param)


@each_classifier
@pytest.mark.parametrize("ids", DOCUMENTS)
def test_contributions_add_up_to_the_log_odds(classifier, ids):
    ids = np.array(ids, dtype=np.int32)
    X = np.zeros((1, 6), dtype=np.int32)
    X[0, 6 - len(ids) :] = ids
    with pytest.warns(UserWarning, match="was fitted with a vocabulary"):
        expected = classifier.predict_proba(X)[0]
    for code in (0, 1, None):
        ((of_class, probability, baseline, parts),) = Contributions(classifier).of(
            as_documents(ids), code if code is None else np.array([code])
        )
        assert of_class == (expected.argmax() if code is None else code)
        assert probability == expected[of_class]
        assert expit(baseline + parts.sum()) == pytest.approx(probability, abs=1e-4)
        assert len(parts) == len(ids)
        assert not parts[ids == 0].any()


@each_classifier
def test_contributions_do_not_depend_on_the_other_documents(classifier, monkeypatch):
    contributions, documents = Contributions(classifier), as_documents(*DOCUMENTS, [], [4, 2])
    codes = np.arange(len(documents)) % 2
    together = list(contributions.of(documents, codes))
    monkeypatch.setattr(inference, "BLOCK", 2)  # the maxima of long documents are put together from pieces
    for n_tokens in (1, 9):
        monkeypatch.setattr(module, "CHUNK_SIZE", n_tokens * (module.KERNELS + 2))
        for of, expected in zip(contributions.of(documents, codes), together, strict=True):
            assert of[0] == expected[0]
            assert of[1:3] == pytest.approx(
                expected[1:3], rel=1e-5
            )  # old versions of NumPy add up differently
            np.testing.assert_allclose(of[3], expected[3], atol=1e-6)


@each_classifier
@pytest.mark.parametrize("ids", DOCUMENTS)
def test_parts_of_tokens_add_up_to_the_scores_of_the_network(classifier, ids):
    document = as_documents(ids)
    probabilities, parts = reader(classifier._network, maxlen=6)(document)
    predicted = classifier._network.predict(document, maxlen=6, batch_size=8)
    assert classifier.architecture == "stacked" or np.array_equal(probabilities, predicted)
    np.testing.assert_allclose(log_softmax(parts.whole[0]), np.log(predicted[0]), atol=1e-4)
    changes = (parts.whole[0] - parts.empty) * (max(ids) > 0)
    np.testing.assert_allclose(token_scores(parts).sum(axis=0), changes, atol=1e-4)


@pytest.mark.parametrize("ids", DOCUMENTS)
def test_scores_of_tokens_add_up_to_those_of_the_linear_model(hybrid, ids):  # noqa: F811
    document = as_documents(ids)
    parts = read_lexical(hybrid.lexical_model_, document)
    predicted = hybrid.lexical_model_.predict_log_proba(document)[0]
    np.testing.assert_allclose(log_softmax(parts.whole[0]), predicted, atol=1e-5)
    np.testing.assert_allclose(parts.empty + token_scores(parts).sum(axis=0), parts.whole[0], atol=1e-9)


def test_a_pair_is_shared_by_its_words_and_a_word_by_its_occurrences(hybrid):  # noqa: F811
    model = hybrid.lexical_model_
    (alone,) = token_scores(read_lexical(model, as_documents([1])))
    twice = token_scores(read_lexical(model, as_documents([1, 0, 1])))  # padding makes no pair
    np.testing.assert_allclose(twice, [alone / 2, 0 * alone, alone / 2], atol=1e-6)


def test_the_two_words_of_a_pair_share_it():
    # "a b" is class 0, "b a" is class 1: only the pair tells.
    X, codes = Documents(np.array([1, 2, 2, 1] * 8, dtype=np.int32), np.full(16, 2)), np.arange(16) % 2
    model = LexicalModel().fit(X, codes)
    scores = token_scores(read_lexical(model, as_documents([1, 2])))
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)
    assert scores[0, 0] > scores[0, 1]


def test_the_word_that_decides_contributes_most(hybrid):  # noqa: F811
    X, y = documents()
    X = Documents.from_matrix(np.asarray(X)[:8])
    for i, (code, _, _, parts) in enumerate(Contributions(hybrid).of(X, y[:8])):
        assert code == y[i]
        assert X[i][parts.argmax()] == (1 if code else 2)


def test_log_odds_of_several_classes():
    assert log_odds(np.log([[0.2, 0.5, 0.3]]), np.array([1])) == pytest.approx(0.0)


@pytest.mark.slow
def test_contributions_of_many_classes_add_up():
    rng = np.random.RandomState(0)
    X = rng.randint(1, 12, (120, 6))
    y = X[:, 2] % 5
    classifier = small(architecture="hybrid", epochs=5, pretrained=False, vocabulary_size=12)
    classifier.fit(X, y)
    probabilities = classifier.predict_proba(X[:10])
    for code in range(5):
        of_documents = Contributions(classifier).of(Documents.from_matrix(X[:10]), np.full(10, code))
        for (_, _, baseline, parts), given in zip(of_documents, probabilities, strict=True):
            expected = np.log(given[code] / np.delete(given, code).sum())
            assert baseline + parts.sum() == pytest.approx(expected, abs=1e-3)


def test_very_sure_scores_are_shared_within_a_thousandth():
    random = np.random.RandomState(0)
    empty, change = random.normal(0, 2, (2, 500, 6))
    change *= 90 / np.ptp(change, axis=1, keepdims=True)  # beyond the probabilities that float32 can tell
    empty[:250] -= change[:250] * random.rand(250, 1)  # so that other classes are ahead on the way
    codes = random.randint(0, 6, 500)
    shared = (_mean_effects(empty, change, codes) * change).sum(axis=1)
    np.testing.assert_allclose(shared, log_odds(empty + change, codes) - log_odds(empty, codes), atol=1e-3)


@pytest.mark.slow
def test_a_network_in_bfloat16_is_explained_in_float32():
    classifier = small(architecture="parallel", dtype_policy="mixed_bfloat16", epochs=5).fit(*documents())
    X, _ = documents()
    of_documents = Contributions(classifier).of(
        Documents.from_matrix(np.asarray(X)[:5]), np.zeros(5, dtype=int)
    )
    for (_, probability, baseline, parts), given in zip(
        of_documents, classifier.predict_proba(X[:5]), strict=True
    ):
        assert probability == given[0]
        assert baseline + parts.sum() == pytest.approx(np.log(given[0] / given[1]), abs=0.1)
