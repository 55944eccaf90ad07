import numpy as np
import pytest
import scipy.sparse
from scipy.special import log_expit, log_softmax
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import ComplementNB
from sklearn.preprocessing import normalize

import skglove.lexical
import skglove.threads
from skglove.documents import Documents
from skglove.lexical import LeftOut, LexicalModel, Training, _cross_validate, _fit_bayes, _one_vs_rest


def flatten(documents):
    values = np.array([word for document in documents for word in document], dtype=np.int32)
    return Documents(values, np.array([len(document) for document in documents]))


@pytest.fixture(scope="module")
def documents():
    """120 documents of 0 to 29 ids below 40; documents of class c prefer ids from 10 * c on."""
    rng = np.random.RandomState(0)
    codes = np.arange(120) % 3
    return [(rng.zipf(1.5, rng.randint(30)) + 10 * code) % 39 + 1 for code in codes], codes


def complement_bayes(X, codes, weights=None):
    """Fit scikit-learn's naive Bayes once per class, because ours is smoothed by the mean count of a class.

    Return a function that scores documents.
    """
    n_classes = codes.max() + 1
    totals = [
        X[codes != k].multiply(1 if weights is None else weights[codes != k, None]).sum()
        for k in range(n_classes)
    ]
    models = [ComplementNB(alpha=total / X.shape[1]).fit(X, codes, weights) for total in totals]
    return lambda new: np.stack(
        [models[k].predict_joint_log_proba(new)[:, k] for k in range(n_classes)], axis=1
    )


def vectorize(documents, test):
    """Make TF-IDF features by scikit-learn's own vectorizer."""
    vectorizer = TfidfVectorizer(
        token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32
    )
    texts, test = ([" ".join(map(str, document)) for document in part] for part in (documents, test))
    return vectorizer.fit_transform(texts), vectorizer.transform(test)


def descent(n_documents, passes, loss="log_loss", eta0=30, **settings):
    """Make scikit-learn's regression with our settings."""
    return SGDClassifier(
        loss,
        alpha=1 / (300 * n_documents),
        max_iter=passes,
        tol=None,
        learning_rate="invscaling",
        eta0=eta0,
        power_t=0.25,
        **settings,
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_scores_are_those_of_scikit_learn_on_words_and_pairs(n_classes, documents):
    documents, codes = documents[0], documents[1] % n_classes
    test = [*documents[100:], [], [1, 39, 1, 39], [999, 1]]
    model = LexicalModel().fit(flatten(documents[:100]), codes[:100], seed=3)
    X, new = vectorize(documents[:100], test)
    bayes = complement_bayes(X, codes[:100])(new)
    bayes /= np.sqrt(bayes.var(axis=1, keepdims=True) + model.softening_**2)
    n_different = len(
        {(tuple(document), code) for document, code in zip(documents[:100], codes[:100], strict=True)}
    )
    several = np.diff(X.tocsc().indptr) > 1
    regression = descent(n_different, 4, random_state=3)
    scores = regression.fit(X[:, several], codes[:100]).decision_function(new[:, several])
    scores = np.stack([-scores, scores], axis=1) if n_classes == 2 else scores
    one, other = model.sharpness_
    expected = log_softmax(one * bayes + other * log_expit(scores), axis=1)
    assert np.ptp(expected, axis=1)[:20].max() > 0.5
    got = model.predict_log_proba(flatten(test))
    assert got.dtype == np.float32
    assert all(array.dtype == np.float32 for array in model.weights_ + model.intercepts_)
    assert all(array.flags.c_contiguous for array in model.weights_)
    np.testing.assert_allclose(got, expected, atol=1e-3)


def test_pairs_end_at_documents_and_at_padding():
    codes = np.array([0, 1])
    model = LexicalModel().fit(flatten([[1, 0, 2, 3], [4, 5]]), codes)
    pairs = [divmod(int(key), 2**32) for key in model.features_ if key >= 2**32]
    assert pairs == [(2, 3), (4, 5)]
    assert [key for key in model.features_ if key < 2**32] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("weights", [np.ones(120), np.random.RandomState(0).uniform(0.1, 3, 120)])
def test_leaving_one_out_is_fitting_naive_bayes_without_it(documents, weights):
    documents, codes = documents
    counts = scipy.sparse.csr_matrix(
        [np.bincount(document, minlength=40)[1:] / 7 for document in documents], dtype=np.float32
    )
    rows = np.random.RandomState(1).permutation(120)[:100]
    added = scipy.sparse.csr_matrix(counts.multiply(weights[:, np.newaxis]))[rows]
    left_out = LeftOut(rows, added, counts[rows], codes[rows], weights[rows])
    training = Training(counts, codes, weights, np.arange(120))
    scores, coefficients, _ = _fit_bayes(training, left_out)
    np.testing.assert_allclose(
        _centred(counts @ coefficients), _centred(complement_bayes(counts, codes, weights)(counts)), atol=1e-4
    )
    for i in range(0, 100, 7):
        others = np.arange(120) != rows[i]
        expected = complement_bayes(counts[others], codes[others], weights[others])(counts[[rows[i]]])[0]
        # The words of the document's own class are those of the others: only their total is smaller.
        expected, got = (np.delete(x, codes[rows[i]]) for x in (expected, scores[i]))
        np.testing.assert_allclose(np.diff(got), np.diff(expected), atol=1e-4)
    assert np.abs(_centred(scores) - _centred(counts[rows] @ coefficients)).max() > 0.01


def _centred(scores):
    return scores - scores.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("asked", [0.1, 1])
def test_documents_left_out_are_predicted_as_if_they_were_new(asked):
    # Words that say nothing: what was seen is recognised, what was left out is not.
    rng = np.random.RandomState(0)
    words, codes = rng.randint(1, 5000, (1000, 20)), np.arange(1000) % 2
    words[500:510], codes[500:510] = words[:10], codes[:10]  # copies
    documents = Documents(words.ravel(), np.full(1000, 20))
    left_out = rng.permutation(1000)[: int(asked * 1000)]
    left_out[-20:] = [*range(10), *range(500, 510)]
    model = LexicalModel()
    rows, log_probabilities = model.fit_predict(documents, codes, left_out=left_out)
    assert rows is left_out
    assert log_probabilities.dtype == np.float32
    assert log_probabilities.shape == (len(rows), 2)
    np.testing.assert_array_equal(log_probabilities[-20:-10], log_probabilities[-10:])
    seen = model.predict_log_proba(documents)[rows]
    assert (seen.argmax(axis=1) == codes[rows]).mean() > 0.95
    assert (log_probabilities.argmax(axis=1) == codes[rows]).mean() == pytest.approx(0.5, abs=0.11)


@pytest.mark.slow
def test_the_documents_to_predict_are_drawn_without_copies():
    words, codes = headers(5, 3000)
    words[-10:] = words[:10]
    rows, log_probabilities = LexicalModel().fit_predict(Documents(words.ravel(), np.full(3000, 30)), codes)
    assert len(rows) == len(np.unique(rows)) == len(log_probabilities) == 2000
    assert not set(rows) & set(range(2990, 3000))
    assert (log_probabilities.argmax(axis=1) == codes[rows]).mean() > 0.99


def test_more_documents_can_be_asked_for_than_calibration_needs(monkeypatch):
    monkeypatch.setattr(skglove.lexical, "CALIBRATION_DOCUMENTS", 50)
    words, codes = headers(5, 300)
    documents = Documents(words.ravel(), np.full(300, 30))
    _, log_probabilities = LexicalModel().fit_predict(documents, codes, left_out=np.arange(200, 300))
    assert (log_probabilities.argmax(axis=1) == codes[200:]).all()


def test_folds_of_regression_are_fits_without_them():
    words, codes = headers(3, 240)
    X = scipy.sparse.csr_matrix([np.bincount(row, minlength=200) / 30 for row in words], dtype=np.float32)
    copy_of, rows = np.arange(240), np.random.RandomState(0).permutation(240)[:60]
    training = Training(X, codes, np.ones(240), copy_of)
    left_out = LeftOut(rows, X[rows], X[rows], codes[rows], np.ones(60))
    scores = _cross_validate(training, left_out, ("log_loss", 30, 1), 0)
    for fold in np.split(np.arange(60), 2):  # an eighth of the documents each
        others = np.setdiff1d(copy_of, rows[fold])
        model = descent(240, 4, random_state=0)
        expected = model.fit(X[others], codes[others]).decision_function(X[rows[fold]])
        np.testing.assert_allclose(scores[fold], log_expit(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("n_documents", "passes"), [(600, 4), (6700, 3)])
def test_regression_is_that_of_scikit_learn_in_threads(n_classes, n_documents, passes):
    words, codes = headers(n_classes, 600)
    X = scipy.sparse.csr_matrix([np.bincount(row, minlength=200) / 30 for row in words], dtype=np.float32)
    sample_weight = np.random.RandomState(1).uniform(0.5, 1.5, 600)
    training = Training(X, codes, sample_weight, np.arange(600))
    weights, intercepts = _one_vs_rest(training, n_documents, ("modified_huber", 3, 4), 7)
    model = descent(n_documents, passes, "modified_huber", 3, random_state=7)
    expected = 4 * model.fit(X, codes, sample_weight=sample_weight).decision_function(X)
    expected = np.stack([-expected, expected], axis=1) if n_classes == 2 else expected
    assert weights.dtype == intercepts.dtype == np.float32
    np.testing.assert_allclose(X @ weights + intercepts, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_the_regression_that_is_clearly_best_is_taken(monkeypatch):
    words, codes = headers(5)
    fits = []
    for gain in (0.03, 1.0):  # nothing gains all
        monkeypatch.setattr(skglove.lexical, "CLEAR_GAIN", gain)
        monkeypatch.setattr(skglove.lexical, "REGRESSIONS", (("log_loss", 0.01, 1), ("log_loss", 30, 1)))
        fits.append(LexicalModel().fit(Documents(words.ravel(), np.full(1200, 30)), codes))
    good, bad = (np.abs(model.weights_[1]).max() for model in fits)
    assert good > 100 * bad


def test_with_few_documents_the_first_regression_is_taken(monkeypatch):
    monkeypatch.setattr(skglove.lexical, "REGRESSIONS", (("log_loss", 0.01, 1), None))
    words, codes = headers(5, 500)
    model = LexicalModel().fit(Documents(words.ravel(), np.full(500, 30)), codes)
    assert np.abs(model.weights_[1]).max() < 1


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


@pytest.mark.slow
def test_copies_do_not_vouch_for_each_other_in_regression():
    rng = np.random.RandomState(0)
    words, codes = np.tile(rng.randint(1, 5000, (1000, 20)), (2, 1)), np.tile(np.arange(1000) % 2, 2)
    model = LexicalModel().fit(Documents(words.ravel(), np.full(2000, 20)), codes)
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
def test_regression_counts_where_few_words_settle_the_class(n_classes):
    words, codes = headers(n_classes, 1600)
    model = LexicalModel().fit(Documents(words[:1200].ravel(), np.full(1200, 30)), codes[:1200])
    got = model.predict_log_proba(Documents(words[1200:].ravel(), np.full(400, 30)))
    assert (got.argmax(axis=1) == codes[1200:]).mean() > 0.99
    assert got[np.arange(400), codes[1200:]].mean() > -0.05


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [2, 5])
def test_probabilities_of_regression_are_neither_too_sure_nor_too_unsure(n_classes):
    words, codes = headers(n_classes, 3000)
    rng = np.random.RandomState(1)
    codes = np.where(rng.rand(3000) < 0.7, codes, rng.randint(n_classes, size=3000))
    model = LexicalModel().fit(Documents(words[:1500].ravel(), np.full(1500, 30)), codes[:1500])
    probabilities = np.exp(model.predict_log_proba(Documents(words[1500:].ravel(), np.full(1500, 30))))
    accuracy = (probabilities.argmax(axis=1) == codes[1500:]).mean()
    assert 0.7 < accuracy < 0.9
    # A little too unsure where classes are wrong by chance: scores of the other classes differ too much.
    assert probabilities.max(axis=1).mean() == pytest.approx(accuracy, abs=0.09)


@pytest.mark.slow
def test_the_better_model_weighs_more():
    words, codes = headers(5)
    few = LexicalModel().fit(Documents(words.ravel(), np.full(1200, 30)), codes)
    # Many words that tell a little each: what naive Bayes is for.
    rng = np.random.RandomState(0)
    codes = np.arange(1200) % 4
    words = rng.randint(0, 2000, (1200, 20)) + 500 * codes[:, np.newaxis] * (rng.rand(1200, 20) < 0.3)
    many = LexicalModel().fit(Documents(words.ravel() + 1, np.full(1200, 20)), codes)
    (bayes, regression), (other_bayes, other_regression) = few.sharpness_, many.sharpness_
    assert regression / bayes > 3 * other_regression / other_bayes


def test_the_seed_draws_the_documents_left_out(monkeypatch):
    monkeypatch.setattr(skglove.lexical, "CALIBRATION_DOCUMENTS", 100)
    words, codes = headers(5, 400)
    one, same, other = (
        LexicalModel().fit(Documents(words.ravel(), np.full(400, 30)), codes, seed).sharpness_
        for seed in (0, 0, 1)
    )
    assert one == same != other


@pytest.mark.slow
def test_documents_of_weight_zero_teach_nothing():
    words, codes = headers(5)
    weights = np.where(np.arange(1200) % 3 == 2, 0, 1.5)
    fits = []
    for shift in (0, 1):
        shifted = np.where((weights > 0) | (np.arange(1200) < 15), codes, (codes + shift) % 5)
        fits.append(
            LexicalModel().fit(Documents(words.ravel(), np.full(1200, 30)), shifted, sample_weight=weights)
        )
    one, other = fits
    for weights, others in zip(one.weights_, other.weights_, strict=True):
        np.testing.assert_array_equal(weights, others)
    assert (one.sharpness_, one.softening_) == (other.sharpness_, other.softening_)


def test_few_documents_with_a_weight_are_not_all_left_out_at_once():
    words, codes = headers(2)
    one, other = np.random.RandomState(0).permutation(1200)[:2]  # the first fold begins with them
    codes[[one, other]] = 0, 1
    weights = 600.0 * np.isin(np.arange(1200), [one, other])
    model = LexicalModel().fit(Documents(words.ravel(), np.full(1200, 30)), codes, sample_weight=weights)
    assert all(np.isfinite(weights).all() for weights in model.weights_)


@pytest.mark.slow
def test_many_classes_are_left_to_naive_bayes(monkeypatch):
    monkeypatch.setattr(skglove.regression, "SGDClassifier", None)
    words, codes = headers(101)
    model = LexicalModel().fit(Documents(words.ravel(), np.full(1200, 30)), codes)
    assert len(model.weights_) == len(model.sharpness_) == 1
    log_probabilities = model.predict_log_proba(Documents(words.ravel(), np.full(1200, 30)))
    assert (log_probabilities.argmax(axis=1) == codes).mean() > 0.4


@pytest.mark.slow
def test_not_too_many_classes_have_both_models():
    words, codes = headers(100, 400)
    assert len(LexicalModel().fit(Documents(words.ravel(), np.full(400, 30)), codes).sharpness_) == 2


@pytest.mark.slow
def test_classes_of_one_document_do_not_stop_regression():
    words, codes = headers(5)
    codes[[5, 6, 7]] = 5, 6, 7
    model = LexicalModel()
    left_out, log_probabilities = model.fit_predict(
        Documents(words.ravel(), np.full(1200, 30)), codes, left_out=np.array([5, 6, 7])
    )
    assert [weights.shape[1] for weights in model.weights_] == [8, 8]
    # Whoever has not seen a class does not think of it.
    assert (log_probabilities[np.arange(3), codes[left_out]] < np.log(1 / 8)).all()


@pytest.mark.slow
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


@pytest.mark.slow
def test_scores_keep_their_digits_in_long_documents():
    rng = np.random.RandomState(0)
    codes, lengths = np.arange(40) % 20, np.full(40, 1000)
    words = (rng.zipf(1.3, 40_000) + 40 * np.repeat(codes, 1000)) % 5000 + 1
    model = LexicalModel().fit(Documents(words, lengths), codes)
    got = model.predict_log_proba(Documents(words, lengths))
    model.weights_[0] = model.weights_[0].astype(np.float64) + 3.0  # which changes nothing
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


@pytest.mark.parametrize(
    ("module", "name"), [(skglove.lexical_prediction, "CHUNK_DOCUMENTS"), (skglove.threads, "CHUNK_TOKENS")]
)
def test_chunks_change_nothing(documents, monkeypatch, module, name):
    documents, codes = documents
    model = LexicalModel().fit(flatten(documents), codes)
    whole = model.predict_log_proba(flatten(documents))
    monkeypatch.setattr(module, name, 7)
    monkeypatch.setattr(skglove.threads.joblib, "cpu_count", lambda: 4)
    np.testing.assert_array_equal(model.predict_log_proba(flatten(documents)), whole)


def test_documents_without_any_words():
    model = LexicalModel().fit(flatten([[0], [], [0, 0]]), np.array([0, 1, 1]))
    one, other = np.exp(model.predict_log_proba(flatten([[5], []])))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(one.sum(), 1, rtol=1e-6)


def test_the_callers_arrays_stay_as_they_were(documents):
    documents, codes = documents
    documents = flatten(documents)
    before = documents.values.copy(), documents.lengths.copy()
    LexicalModel().fit(documents, codes).predict_log_proba(documents)
    np.testing.assert_array_equal(documents.values, before[0])
    np.testing.assert_array_equal(documents.lengths, before[1])


def test_ignored_ids_separate_words_as_padding_does(documents):
    documents, codes = documents
    without = [np.where(np.isin(document, [3, 12]), 0, document) for document in documents]
    model, expected = LexicalModel(), LexicalModel()
    left_out = model.fit_predict(flatten(documents), codes, ignored=[3, 12])
    for got, other in zip(left_out, expected.fit_predict(flatten(without), codes), strict=True):
        np.testing.assert_array_equal(got, other)
    np.testing.assert_array_equal(
        model.predict_log_proba(flatten(documents)), expected.predict_log_proba(flatten(without))
    )
    model.fit(flatten(documents), codes)
    assert not len(model.ignored_)


def test_documents_of_tiny_classes_say_less_about_the_pool():
    codes = np.repeat([0, 1, 2], [10, 2, 1])
    X, copy_of = scipy.sparse.csr_matrix(np.ones((13, 1), dtype=np.float32)), np.arange(13)
    model = LexicalModel()
    model._tfidf = TfidfTransformer().fit(X)
    left_out = model._leave_out(Training(X, codes, np.ones(13), copy_of), np.array([13]), 0, None)
    np.testing.assert_allclose(left_out.weights, np.array([0.81, 0.25, 0.25])[left_out.codes], rtol=1e-6)


def test_new_documents_are_weighed_as_by_scikit_learn(documents):
    documents, codes = documents
    model = LexicalModel().fit(flatten(documents), codes)
    columns = flatten([[5, 3, 5, 0, 5], [], *documents])
    expected = model._tfidf.transform(
        scipy.sparse.csr_matrix(columns.counts(len(model.features_)), dtype=np.float32)
    )
    np.testing.assert_array_equal(model._weigh(columns).toarray(), expected.toarray())
