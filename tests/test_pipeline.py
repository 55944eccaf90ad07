"""The three estimators together, as users put them into scikit-learn."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline

from skglove import GloveTokenizer, KerasConvTextClassifier, SequencePadder, WordVectors, load_vectors

TOPICS = {
    "cooking": "kitchen dinner pot stove bread salt oven soup",
    "sport": "goal team match ball league coach player score",
    "music": "song guitar concert band piano singer melody album",
}
COMMON = "the and with very old new three people today"


@pytest.fixture(scope="module")
def corpus():
    rng = np.random.RandomState(0)
    labels = rng.permutation(np.repeat(list(TOPICS), 20))
    texts = [
        " ".join(rng.permutation([*rng.choice(TOPICS[label].split(), 3), *rng.choice(COMMON.split(), 5)]))
        for label in labels
    ]
    return texts, labels


@pytest.fixture(scope="module")
def glove_file(tmp_path_factory):
    """A GloVe file in which the words of a topic lie close together; "oven" is not in it."""
    rng = np.random.RandomState(0)
    path = tmp_path_factory.mktemp("glove") / "topics.txt"
    with open(path, "w", encoding="utf-8") as file:
        for centre, words in zip(np.eye(4), [*TOPICS.values(), COMMON], strict=True):
            for word in words.split():
                if word != "oven":
                    print(word, *np.round(centre + 0.1 * rng.randn(4), 4), file=file)
    return path


def make_pipeline(vectors, **parameters):
    architecture = parameters.get("cnn__architecture", "stacked")
    sizes = {"filters": 8, "dense_units": 8} if architecture == "stacked" else {}
    classifier = KerasConvTextClassifier(
        architecture,
        n_conv_layers=1, kernel_size=2, embedding_dim=8, batch_size=8,
        epochs=8, learning_rate=0.02, random_state=0, **sizes,
    )  # fmt: skip
    pipeline = Pipeline(
        [("tokens", GloveTokenizer(vectors)), ("pad", SequencePadder(maxlen=10)), ("cnn", classifier)]
    )
    return pipeline.set_params(**parameters)


def run_python(code, *arguments):
    """Run code in a fresh process and return what it printed."""
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_texts_in_labels_out(corpus, glove_file):
    texts, labels = corpus
    pipeline = make_pipeline(glove_file).fit(texts, labels)
    assert pipeline.score(texts, labels) > 0.9
    assert pipeline.classes_.tolist() == ["cooking", "music", "sport"]
    assert pipeline["tokens"].coverage_["vocabulary"] == pytest.approx(32 / 33)
    matrix = pipeline["cnn"].model_.get_layer("embedding").get_weights()[0]
    known = pipeline["tokens"].vocabulary_
    np.testing.assert_array_equal(matrix[known["pot"]], load_vectors(glove_file)["pot"])
    assert not matrix[known["oven"]].any()


def test_words_that_were_never_seen_still_predict(corpus, glove_file):
    pipeline = make_pipeline(glove_file, cnn__epochs=1).fit(*corpus)
    assert set(pipeline.predict(["", "zyx", "kitchen soup"])) <= set(TOPICS)


def test_vectors_help_with_words_that_were_not_trained_on(corpus, glove_file):
    """What pre-trained vectors are for: the vocabulary is known, the words come in no labelled text."""
    texts, labels = corpus
    common = np.array([f"the {word} and" for words in TOPICS.values() for word in words.split()])
    tokenizer = GloveTokenizer(glove_file, num_words=None).fit([*texts, *common])
    ids = SequencePadder(maxlen=10).fit_transform(tokenizer.transform(texts))
    hidden = [tokenizer.vocabulary_[word] for word in ("soup", "score", "album")]
    train = ~np.isin(ids, hidden).any(axis=1)
    classifier = clone(make_pipeline(None)["cnn"]).set_params(epochs=20).fit(ids[train], labels[train])
    scratch = clone(classifier).set_params(pretrained=False).fit(ids[train], labels[train])
    new = SequencePadder(maxlen=10).fit_transform(
        tokenizer.transform(["soup soup", "score score", "album album"])
    )
    expected = ["cooking", "sport", "music"]
    assert classifier.predict(new).tolist() == expected
    assert scratch.score(new, expected) < 1


def test_cross_val_score_of_texts_and_of_ids_that_are_tokenised_already(corpus, glove_file):
    texts, labels = corpus
    pipeline = make_pipeline(glove_file)
    scores = cross_val_score(pipeline, texts, labels, cv=3, error_score="raise")
    assert scores.min() > 0.6
    ids = pipeline[:2].fit_transform(texts)
    insist = clone(pipeline["cnn"]).set_params(pretrained=True)
    assert cross_val_score(insist, ids, labels, cv=3, error_score="raise").min() > 0.6


def test_grid_search_gives_the_same_scores_with_one_process_and_with_two(corpus, glove_file):
    grid = [
        {"tokens__vectors": [None, glove_file], "cnn__trainable_embedding": [False, True]},
        {"tokens__num_words": [30], "pad__maxlen": [5], "cnn__filters": [2]},
    ]
    searches = [
        GridSearchCV(make_pipeline(None), grid, cv=2, n_jobs=n_jobs, error_score="raise").fit(*corpus)
        for n_jobs in (1, 2)
    ]
    one, two = (search.cv_results_["mean_test_score"] for search in searches)
    np.testing.assert_array_equal(one, two)
    assert len(set(one)) > 2
    assert searches[0].best_estimator_.predict(corpus[0][:1])[0] in TOPICS


def test_memory_keeps_vocabularies_apart(corpus, glove_file, tmp_path):
    texts, labels = corpus
    pipeline = make_pipeline(None, memory=str(tmp_path), cnn__epochs=1)
    for vectors, dim in [(None, 8), (glove_file, 4), (None, 8), (glove_file, 4)]:
        pipeline.set_params(tokens__vectors=vectors).fit(texts, labels)
        assert pipeline["cnn"].model_.get_layer("embedding").output_dim == dim


def test_pickle_predicts_the_same_in_a_fresh_process_without_the_vector_file(corpus, glove_file, tmp_path):
    texts, labels = corpus
    moved = tmp_path / "vectors.txt"
    moved.write_bytes(glove_file.read_bytes())
    for vectors, architecture in ((moved, "residual"), (load_vectors(glove_file), "stacked")):
        pipeline = make_pipeline(vectors, cnn__architecture=architecture, cnn__epochs=2).fit(texts, labels)
        (tmp_path / "pipeline.pkl").write_bytes(pickle.dumps(pipeline))
        (tmp_path / "texts.pkl").write_bytes(pickle.dumps(texts))
        moved.unlink(missing_ok=True)
        code = """
import pickle, sys, numpy
pipeline, texts = (pickle.load(open(f"{sys.argv[1]}/{name}.pkl", "rb")) for name in ("pipeline", "texts"))
numpy.save(f"{sys.argv[1]}/probabilities.npy", pipeline.predict_proba(texts))
"""
        run_python(code, tmp_path)
        np.testing.assert_array_equal(np.load(tmp_path / "probabilities.npy"), pipeline.predict_proba(texts))


def test_same_seed_gives_the_same_predictions_in_another_process(corpus, glove_file, tmp_path):
    texts, labels = corpus
    pipeline = make_pipeline(glove_file, cnn__architecture="residual", cnn__dropout=0.2, cnn__epochs=2)
    (tmp_path / "all.pkl").write_bytes(pickle.dumps((pipeline, texts, labels)))
    code = """
import pickle, sys, numpy
pipeline, texts, labels = pickle.load(open(sys.argv[1] + "/all.pkl", "rb"))
numpy.save(sys.argv[1] + "/probabilities.npy", pipeline.fit(texts, labels).predict_proba(texts))
"""
    run_python(code, tmp_path)
    expected = pipeline.fit(texts, labels).predict_proba(texts)
    np.testing.assert_array_equal(np.load(tmp_path / "probabilities.npy"), expected)


def test_import_clone_and_grid_load_neither_keras_nor_tensorflow():
    code = """
import sys
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import make_pipeline
import skglove
steps = skglove.GloveTokenizer(), skglove.SequencePadder(), skglove.KerasConvTextClassifier()
pipeline = make_pipeline(*steps)
for parameters in ParameterGrid({"kerasconvtextclassifier__epochs": [1, 2]}):
    repr(clone(pipeline).set_params(**parameters))
ids = pipeline[1].fit_transform(skglove.GloveTokenizer(vectors=None).fit_transform(["a b", "b"]))
print(sorted(name for name in sys.modules if name in ("keras", "tensorflow", "requests")))
"""
    assert run_python(code) == "[]\n"


def test_fitting_and_predicting_open_no_socket(corpus, glove_file, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a socket was opened")

    import socket

    monkeypatch.setattr(socket, "socket", refuse)
    make_pipeline(glove_file, cnn__epochs=1).fit(*corpus).predict(corpus[0])


def test_vectors_in_memory_serve_as_well_as_a_file(corpus, glove_file):
    texts, labels = corpus
    file = load_vectors(glove_file)
    memory = WordVectors(list(file.words), np.array(file.matrix))
    expected = make_pipeline(glove_file, cnn__epochs=2).fit(texts, labels).predict_proba(texts)
    actual = make_pipeline(memory, cnn__epochs=2).fit(texts, labels).predict_proba(texts)
    np.testing.assert_array_equal(actual, expected)
