"""load_exported: a classifier of texts from a file, without TensorFlow, Keras and scikit-learn."""

from functools import partial

import numpy as np
import pyarrow as pa

from skglove.documents import Documents
from skglove.exported.archive import Archive
from skglove.lexical_prediction import LabelPrediction, LexicalPrediction
from skglove.messages import shortened
from skglove.network.lookup import lookup_network
from skglove.pooling import pooled_probabilities
from skglove.splitting import check_texts, decode_words, split_texts
from skglove.word_ids import look_up, number_words


def load_exported(path):
    """Load a classifier of texts that `export` wrote.

    The file is checked against its SHA-256 checksums, then mapped into memory: processes that load the same
    file share its pages. Loading runs nothing that is in the file.

    Parameters
    ----------
    path : str or path-like
        The file. Do not change it while it is in use; replace it by another, as `export` does.

    Returns
    -------
    classifier : ExportedClassifier

    Raises
    ------
    ExportedFileError
        If the file is damaged, is of another kind, or was written by a newer skglove.
    OSError
        If the file cannot be opened.

    See Also
    --------
    export : Writes the file; has an example.

    Notes
    -----
    NumPy predicts. NumPy, SciPy, pyarrow and joblib are all that has to be installed beside skglove: ``pip
    install --no-deps skglove``, and these four.

    A process may load the file and fork. Predictions of many texts are computed in up to four threads, which
    end with the prediction.
    """
    archive = Archive(path)
    try:
        return ExportedClassifier(archive)
    except (ArithmeticError, LookupError, TypeError, ValueError, pa.ArrowException) as error:
        raise archive.error(
            f"its parts do not fit together ({type(error).__name__}: {shortened(str(error))}). Export the "
            "pipeline again."
        ) from error


class ExportedClassifier:
    """A classifier of texts, as `load_exported` returns it.

    Several threads may use it. A process may load it and fork: the children can use it, too. A pickle of it
    has only the path of the file and its checksum.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels. In multilabel ``np.arange(n_labels)``.
    checksum : str
        SHA-256 that covers the whole file: equal for equal classifiers.
    versions : dict of str to str
        Versions of the packages that wrote the file.
    """

    def __init__(self, archive):
        metadata = archive.metadata
        self._path, self.checksum, self.versions = archive.path, archive.checksum, metadata["versions"]
        self.classes_ = np.array(metadata["classes"]["values"], dtype=metadata["classes"]["dtype"])
        self._multilabel = metadata["multilabel"]
        rules = dict(metadata["splitting"])
        self._check = partial(
            check_texts, encoding=rules.pop("encoding"), decode_error=rules.pop("decode_error")
        )
        self._oov_id, self._rules = rules.pop("oov_id"), rules
        self._words = _read_words(archive)
        self._ids = {word: i for i, word in enumerate(decode_words(self._words), 1)}
        self._padding, self._maxlen = metadata["padding"], metadata["maxlen"]
        self._network = _read_network(archive)
        self._linear_model = _read_linear_model(archive)
        self._pool_weights = np.array(metadata["pool_weights"])
        if len(self._words) + 1 != self._network.n_ids:
            raise ValueError(f"{len(self._words)} words, but {self._network.n_ids} rows of the embedding")

    def predict_proba(self, texts):
        """Predict the probability of each class; in multilabel, of each label.

        Parameters
        ----------
        texts : iterable of n_texts str or bytes
            The texts, as in ``pipeline.predict_proba``.

        Returns
        -------
        probabilities : ndarray of shape (n_texts, n_classes), float32
            Columns are in the order of `classes_`. Those of the pipeline, up to rounding.

        Raises
        ------
        TypeError, ValueError
            If `texts` is not a collection of texts, or has none. The message names the first element that is
            not a text.
        """
        documents = self._documents(texts)
        probabilities = self._network.predict(documents, self._maxlen)
        model = self._linear_model
        others = [] if model is None else [model.predict_log_proba(documents)]
        return pooled_probabilities(probabilities, others, self._pool_weights, multilabel=self._multilabel)

    def _documents(self, texts):
        """Turn texts into the documents that the network and the linear model read."""
        documents, words = split_texts(self._check(texts), **self._rules)
        ids = look_up(words, self._ids, lambda: self._words, n_words=len(self._words), oov_id=self._oov_id)
        documents = number_words(documents, ids, self._oov_id)
        if self._padding is not None:
            documents = pad(documents, **self._padding)
        return documents.keep_last(self._maxlen)

    def predict(self, texts):
        """Predict the label of each text; in multilabel, all its labels.

        Parameters
        ----------
        texts : iterable of n_texts str or bytes
            The texts, as in `predict_proba`.

        Returns
        -------
        labels : ndarray of shape (n_texts,)
            Members of `classes_`. In multilabel an indicator matrix of shape (n_texts, n_labels), int64: 1
            where the probability is above 0.5.
        """
        probabilities = self.predict_proba(texts)
        if self._multilabel:
            return (probabilities > 0.5).astype(np.int64)
        return self.classes_[probabilities.argmax(axis=1)]

    def __repr__(self):
        return f"ExportedClassifier({len(self.classes_)} classes, {str(self._path)!r})"

    def __reduce__(self):
        return _load_again, (str(self._path.absolute()), self.checksum)


def _load_again(path, checksum):
    """Load the file that a pickle names."""
    classifier = load_exported(path)
    if classifier.checksum != checksum:
        raise ValueError(
            f"{path} is another classifier than the one that was pickled: its checksum is "
            f"{classifier.checksum}, not {checksum}."
        )
    return classifier


def pad(documents, *, maxlen, padding, truncating):
    """Make the documents that `KerasConvTextClassifier` reads from the matrix of a `SequencePadder`.

    Parameters
    ----------
    documents : Documents
        Token ids above 0.
    maxlen, padding, truncating
        As in `SequencePadder`.

    Returns
    -------
    documents : Documents
        At most `maxlen` ids each. Padding before a document is left out. A document without words is one id,
        0.
    """
    if truncating == "pre":
        documents = documents.keep_last(maxlen)
    else:
        positions = np.arange(len(documents.values)) - np.repeat(documents.bounds[:-1], documents.lengths)
        documents = documents.keep(positions < maxlen)
    lengths = np.maximum(documents.lengths, 1)
    if padding == "post":
        lengths[documents.lengths > 0] = maxlen
    padded = Documents(np.zeros(lengths.sum(), dtype=np.int32), lengths)
    starts = np.repeat(padded.bounds[:-1] - documents.bounds[:-1], documents.lengths)
    padded.values[starts + np.arange(len(documents.values))] = documents.values
    return padded


def _read_words(archive):
    """Read the words. A wrong offset would make Arrow read outside of the file, so all are checked."""
    file = pa.ipc.open_file(pa.py_buffer(archive.member("words.arrow")))
    words = file.get_batch(0).column(0)
    words.validate(full=True)
    if words.type != pa.large_binary() or words.null_count:
        raise ValueError(f"words of type {words.type}")
    return words


def _read_network(archive):
    network = archive.metadata["network"]
    weights = {
        tensor["name"]: archive.numbers("network.weights", "<f4", tensor["shape"], tensor["offset"])
        for tensor in network["weights"]
    }
    return lookup_network(network["class"], network["config"], list(weights.values()))


def _read_linear_model(archive):
    values = archive.metadata["linear_model"]
    if values is None:
        return None
    arrays = {name: archive.array(f"linear_model/{name}.npy") for name in ("features", "columns", "idf")}
    model = LabelPrediction() if values["labels"] else LexicalPrediction()
    model.ignored_, model.sharpness_ = tuple(values["ignored"]), values["sharpness"]
    model.features_, model.columns_, model.idf_ = arrays["features"], arrays["columns"], arrays["idf"]
    of_models = range(values["n_models"])
    model.weights_ = [archive.array(f"linear_model/weights_{i}.npy") for i in of_models]
    model.intercepts_ = [archive.array(f"linear_model/intercepts_{i}.npy") for i in of_models]
    if values["labels"]:
        model.shift_ = archive.array("linear_model/shift.npy")
    else:
        model.softening_ = values["softening"]
    # SciPy's products would read outside of the arrays, if columns were too large.
    n_features = len(model.features_)
    if not 0 <= model.columns_.min() <= model.columns_.max() < n_features == len(model.idf_):
        raise ValueError("columns of the linear model that it does not have")
    return model
