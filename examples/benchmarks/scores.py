"""Figures of one model on one split."""

import time

import numpy as np
from sklearn.metrics import log_loss


def expected_calibration_error(probabilities, codes, n_bins=15):
    """Return the expected calibration error over bins of equal width (Guo et al., 2017)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == codes
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [
        abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean() for b in set(bins)
    ]
    return float(sum(gaps))


def measure(model, train, test):
    """Fit a model on the training set, a pair of texts and codes; return its figures on the test set."""
    start = time.perf_counter()
    model.fit(*train)
    fitted = time.perf_counter()
    texts, codes = test
    if hasattr(model, "predict_proba"):
        probabilities = np.asarray(model.predict_proba(texts), dtype=float)
    else:
        probabilities = None
        predicted = model.predict(texts)
    result = {"fit_seconds": fitted - start, "predict_seconds": time.perf_counter() - fitted}
    if probabilities is not None:
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        predicted = probabilities.argmax(axis=1)
        result["log_loss"] = float(log_loss(codes, probabilities, labels=range(probabilities.shape[1])))
        result["calibration_error"] = expected_calibration_error(probabilities, codes)
    return {"accuracy": float((predicted == codes).mean()), **result}
