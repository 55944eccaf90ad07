"""export: a fitted pipeline to one file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from sklearn.utils.validation import check_is_fitted

from skglove import vocabulary_checks
from skglove.classifier import KerasConvTextClassifier
from skglove.exported.archive import npy, write_archive
from skglove.exported.onnx_graph import OnnxGraph, lay_out, shorten_config
from skglove.label_model import LabelModel
from skglove.messages import shortened
from skglove.padder import SequencePadder
from skglove.splitting import encode_words
from skglove.tokenizer import GloveTokenizer
from skglove.vectors.writing import replacing
from skglove.versions import current_versions

# Of `metadata.json`, for those who run the network alone.
INPUT = (
    "ids: int32 of shape (documents, columns). Id i is word i of words.arrow, counted from 1; 0 is padding. "
    "Each document has the columns that 'maxlen' says, its ids at the end."
)
OUTPUT = "probabilities: float32 of shape (documents, outputs), of the network without the linear model"


def export(pipeline, path):
    """Write a fitted pipeline as one file that predicts without TensorFlow, Keras and scikit-learn.

    The file is a zip of plain data: words, rules for splitting texts, the network in ONNX, the linear model,
    classes, versions and checksums. It holds no pickle, and nothing in it is run when `load_exported` loads
    it. The same pipeline gives the same bytes.

    The network is computed in float32, whatever its `dtype_policy`: with "mixed_bfloat16", probabilities
    differ from the pipeline's by the rounding of bfloat16, about 0.01.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        A fitted Pipeline of `GloveTokenizer`, perhaps a `SequencePadder`, and `KerasConvTextClassifier`. A
        fitted search, such as `GridSearchCV`, stands for its best estimator.
    path : str or path-like
        The file to write. It is written beside its place and renamed, so that an older file is replaced as a
        whole or not at all.

    Raises
    ------
    TypeError
        If `pipeline` is not such a Pipeline, or if a label is not a str, int, float or bool.
    ValueError
        If the tokenizer splits by a function: the file holds no code.
    NotFittedError
        If the pipeline is not fitted.
    ImportError
        If onnx is not installed: ``pip install 'skglove[serve]'``.
    OSError
        If the file cannot be written.

    See Also
    --------
    load_exported : Reads the file.

    Notes
    -----
    Unzipped, "network.onnx" is a model for a plain `onnxruntime.InferenceSession`. It has one input, "ids",
    int32 of shape (n_documents, n_columns): token ids, each document padded at its beginning with 0 to
    "maxlen" columns, see "metadata.json". Its output, "probabilities", are those of `model_`: of the network
    alone.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skglove import export, load_exported, make_text_classifier
    >>> texts, labels = ["good film", "great film", "bad film", "awful film"] * 8, ["+", "+", "-", "-"] * 8
    >>> pipeline = make_text_classifier(vectors=None, num_words=100, epochs=20, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "films.skglove"
    ...     export(pipeline.fit(texts, labels), path)
    ...     load_exported(path).predict(["a great film", "an awful film"]).tolist()
    ['+', '-']
    """
    tokenizer, padder, classifier = _check_pipeline(pipeline)
    _import_onnx()
    (name, config, weights, _), versions = classifier._network.take_apart()
    config = shorten_config(config)
    tensors, data = lay_out(config, weights)
    linear_model, arrays = _linear_model(classifier.lexical_model_)
    metadata = {
        "versions": current_versions("skglove", "onnx") | versions,
        "classes": _labels(classifier.classes_),
        "multilabel": classifier._multilabel,
        "splitting": _splitting(tokenizer),
        "padding": None
        if padder is None
        else {"maxlen": padder.maxlen_, "padding": padder.padding, "truncating": padder.truncating},
        "maxlen": int(classifier.maxlen_),
        "pool_weights": classifier._pool_weights.tolist(),
        "network": {"class": name, "config": config, "weights": tensors, "input": INPUT, "output": OUTPUT},
        "linear_model": linear_model,
    }
    members = {
        "words.arrow": _words(tokenizer._vocabulary.words),
        "network.onnx": OnnxGraph(config, tensors).build(),
        "network.weights": data,
        **{f"linear_model/{name}.npy": npy(array) for name, array in arrays.items()},
    }
    with replacing(Path(path)) as out:
        write_archive(out, metadata, members)


def _check_pipeline(pipeline):
    """Return the steps of a fitted Pipeline: tokenizer, padder or None, classifier."""
    pipeline = getattr(pipeline, "best_estimator_", pipeline)
    needed = "export needs a Pipeline of GloveTokenizer, perhaps SequencePadder, and KerasConvTextClassifier"
    if not hasattr(pipeline, "steps"):
        raise TypeError(
            f"{needed}, got {type(pipeline).__name__}. Give the whole Pipeline, or a search after fit, with "
            "refit=True."
        )
    steps = [step for _, step in pipeline.steps if step is not None and not isinstance(step, str)]
    kinds = GloveTokenizer, SequencePadder, KerasConvTextClassifier
    if len(steps) == 2:
        kinds = GloveTokenizer, KerasConvTextClassifier
    if len(steps) != len(kinds) or not all(map(isinstance, steps, kinds)):
        names = ", ".join(type(step).__name__ for step in steps)
        raise TypeError(f"{needed}, got one of {names}. Apply other steps before and after, outside.")
    tokenizer, classifier = steps[0], steps[-1]
    tokenizer._check_fitted()  # which takes over a vocabulary that is given
    for step in steps[1:]:
        check_is_fitted(step)
    vocabulary_checks.check_vocabulary(tokenizer._vocabulary, classifier._vocabulary)
    return tokenizer, steps[1] if len(steps) == 3 else None, classifier


def _splitting(tokenizer):
    if callable(tokenizer.style):
        raise ValueError(
            f"style={shortened(tokenizer.style)} cannot be exported: the file holds no code. Call the "
            "function yourself before fit and predict, join the words that it returns by a character that "
            "they do not have, such as '\\n', and set style='keras', split='\\n', filters='', lower=False."
        )
    names = "style", "lower", "filters", "split", "encoding", "decode_error"
    return {name: getattr(tokenizer, name) for name in names} | {"oov_id": int(tokenizer._oov_id)}


def _labels(classes):
    """Write labels as JSON has them, and their dtype."""
    values = classes.tolist()
    for kind in (str, bool, int, float):
        if all(isinstance(value, kind) for value in values):
            return {"dtype": classes.dtype.str, "values": [kind(value) for value in values]}
    names = ", ".join(sorted({type(value).__name__ for value in values}))
    raise TypeError(
        f"Labels of type {names} cannot be exported, only str, int, float and bool: {shortened(values)}. Fit "
        "on such labels, for instance y.astype(str)."
    )


def _words(words):
    """Write the words, in UTF-8 and by their ids, as an Arrow IPC file."""
    batch = pa.record_batch([encode_words(words)], names=["word"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batch.schema) as file:
        file.write_batch(batch)
    return sink.getvalue().to_pybytes()


def _linear_model(model):
    """Return what of a linear model JSON has, and its arrays by name; None and nothing without one."""
    if model is None:
        return None, {}
    arrays = {"features": model.features_, "columns": model.columns_.astype(np.int32), "idf": model.idf_}
    for i, of_model in enumerate(zip(model.weights_, model.intercepts_, strict=True)):
        arrays |= dict(zip((f"weights_{i}", f"intercepts_{i}"), of_model, strict=True))
    values = {
        "n_models": len(model.weights_),
        "labels": isinstance(model, LabelModel),
        "ignored": [int(token) for token in model.ignored_],
        "sharpness": model.sharpness_,
    }
    if values["labels"]:
        return values, arrays | {"shift": model.shift_}
    return values | {"softening": model.softening_}, arrays


def _import_onnx():
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise ImportError("export writes the network with onnx: pip install 'skglove[serve]'.") from error
