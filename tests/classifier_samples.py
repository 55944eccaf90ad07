"""Documents, small classifiers and marks that the modules of tests of the classifier share."""

import numpy as np
import pytest

from skglove import KerasConvTextClassifier, TokenIds, Vocabulary, WordVectors

WORDS = ("good", "bad", "film", "plot")
VECTORS = WordVectors(WORDS[:3], np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0]], dtype=np.float32))
VOCABULARY = Vocabulary(WORDS, VECTORS)


def small(**parameters):
    """Make a classifier that learns the data below in a second."""
    sizes = {"n_conv_layers": 1, "kernel_size": 2, "embedding_dim": 4, "batch_size": 8}
    if parameters.setdefault("architecture", "stacked") == "stacked":
        sizes |= {"filters": 4, "dense_units": 4}
    else:
        sizes |= {"filters": 4, "dropout": 0.0}
    return KerasConvTextClassifier(
        **{**sizes, "epochs": 20, "learning_rate": 0.05, "random_state": 0, **parameters}
    )


def documents(vocabulary=VOCABULARY, n=32):
    """Documents with "good" (id 1) or "bad" (id 2) somewhere between other words; y tells which."""
    rng = np.random.RandomState(0)
    ids = rng.randint(3, 5, size=(n, 6))
    ids[:, :2] = 0
    y = np.arange(n) % 2
    ids[np.arange(n), rng.randint(2, 6, n)] = np.where(y, 1, 2)
    return TokenIds(ids, vocabulary), y


def ragged(n=32, maxlen=6):
    X, y = documents(n=n)
    lengths = np.random.RandomState(1).randint(0, maxlen + 1, n)
    rows = np.empty(n, dtype=object)
    rows[:] = [row[len(row) - length :] for row, length in zip(np.asarray(X), lengths, strict=True)]
    return TokenIds(rows, X.vocabulary), y


def embedding_of(classifier):
    return classifier.model_.get_layer("embedding")


# Each module that takes these has its own, fitted when a test first asks for it.
@pytest.fixture(scope="module")
def hybrid():
    return small(architecture="hybrid").fit(*documents())


@pytest.fixture(scope="module")
def stacked():
    return small().fit(*documents())


@pytest.fixture(scope="module")
def parallel():
    return small(architecture="parallel").fit(*documents())


can_compile = pytest.mark.backends("tensorflow", "jax", why="its compiler fails on these networks")
# "parallel" is a part of "hybrid": the nightly run has it, too.
each_architecture = pytest.mark.parametrize(
    "architecture", ["hybrid", "stacked", pytest.param("parallel", marks=pytest.mark.slow)]
)
# The same code runs for all, but for the network.
all_architectures = pytest.mark.parametrize(
    "architecture",
    ["hybrid", *(pytest.param(name, marks=pytest.mark.slow) for name in ("stacked", "parallel"))],
)
