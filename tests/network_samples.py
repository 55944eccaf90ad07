"""Networks with random weights, and documents for them, that the modules of tests of prediction share."""

import keras
import numpy as np
from hypothesis import strategies as st

from skglove.network.build import build_network
from skglove.network.models import expand

N_IDS = 400
# Zeros within documents are padding, too.
IDS = st.integers(0, 20) | st.just(N_IDS - 1)
DOCUMENTS = st.lists(st.lists(IDS, max_size=24), min_size=1, max_size=9)


def network(architecture, *, pooled=True, n_classes=3, dim=6, scale=0.4, **options):
    """Make a network whose weights are all random, also the vector of padding, as after training."""
    rng = np.random.RandomState(0)
    model = build_network(
        N_IDS, n_classes, architecture=architecture, embedding_dim=dim, **{"filters": 5, **options}
    )
    model.set_weights([scale * rng.standard_normal(weight.shape) for weight in model.get_weights()])
    if architecture == "hybrid" and pooled:
        (vectors,) = model.get_layer("embedding").get_weights()
        model = expand(model, vectors, np.arange(N_IDS), head_weights=np.array([0.8, 0.3]))
    return model


def padded(documents, maxlen):
    ids = np.zeros((len(documents), maxlen), dtype=np.int32)
    for row, document in zip(ids, documents, strict=True):
        row[maxlen - len(document) :] = document
    return ids


def plain_probabilities(model, ids):
    """Compute the network by Keras's own layers, with the padding."""
    return keras.ops.convert_to_numpy(keras.Model(model.inputs[0], model.outputs[0])(ids))
