import numpy as np
import pytest
import scipy.sparse
from scipy.special import log_softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.naive_bayes import ComplementNB

import skglove.naive_bayes
from skglove.naive_bayes import PairsNaiveBayes, _leave_one_out


def flatten(documents):
    return (
        np.array([word for document in documents for word in document], dtype=np.int32),
        np.array([len(document) for document in documents]),
    )


@pytest.fixture(scope="module")
def documents():
    """120 documents of 0 to 29 ids below 40; documents of class c prefer ids from 10 * c on."""
    rng = np.random.RandomState(0)
    codes = np.arange(120) % 3
    return [(rng.zipf(1.5, rng.randint(30)) + 10 * code) % 39 + 1 for code in codes], codes


def scikit_learn(documents, codes, test):
    """Score with scikit-learn's own vectorizer and naive Bayes."""
    vectorizer = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True)
    texts, test = ([" ".join(map(str, document)) for document in part] for part in (documents, test))
    model = ComplementNB(alpha=0.1).fit(vectorizer.fit_transform(texts), codes)
    return model.predict_joint_log_proba(vectorizer.transform(test))


def test_scores_are_those_of_scikit_learn_on_words_and_pairs(documents):
    documents, codes = documents
    test = [*documents[100:], [], [1, 39, 1, 39], [999, 1]]
    model = PairsNaiveBayes().fit(*flatten(documents[:100]), codes[:100])
    scores = scikit_learn(documents[:100], codes[:100], test)
    scores /= np.sqrt(scores.var(axis=1, keepdims=True) + model.softening_**2)
    expected = log_softmax(model.sharpness_ * scores, axis=1)
    assert np.ptp(expected, axis=1)[:20].max() > 0.5
    got = model.predict_log_proba(*flatten(test))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=1e-4)
    np.testing.assert_allclose(got[20], np.log(1 / 3), rtol=1e-6)  # the document without words


def test_pairs_end_at_documents_and_at_padding():
    codes = np.array([0, 1])
    model = PairsNaiveBayes().fit(*flatten([[1, 0, 2, 3], [4, 5]]), codes)
    pairs = [divmod(int(key), 2**32) for key in model.features_ if key >= 2**32]
    assert pairs == [(2, 3), (4, 5)]
    assert [key for key in model.features_ if key < 2**32] == [1, 2, 3, 4, 5]


def test_leaving_one_out_is_fitting_without_it(documents):
    documents, codes = documents
    counts = scipy.sparse.csr_matrix(
        [np.bincount(document, minlength=40)[1:] / 7 for document in documents], dtype=np.float32
    )
    model = ComplementNB(alpha=0.3).fit(counts, codes)
    scores = _leave_one_out(model, counts, counts, codes)
    for i in range(0, 120, 7):
        others = np.arange(120) != i
        left_out = ComplementNB(alpha=0.3).fit(counts[others], codes[others])
        expected = left_out.predict_joint_log_proba(counts[[i]])[0]
        # The total of the document's own class loses the document, too.
        mass, own = counts[[i]].sum(), codes[i]
        total = (left_out.feature_all_ + 0.3 - left_out.feature_count_).sum(axis=1)[own]
        expected[own] += mass * np.log((total - mass) / total)
        np.testing.assert_allclose(scores[i], expected, rtol=1e-4)
    assert np.abs(scores - model.predict_joint_log_proba(counts)).max() > 0.01


@pytest.mark.parametrize(("n_classes", "n_each"), [(2, 2), (2, 5), (10, 1), (20, 2)])
def test_words_that_say_nothing_make_no_sure_probabilities(n_classes, n_each):
    rng = np.random.RandomState(0)
    codes, lengths = np.repeat(np.arange(n_classes), n_each), np.full(n_classes * n_each, 60)
    model = PairsNaiveBayes().fit(rng.randint(1, 500, lengths.sum()), lengths, codes)
    new = np.exp(model.predict_log_proba(rng.randint(1, 500, 200 * 60), np.full(200, 60)))
    assert new.max(axis=1).mean() < 1.7 / n_classes


def test_words_of_one_document_do_not_blind_small_classes():
    # Of 10 words, 3 tell the class and the others are in hardly any other document.
    rng = np.random.RandomState(0)
    codes, lengths = np.repeat(np.arange(4), [900, 20, 20, 20]), np.full(960, 10)

    def draw():
        telling = 1 + codes[:, np.newaxis] * 30 + rng.randint(0, 30, (960, 3))
        return np.hstack([telling, rng.randint(200, 20_000, (960, 7))]).astype(np.int32).ravel()

    probabilities = np.exp(PairsNaiveBayes().fit(draw(), lengths, codes).predict_log_proba(draw(), lengths))
    assert probabilities[np.arange(960), codes].mean() > 0.95


def test_scores_keep_their_digits_in_long_documents():
    rng = np.random.RandomState(0)
    codes, lengths = np.arange(40) % 20, np.full(40, 1000)
    words = (rng.zipf(1.3, 40_000) + 40 * np.repeat(codes, 1000)) % 5000 + 1
    model = PairsNaiveBayes().fit(words, lengths, codes)
    got = model.predict_log_proba(words, lengths)
    model.weights_ = model.weights_.astype(np.float64) + 3.0  # which changes nothing
    scores = model.predict_log_proba(words, lengths)
    np.testing.assert_allclose(got, scores, atol=1e-3)


def test_probabilities_are_neither_too_sure_nor_too_unsure():
    # Of 3,000 documents of 5 words, half of the words say nothing. Sure probabilities would be wrong often.
    rng = np.random.RandomState(0)
    codes = rng.randint(0, 2, 3000)
    words = np.where(rng.rand(3000, 5) < 0.5, rng.randint(1, 9, (3000, 5)), rng.randint(9, 99, (3000, 5)))
    words = np.where((words < 9) & (rng.rand(3000, 5) < 0.6), 2 * (words // 2) + codes[:, None], words)
    lengths = np.full(1500, 5)
    model = PairsNaiveBayes().fit(words[:1500].ravel(), lengths, codes[:1500])
    probabilities = np.exp(model.predict_log_proba(words[1500:].ravel(), lengths))
    accuracy = (probabilities.argmax(axis=1) == codes[1500:]).mean()
    assert 0.6 < accuracy < 0.95
    assert probabilities.max(axis=1).mean() == pytest.approx(accuracy, abs=0.06)


def test_the_rarest_features_are_left_out(monkeypatch):
    monkeypatch.setattr(skglove.naive_bayes, "MAX_WEIGHTS", 7)  # of 2 classes
    model = PairsNaiveBayes().fit(*flatten([[1, 2], [1, 2], [1, 3], [4]]), np.array([0, 0, 1, 1]))
    assert model.features_.tolist() == [1, 2, (1 << 32) + 2]


def test_chunks_change_nothing(documents, monkeypatch):
    documents, codes = documents
    model = PairsNaiveBayes().fit(*flatten(documents), codes)
    whole = model.predict_log_proba(*flatten(documents))
    monkeypatch.setattr(skglove.naive_bayes, "CHUNK_DOCUMENTS", 7)
    np.testing.assert_array_equal(model.predict_log_proba(*flatten(documents)), whole)


def test_documents_without_any_words():
    model = PairsNaiveBayes().fit(*flatten([[0], [], [0, 0]]), np.array([0, 1, 1]))
    np.testing.assert_allclose(np.exp(model.predict_log_proba(*flatten([[5], []]))), 0.5)


def test_the_callers_arrays_stay_as_they_were(documents):
    documents, codes = documents
    values, lengths = flatten(documents)
    before = values.copy(), lengths.copy()
    PairsNaiveBayes().fit(values, lengths, codes).predict_log_proba(values, lengths)
    np.testing.assert_array_equal(values, before[0])
    np.testing.assert_array_equal(lengths, before[1])
