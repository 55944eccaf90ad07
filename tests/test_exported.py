import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from copy import copy
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from text_samples import draw_texts

from skglove import (
    ExportedClassifier,
    ExportedFileError,
    GloveTokenizer,
    KerasConvTextClassifier,
    SequencePadder,
    export,
    load_exported,
)
from skglove.exported.classifier import pad
from skglove.network.pickling import StoredNetwork

pytest.importorskip("onnx")
ROOT = Path(__file__).parent.parent
TEXTS, LABELS = draw_texts(16, seed=0)
# Also no text at all, unknown words, bytes, a text longer than maxlen, and characters that are hard to write.
NEW = [*TEXTS[:6], "", "zzz", b"the oven", "goal " * 40, "The \udc80 Pot, it's \u2018hot\u2019 \U0001f600!"]


def fit(architecture, labels=LABELS, padder=(), **options):
    sizes = {"embedding_dim": 4, "filters": 5, "epochs": 2, "random_state": 0, "learning_rate": 0.05}
    classifier = KerasConvTextClassifier(architecture, **{"maxlen": 30, **sizes, **options})
    return make_pipeline(GloveTokenizer(None), *padder, classifier).fit(TEXTS, labels)


@pytest.fixture(scope="module")
def hybrid():
    return fit("hybrid")


@pytest.fixture(scope="module")
def parallel():
    return fit("parallel")


@pytest.fixture(scope="module")
def stacked():
    options = {"pool_size": 2, "dense_units": 4, "n_conv_layers": 2, "kernel_size": 2, "maxlen": "auto"}
    return fit("stacked", LABELS == "music", [SequencePadder(maxlen=20)], **options)


@pytest.fixture(scope="module")
def multilabel():
    return fit("hybrid", np.stack([LABELS == "music", LABELS != "sport"], axis=1))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "topics.skglove"


def changed(pipeline, **attributes):
    """Copy a Pipeline; set attributes of its classifier."""
    classifier = copy(pipeline[-1])
    vars(classifier).update(attributes)
    return make_pipeline(*(step for _, step in pipeline.steps[:-1]), classifier)


def with_tokenizer(pipeline, tokenizer, *padders):
    """Replace the tokenizer of a Pipeline of a "parallel" network; words get random vectors."""
    name, config, weights, jit_compile = pipeline[-1]._network.take_apart()[0]
    n_ids = len(tokenizer._vocabulary) + 1
    vectors = np.random.RandomState(0).standard_normal((n_ids, weights[0].shape[1])).astype(np.float32)
    network = StoredNetwork.of_parts((name, config, [vectors, *weights[1:]], jit_compile))
    classifier = changed(pipeline, _network=network, _vocabulary=tokenizer._vocabulary)[-1]
    if padders:
        classifier.maxlen_ = classifier.n_features_in_ = padders[0].maxlen_
    return make_pipeline(tokenizer, *padders, classifier)


@pytest.mark.parametrize("name", ["hybrid", "parallel", "stacked", "multilabel"])
def test_predictions_are_those_of_the_pipeline(name, path, request):
    pipeline = request.getfixturevalue(name)
    assert export(pipeline, path) is None
    exported = load_exported(path)
    assert isinstance(exported, ExportedClassifier)
    expected = pipeline.predict_proba(NEW)
    assert np.ptp(expected[:6], axis=0).max() > 0.01
    probabilities = exported.predict_proba(NEW)
    assert (probabilities.dtype, probabilities.shape) == (np.float32, expected.shape)
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    labels = exported.predict(NEW)
    assert labels.dtype == pipeline.predict(NEW).dtype
    np.testing.assert_array_equal(labels, pipeline.predict(NEW))
    np.testing.assert_array_equal(exported.classes_, pipeline.classes_)
    np.testing.assert_array_equal(exported.predict_proba(NEW[:1]), probabilities[:1])
    assert len(exported.checksum) == 64
    assert {"skglove", "keras"} <= set(exported.versions)


@pytest.mark.slow
def test_the_network_alone_runs_in_onnx_runtime(hybrid, path, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    export(hybrid, path)
    with zipfile.ZipFile(path) as file:
        file.extractall(tmp_path)
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    ids = SequencePadder(maxlen=30).fit_transform(hybrid[:-1].transform(TEXTS))
    (probabilities,) = session.run(None, {"ids": np.asarray(ids).astype(np.int32)})
    np.testing.assert_allclose(probabilities, hybrid[-1].model_.predict_on_batch(np.asarray(ids)), atol=1e-6)


SCRIPT = """
import json, os, sys
import numpy as np

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in REFUSED or name == "scipy.stats":
            raise ImportError(f"{name} must not be imported")

REFUSED = {"tensorflow", "keras", "jax", "torch", "sklearn", "pandas", "onnx", "onnxruntime", "pickle5"}
sys.meta_path.insert(0, Blocked())
from skglove import load_exported

paths, texts = json.load(sys.stdin)
exported = [load_exported(path) for path in paths]
if not os.environ["FORK"]:
    found = [one.predict_proba(texts).tolist() for one in exported]
else:
    import skglove.threads
    skglove.threads.CHUNK_TOKENS = 8  # so that parent and child compute in threads
    for one in exported:
        one.predict_proba(texts)
    read, write = os.pipe()
    child = os.fork()
    found = [one.predict_proba(texts).tolist() for one in exported]
    if not child:
        os.write(write, json.dumps(found).encode())
        os._exit(0)
    os.close(write)
    with open(read) as pipe:
        assert json.load(pipe) == found
    assert os.waitpid(child, 0)[1] == 0
print(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.parametrize("fork", ["", "fork"])
def test_a_process_without_keras_and_scikit_learn_predicts_also_when_it_has_forked(
    fork, hybrid, parallel, stacked, multilabel, tmp_path
):
    if fork and not hasattr(os, "fork"):
        pytest.skip("this system does not fork")
    pipelines, texts = [hybrid, parallel, stacked, multilabel], [*TEXTS[:6], "", "zzz"]
    paths = [str(tmp_path / f"{i}.skglove") for i in range(len(pipelines))]
    for pipeline, path in zip(pipelines, paths, strict=True):
        export(pipeline, path)
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        input=json.dumps([paths, texts]),
        env={**os.environ, "PYTHONPATH": str(ROOT), "FORK": fork},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    for pipeline, probabilities in zip(pipelines, json.loads(ended.stdout), strict=True):
        np.testing.assert_allclose(probabilities, pipeline.predict_proba(texts), atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"lower": False},
        {"oov_token": "<OOV>", "num_words": 9},
        {"oov_token": "the"},  # which is a word of the texts: it keeps the id of the word
        {"num_words": 4, "style": "keras"},
        {"style": "keras", "filters": "eo\u20ac", "split": "a"},
        {"style": "keras", "filters": "!", "split": " and ", "lower": False},
        {"encoding": "latin-1", "decode_error": "ignore"},
        {"vocabulary": ["pot", "oven", "the", "<OOV>", "it's"], "oov_token": "<OOV>"},
    ],
    ids=str,
)
def test_every_rule_of_the_tokenizer_is_exported(options, parallel, path):
    tokenizer = GloveTokenizer(None, **options).fit([*TEXTS, "The END", "\udc80 it's \u2018hot\u2019"])
    pipeline = with_tokenizer(parallel, tokenizer)
    export(pipeline, path)
    for texts in (NEW, NEW[:1] * 3, [*NEW, "<OOV> the a"] * 2):
        np.testing.assert_array_equal(load_exported(path).predict_proba(texts), pipeline.predict_proba(texts))


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_documents_are_padded_and_cut_as_by_the_padder(padding, truncating, parallel, path):
    padder = SequencePadder(maxlen=7, padding=padding, truncating=truncating)
    ids = parallel[0].transform([*NEW, ""])
    matrix = padder.fit_transform(ids)
    pipeline = with_tokenizer(parallel, parallel[0], padder)
    expected = pipeline[-1]._documents_to_predict(matrix)
    flat = changed(parallel, maxlen_=100)[-1]._documents_to_predict(ids)
    documents = pad(flat, maxlen=7, padding=padding, truncating=truncating)
    np.testing.assert_array_equal(documents.values, expected.values)
    np.testing.assert_array_equal(documents.lengths, expected.lengths)
    export(pipeline, path)
    np.testing.assert_array_equal(load_exported(path).predict_proba(NEW), pipeline.predict_proba(NEW))


@pytest.mark.parametrize(
    "classes",
    [
        np.array(["a", "b\u20ac\udc80", "c" * 90]),
        np.array(["a", "b", "c"], dtype=object),
        np.array([-1, 3, 2**40]),
        np.array([1, 2, 3], dtype=np.uint8),
        np.array([0.1, 1 / 3, 1e300]),
        np.array([1, 2, 3], dtype=object),
    ],
    ids=lambda classes: f"{classes.dtype}",
)
def test_labels_come_back_with_their_type(classes, parallel, path):
    pipeline = changed(parallel, classes_=classes)
    export(pipeline, path)
    loaded = load_exported(path)
    assert loaded.classes_.dtype == classes.dtype
    assert loaded.classes_.tolist() == classes.tolist()
    assert list(map(type, loaded.predict(NEW))) == list(map(type, pipeline.predict(NEW)))
    np.testing.assert_array_equal(loaded.predict(NEW), pipeline.predict(NEW))


@pytest.mark.parametrize(
    "classes",
    [
        np.array([b"a", b"b", b"c"]),
        np.array(["2026-01-01"] * 3, dtype="M8[D]"),
        np.array([1, "a", None], object),
    ],
    ids=lambda classes: f"{classes.dtype}",
)
def test_other_labels_are_an_error_that_says_what_to_do(classes, parallel, path):
    with pytest.raises(TypeError, match=r"Labels of type .*only str, int, float and bool.*y\.astype\(str\)"):
        export(changed(parallel, classes_=classes), path)
    assert not path.exists()


def test_a_search_stands_for_its_best_pipeline(parallel, path):
    search = GridSearchCV(parallel, {})
    with pytest.raises(TypeError, match=r"got GridSearchCV. Give the whole Pipeline, or a search after fit"):
        export(search, path)
    search.best_estimator_ = parallel
    export(search, path)
    np.testing.assert_array_equal(load_exported(path).predict(NEW), parallel.predict(NEW))


def test_another_object_is_an_error_that_says_what_to_give(hybrid, path):
    for other in (hybrid[-1], None, "pipeline.pickle"):
        with pytest.raises(TypeError, match=r"export needs a Pipeline of GloveTokenizer, .* got "):
            export(other, path)
    for steps in ([CountVectorizer(), LogisticRegression()], [hybrid[0], *map(copy, hybrid)], [hybrid[0]]):
        with pytest.raises(TypeError, match=r"got one of .*Apply other steps before and after"):
            export(make_pipeline(*steps), path)
    with pytest.raises(NotFittedError):
        export(make_pipeline(GloveTokenizer(None), KerasConvTextClassifier()), path)
    assert not path.exists()


def test_steps_that_do_nothing_are_left_out(parallel, path):
    export(make_pipeline(parallel[0], "passthrough", None, parallel[1]), path)
    np.testing.assert_array_equal(load_exported(path).predict(NEW), parallel.predict(NEW))


def test_a_function_as_style_cannot_be_exported_and_the_remedy_works(parallel, path):
    tokenizer = GloveTokenizer(None, style=str.split).fit(TEXTS)
    with pytest.raises(ValueError, match=r"style=.*split.* cannot be exported.*style='keras', split='\\n'"):
        export(with_tokenizer(parallel, tokenizer), path)
    joined = ["\n".join(text.split()) for text in TEXTS]
    remedy = GloveTokenizer(None, style="keras", split="\n", filters="", lower=False).fit(joined)
    assert remedy.vocabulary_ == tokenizer.vocabulary_


def test_a_failed_export_leaves_the_old_file(parallel, path, monkeypatch):
    export(parallel, path)
    before = path.read_bytes()
    monkeypatch.setattr("skglove.exported.writing.write_archive", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(parallel, path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_equal_pipelines_give_equal_files(hybrid, path, tmp_path):
    export(hybrid, path)
    export(pickle.loads(pickle.dumps(hybrid)), tmp_path / "again.skglove")
    assert path.read_bytes() == (tmp_path / "again.skglove").read_bytes()


def test_there_is_no_pickle_in_the_file(hybrid, path):
    export(hybrid, path)
    with zipfile.ZipFile(path) as file:
        names = file.namelist()
        assert {"metadata.json", "words.arrow", "network.onnx", "network.weights"} < set(names)
        for name in names:
            if name.endswith(".npy"):
                np.load(io.BytesIO(file.read(name)), allow_pickle=False)
        assert json.loads(file.read("metadata.json"))["classes"]["values"] == ["cooking", "music", "sport"]


def test_parts_that_do_not_fit_together_are_an_error(hybrid, path, monkeypatch):
    monkeypatch.setattr("skglove.exported.writing._words", lambda _: b"no words")
    export(hybrid, path)
    with pytest.raises(ExportedFileError, match="its parts do not fit together"):
        load_exported(path)
    monkeypatch.undo()
    changed_model = copy(hybrid[-1].lexical_model_)
    changed_model.columns_ = changed_model.columns_ + 1
    export(changed(hybrid, lexical_model_=changed_model), path)
    with pytest.raises(ExportedFileError, match="columns of the linear model that it does not have"):
        load_exported(path)


def test_a_pickle_names_the_file_and_refuses_another(hybrid, parallel, path):
    export(parallel, path)
    exported = load_exported(path)
    pickled = pickle.dumps(exported)
    assert len(pickled) < 1000
    np.testing.assert_array_equal(pickle.loads(pickled).predict_proba(NEW), exported.predict_proba(NEW))
    export(hybrid, path)
    np.testing.assert_array_equal(exported.predict(NEW), parallel.predict(NEW))  # it keeps the old file
    with pytest.raises(ValueError, match="is another classifier than the one that was pickled"):
        pickle.loads(pickled)


def test_texts_are_checked_as_by_the_pipeline(parallel, path):
    export(parallel, path)
    exported = load_exported(path)
    for texts in ("one text", [], [1], None, {"a": 1}, ["a", None], [b"\xff"]):
        with pytest.raises((TypeError, ValueError)) as expected:
            parallel.predict(texts)
        with pytest.raises(expected.type) as error:
            exported.predict(texts)
        assert str(error.value) == str(expected.value)
    assert repr(exported) == f"ExportedClassifier(3 classes, {str(path)!r})"


def test_without_onnx_export_says_how_to_get_it(parallel, path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install 'skglove\[serve\]'"):
        export(parallel, path)


@pytest.mark.slow
def test_a_network_of_bfloat16_is_computed_in_float32(parallel, path):
    (name, config, weights, jit_compile), _ = parallel[-1]._network.take_apart()
    config = json.loads(json.dumps(config).replace('"float32"', '"mixed_bfloat16"'))
    pipeline = changed(parallel, _network=StoredNetwork.of_parts((name, config, weights, jit_compile)))
    export(pipeline, path)
    np.testing.assert_array_equal(load_exported(path).predict_proba(NEW), parallel.predict_proba(NEW))
