import numpy as np
import pytest
import scipy.sparse
from scipy.special import log_softmax
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import ComplementNB
from sklearn.preprocessing import normalize

import skglove.lexical
from skglove.documents import Documents
from skglove.lexical import LexicalModel, _leave_one_out


def flatten(documents):
    values = np.array([word for document in documents for word in document], dtype=np.int32)
    return Documents(values, np.array([len(document) for document in documents]))


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
    model = LexicalModel().fit(flatten(documents[:100]), codes[:100])
    scores = scikit_learn(documents[:100], codes[:100], test)
    scores /= np.sqrt(scores.var(axis=1, keepdims=True) + model.softening_**2)
    expected = log_softmax(model.sharpness_ * scores, axis=1)
    assert np.ptp(expected, axis=1)[:20].max() > 0.5
    got = model.predict_log_proba(flatten(test))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=1e-4)
    np.testing.assert_allclose(got[20], np.log(1 / 3), rtol=1e-6)  # the document without words


def test_pairs_end_at_documents_and_at_padding():
    codes = np.array([0, 1])
    model = LexicalModel().fit(flatten([[1, 0, 2, 3], [4, 5]]), codes)
    pairs = [divmod(int(key), 2**32) for key in model.features_ if key >= 2**32]
    assert pairs == [(2, 3), (4, 5)]
    assert [key for key in model.features_ if key < 2**32] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("weights", [np.ones(120), np.random.RandomState(0).uniform(0.1, 3, 120)])
def test_leaving_one_out_is_fitting_without_it(documents, weights):
    documents, codes = documents
    counts = scipy.sparse.csr_matrix(
        [np.bincount(document, minlength=40)[1:] / 7 for document in documents], dtype=np.float32
    )
    weighted = scipy.sparse.csr_matrix(counts.multiply(weights[:, np.newaxis]))
    model = ComplementNB(alpha=0.3).fit(counts, codes, weights)
    scores = _leave_one_out(model, weighted, counts, codes)
    for i in range(0, 120, 7):
        others = np.arange(120) != i
        left_out = ComplementNB(alpha=0.3).fit(counts[others], codes[others], weights[others])
        expected = left_out.predict_joint_log_proba(counts[[i]])[0]
        # The total of the document's own class loses the document, too.
        total = (left_out.feature_all_ + 0.3 - left_out.feature_count_).sum(axis=1)[codes[i]]
        expected[codes[i]] += counts[[i]].sum() * np.log((total - weighted[[i]].sum()) / total)
        np.testing.assert_allclose(scores[i], expected, rtol=1e-4)
    assert np.abs(scores - model.predict_joint_log_proba(counts)).max() > 0.01


def test_a_document_left_out_is_new_to_all_but_its_copies(documents):
    counts = scipy.sparse.csr_matrix(
        [np.bincount(document, minlength=40)[1:] for document in documents[0]], dtype=np.float32
    )
    twins = np.repeat(np.arange(120), [3] * 20 + [1] * 100)
    X, n_copies = counts[twins], np.bincount(twins)
    model = LexicalModel()
    model._tfidf = TfidfTransformer(sublinear_tf=True).fit(X)
    frequencies = np.diff(X.tocsc().indptr)
    new = model._without_copies(model._tfidf.transform(counts), frequencies, n_copies, len(twins))
    for i in range(0, 120, 7):
        others = X[twins != i]
        expected = TfidfTransformer(sublinear_tf=True, norm=None).fit(others).transform(counts[[i]]).toarray()
        expected[:, others.sum(axis=0).A1 == 0] = 0  # words that only the copies have are unknown
        np.testing.assert_allclose(new[[i]].toarray(), normalize(expected), atol=1e-6)


@pytest.mark.parametrize(("n_documents", "n_copies"), [(40, 2), (40, 5), (600, 2)])
def test_copies_do_not_vouch_for_each_other(n_documents, n_copies):
    rng = np.random.RandomState(0)
    words, codes = np.tile(rng.randint(1, 5000, (n_documents, 60)), (n_copies, 1)), np.arange(n_documents) % 2
    model = LexicalModel().fit(Documents(words.ravel(), np.full(len(words), 60)), np.tile(codes, n_copies))
    new = np.exp(model.predict_log_proba(Documents(rng.randint(1, 5000, 200 * 60), np.full(200, 60))))
    assert new.max(axis=1).mean() < 0.8


def test_regression_is_not_taken_because_it_knows_the_copies():
    rng = np.random.RandomState(0)
    words, codes = np.tile(rng.randint(1, 5000, (1000, 20)), (2, 1)), np.tile(np.arange(1000) % 2, 2)
    model = LexicalModel().fit(Documents(words.ravel(), np.full(2000, 20)), codes)
    assert not model.is_regression_
    new = np.exp(model.predict_log_proba(Documents(rng.randint(1, 5000, 200 * 20), np.full(200, 20))))
    assert new.max(axis=1).mean() < 0.8


@pytest.mark.parametrize(("n_classes", "n_each"), [(2, 2), (2, 5), (10, 1), (20, 2)])
def test_words_that_say_nothing_make_no_sure_probabilities(n_classes, n_each):
    rng = np.random.RandomState(0)
    codes, lengths = np.repeat(np.arange(n_classes), n_each), np.full(n_classes * n_each, 60)
    model = LexicalModel().fit(Documents(rng.randint(1, 500, lengths.sum()), lengths), codes)
    new = np.exp(model.predict_log_proba(Documents(rng.randint(1, 500, 200 * 60), np.full(200, 60))))
    assert new.max(axis=1).mean() < 1.7 / n_classes


def test_heavy_documents_do_not_vouch_for_themselves():
    rng = np.random.RandomState(0)
    codes, lengths, weights = np.arange(40) % 2, np.full(40, 60), np.where(np.arange(40) < 4, 9, 0.1)
    model = LexicalModel().fit(Documents(rng.randint(1, 500, 2400), lengths), codes, sample_weight=weights)
    new = np.exp(model.predict_log_proba(Documents(rng.randint(1, 500, 200 * 60), np.full(200, 60))))
    assert new.max(axis=1).mean() < 0.8


def headers(n_classes, n_documents=1200):
    """Documents of 30 words: 3 name the class, the others are of a subject, which often is the class's."""
    rng = np.random.RandomState(0)
    codes = np.arange(n_documents) % n_classes
    subjects = np.where(rng.rand(n_documents) < 0.5, codes, rng.randint(n_classes, size=n_documents))
    words = rng.randint(101, 111, (n_documents, 30)) + 10 * subjects[:, np.newaxis]
    words[:, :3] = 1 + codes[:, np.newaxis] + [0, 10, 20]
    return words.astype(np.int32), codes


@pytest.mark.parametrize("n_classes", [2, 5])
def test_regression_is_taken_where_few_words_settle_the_class(n_classes, monkeypatch):
    monkeypatch.setattr(skglove.lexical, "INVERSE_PENALTIES", (10,))
    words, codes = headers(n_classes, 1600)
    model = LexicalModel().fit(Documents(words[:1200].ravel(), np.full(1200, 30)), codes[:1200], seed=3)
    assert model.is_regression_
    assert model.weights_.dtype == model.intercepts_.dtype == np.float32
    assert model.weights_.flags.c_contiguous
    got = model.predict_log_proba(Documents(words[1200:].ravel(), np.full(400, 30)))
    assert got.dtype == np.float32
    assert (got.argmax(axis=1) == codes[1200:]).mean() > 0.99
    # It is that of scikit-learn on scikit-learn's features.
    vectorizer = TfidfVectorizer(
        token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32
    )
    texts = [" ".join(map(str, document)) for document in words]
    X = vectorizer.fit_transform(texts[:1200])
    regression = SGDClassifier("log_loss", alpha=1 / 12_000, max_iter=3, tol=None, random_state=3)
    scores = regression.fit(X, codes[:1200]).decision_function(vectorizer.transform(texts[1200:]))
    scores = np.stack([-scores, scores], axis=1) if n_classes == 2 else scores
    scores = np.log(1 / (1 + np.exp(-scores)))
    scores /= np.sqrt(scores.var(axis=1, keepdims=True) + model.softening_**2)
    np.testing.assert_allclose(got, log_softmax(model.sharpness_ * scores, axis=1), atol=1e-3)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_probabilities_of_regression_are_neither_too_sure_nor_too_unsure(n_classes):
    words, codes = headers(n_classes, 3000)
    rng = np.random.RandomState(1)
    codes = np.where(rng.rand(3000) < 0.7, codes, rng.randint(n_classes, size=3000))
    model = LexicalModel().fit(Documents(words[:1500].ravel(), np.full(1500, 30)), codes[:1500])
    assert model.is_regression_
    probabilities = np.exp(model.predict_log_proba(Documents(words[1500:].ravel(), np.full(1500, 30))))
    accuracy = (probabilities.argmax(axis=1) == codes[1500:]).mean()
    assert 0.7 < accuracy < 0.9
    assert probabilities.max(axis=1).mean() == pytest.approx(accuracy, abs=0.04)


def test_the_penalty_is_the_best_on_documents_left_out(monkeypatch):
    words, codes = headers(5, 2400)
    codes = np.where(np.arange(2400) % 3, codes, np.random.RandomState(0).randint(5, size=2400))

    def fit(*penalties):
        monkeypatch.setattr(skglove.lexical, "INVERSE_PENALTIES", penalties)
        model = LexicalModel().fit(Documents(words[:1200].ravel(), np.full(1200, 30)), codes[:1200])
        log_probabilities = model.predict_log_proba(Documents(words[1200:].ravel(), np.full(1200, 30)))
        return model.sharpness_, log_probabilities[np.arange(1200), codes[1200:]].mean()

    alone = [fit(C) for C in (0.01, 1, 100)]
    assert fit(0.01, 1, 100) == fit(100, 1, 0.01) == max(alone, key=lambda result: result[1])


def test_the_seed_draws_the_documents_left_out(monkeypatch):
    monkeypatch.setattr(skglove.lexical, "REGRESSION_DOCUMENTS", 10**9)
    words, codes = headers(5, 2400)
    one, same, other = (
        LexicalModel().fit(Documents(words.ravel(), np.full(2400, 30)), codes, seed).sharpness_
        for seed in (0, 0, 1)
    )
    assert one == same != other


@pytest.mark.parametrize("least", [1000, 10**9])
def test_documents_of_weight_zero_teach_nothing(least, monkeypatch):
    monkeypatch.setattr(skglove.lexical, "REGRESSION_DOCUMENTS", least)
    words, codes = headers(5)
    weights = np.where(np.arange(1200) % 3 == 2, 0, 1.5)
    fits = []
    for shift in (0, 1):
        shifted = np.where((weights > 0) | (np.arange(1200) < 15), codes, (codes + shift) % 5)
        fits.append(
            LexicalModel().fit(Documents(words.ravel(), np.full(1200, 30)), shifted, sample_weight=weights)
        )
    one, other = fits
    assert one.is_regression_ == (least == 1000)
    np.testing.assert_array_equal(one.weights_, other.weights_)
    assert (one.sharpness_, one.softening_) == (other.sharpness_, other.softening_)


def test_few_documents_with_a_weight_are_not_all_left_out_at_once():
    words, codes = headers(2)
    one, other = np.random.RandomState(0).permutation(1200)[:2]  # the first fold begins with them
    codes[[one, other]] = 0, 1
    weights = 600.0 * np.isin(np.arange(1200), [one, other])
    model = LexicalModel().fit(Documents(words.ravel(), np.full(1200, 30)), codes, sample_weight=weights)
    assert np.isfinite(model.weights_).all()


def test_regression_must_do_better_on_documents_left_out(monkeypatch):
    # Many words that tell a little each: what naive Bayes is for.
    rng = np.random.RandomState(0)
    codes, lengths = np.arange(1200) % 4, np.full(1200, 20)
    words = rng.randint(0, 2000, (1200, 20)) + 500 * codes[:, np.newaxis] * (rng.rand(1200, 20) < 0.3)
    fit = LexicalModel().fit(Documents(words.ravel() + 1, lengths), codes)
    assert not fit.is_regression_
    assert fit.weights_.flags.c_contiguous
    # Refused, it leaves no trace.
    monkeypatch.setattr(skglove.lexical, "REGRESSION_DOCUMENTS", 10**9)
    without = LexicalModel().fit(Documents(words.ravel() + 1, lengths), codes)
    np.testing.assert_array_equal(fit.weights_, without.weights_)
    assert (fit.sharpness_, fit.softening_) == (without.sharpness_, without.softening_)


def test_regression_must_do_clearly_better(monkeypatch):
    words, codes = headers(5)
    codes = np.where(np.arange(1200) % 3, codes, np.random.RandomState(0).randint(5, size=1200))
    taken = []
    for loss in (0.95, 0.5):
        monkeypatch.setattr(skglove.lexical, "REGRESSION_LOSS", loss)
        taken.append(LexicalModel().fit(Documents(words.ravel(), np.full(1200, 30)), codes).is_regression_)
    assert taken == [True, False]


@pytest.mark.parametrize(("n_documents", "n_classes"), [(999, 5), (1200, 101)])
def test_few_documents_or_many_classes_are_left_to_naive_bayes(n_documents, n_classes, monkeypatch):
    monkeypatch.setattr(skglove.lexical, "SGDClassifier", None)
    words, codes = headers(5, n_documents)
    codes[:n_classes] = np.arange(n_classes)
    assert not LexicalModel().fit(Documents(words.ravel(), np.full(n_documents, 30)), codes).is_regression_


def test_enough_documents_and_not_too_many_classes_are_tried():
    words, codes = headers(100, 1000)
    assert LexicalModel().fit(Documents(words.ravel(), np.full(1000, 30)), codes).is_regression_


def test_classes_of_one_document_do_not_stop_regression():
    words, codes = headers(5)
    codes[[5, 6, 7]] = 5, 6, 7
    for seed in range(3):  # each of which draws one of the three
        assert np.isin([5, 6, 7], np.random.RandomState(seed).permutation(1200)[:240]).any()
        model = LexicalModel().fit(Documents(words.ravel(), np.full(1200, 30)), codes, seed)
        assert model.is_regression_
        assert model.weights_.shape[1] == 8


def test_words_of_one_document_do_not_blind_small_classes():
    # Of 10 words, 3 tell the class and the others are in hardly any other document.
    rng = np.random.RandomState(0)
    codes, lengths = np.repeat(np.arange(4), [900, 20, 20, 20]), np.full(960, 10)

    def draw():
        telling = 1 + codes[:, np.newaxis] * 30 + rng.randint(0, 30, (960, 3))
        return np.hstack([telling, rng.randint(200, 20_000, (960, 7))]).astype(np.int32).ravel()

    probabilities = np.exp(
        LexicalModel().fit(Documents(draw(), lengths), codes).predict_log_proba(Documents(draw(), lengths))
    )
    assert probabilities[np.arange(960), codes].mean() > 0.95


def test_scores_keep_their_digits_in_long_documents():
    rng = np.random.RandomState(0)
    codes, lengths = np.arange(40) % 20, np.full(40, 1000)
    words = (rng.zipf(1.3, 40_000) + 40 * np.repeat(codes, 1000)) % 5000 + 1
    model = LexicalModel().fit(Documents(words, lengths), codes)
    got = model.predict_log_proba(Documents(words, lengths))
    model.weights_ = model.weights_.astype(np.float64) + 3.0  # which changes nothing
    scores = model.predict_log_proba(Documents(words, lengths))
    np.testing.assert_allclose(got, scores, atol=1e-3)


def test_probabilities_are_neither_too_sure_nor_too_unsure():
    # Of 3,000 documents of 5 words, half of the words say nothing. Sure probabilities would be wrong often.
    rng = np.random.RandomState(0)
    codes = rng.randint(0, 2, 3000)
    words = np.where(rng.rand(3000, 5) < 0.5, rng.randint(1, 9, (3000, 5)), rng.randint(9, 99, (3000, 5)))
    words = np.where((words < 9) & (rng.rand(3000, 5) < 0.6), 2 * (words // 2) + codes[:, None], words)
    lengths = np.full(1500, 5)
    model = LexicalModel().fit(Documents(words[:1500].ravel(), lengths), codes[:1500])
    probabilities = np.exp(model.predict_log_proba(Documents(words[1500:].ravel(), lengths)))
    accuracy = (probabilities.argmax(axis=1) == codes[1500:]).mean()
    assert 0.6 < accuracy < 0.95
    assert probabilities.max(axis=1).mean() == pytest.approx(accuracy, abs=0.06)


def test_the_rarest_features_are_left_out(monkeypatch):
    monkeypatch.setattr(skglove.lexical, "MAX_WEIGHTS", 7)  # of 2 classes
    model = LexicalModel().fit(flatten([[1, 2], [1, 2], [1, 3], [4]]), np.array([0, 0, 1, 1]))
    assert model.features_.tolist() == [1, 2, (1 << 32) + 2]


def test_chunks_change_nothing(documents, monkeypatch):
    documents, codes = documents
    model = LexicalModel().fit(flatten(documents), codes)
    whole = model.predict_log_proba(flatten(documents))
    monkeypatch.setattr(skglove.lexical, "CHUNK_DOCUMENTS", 7)
    np.testing.assert_array_equal(model.predict_log_proba(flatten(documents)), whole)


def test_documents_without_any_words():
    model = LexicalModel().fit(flatten([[0], [], [0, 0]]), np.array([0, 1, 1]))
    np.testing.assert_allclose(np.exp(model.predict_log_proba(flatten([[5], []]))), 0.5)


def test_the_callers_arrays_stay_as_they_were(documents):
    documents, codes = documents
    documents = flatten(documents)
    before = documents.values.copy(), documents.lengths.copy()
    LexicalModel().fit(documents, codes).predict_log_proba(documents)
    np.testing.assert_array_equal(documents.values, before[0])
    np.testing.assert_array_equal(documents.lengths, before[1])
