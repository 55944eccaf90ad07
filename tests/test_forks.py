import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

import skglove.network.forks
from skglove import GloveTokenizer, KerasConvTextClassifier

ROOT = Path(__file__).parent.parent
TEXTS = ["good film", "great film", "bad film", "awful film"] * 4

# Loads before it forks, and then uses the network and forks again. Children answer in time or not at all.
SCRIPT = """
import multiprocessing, pickle, sys
import numpy as np

with open(sys.argv[1], "rb") as file:
    (pipeline, expected), (default, expected_of_default), texts = pickle.load(file)
pipeline[:-1].transform(texts)
pickle.dumps(pipeline)
assert "keras" not in sys.modules and "tensorflow" not in sys.modules, "loading imports Keras"


def attempt(name):
    try:
        result = ACTIONS[name]()
    except Exception as error:
        return type(error).__name__, str(error)
    return "done", None if name == "unpickle" else np.asarray(result)


ACTIONS = {
    "predict": lambda: pipeline.predict_proba(texts),
    "fit": lambda: pipeline.fit(texts, [0, 1] * 8).predict(texts),
    "pickle": lambda: pickle.dumps(pipeline),
    "unpickle": lambda: pickle.loads(pickled),
    "unpickle and predict": lambda: pickle.loads(pickled).predict(texts),
    "predict by the default": lambda: default.predict_proba(texts),
    "pickle the default": lambda: np.array(bytearray(pickle.dumps(default))),
    "fit the default": lambda: default.fit(texts, [0, 1] * 8),
    "model of the default": lambda: default[-1].model_,
}


def in_a_forked_child(*names):
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return [pool.apply_async(attempt, [name]).get(timeout=90) for name in names]


[(outcome, got)] = in_a_forked_child("predict")
assert outcome == "done", got
np.testing.assert_allclose(got, expected, atol=1e-6)

np.testing.assert_allclose(pipeline.predict_proba(texts), expected, atol=1e-6)
pickled = pickle.dumps(pipeline)
default[-1].model_.predict_on_batch(np.array([[1, 2]]))
allowed = "unpickle", "predict by the default", "pickle the default"
for name, (outcome, message) in zip(ACTIONS, in_a_forked_child(*ACTIONS)):
    if name in allowed:
        assert outcome == "done", (name, message)
        if name == "predict by the default":
            np.testing.assert_array_equal(message, expected_of_default)
    else:
        assert outcome == "RuntimeError" and "forked" in message and "spawn" in message, (name, message)
np.testing.assert_allclose(pipeline.predict_proba(texts), expected, atol=1e-6)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_children_predict_without_keras_and_refuse_it_where_their_parent_has_used_it(tmp_path):
    fitted = []
    for options in ({"architecture": "stacked", "filters": 4, "dtype_policy": "mixed_bfloat16"}, {}):
        classifier = KerasConvTextClassifier(epochs=1, embedding_dim=4, random_state=0, **options)
        pipeline = make_pipeline(GloveTokenizer(vectors=None), classifier).fit(TEXTS, [1, 1, 0, 0] * 4)
        fitted.append((pipeline, pipeline.predict_proba(TEXTS)))
    path = tmp_path / "pipelines.pickle"
    path.write_bytes(pickle.dumps((*fitted, TEXTS)))
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, path],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]


def test_a_forked_process_is_told_by_name_what_to_do(monkeypatch):
    monkeypatch.setattr(skglove.network.forks, "_user", None)
    skglove.network.forks.record_use()
    skglove.network.forks.refuse_fork()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(RuntimeError, match=r"forked from one .*get_context\('spawn'\).*loky.*load"):
        skglove.network.forks.refuse_fork()
    with pytest.raises(RuntimeError, match="forked"):
        KerasConvTextClassifier().fit(np.array([[1], [2]]), [0, 1])


def test_a_fit_that_is_refused_before_keras_is_used_does_not_count_as_use(monkeypatch):
    monkeypatch.setattr(skglove.network.forks, "_user", None)
    with pytest.raises(ValueError, match="at least 2 classes"):
        KerasConvTextClassifier(pretrained=False).fit([[1, 2]], ["a"])
    assert skglove.network.forks._user is None
    skglove.network.forks.record_use()
    assert skglove.network.forks._user == os.getpid()
