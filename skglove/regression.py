"""Linear models of two classes by stochastic gradient descent, several at a time."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from sklearn.linear_model import SGDClassifier

# Steps of gradient descent, fewest and most epochs, C (the inverse of the penalty, which matters little after
# so few), and the exponent by which the learning rate falls.
STEPS, PASSES, INVERSE_PENALTY, POWER = 20_000, (3, 4), 300, 0.25


def regress(training, is_positive, classes, seeds, n_different, kind):
    """Fit regressions by stochastic gradient descent.

    Parameters
    ----------
    training : skglove.lexical.Training
        Documents to learn from.
    is_positive : callable
        Gives, for each of `classes`, an ndarray of shape (n_documents,), bool.
    classes, seeds : sequence of n_regressions ints
        One for each regression.
    n_different : int
        Documents to learn from, without copies and with those that are left out.
    kind : tuple
        One of `skglove.lexical.REGRESSIONS`.

    Returns
    -------
    weights : ndarray of shape (n_regressions, n_features), float32
    intercepts : ndarray of shape (n_regressions,), float32
    """
    loss, rate, factor = kind
    settings = {
        "alpha": 1 / (INVERSE_PENALTY * n_different),
        "max_iter": int(np.clip(STEPS // n_different, *PASSES)),
        "tol": None,
        "learning_rate": "invscaling",
        "eta0": rate,
        "power_t": POWER,
    }

    def fit(code, seed):
        model = SGDClassifier(loss, **settings, random_state=seed)
        model.fit(training.X, is_positive(code), sample_weight=training.sample_weight)
        # As an array: NumPy 1 makes a double of a factor and a single number.
        return factor * model.coef_[0].astype(np.float32), (factor * model.intercept_.astype(np.float32))[0]

    with ThreadPoolExecutor() as threads:
        weights, intercepts = zip(*threads.map(fit, classes, seeds), strict=True)
    return np.array(weights), np.array(intercepts)
