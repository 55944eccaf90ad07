"""Settings that must stand before scipy and TensorFlow are imported."""

import os

# scikit-learn skips its array API check without this.
os.environ["SCIPY_ARRAY_API"] = "1"
# TensorFlow's notes on the machine it runs on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
