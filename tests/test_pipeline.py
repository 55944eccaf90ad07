"""The three estimators together, as users put them into scikit-learn, and make_text_classifier."""

import os
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    PrecisionRecallDisplay,
    RocCurveDisplay,
    classification_report,
)
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_array
from text_samples import TOPICS, draw_texts, topic_vectors

import skglove.network.fitting
from skglove import (
    GloveTokenizer,
    KerasConvTextClassifier,
    SequencePadder,
    TokenIds,
    Vocabulary,
    WordVectors,
    load_vectors,
    make_text_classifier,
)


@pytest.fixture(scope="module")
def corpus():
    return draw_texts(20, seed=0)


@pytest.fixture(scope="module")
def glove_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("glove") / "topics.txt"
    with open(path, "w", encoding="utf-8") as file:
        for word, vector in topic_vectors().items():
            print(word, *vector, file=file)
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_cross_val_score_of_texts_and_of_ids_that_are_tokenised_already(corpus, glove_file):
    texts, labels = corpus
    pipeline = classify(glove_file)
    scores = cross_val_score(pipeline, texts, labels, cv=2, error_score="raise")
    assert scores.min() > 0.6
    ids = pipeline[:2].fit_transform(texts)
    insist = clone(pipeline["cnn"]).set_params(pretrained=True)
    assert cross_val_score(insist, ids, labels, cv=2, error_score="raise").min() > 0.6


@pytest.mark.parametrize(
    "splitter",
    [
        GroupKFold(2),
        *(
            pytest.param(splitter, marks=pytest.mark.slow)
            for splitter in (
                TimeSeriesSplit(2),
                StratifiedGroupKFold(2),
                RepeatedStratifiedKFold(n_splits=2, n_repeats=1),
            )
        ),
    ],
    ids=lambda splitter: type(splitter).__name__,
)
def test_every_splitter_splits_texts(splitter, corpus, glove_file):
    texts, labels = corpus
    groups = np.arange(len(texts)) // 6 if "Group" in type(splitter).__name__ else None
    scores = cross_val_score(
        classify(glove_file), texts, labels, groups=groups, cv=splitter, error_score="raise"
    )
    assert scores.min() > 0.6


@pytest.mark.slow
def test_threads_give_the_same_scores(corpus, glove_file):
    pipeline = classify(glove_file, cnn__epochs=2)
    one = cross_val_score(pipeline, *corpus, cv=2, scoring="neg_log_loss", error_score="raise")
    with joblib.parallel_config("threading", n_jobs=2):
        two = cross_val_score(pipeline, *corpus, cv=2, scoring="neg_log_loss", error_score="raise")
    np.testing.assert_array_equal(one, two)


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_pickle_predicts_the_same_in_a_fresh_process_without_the_vector_file(corpus, another_process):
    fitted, _, probabilities = another_process
    for pipeline, actual in zip(fitted, probabilities[:2], strict=True):
        np.testing.assert_array_equal(actual, pipeline.predict_proba(corpus[0]))


@pytest.mark.parametrize("options", [{}, {"mmap_mode": "r"}])
def test_joblib_stores_a_pipeline(options, corpus, fitted, tmp_path):
    joblib.dump(fitted, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib", **options)
    np.testing.assert_array_equal(loaded.predict_proba(corpus[0]), fitted.predict_proba(corpus[0]))


@pytest.mark.slow
def test_same_seed_gives_the_same_predictions_in_another_process(corpus, another_process):
    _, unfitted, probabilities = another_process
    expected = clone(unfitted).fit(*corpus).predict_proba(corpus[0])
    np.testing.assert_array_equal(probabilities[2], expected)


@pytest.mark.slow
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


@pytest.mark.slow
def test_vectors_in_memory_serve_as_well_as_a_file(corpus, glove_file, fitted):
    texts, labels = corpus
    file = load_vectors(glove_file)
    memory = WordVectors(list(file.words), np.array(file.matrix))
    actual = classify(memory).fit(texts, labels).predict_proba(texts)
    np.testing.assert_array_equal(actual, fitted.predict_proba(texts))


# What shows a fitted pipeline, or its output


@pytest.mark.slow
def test_displays_are_drawn_from_a_pipeline(corpus, fitted):
    pytest.importorskip("matplotlib", reason="needs the extra 'plot'").use("Agg")
    texts, labels = corpus
    confusion = ConfusionMatrixDisplay.from_estimator(fitted, texts, labels)
    assert confusion.display_labels.tolist() == sorted(TOPICS)
    assert confusion.confusion_matrix.trace() > 0.9 * len(texts)
    two = np.flatnonzero(labels != "music")
    texts, labels = [texts[i] for i in two], labels[two]
    binary = classify(None, cnn__epochs=8).fit(texts, labels)
    assert RocCurveDisplay.from_estimator(binary, texts, labels).roc_auc > 0.9
    assert PrecisionRecallDisplay.from_estimator(binary, texts, labels).average_precision > 0.9
    calibration = CalibrationDisplay.from_estimator(binary, texts, labels, n_bins=2)
    np.testing.assert_array_equal(calibration.y_prob, binary.predict_proba(texts)[:, 1])


def test_reports_name_the_labels(corpus, fitted):
    texts, labels = corpus
    report = classification_report(labels, fitted.predict(texts), output_dict=True)
    assert min(report[topic]["f1-score"] for topic in TOPICS) > 0.9


def test_notebooks_show_the_steps(fitted):
    shown = fitted._repr_html_()
    for step in fitted:
        assert type(step).__name__ in shown


def test_ids_stay_ids_where_output_is_pandas(corpus, fitted):
    texts = corpus[0]
    with config_context(transform_output="pandas"):
        ids = clone(fitted[:2]).fit_transform(texts)
        predicted = fitted.predict(texts)
    assert type(ids) is TokenIds
    assert ids.vocabulary.words == fitted["cnn"]._vocabulary.words
    np.testing.assert_array_equal(predicted, fitted.predict(texts))
    with pytest.raises(ValueError, match="`set_output` is not available"):
        clone(fitted).set_output(transform="pandas")


# Ids without their vocabulary, and changed ids


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_vocabulary_without_vectors_is_no_lost_one(tiny, ids, corpus):
    without = TokenIds(np.asarray(ids), Vocabulary(ids.vocabulary.words))
    assert tiny.fit(without, corpus[1]).settings_["pretrained"] is False


def test_numbers_beside_the_ids_are_refused(tiny, corpus, ids):
    frame = pd.DataFrame(ids).add_prefix("word").assign(price=7)
    with pytest.raises(ValueError, match=r"1 of X's 11 columns carry no vocabulary.*'price'"):
        tiny.fit(frame, corpus[1])


@pytest.mark.slow
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


# make_text_classifier, and the names of parameters

TEXTS = ["soup and bread", "bread and oven", "goal and match", "match and ball"] * 5
LABELS = ["food", "food", "sport", "sport"] * 5


@pytest.mark.slow
def test_it_is_the_pipeline_of_the_three_steps():
    made = make_text_classifier(None, num_words=50, maxlen=7, epochs=2, random_state=0)
    steps = [
        ("tokens", GloveTokenizer(None, num_words=50)),
        ("pad", SequencePadder(7)),
        ("cnn", KerasConvTextClassifier(epochs=2, random_state=0)),
    ]
    assert type(made) is Pipeline
    assert repr(made) == repr(Pipeline(steps))
    assert made.get_params()["cnn__maxlen"] == "auto"
    made.set_params(cnn__pretrained=False).fit(TEXTS, LABELS)
    assert made.score(TEXTS, LABELS) == 1
    assert pickle.loads(pickle.dumps(made)).predict(["oven soup"]) == ["food"]
    assert clone(made).get_params().keys() == made.get_params().keys()


def test_verbose_is_that_of_tokenizer_and_classifier():
    made = make_text_classifier(verbose=2)
    assert (made["tokens"].verbose, made["cnn"].verbose) == (2, 2)


def test_every_parameter_of_the_steps_is_taken():
    for step in (GloveTokenizer(), SequencePadder(), KerasConvTextClassifier()):
        for name, value in step.get_params().items():
            given = "cnn__filters" if name == "filters" else name
            made = make_text_classifier(**{given: value})
            assert name in {key.split("__")[-1] for key in made.get_params()}


def test_parameters_may_have_their_step_in_front():
    made = make_text_classifier(cnn__filters=64, tokens__filters=".,", cnn__maxlen=9, tokens__vectors=None)
    assert (made["cnn"].filters, made["tokens"].filters, made["cnn"].maxlen) == (64, ".,", 9)
    assert made["tokens"].vectors is None
    with pytest.raises(ValueError, match=r"Did you mean 'epochs'"):
        make_text_classifier(cnn__epohcs=5)


def test_a_parameter_of_two_steps_that_mean_different_things_by_it_is_an_error():
    with pytest.raises(TypeError, match=r"two parameters 'filters'.* cnn__filters .* tokens__filters"):
        make_text_classifier(filters=64)


@pytest.mark.parametrize(
    ("wrong", "right"), [("epoch", "epochs"), ("learning_rte", "learning_rate"), ("num_word", "num_words")]
)
def test_a_misspelt_parameter_is_answered_with_the_nearest(wrong, right):
    with pytest.raises(
        TypeError, match=rf"no parameter '{wrong}'\. Did you mean .*'{right}'.*It takes those of"
    ):
        make_text_classifier(**{wrong: 1})


@pytest.mark.parametrize(
    ("estimator", "wrong", "right"),
    [
        (KerasConvTextClassifier(), "epohcs", "epochs"),
        (GloveTokenizer(), "numwords", "num_words"),
        (SequencePadder(), "max_len", "maxlen"),
        (make_text_classifier(), "cnn__epohcs", "epochs"),
        (make_text_classifier(), "tokens__vector", "vectors"),
    ],
)
def test_set_params_answers_with_the_nearest_name(estimator, wrong, right):
    with pytest.raises(
        ValueError, match=rf"Invalid parameter .*\. Did you mean '{right}'.*Valid parameters are"
    ):
        estimator.set_params(**{wrong: 1})


def test_a_name_like_no_other_has_no_hint():
    with pytest.raises(
        ValueError, match=r"'colour' for estimator SequencePadder\. Valid parameters are: maxlen"
    ):
        SequencePadder().set_params(colour="red")
    assert SequencePadder().set_params(maxlen=3).maxlen == 3
