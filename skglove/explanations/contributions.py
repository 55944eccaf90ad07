"""What each token of a document adds to the log-odds of a class."""

from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit, log_expit

from skglove.lexical_prediction import keys_of_tokens
from skglove.network.contributions import Parts, add_up, reader
from skglove.threads import chunks

# Points on the path from the empty text to the text. Log-odds are exact to 0.001 if the differences of scores
# change by no more than 90, which is more than probabilities in float32 can tell.
N_POINTS = 80
# Chunks have CHUNK_SIZE / (KERNELS + n_classes) tokens: about 8,000, whose arrays take 50 MB at most. The
# products of a token with the kernels take about as much memory as the scores of KERNELS classes.
CHUNK_SIZE, KERNELS = 2**20, 128


class Contributions:
    """Share the log-odds of a class against all others among the tokens of documents.

    The scores of the classes are sums over tokens: see `read_lexical`, and
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
        self._classifier = classifier
        self._read = reader(classifier._network, classifier.maxlen_)

    def of(self, documents, codes=None):
        """Share the log-odds of documents, a chunk of them at a time.

        Parameters
        ----------
        documents : Documents
            At most `maxlen_` ids each; 0 is padding.
        codes : ndarray of shape (n_documents,), int, or None, default=None
            The class of each, as its index in `classes_`. None is the predicted one.

        Yields
        ------
        code : int
            The class.
        probability : float
            Its probability, as `predict_proba` returns it.
        baseline : float
            The log-odds of an empty text.
        contributions : ndarray of shape (n_tokens,), float64
            What each token adds. Together with `baseline` they add up to the log-odds, within 0.001.
        """
        classifier = self._classifier
        model, n_classes = classifier.lexical_model_, len(classifier.classes_)
        by_keras = None if classifier._network.lookup else classifier._predict_documents(documents)
        for chunk in chunks(documents, CHUNK_SIZE // (KERNELS + n_classes)):
            few = documents[chunk]
            of_network, *parts = self._read(few)
            probabilities = classifier._pooled_proba(of_network if by_keras is None else by_keras[chunk], few)
            of_classes = probabilities.argmax(axis=1) if codes is None else codes[chunk]
            if model is not None:
                parts.append(read_lexical(model, few))
            whole, empty, share = add_up(parts, classifier._pool_weights[: len(parts)])
            empty = np.tile(empty, (len(few), 1))
            shares = share(_mean_effects(empty, whole - empty, of_classes))
            yield from zip(
                of_classes.tolist(),
                probabilities[np.arange(len(few)), of_classes].tolist(),
                log_odds(empty, of_classes).tolist(),
                np.split(shares, few.bounds[1:-1]),
                strict=True,
            )


def log_odds(scores, codes):
    """Compute the log-odds of a class against all others.

    Parameters
    ----------
    scores : ndarray of shape (n_documents, n_classes), float
        What the softmax gets, or log-probabilities.
    codes : ndarray of shape (n_documents,), int
        The class of each document.

    Returns
    -------
    log_odds : ndarray of shape (n_documents,), float
    """
    at, others = (np.arange(len(codes)), codes), scores.copy()
    others[at] = -np.inf
    return scores[at] - np.logaddexp.reduce(others, axis=1)


def _mean_effects(empty, change, codes):
    """Average the gradients of the log-odds with respect to the scores over the path of each document."""
    at, effects = (np.arange(len(codes)), codes), np.zeros(change.shape)
    empty, change = empty.copy(), change.copy()
    empty[at], change[at] = -np.inf, 0
    for point, weight in zip(*_quadrature(), strict=True):
        odds = empty + point * change
        odds -= odds.max(axis=1, keepdims=True)
        np.exp(odds, out=odds)
        effects -= odds * (weight / odds.sum(axis=1, keepdims=True))
    effects[at] = 1
    return effects


def read_lexical(model, documents):
    """Share the class scores of the linear model among the tokens of documents, exactly.

    Naive Bayes and regression are linear in the TF-IDF of words and pairs, given its L2 norm. The standard
    deviation that divides the scores of naive Bayes is taken as given, too. The logarithm of the logistic
    function, which follows the regression, is replaced by its secant from an empty document to this one.
    Occurrences of a word or pair share its score equally, and the two words of a pair share that of the pair.

    Parameters
    ----------
    model : LexicalModel
        The linear model.
    documents : Documents
        Token ids; 0 is padding.

    Returns
    -------
    parts : Parts
    """
    keys, n_features = keys_of_tokens(documents), len(model.features_)
    columns = model._look_up(keys.ravel())  # pairs with ignored words are no features
    (known,) = np.nonzero((columns >= 0) & (keys.ravel() != 0))
    # Each word or pair of a document once, sorted by documents
    terms = np.repeat(documents.rows, 2)[known].astype(np.int64) * n_features + columns[known]
    terms, places, counts = np.unique(terms, return_inverse=True, return_counts=True)
    rows, columns = np.divmod(terms, n_features)
    bounds = np.searchsorted(rows, np.arange(len(documents) + 1))
    add_terms = csr_array((np.ones(len(rows)), np.arange(len(rows)), bounds), (len(documents), len(rows)))
    values = (np.log(counts) + 1) * model.idf_[columns]
    values /= np.sqrt(add_terms @ (values * values))[rows]
    scores, empty = _term_scores(model, columns, values, rows, add_terms)

    def share(effects):
        of_keys = np.zeros(keys.shape)
        of_keys.ravel()[known] = (np.einsum("tc,tc->t", scores, effects[rows]) / counts)[places]
        of_words, of_pairs = of_keys[:, 0], of_keys[:, 1] / 2
        shares = of_words + of_pairs
        shares[1:] += of_pairs[:-1]
        return shares

    return Parts(empty + add_terms @ scores, empty, share)


def _term_scores(model, columns, values, rows, add_terms):
    """Compute what words and pairs of documents add to the scores, and the scores without any."""
    terms = values[:, np.newaxis] * model._weights_of(columns)
    divisors = np.hypot((add_terms @ terms).std(axis=1, keepdims=True), model.softening_)
    scores, empty = (model.sharpness_[0] / divisors)[rows] * terms, np.zeros(terms.shape[1])
    if len(model.intercepts_) > 1:
        weights, start = model.weights_[1], model.intercepts_[1].astype(np.float64)
        (at,) = np.nonzero(columns < len(weights))  # the others have none
        terms = values[at, np.newaxis] * weights[columns[at]]
        change, empty = add_terms[:, at] @ terms, model.sharpness_[1] * log_expit(start)
        rise = log_expit(start + change) - log_expit(start)
        secants = np.divide(rise, change, out=np.tile(expit(-start), (len(rise), 1)), where=change != 0)
        scores[at] += model.sharpness_[1] * secants[rows[at]] * terms
    return scores, empty


@lru_cache(maxsize=1)
def _quadrature():
    """Return points and weights of the Gauss-Legendre quadrature from 0 to 1."""
    points, weights = np.polynomial.legendre.leggauss(N_POINTS)
    return (points + 1) / 2, weights / 2
