"""The three estimators together, as users put them into scikit-learn."""

import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils.validation import check_array

import skglove.network.fitting
from skglove import (
    GloveTokenizer,
    KerasConvTextClassifier,
    SequencePadder,
    TokenIds,
    Vocabulary,
    WordVectors,
    load_vectors,
)

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


def classify(vectors, **parameters):
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


@pytest.fixture(scope="module")
def fitted(corpus, glove_file):
    """A fitted pipeline. Tests must not change it."""
    return classify(glove_file).fit(*corpus)


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


def test_texts_in_labels_out(corpus, glove_file, fitted):
    texts, labels = corpus
    assert fitted.score(texts, labels) > 0.9
    assert fitted.classes_.tolist() == ["cooking", "music", "sport"]
    assert fitted["tokens"].coverage_["vocabulary"] == pytest.approx(32 / 33)
    matrix = fitted["cnn"].model_.get_layer("embedding").get_weights()[0]
    known = fitted["tokens"].vocabulary_
    np.testing.assert_array_equal(matrix[known["pot"]], load_vectors(glove_file)["pot"])
    assert not matrix[known["oven"]].any()


def test_words_that_were_never_seen_still_predict(fitted):
    assert set(fitted.predict(["", "zyx", "kitchen soup"])) <= set(TOPICS)


def test_vectors_help_with_words_that_were_not_trained_on(corpus, glove_file):
    """What pre-trained vectors are for: the vocabulary is known, the words come in no labelled text."""
    texts, labels = corpus
    common = np.array([f"the {word} and" for words in TOPICS.values() for word in words.split()])
    tokenizer = GloveTokenizer(glove_file, num_words=None).fit([*texts, *common])
    ids = SequencePadder(maxlen=10).fit_transform(tokenizer.transform(texts))
    hidden = [tokenizer.vocabulary_[word] for word in ("soup", "score", "album")]
    train = ~np.isin(ids, hidden).any(axis=1)
    classifier = clone(classify(None)["cnn"]).set_params(epochs=20).fit(ids[train], labels[train])
    scratch = clone(classifier).set_params(pretrained=False).fit(ids[train], labels[train])
    new = SequencePadder(maxlen=10).fit_transform(
        tokenizer.transform(["soup soup", "score score", "album album"])
    )
    expected = ["cooking", "sport", "music"]
    assert classifier.predict(new).tolist() == expected
    assert scratch.score(new, expected) < 1


def test_cross_val_score_of_texts_and_of_ids_that_are_tokenised_already(corpus, glove_file):
    texts, labels = corpus
    pipeline = classify(glove_file)
    scores = cross_val_score(pipeline, texts, labels, cv=2, error_score="raise")
    assert scores.min() > 0.6
    ids = pipeline[:2].fit_transform(texts)
    insist = clone(pipeline["cnn"]).set_params(pretrained=True)
    assert cross_val_score(insist, ids, labels, cv=2, error_score="raise").min() > 0.6


def test_grid_search_gives_the_same_scores_with_one_process_and_with_two(corpus, glove_file):
    grid = [
        {"tokens__vectors": [glove_file], "cnn__trainable_embedding": [True]},
        {"tokens__num_words": [30], "pad__maxlen": [5], "cnn__filters": [2]},
    ]
    one, two = (
        GridSearchCV(
            classify(None, cnn__epochs=3), grid, cv=2, n_jobs=n_jobs, refit=n_jobs == 1, error_score="raise"
        ).fit(*corpus)
        for n_jobs in (1, 2)
    )
    scores = one.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(scores, two.cv_results_["mean_test_score"])
    assert len(set(scores)) == 2
    assert one.best_estimator_.predict(corpus[0][:1])[0] in TOPICS


def test_memory_keeps_vocabularies_apart(corpus, glove_file, tmp_path):
    texts, labels = corpus
    pipeline = classify(None, memory=str(tmp_path), cnn__epochs=1)
    for vectors, dim in [(None, 8), (glove_file, 4), (None, 8)]:
        pipeline.set_params(tokens__vectors=vectors).fit(texts, labels)
        assert pipeline["cnn"].model_.get_layer("embedding").output_dim == dim


@pytest.fixture(scope="module")
def another_process(corpus, glove_file, tmp_path_factory):
    """What another process makes of pickles: two fitted pipelines without their vector file, one unfitted."""
    texts, labels = corpus
    folder = tmp_path_factory.mktemp("pickles")
    moved = folder / "vectors.txt"
    moved.write_bytes(glove_file.read_bytes())
    fitted = [
        classify(moved, cnn__architecture="hybrid", cnn__epochs=2).fit(texts, labels),
        classify(load_vectors(glove_file), cnn__epochs=2).fit(texts, labels),
    ]
    unfitted = classify(glove_file, cnn__architecture="hybrid", cnn__dropout=0.2, cnn__epochs=2)
    (folder / "all.pkl").write_bytes(pickle.dumps((fitted, unfitted, texts, labels)))
    moved.unlink()
    code = """
import pickle, sys, numpy
fitted, unfitted, texts, labels = pickle.load(open(sys.argv[1] + "/all.pkl", "rb"))
probabilities = [pipeline.predict_proba(texts) for pipeline in [*fitted, unfitted.fit(texts, labels)]]
numpy.save(sys.argv[1] + "/probabilities.npy", probabilities)
"""
    run_python(code, folder)
    return fitted, unfitted, np.load(folder / "probabilities.npy")


def test_pickle_predicts_the_same_in_a_fresh_process_without_the_vector_file(corpus, another_process):
    fitted, _, probabilities = another_process
    for pipeline, actual in zip(fitted, probabilities[:2], strict=True):
        np.testing.assert_array_equal(actual, pipeline.predict_proba(corpus[0]))


def test_same_seed_gives_the_same_predictions_in_another_process(corpus, another_process):
    _, unfitted, probabilities = another_process
    expected = clone(unfitted).fit(*corpus).predict_proba(corpus[0])
    np.testing.assert_array_equal(probabilities[2], expected)


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
print(sorted(name for name in sys.modules if name in ("keras", "tensorflow", "requests", "matplotlib")))
"""
    assert run_python(code) == "[]\n"


def test_fitting_and_predicting_open_no_socket(corpus, glove_file, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a socket was opened")

    import socket

    monkeypatch.setattr(socket, "socket", refuse)
    classify(glove_file, cnn__epochs=1).fit(*corpus).predict(corpus[0])


def test_vectors_in_memory_serve_as_well_as_a_file(corpus, glove_file, fitted):
    texts, labels = corpus
    file = load_vectors(glove_file)
    memory = WordVectors(list(file.words), np.array(file.matrix))
    actual = classify(memory).fit(texts, labels).predict_proba(texts)
    np.testing.assert_array_equal(actual, fitted.predict_proba(texts))


# What scikit-learn's meta-estimators, and other steps, do to the vocabulary


@pytest.fixture(scope="module")
def ids(corpus, glove_file):
    return classify(glove_file)[:2].fit_transform(corpus[0])


def make_tiny():
    sizes = {"n_conv_layers": 1, "filters": 2, "dense_units": 2, "kernel_size": 2}
    return KerasConvTextClassifier("stacked", epochs=1, batch_size=64, random_state=0, **sizes)


@pytest.fixture
def tiny():
    return make_tiny()


@pytest.fixture(scope="module")
def fitted_tiny(ids, corpus):
    return make_tiny().fit(ids, corpus[1])


@pytest.fixture(scope="module")
def bagging(ids, corpus):
    return BaggingClassifier(make_tiny(), 2, random_state=0).fit(ids, corpus[1])


def one_vs_one(tiny, X, y):
    return OneVsOneClassifier(tiny).fit(X[y != "music"], y[y != "music"]).estimators_


def one_vs_rest(tiny, X, y):
    return OneVsRestClassifier(tiny).fit(X, y == "music").estimators_


def several_outputs(tiny, X, y):
    return MultiOutputClassifier(tiny).fit(X, np.c_[y == "music", y == "sport"]).estimators_


def train_on_itself(tiny, X, y):
    labels = np.where(np.arange(len(y)) % 2, np.unique(y, return_inverse=True)[1], -1)
    return [SelfTrainingClassifier(tiny, max_iter=1).fit(X, labels).estimator_]


def undersample(tiny, X, y):
    from imblearn.under_sampling import RandomUnderSampler

    sampler = RandomUnderSampler(random_state=0)
    return [tiny.fit(*sampler.fit_resample(X[:-5], y[:-5]))]


def oversample(tiny, X, y):
    from imblearn.over_sampling import RandomOverSampler

    # The ids that it returns have lost their vocabulary in np.vstack, see below.
    sampler = RandomOverSampler(random_state=0)
    y = sampler.fit_resample(X[:-5], y[:-5])[1]
    return [tiny.fit(X[sampler.sample_indices_], y)]


@pytest.mark.parametrize(
    "fit",
    [one_vs_one, one_vs_rest, several_outputs, train_on_itself, undersample, oversample],
    ids=lambda f: f.__name__,
)
def test_networks_inside_of_meta_estimators_start_from_the_vectors(fit, tiny, corpus, ids):
    assert_start_from_the_vectors(fit(tiny, ids, corpus[1]), ids)


def assert_start_from_the_vectors(classifiers, ids):
    assert classifiers
    for classifier in classifiers:
        assert classifier.settings_["pretrained"] is True
        assert classifier._vocabulary.words == ids.vocabulary.words


def test_a_meta_estimator_predicts_without_a_warning(bagging, ids):
    assert_start_from_the_vectors(bagging.estimators_, ids)
    assert set(bagging.predict(ids)) <= set(TOPICS)
    assert set(bagging.predict(pd.DataFrame(ids))) <= set(TOPICS)


def join_features(tiny, ids, y):
    union = FeatureUnion([("one", SequencePadder(5)), ("two", SequencePadder(5))])
    make_pipeline(union, tiny).fit(ids, y)


def join_columns(tiny, ids, y):
    columns = ColumnTransformer([("ids", "passthrough", [*range(9)])], remainder="passthrough")
    make_pipeline(columns, tiny).fit(ids, y)


def join_samples(tiny, ids, y):
    from imblearn.over_sampling import RandomOverSampler

    sampler = RandomOverSampler(random_state=0)
    tiny.fit(*sampler.fit_resample(ids[:-5], y[:-5]))


LOSSES = {
    "RandomOverSampler": join_samples,
    "FeatureUnion": join_features,
    "ColumnTransformer": join_columns,
    "ClassifierChain": lambda tiny, ids, y: ClassifierChain(tiny).fit(ids, np.c_[y == "music", y == "sport"]),
    "vstack": lambda tiny, ids, y: tiny.fit(np.vstack([ids[:30], ids[30:]]), y),
    "lists": lambda tiny, ids, y: tiny.fit(ids.tolist(), y),
    "astype": lambda tiny, ids, y: tiny.fit(np.asarray(ids).astype(np.int64), y),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
def test_a_lost_vocabulary_is_a_warning_that_names_the_remedy(lose, tiny, corpus, ids):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # raised before the network is built
        with pytest.raises(UserWarning, match=r"X carries no vocabulary.*TokenIds\(X, ids\.vocabulary\)"):
            lose(tiny, ids, corpus[1])


def test_a_lost_vocabulary_is_a_warning_once_and_pretrained_false_silences_it(tiny, corpus, ids):
    plain = ids.tolist()
    with pytest.warns(UserWarning, match="pretrained=False silences this") as caught:
        tiny.fit(plain, corpus[1])
    (warning,) = caught
    assert warning.filename == __file__
    assert tiny.settings_["pretrained"] is False
    plain[0][0] = 2997
    message = (
        r"has the id 2997, but .* whose X carried no vocabulary.*np.vstack.*TokenIds\(X, ids.vocabulary\)"
    )
    with pytest.raises(ValueError, match=message):
        tiny.predict(plain)
    tiny.set_params(pretrained=False).fit(ids.tolist(), corpus[1])


def test_a_vocabulary_without_vectors_is_no_lost_one(tiny, ids, corpus):
    without = TokenIds(np.asarray(ids), Vocabulary(ids.vocabulary.words))
    assert tiny.fit(without, corpus[1]).settings_["pretrained"] is False


def test_numbers_beside_the_ids_are_refused(tiny, corpus, ids):
    frame = pd.DataFrame(ids).add_prefix("word").assign(price=7)
    with pytest.raises(ValueError, match=r"1 of X's 11 columns carry no vocabulary.*'price'"):
        tiny.fit(frame, corpus[1])


def test_ids_changed_by_arithmetic_on_a_plain_array_are_refused_where_they_leave_the_vocabulary(
    tiny, fitted_tiny, ids, corpus
):
    numbers = check_array(ids)
    with pytest.raises(ValueError, match=r"X has the id \d+, but its vocabulary ends at 33"):
        tiny.fit(numbers + len(ids.vocabulary), corpus[1])
    with pytest.raises(ValueError, match="the last word of the vocabulary fitted on"):
        fitted_tiny.predict(numbers + len(ids.vocabulary))


@pytest.mark.parametrize("maxlen", [10, 5])
def test_an_interrupted_fit_leaves_steps_of_two_fits_and_predict_says_so(corpus, fitted, monkeypatch, maxlen):
    pipeline = pickle.loads(pickle.dumps(fitted)).set_params(cnn__epochs=1)
    with monkeypatch.context() as patch:
        patch.setattr(skglove.network.fitting, "build_network", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pipeline.set_params(pad__maxlen=maxlen).fit(corpus[0][30:], corpus[1][30:])
    with pytest.raises(ValueError, match="interrupted or failed fit leaves: fit the whole Pipeline again"):
        pipeline.predict(corpus[0])
    assert set(pipeline.fit(*corpus).predict(corpus[0])) <= set(TOPICS)


def interrupt(*args, **kwargs):
    raise KeyboardInterrupt


# Sizes that no computer has


@pytest.mark.parametrize("as_ragged", [False, True])
def test_an_id_too_large_for_an_embedding_is_an_error_that_names_it(as_ragged):
    X = [[1], [2**31 - 1], *([[1, 2]] if as_ragged else [[2]])] * 4
    with pytest.raises(ValueError, match=r"id 2147483647 in document 1, so .* rows.* set vocabulary_size"):
        KerasConvTextClassifier(pretrained=False).fit(X, [0, 1, 1] * 4)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"vocabulary_size": 2**31},
            "2,147,483,648 rows of 100 numbers needs 864 GiB.*vocabulary_size=2147483648",
        ),
        ({"vocabulary_size": 2**31, "embedding_dim": 1}, "rows of 1 numbers needs 72 GiB"),
        ({"embedding_dim": 10**6}, "The 'embedding_dim' parameter .* must be an int in the range"),
        ({"vocabulary_size": 10**6, "embedding_dim": 10**4}, "1,000,000 rows of 10,000 numbers needs 37 GiB"),
        ({"maxlen": 10**12}, "maxlen_=1000000000000 ids.*longest document in X has 2. Lower maxlen"),
        ({"batch_size": 2**40}, "batch_size=1099511627776 documents of maxlen_=2000"),
    ],
)
def test_sizes_that_fit_into_no_memory_are_errors(parameters, message):
    with pytest.raises(ValueError, match=message):
        KerasConvTextClassifier(pretrained=False, **parameters).fit([[1], [1, 2]] * 4, [0, 1] * 4)


def test_one_document_too_long_for_a_batch_is_named_as_the_cause():
    X = [np.ones(2**25, np.int32), [1, 2], [1], [2]]
    with pytest.raises(ValueError, match=r"maxlen_=33554432 ids.*longest document in X has 33554432\."):
        KerasConvTextClassifier(pretrained=False, maxlen=None).fit(X, [0, 1, 0, 1])
