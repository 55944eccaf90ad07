import numpy as np
import pytest
from network_samples import N_IDS, network, padded, plain_probabilities

from skglove.exported.onnx_graph import WEIGHTS_FILE, OnnxGraph, lay_out, shorten_config

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("parallel", {"kernel_size": (3, 4, 5)}),
        ("parallel", {"kernel_size": 2, "log_odds": np.zeros(3), "dropout": 0.5}),
        ("hybrid", {"kernel_size": (2, 5), "n_classes": 2}),
        ("hybrid", {"kernel_size": (3, 1), "log_odds": np.zeros(3)}),
        ("stacked", {"kernel_size": 3, "pool_size": 2, "dense_units": 4}),
        ("stacked", {"kernel_size": 4, "n_conv_layers": 1, "log_odds": np.zeros(3), "dropout": 0.5}),
    ],
    ids=str,
)
def test_onnx_runtime_computes_what_keras_computes(architecture, options, tmp_path):
    model = network(architecture, **options)
    config = shorten_config(model.get_config())
    tensors, weights = lay_out(config, model.get_weights())
    (tmp_path / WEIGHTS_FILE).write_bytes(weights)
    path = tmp_path / "network.onnx"
    path.write_bytes(OnnxGraph(config, tensors).build())
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng = np.random.RandomState(0)
    documents = [rng.randint(0, N_IDS, length) for length in (40, 20, 7, 1, 0)]
    for maxlen in (40, 50, 2):  # the last has fewer columns than a filter spans
        ids = padded([document[:maxlen] for document in documents], maxlen)
        (probabilities,) = session.run(["probabilities"], {"ids": ids})
        expected = plain_probabilities(model, ids)
        assert probabilities.shape == expected.shape
        assert maxlen == 2 or np.ptp(expected, axis=0).max() > 0.01
        np.testing.assert_allclose(probabilities, expected, atol=1e-6)
