"""Searches under Dask. The workers are threads of this process, but what they get goes through a socket.

Processes, one of which is killed: tests/test_examples.py, which runs examples/distributed_search.py.
"""

import sys

import numpy as np
import pytest
from classifier_samples import VOCABULARY, documents, small
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import skglove.dask_arrays
from skglove import GloveTokenizer, SequencePadder, TokenIds

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def client():
    workers = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "protocol": "tcp://"}
    with (
        distributed.LocalCluster(**workers, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def scores_of(estimator, X, y, **grid):
    learn = np.arange(len(y)) % 4 < 2
    options = {"scoring": "neg_log_loss", "refit": False, "error_score": "raise"}
    search = GridSearchCV(estimator, grid, cv=[(np.flatnonzero(learn), np.flatnonzero(~learn))], **options)
    return search.fit(X, y).cv_results_["mean_test_score"].tolist()


def test_ids_keep_their_vocabulary_on_the_way_to_a_worker_and_back(client):
    ids = TokenIds(np.ones((300, 2)), VOCABULARY)
    for sent in (ids, np.asarray(ids), ids[:, :1]):
        future = client.scatter(sent, hash=False)
        kind, words = client.submit(lambda x: (type(x), x.dtype.metadata), future).result()
        assert kind is type(sent)
        (vocabulary,) = words.values()
        assert vocabulary.words == VOCABULARY.words
        (vocabulary,) = future.result().dtype.metadata.values()
        assert vocabulary.words == VOCABULARY.words
    plain = client.scatter(np.arange(3), hash=False)
    np.testing.assert_array_equal(plain.result(), [0, 1, 2])


def test_ids_made_before_dask_was_imported_keep_it_in_a_search(client, monkeypatch):
    monkeypatch.setattr(skglove.dask_arrays, "_taught", False)
    lookup = distributed.protocol.dask_serialize._lookup
    for kind in (np.ndarray, TokenIds):
        monkeypatch.setitem(lookup, kind, distributed.protocol.numpy.serialize_numpy_ndarray)
    with monkeypatch.context() as context:
        context.delitem(sys.modules, "distributed.worker")
        ids, y = documents(n=64)
    assert client.scatter(ids, hash=False).result().dtype.metadata is None
    with pytest.raises(ValueError, match="filters"), parallel_config("dask"):
        scores_of(small(), ids, y, filters=[-1])
    assert client.scatter(ids, hash=False).result().dtype.metadata is not None


@pytest.mark.slow
def test_a_search_gives_the_same_scores_on_ids(client):
    X, y = documents(n=64)  # joblib scatters what has more than 1,000 bytes
    expected = scores_of(small(), X, y, epochs=[3])
    with parallel_config("dask"):
        assert scores_of(small(), X, y, epochs=[3]) == expected


@pytest.mark.slow
def test_a_search_gives_the_same_scores_on_texts(client, tmp_path):
    ids, y = documents(n=40)
    texts = [" ".join(VOCABULARY.words[i - 1] for i in row if i) for row in np.asarray(ids)]
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("good 1 0\nbad -1 0\nfilm 0 1\n")
    classifier = small(architecture="hybrid", epochs=2)
    pipeline = make_pipeline(GloveTokenizer(str(vectors)), SequencePadder(8), classifier)
    grid = {"kerasconvtextclassifier__lexical_weight": [0, 0.5], "sequencepadder__maxlen": [3, 8]}
    expected = scores_of(pipeline, texts, y, **grid)
    with parallel_config("dask"):
        assert scores_of(pipeline, texts, y, **grid) == expected
