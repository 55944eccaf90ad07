"""What must hold from one process to another. Both take some seconds to import TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent

FIT = """
import os, sys
cores, folder = sys.argv[1:]
if cores == "one":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import numpy as np
from skglove import KerasConvTextClassifier

rng = np.random.RandomState(0)
X, y = rng.randint(1, 500, (160, 200)), np.arange(160) % 3
sizes = {"embedding_dim": 50, "filters": 64, "batch_size": 32, "epochs": 2, "random_state": 0}
stacked = KerasConvTextClassifier("stacked", **sizes).fit(X, y)
np.save(f"{folder}/{cores}.npy", stacked.predict_proba(X))
if cores == "one":
    stacked.model_.save(f"{folder}/network.keras")
    np.save(f"{folder}/ids.npy", X)
"""

LOAD = """
import os, sys
import skglove
assert "keras" not in sys.modules
import skglove.network.models
import keras, numpy as np

network = keras.models.load_model(f"{sys.argv[1]}/network.keras")
np.save(f"{sys.argv[1]}/loaded.npy", network.predict_on_batch(np.load(f"{sys.argv[1]}/ids.npy")))
"""


def run(script, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_NUM_INTRAOP_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    run(FIT, "one", str(folder))
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores can be taken away only in Linux")
def test_with_one_thread_predictions_are_the_same_on_any_number_of_cores(folder):
    run(FIT, "all", str(folder))
    np.testing.assert_array_equal(np.load(folder / "one.npy"), np.load(folder / "all.npy"))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="as above")
def test_a_saved_network_can_be_loaded_after_importing_its_layers(folder):
    run(LOAD, str(folder))
    np.testing.assert_allclose(np.load(folder / "loaded.npy"), np.load(folder / "one.npy"), atol=1e-6)
