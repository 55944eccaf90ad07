import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss

from skglove.documents import Documents
from skglove.label_model import LabelModel
from skglove.lexical import LexicalModel


def corpus(n, seed=0, n_words=2000):
    """Documents of words of a long tail, and five labels, three of them rare, with words of their own."""
    rng = np.random.RandomState(seed)
    codes = (rng.rand(n, 5) < [0.5, 0.3, 0.08, 0.08, 0.04]).astype(np.uint8)
    rows = np.minimum(rng.pareto(0.7, (n, 12)) * 30 + 101, n_words).astype(int)
    for label in range(5):
        is_told = (rng.rand(n, 12) < 0.12) & (codes[:, [label]] == 1)
        rows[is_told] = 1 + 20 * label + rng.randint(0, 20, np.count_nonzero(is_told))
    return Documents.from_sequences(list(rows)), codes


def probabilities(model, documents):
    return np.exp(model.predict_log_proba(documents)[:, 1]).reshape(len(documents), -1)


def log_losses(codes, p):
    return np.mean([log_loss(codes[:, i], p[:, i], labels=[0, 1]) for i in range(codes.shape[1])])


@pytest.fixture(scope="module")
def fitted():
    documents, codes = corpus(600)
    model = LabelModel()
    return model, *model.fit_predict(documents, codes, left_out=np.arange(100, 300)), documents, codes


@pytest.mark.slow
def test_log_probabilities_are_of_both_outcomes_of_each_label(fitted):
    model, *_, documents, _ = fitted
    both = model.predict_log_proba(documents)
    assert (both.shape, both.dtype) == ((3000, 2), np.float32)
    np.testing.assert_allclose(np.exp(both).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.slow
def test_it_does_as_well_as_a_model_for_each_label_alone(fitted):
    model, *_ = fitted
    documents, codes = corpus(600)
    new, truth = corpus(2000, seed=1)
    alone = [LexicalModel().fit(documents, y.astype(int)).predict_log_proba(new)[:, 1] for y in codes.T]
    loss = log_losses(truth, probabilities(model, new))
    assert loss < 1.05 * log_losses(truth, np.exp(alone).T)
    assert loss < 0.8 * log_losses(truth, np.tile(truth.mean(axis=0), (2000, 1)))


def test_documents_are_predicted_as_if_they_had_been_left_out(fitted):
    model, left_out, log_probabilities, documents, codes = fitted
    assert left_out.tolist() == list(range(100, 300))
    honest = log_losses(codes[left_out], np.exp(log_probabilities[:, 1]).reshape(-1, 5))
    new, truth = corpus(2000, seed=1)
    assert honest == pytest.approx(log_losses(truth, probabilities(model, new)), rel=0.15)
    assert log_losses(codes[left_out], probabilities(model, documents.take(left_out))) < 0.5 * honest


def test_copies_are_left_out_together():
    documents, codes = corpus(300)
    twice = Documents(np.tile(documents.values, 2), np.tile(documents.lengths, 2))
    rows = np.arange(100)
    _, once = LabelModel().fit_predict(documents, codes, left_out=rows)
    _, copied = LabelModel().fit_predict(twice, np.tile(codes, (2, 1)), left_out=rows)
    losses = [log_losses(codes[rows], np.exp(p[:, 1]).reshape(-1, 5)) for p in (once, copied)]
    assert losses[1] == pytest.approx(losses[0], rel=0.1)


def test_probabilities_of_rare_and_of_frequent_labels_are_calibrated(fitted):
    model, *_ = fitted
    new, truth = corpus(4000, seed=1)
    np.testing.assert_allclose(probabilities(model, new).mean(axis=0), truth.mean(axis=0), rtol=0.25)


def test_labels_of_all_or_no_documents_are_as_frequent_as_they_are():
    documents, codes = corpus(200)
    codes[:, 3], codes[:, 4] = 1, 0
    p = probabilities(LabelModel().fit(documents, codes), documents)
    np.testing.assert_allclose(p[:, 3], 200.5 / 201, rtol=1e-4)
    np.testing.assert_allclose(p[:, 4], 0.5 / 201, rtol=1e-3)
    others = probabilities(LabelModel().fit(documents, codes[:, :3]), documents)
    np.testing.assert_allclose(p[:, :3], others, atol=1e-5)
    assert probabilities(LabelModel().fit(documents, codes[:, 3:]), documents)[:, 0].min() > 0.99


def test_a_label_with_one_document_is_fitted():
    documents, codes = corpus(100)
    codes[:, 4] = 0
    codes[7, 4] = 1
    p = probabilities(LabelModel().fit(documents, codes), documents)
    assert p[:, 4].argmax() == 7
    assert np.isfinite(p).all()


def test_documents_without_weight_do_not_matter():
    documents, codes = corpus(200)
    weights = np.repeat([2.0, 0.0], 100).astype(np.float32)
    other = codes.copy()
    other[100:] = 1 - other[100:]
    first, second = (LabelModel().fit(documents, y, sample_weight=weights) for y in (codes, other))
    np.testing.assert_array_equal(first.weights_[0], second.weights_[0])
    assert first.sharpness_ == second.sharpness_


def test_documents_without_words():
    documents = Documents.from_sequences([[0], [0, 0], []] * 4)
    codes = np.tile(np.array([[1, 0], [1, 1], [0, 0]], dtype=np.uint8), (4, 1))
    p = probabilities(LabelModel().fit(documents, codes), documents)
    np.testing.assert_allclose(p, [expit(np.log([8.5 / 4.5, 4.5 / 8.5]))] * 12, rtol=1e-3)
