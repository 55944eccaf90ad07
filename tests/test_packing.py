import keras
import numpy as np
import pytest
from classifier_samples import small
from keras.ops import convert_to_numpy

import skglove.network.packing
from skglove.network.adversarial import gradient_of
from skglove.network.build import build_network
from skglove.network.layers import DeterministicEmbedding, WeightedSum
from skglove.network.packing import N_FRAMES, pack, pack_words, word_spans


def test_word_spans():
    spans = word_spans(np.array([[0, 2, 0, 3, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], dtype=np.int32))
    assert [convert_to_numpy(column).tolist() for column in spans] == [[1, 0, 0], [4, 1, 5], [1, 5, 10]]


@pytest.mark.backends("tensorflow", "torch", why="elsewhere the padding is computed")
def test_packing_is_as_drawn():
    ids = np.array([[0, 0, 0, 0, 7, 3], [0, 0, 0, 5, 2, 9]], dtype=np.int32)
    spans = word_spans(ids)
    packing = pack(spans, spans.start - 1, spans.end - spans.start + 2, overlap=2, n_frames=2)
    frames = packing.take(ids.ravel(), 0)
    assert convert_to_numpy(frames).tolist() == [[0, 7, 3, 0, 0, 5, 2], [5, 2, 9, 0, 0, 0, 0]]
    assert convert_to_numpy(packing.document).tolist() == [[0, 0, 0, 0, 1, 1, 1], [1, 1, 1, 1, 2, 2, 2]]
    assert convert_to_numpy(packing.first_row).tolist() == [0, 4]
    # One frame without overlap has the words alone.
    packing = pack(spans, spans.start, spans.end - spans.start, n_frames=1)
    vectors = np.stack([ids.ravel(), -ids.ravel()], axis=1)
    assert convert_to_numpy(packing.take(vectors, 0))[0].T.tolist() == [[7, 3, 5, 2, 9], [-7, -3, -5, -2, -9]]
    # A multiple makes frames wider.
    packing = pack(spans, spans.start, spans.end - spans.start, n_frames=2, multiple=4)
    assert convert_to_numpy(packing.document).tolist() == [[0, 0, 1, 1], [1, 2, 2, 2]]


@pytest.mark.backends("tensorflow", "torch", why="elsewhere the padding is computed")
def test_convolutions_see_little_more_than_the_words(monkeypatch):
    model = build_network(51, 3, embedding_dim=4, filters=4)
    seen = []
    convolve = skglove.network.packing._convolve
    monkeypatch.setattr(
        skglove.network.packing,
        "_convolve",
        lambda x, *args: seen.append(x.shape[0] * x.shape[1]) or convolve(x, *args),
    )
    lengths = np.array([[700], [300], [0], [10]])
    model((np.arange(1000) >= 1000 - lengths).astype(np.int32))
    # Besides the words: the padding that a filter sees on either side of a document, rounding up to whole
    # poolings, and the overlap of the frames.
    assert 1010 <= seen[0] < 1010 + 4 * 20 + N_FRAMES * (8 * 5 + 4)
    assert max(seen) == seen[0]


@pytest.mark.backends("tensorflow", "torch", why="elsewhere the padding is computed")
def test_words_are_looked_up_once_for_all_widths_and_a_sum(monkeypatch):
    embedding, weighted_sum = DeterministicEmbedding(51, 4), WeightedSum(51)
    weighted_sum.build([(None, None, 4), (None, None)])
    lookups = []
    call = embedding.call
    monkeypatch.setattr(embedding, "call", lambda ids: lookups.append(ids.shape) or call(ids))
    lengths = np.array([[700], [300], [0], [10]])
    ids = ((np.arange(1000) >= 1000 - lengths) * (1 + np.arange(1000) % 50)).astype(np.int32)
    words = pack_words(ids, embedding, 5)
    assert [words.maxima(built_convolution(width)).shape for width in (3, 4, 5)] == [(4, 7)] * 3
    sums = words.sums(weighted_sum)
    assert len(lookups) == 1
    # Besides the words: the padding that the widest filter sees, and the overlap of the frames.
    assert 1010 <= np.prod(lookups[0]) < 1010 + 4 * 10 + N_FRAMES * (8 + 4)
    matrix = embedding.get_weights()[0] * (np.arange(51) > 0)[:, None]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(sums), matrix[ids].sum(axis=1), atol=1e-4)


@pytest.mark.backends("tensorflow", "torch", why="elsewhere the padding is computed")
def test_maxima_of_windows_have_the_same_values_and_gradient():
    random, convolution, embedding = (
        np.random.RandomState(0),
        built_convolution(5),
        DeterministicEmbedding(51, 4),
    )
    ids = np.where(np.arange(90) >= 90 - np.array([[90], [1], [0], [30]]), random.randint(1, 51, (4, 90)), 0)
    words = pack_words(ids.astype(np.int32), embedding, 5)
    factors = keras.ops.convert_to_tensor(random.normal(size=(4, 7)).astype(np.float32))
    found = []
    for from_windows in (False, True):
        these = words._replace(from_windows=from_windows)
        maxima = keras.ops.convert_to_numpy(these.maxima(convolution))
        gradient = gradient_of(
            lambda x, these=these: keras.ops.sum(these.with_vectors(x).maxima(convolution) * factors),
            words.vectors,
        )
        found.append((maxima, keras.ops.convert_to_numpy(gradient)))
    for one, other in zip(*found, strict=True):
        assert np.abs(one).max() > 0.01
        np.testing.assert_allclose(one, other, atol=1e-6)


def built_convolution(width):
    convolution = keras.layers.Conv1D(7, width)
    convolution.build((None, None, 4))
    return convolution


@pytest.mark.slow
@pytest.mark.backends("tensorflow", "torch", why="elsewhere the padding is computed")
@pytest.mark.parametrize(("length", "expected"), [(50, False), (51, True)])
def test_training_on_long_documents_computes_gradients_of_windows(monkeypatch, length, expected):
    calls, compute = [], skglove.network.packing._maxima_of_windows
    monkeypatch.setattr(
        skglove.network.packing, "_maxima_of_windows", lambda *args: calls.append(1) or compute(*args)
    )
    ids = np.random.RandomState(0).randint(1, 20, (8, length))
    small(architecture="hybrid", pretrained=False, epochs=1).fit(ids, np.arange(8) % 2)
    assert bool(calls) is expected
