"""Keras's other backends, each in a process of its own, in which TensorFlow cannot be imported."""

import importlib.util
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from skglove import GloveTokenizer, KerasConvTextClassifier

pytestmark = pytest.mark.slow
OTHERS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"{name} is not installed"),
    )
    for name in ("jax", "torch")
]
ARCHITECTURES = ["hybrid", "parallel", "stacked"]

RNG = np.random.RandomState(0)
TEXTS = [" ".join(RNG.choice(list("abcdefghij"), RNG.randint(1, 9))) for _ in range(60)]
TARGETS = ["a" in text for text in TEXTS]

# What each process does: fit, go on training, and predict with its own pickles and with those it is given.
WORK = """
import pickle, sys
sys.modules["tensorflow"] = None  # importing it raises ModuleNotFoundError

import numpy as np
from skglove import KerasConvTextClassifier
from test_backends import ARCHITECTURES, TARGETS, fitted

ids, given = pickle.load(sys.stdin.buffer)
predicted = [classifier.predict_proba(ids) for classifier in given]
for classifier in given:
    assert classifier.model_.count_params() > 0  # builds the network
ours = fitted(ids)
probabilities = [classifier.predict_proba(ids) for classifier in ours]
np.testing.assert_array_equal(pickle.loads(pickle.dumps(ours[2])).predict_proba(ids), probabilities[2])
stream = KerasConvTextClassifier("stacked", pretrained=False, embedding_dim=8, filters=4, random_state=0)
stream.partial_fit(ids, TARGETS, classes=[False, True]).partial_fit(ids[:7], TARGETS[:7])
assert np.isfinite(stream.predict_proba(ids)).all()
sys.stdout.buffer.write(pickle.dumps((predicted, ours, probabilities)))
"""


def fitted(ids):
    """Fit a network of each architecture."""
    options = {"pretrained": False, "embedding_dim": 8, "filters": 4, "random_state": 0, "batch_size": 16}
    return [KerasConvTextClassifier(name, epochs=2, **options).fit(ids, TARGETS) for name in ARCHITECTURES]


@pytest.mark.parametrize("backend", OTHERS)
def test_a_backend_needs_no_tensorflow_and_shares_pickles_with_this_one(backend):
    ids = GloveTokenizer(vectors=None).fit_transform(TEXTS)
    ours = fitted(ids)
    done = subprocess.run(
        [sys.executable, "-c", WORK],
        input=pickle.dumps((ids, ours)),
        capture_output=True,
        env=os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=os.path.dirname(os.path.dirname(__file__)),
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    predicted, theirs, probabilities = pickle.loads(done.stdout)
    for classifier, got in zip(ours, predicted, strict=True):
        np.testing.assert_allclose(got, classifier.predict_proba(ids), rtol=1e-4, atol=1e-6)
    for classifier, expected in zip(theirs, probabilities, strict=True):
        np.testing.assert_allclose(classifier.predict_proba(ids), expected, rtol=1e-4, atol=1e-6)
