"""Settings that must stand before scipy and Keras are imported, and what differs between Keras's backends."""

import os

import pytest

# scikit-learn skips its array API check without this.
os.environ["SCIPY_ARRAY_API"] = "1"
# TensorFlow's notes on the machine it runs on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")


def pytest_configure(config):
    if BACKEND != "tensorflow":
        # Keras's own variables have not caught up with NumPy 2 there. Ours must, so not everywhere.
        config.addinivalue_line("filterwarnings", "ignore:__array__ implementation:DeprecationWarning")


def pytest_runtest_setup(item):
    for mark in item.iter_markers("backends"):
        if BACKEND not in mark.args:
            pytest.skip(f"KERAS_BACKEND={BACKEND}: {mark.kwargs['why']}")


@pytest.fixture
def write(tmp_path):
    """Write a file into a temporary folder, and return its path."""

    def write(data, name="vectors.txt"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write
