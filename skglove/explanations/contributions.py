"""What each token of a document adds to the log-odds of a class."""

import numpy as np
from scipy.special import expit, log_expit

from skglove.network.contributions import reader

# Points on the path from the empty text to the text.
N_POINTS = 256


class Contributions:
    """Share the log-odds of a class against all others among the tokens of documents.

    The scores of the classes are sums over tokens: see `lexical_token_scores`, and
    `skglove.network.contributions.reader`. The log-odds are not: how much a score matters depends on the
    other scores. So each score is weighted by its mean effect on the straight path from the scores of an
    empty text to those of the text (integrated gradients [1]_, of the scores). With two classes, these
    weights are 1 and -1.

    Parameters
    ----------
    classifier : KerasConvTextClassifier
        A fitted classifier.

    References
    ----------
    .. [1] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", ICML 2017.
    """

    def __init__(self, classifier):
        self._weights, self._model = classifier._pool_weights, classifier.lexical_model_
        self._read = reader(classifier._network, classifier.maxlen_)

    def of(self, ids, code):
        """Share the log-odds of one document.

        Parameters
        ----------
        ids : ndarray of shape (n_tokens,), int32
            The document, of at most `maxlen_` ids; 0 is padding.
        code : int
            The class, as its index in `classes_`.

        Returns
        -------
        baseline : float
            The log-odds of an empty text.
        contributions : ndarray of shape (n_tokens,), float64
            What each token adds. Together with `baseline` they add up to the log-odds, within 0.001.
        """
        weight = self._weights[0]
        whole, empty, share = self._read(ids)
        whole, empty, lexical = weight * whole, weight * empty, None
        if self._model is not None:
            scores, of_nothing = lexical_token_scores(self._model, ids)
            lexical, of_nothing = self._weights[1] * scores, self._weights[1] * of_nothing
            whole, empty = whole + of_nothing + lexical.sum(axis=0), empty + of_nothing
        effects = _mean_effects(empty, whole - empty, code)
        parts = weight * share(effects)
        return log_odds(empty, code), parts if lexical is None else parts + lexical @ effects


def log_odds(scores, code):
    """Compute the log-odds of a class against all others.

    Parameters
    ----------
    scores : ndarray of shape (n_classes,), float
        What the softmax gets, or log-probabilities.
    code : int
        The class.

    Returns
    -------
    log_odds : float
    """
    return float(scores[code] - np.logaddexp.reduce(np.delete(scores, code)))


def _mean_effects(empty, change, code):
    """Average the gradient of the log-odds with respect to the scores over the path."""
    places = (np.arange(N_POINTS) + 0.5) / N_POINTS
    scores = empty + places[:, np.newaxis] * change
    scores[:, code] = -np.inf
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    effects = -(odds / odds.sum(axis=1, keepdims=True)).mean(axis=0)
    effects[code] = 1
    return effects


def lexical_token_scores(model, ids):
    """Share the class scores of the linear model among the tokens of a document, exactly.

    Naive Bayes and regression are linear in the TF-IDF of words and pairs, given its L2 norm. The standard
    deviation that divides the scores of naive Bayes is taken as given, too. The logarithm of the logistic
    function, which follows the regression, is replaced by its secant from an empty document to this one.
    Occurrences of a word or pair share its score equally, and the two words of a pair share that of the pair.

    Parameters
    ----------
    model : LexicalModel
        The linear model.
    ids : ndarray of shape (n_tokens,), int32
        The document; 0 is padding.

    Returns
    -------
    scores : ndarray of shape (n_tokens, n_classes), float64
        What each token adds.
    empty : ndarray of shape (n_classes,), float64
        The scores of a document without known words. The softmax of all added up is the model's answer.
    """
    keys = _keys(ids.astype(np.int64))  # those with ignored words are no features
    at = np.minimum(np.searchsorted(model.features_, keys), len(model.features_) - 1)
    (known,) = np.nonzero((model.features_[at] == keys) & (keys != 0))
    columns, places, counts = np.unique(model.columns_[at[known]], return_inverse=True, return_counts=True)
    values = (np.log(counts) + 1) * model.idf_[columns]
    values /= np.sqrt((values * values).sum())
    scores, empty = _feature_scores(model, columns, values)
    of_keys = np.zeros((len(keys), len(empty)))
    of_keys[known] = (scores / counts[:, np.newaxis])[places]
    of_tokens, of_pairs = of_keys[::2], of_keys[1::2]
    of_tokens += of_pairs / 2
    of_tokens[1:] += of_pairs[:-1] / 2
    return of_tokens, empty


def _keys(ids):
    """Make two keys for each word, its own and that of the pair that it begins, as `words_and_pairs`."""
    keys = np.zeros((len(ids), 2), dtype=np.int64)
    keys[:, 0] = ids
    keys[:-1, 1] = np.where(ids[:-1] * ids[1:] != 0, ids[:-1] << 32 | ids[1:], 0)
    return keys.ravel()


def _feature_scores(model, columns, values):
    """Compute what the words and pairs of a document add to the scores, and the scores without any."""
    terms = values[:, np.newaxis] * model._weights_of(columns)
    divisor = np.hypot(terms.sum(axis=0).std(), model.softening_)
    scores, empty = model.sharpness_[0] / divisor * terms, np.zeros(terms.shape[1])
    if len(model.intercepts_) > 1:
        weights, start = model.weights_[1], model.intercepts_[1].astype(np.float64)
        n = np.searchsorted(columns, len(weights))  # the others have none
        terms = values[:n, np.newaxis] * weights[columns[:n]]
        change, empty = terms.sum(axis=0), model.sharpness_[1] * log_expit(start)
        rise = log_expit(start + change) - log_expit(start)
        secants = np.divide(rise, change, out=expit(-start), where=change != 0)
        scores[:n] += model.sharpness_[1] * secants * terms
    return scores, empty
