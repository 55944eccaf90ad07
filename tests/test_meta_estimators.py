"""The classifier, and the Pipeline around it, inside of scikit-learn's meta-estimators and searches.

Training texts have the first half of the words of their topic, new texts the second half. So only the word
vectors tell the topics of new texts, and ``pretrained=True`` makes it an error if they get lost.
"""

import warnings
from functools import partial
from operator import itemgetter

import numpy as np
import pandas as pd
import pytest
from scipy.stats import loguniform, randint
from sklearn import config_context
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, fbeta_score, log_loss, make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    ShuffleSplit,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from text_samples import TOPICS, draw_reviews, draw_texts, topic_vectors

from skglove import GloveTokenizer, GloveVectorizer, KerasConvTextClassifier, SequencePadder, load_vectors

VECTORS = load_vectors(topic_vectors())
CLASSES = sorted(TOPICS)
TEXTS, LABELS = draw_texts(20, seed=0, own=slice(4))
NEW, TRUTH = draw_texts(30, seed=1, own=slice(4, None))
ONE_SPLIT = ShuffleSplit(1, test_size=0.5, random_state=0)


def network(architecture="parallel", **parameters):
    """Make a classifier that learns the topics in half a second."""
    parameters = {
        "kernel_size": 2, "filters": 16, "dropout": 0.0, "epochs": 3,
        "batch_size": 16, "learning_rate": 0.05, "trainable_embedding": False, "pretrained": True,
        "random_state": 0, **parameters,
    }  # fmt: skip
    return KerasConvTextClassifier(architecture, **parameters)


def front():
    return [("tokens", GloveTokenizer(VECTORS, num_words=60)), ("pad", SequencePadder(maxlen=10))]


def pipeline(last=None, **parameters):
    return Pipeline([*front(), ("cnn", network(**parameters) if last is None else last)])


@pytest.fixture(scope="module")
def fitted():
    """A fitted Pipeline. Tests must not change it."""
    return pipeline().fit(TEXTS, LABELS)


@pytest.fixture(scope="module")
def ids(fitted):
    return fitted[:2].transform(TEXTS)


@pytest.fixture(scope="module")
def new_ids(fitted):
    return fitted[:2].transform(NEW)


def inputs(kind, texts=TEXTS, new=NEW, **parameters):
    """Return the Pipeline with texts, or the classifier with ids as they come to a Pipeline's last step."""
    if kind == "texts":
        return pipeline(**parameters), texts, new
    steps = Pipeline(front())
    return network(**parameters), steps.fit_transform(texts), steps.transform(new)


each_place = pytest.mark.parametrize("kind", ["texts", pytest.param("ids", marks=pytest.mark.slow)])


def assert_start_from_the_vectors(classifiers, ids):
    assert classifiers
    for classifier in classifiers:
        assert classifier.settings_["pretrained"] is True
        assert classifier._vocabulary.words == ids.vocabulary.words


# Probabilities and thresholds


def mislabelled(n_each, seed):
    """Draw texts that are True if on sport, but for a quarter of them."""
    texts, topics = draw_texts(n_each, seed)
    return texts, (topics == "sport") ^ (np.random.RandomState(seed).rand(len(texts)) < 0.25)


def rarely_true(n_each, seed):
    """Draw texts of which a third of those on sport are True."""
    texts, topics = draw_texts(n_each, seed)
    return texts, (topics == "sport") & (np.random.RandomState(seed).rand(len(texts)) < 0.35)


@each_place
def test_calibration_mends_probabilities_that_are_too_sure(kind):
    (texts, labels), (new, truth) = mislabelled(40, seed=0), mislabelled(100, seed=1)
    model, X, new = inputs(kind, texts, new, epochs=10, trainable_embedding=True)
    calibrated = CalibratedClassifierCV(model, cv=ONE_SPLIT).fit(X, labels)
    raw = calibrated.calibrated_classifiers_[0].estimator
    guess = np.log(2)
    assert log_loss(truth, raw.predict_proba(new)) > 1.3 * guess
    assert log_loss(truth, calibrated.predict_proba(new)) < 0.97 * guess
    assert calibrated.score(new, truth) > 0.65
    half = slice(100), slice(100, None)
    prefit = CalibratedClassifierCV(FrozenEstimator(raw)).fit(new[half[0]], truth[half[0]])
    assert log_loss(truth[half[1]], prefit.predict_proba(new[half[1]])) < 0.97 * guess


@each_place
@pytest.mark.slow
def test_a_tuned_threshold_finds_what_is_rare(kind):
    (texts, labels), (new, truth) = rarely_true(50, seed=0), rarely_true(100, seed=1)
    model, X, new = inputs(kind, texts, new, epochs=2)
    tuned = TunedThresholdClassifierCV(model, scoring="balanced_accuracy", cv=0.5, random_state=0)
    tuned.fit(X, labels)
    assert tuned.best_threshold_ < 0.4
    assert balanced_accuracy_score(truth, tuned.estimator_.predict(new)) < 0.6
    assert balanced_accuracy_score(truth, tuned.predict(new)) > 0.8
    fixed = FixedThresholdClassifier(FrozenEstimator(tuned.estimator_), threshold=tuned.best_threshold_)
    np.testing.assert_array_equal(fixed.fit(X, labels).predict(new), tuned.predict(new))


# Ensembles


@pytest.fixture(scope="module")
def reviews():
    return draw_reviews()


@pytest.fixture(scope="module")
def pipelines(reviews):
    """The network on the texts, and logistic regression on the numbers, each of its own columns."""
    texts = FunctionTransformer(itemgetter("review"))
    numbers = FunctionTransformer(itemgetter(["price"]))
    return [
        ("text", make_pipeline(texts, GloveTokenizer(reviews[2], num_words=99), network())),
        ("numbers", make_pipeline(numbers, StandardScaler(), LogisticRegression())),
    ]


@pytest.fixture(scope="module")
def voting(reviews, pipelines):
    """A fitted ensemble. Tests must not change it."""
    frame, labels, _ = reviews
    return VotingClassifier(pipelines, voting="soft").fit(frame[:160], labels[:160])


@pytest.mark.slow
def test_voting_and_stacking_join_texts_and_numbers(reviews, pipelines, voting):
    frame, labels, _ = reviews
    stacked = StackingClassifier(pipelines, cv=2).fit(frame[:160], labels[:160])
    test = frame[160:], labels[160:]
    assert stacked.score(*test) > 0.9
    assert voting.score(*test) > 0.9
    probabilities = [model.predict_proba(test[0]) for model in voting.estimators_]
    np.testing.assert_allclose(voting.predict_proba(test[0]), np.mean(probabilities, axis=0), rtol=1e-6)
    assert max(model.score(*test) for model in stacked.estimators_) < 0.85
    prefit = StackingClassifier(list(voting.named_estimators_.items()), cv="prefit")
    assert prefit.fit(frame[:160], labels[:160]).score(*test) > 0.9


@pytest.mark.slow
def test_networks_on_the_same_ids_vote_and_stack(ids, new_ids):
    networks = [("parallel", network()), ("hybrid", network("hybrid", validation_fraction=0))]
    voting = VotingClassifier(networks, voting="soft").fit(ids, LABELS)
    assert voting.score(new_ids, TRUTH) > 0.8
    stacked = StackingClassifier(networks, cv=2).fit(ids, LABELS)
    assert_start_from_the_vectors(stacked.estimators_, ids)
    assert stacked.score(new_ids, TRUTH) > 0.8
    expected = np.hstack([fitted.predict_proba(new_ids) for fitted in stacked.estimators_])
    np.testing.assert_array_equal(stacked.transform(new_ids), expected)


@pytest.mark.slow
def test_bagging_fits_networks_on_draws_of_documents(ids, new_ids):
    bagging = BaggingClassifier(network(), 2, random_state=0).fit(ids, LABELS)
    assert_start_from_the_vectors(bagging.estimators_, ids)
    assert not np.array_equal(*bagging.estimators_samples_)
    assert bagging.score(new_ids, TRUTH) > 0.8
    assert bagging.score(pd.DataFrame(new_ids), TRUTH) > 0.8


@pytest.mark.slow
def test_bagging_takes_texts_as_a_column():
    model = Pipeline([("texts", FunctionTransformer(np.ravel)), *pipeline().steps])
    bagging = BaggingClassifier(model, 2, random_state=0).fit(pd.DataFrame({"text": TEXTS}), LABELS)
    assert bagging.score(pd.DataFrame({"text": NEW}), TRUTH) > 0.8


@pytest.mark.slow
def test_boosting_is_better_than_its_first_network(ids, new_ids):
    weak = network(filters=4, epochs=2, learning_rate=0.03)
    boosting = AdaBoostClassifier(weak, n_estimators=3, random_state=0).fit(ids, LABELS)
    assert_start_from_the_vectors(boosting.estimators_, ids)
    first, *_, last = boosting.staged_score(new_ids, TRUTH)
    assert 0 < boosting.estimator_errors_[0] < 0.6
    assert last > first + 0.1
    assert last > 0.7


# Several classes, several outputs


@each_place
@pytest.mark.slow
def test_one_against_the_rest(kind):
    model, X, new = inputs(kind)
    rest = OneVsRestClassifier(model).fit(X, LABELS)
    assert rest.classes_.tolist() == CLASSES
    assert rest.score(new, TRUTH) > 0.8
    np.testing.assert_allclose(rest.predict_proba(new).sum(axis=1), 1, rtol=1e-6)
    for i, label in enumerate(CLASSES):
        one = rest.estimators_[i].predict_proba(new)[:, 1]
        assert one[label == TRUTH].mean() > 0.5 > one[label != TRUTH].mean()


@pytest.mark.slow
def test_one_against_one(ids, new_ids):
    pairs = OneVsOneClassifier(network()).fit(ids, LABELS)
    assert_start_from_the_vectors(pairs.estimators_, ids)
    assert len(pairs.estimators_) == 3
    assert pairs.score(new_ids, TRUTH) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["texts", "ids"])
def test_output_codes(kind):
    model, X, new = inputs(kind)
    codes = OutputCodeClassifier(model, code_size=1.5, random_state=0).fit(X, LABELS)
    assert len(codes.estimators_) == 4
    assert codes.score(new, TRUTH) > 0.8


@each_place
@pytest.mark.slow
def test_several_outputs_are_a_column_each(kind):
    model, X, new = inputs(kind)
    several = MultiOutputClassifier(model).fit(X, np.c_[LABELS, np.where(LABELS == "sport", "play", "art")])
    assert [classes.tolist() for classes in several.classes_] == [CLASSES, ["art", "play"]]
    predicted = several.predict(new)
    assert (predicted == np.c_[TRUTH, np.where(TRUTH == "sport", "play", "art")]).mean(axis=0).min() > 0.8
    assert [probabilities.shape[1] for probabilities in several.predict_proba(new)] == [3, 2]


def test_a_chain_needs_document_vectors():
    """A chain puts labels beside X: beside ids they would be words, see the loss of a vocabulary below."""
    both = np.c_[LABELS == "sport", LABELS != "sport"].astype(int)
    chain = ClassifierChain(LogisticRegression(), order=[0, 1])
    model = make_pipeline(GloveVectorizer(VECTORS), chain).fit(TEXTS, both)
    assert model.score(NEW, np.c_[TRUTH == "sport", TRUTH != "sport"]) > 0.8
    assert model[-1].estimators_[1].coef_[0, -1] < -1  # the second label is learned from the first


@pytest.mark.slow
def test_self_training_labels_the_other_texts(ids, new_ids):
    truth = np.searchsorted(CLASSES, LABELS)
    given = np.where(np.arange(len(truth)) % 4 == 0, truth, -1)
    model = SelfTrainingClassifier(network(epochs=8), threshold=0.6, max_iter=1).fit(ids, given)
    assert_start_from_the_vectors([model.estimator_], ids)
    new = model.labeled_iter_ == 1
    assert new.sum() > 20
    assert (model.transduction_[new] == truth[new]).mean() > 0.9
    assert model.score(new_ids, np.searchsorted(CLASSES, TRUTH)) > 0.8


NOT_NUMBERS = "could not convert string to float|not compatible with arrays of bytes/strings"
REFUSALS = {
    BaggingClassifier: None,  # but for a column of texts, see above
    AdaBoostClassifier: "Pipeline doesn't support sample_weight",
    OneVsOneClassifier: NOT_NUMBERS,
    SelfTrainingClassifier: NOT_NUMBERS,
    ClassifierChain: NOT_NUMBERS,
}


@pytest.mark.parametrize("meta_estimator", REFUSALS)
def test_some_take_no_texts(meta_estimator):
    model, labels = meta_estimator(pipeline()), (LABELS == "sport").astype(int)
    if meta_estimator is ClassifierChain:
        labels = np.c_[labels, labels]
    with pytest.raises(ValueError, match="Expected 2D array"):
        model.fit(TEXTS, labels)
    if REFUSALS[meta_estimator]:
        with pytest.raises(ValueError, match=REFUSALS[meta_estimator]):
            model.fit(np.reshape(TEXTS, (-1, 1)), labels)


# Weights

# Each text has a right label and a wrong one; the right ones weigh more.
WRONG = np.array(CLASSES)[(np.searchsorted(CLASSES, LABELS) + 1) % 3]
CONTRADICTORY = np.repeat(TEXTS, 2), np.c_[LABELS, WRONG].ravel()
WEIGHTS = np.tile([9, 1], len(TEXTS))


@pytest.mark.parametrize(
    "meta_estimator",
    [
        partial(CalibratedClassifierCV, cv=ONE_SPLIT),
        *(
            pytest.param(make, marks=pytest.mark.slow)
            for make in (
                partial(AdaBoostClassifier, n_estimators=1),
                partial(BaggingClassifier, n_estimators=2, random_state=0),
                lambda model: VotingClassifier([("network", model)]),
            )
        ),
    ],
    ids=["calibration", "boosting", "bagging", "voting"],
)
def test_weights_reach_the_networks(meta_estimator, ids, new_ids):
    model = meta_estimator(network())
    model.fit(ids[np.repeat(np.arange(len(ids)), 2)], CONTRADICTORY[1], sample_weight=WEIGHTS)
    assert model.score(new_ids, TRUTH) > 0.8


@pytest.fixture
def routed():
    """Let weights be routed: to the network, and to the scorer."""
    with config_context(enable_metadata_routing=True):
        model = pipeline()
        model["cnn"].set_fit_request(sample_weight=True)
        yield model, make_scorer(accuracy_score).set_score_request(sample_weight=True)


@pytest.mark.slow
def test_weights_are_routed_through_a_pipeline_in_a_search(routed):
    model, scorer = routed
    search = GridSearchCV(model, {"cnn__epochs": [3]}, scoring=scorer, cv=ONE_SPLIT, error_score="raise")
    search.fit(*CONTRADICTORY, sample_weight=WEIGHTS)
    assert search.best_score_ > 0.75  # without weights, half of the labels is wrong
    assert search.best_estimator_.score(NEW, TRUTH) > 0.8


@pytest.mark.slow
def test_weights_are_routed_through_a_pipeline_in_cross_validation(routed):
    model, scorer = routed
    result = cross_validate(
        model, *CONTRADICTORY, scoring=scorer, cv=ONE_SPLIT, params={"sample_weight": WEIGHTS},
        return_estimator=True, return_indices=True, error_score="raise",
    )  # fmt: skip
    (test,) = result["indices"]["test"]
    texts, labels = (part[test] for part in CONTRADICTORY)
    predicted = result["estimator"][0].predict(texts)
    assert result["test_score"] == accuracy_score(labels, predicted, sample_weight=WEIGHTS[test])
    assert result["test_score"] > 0.75


# Searches


@pytest.mark.slow
def test_a_randomized_search_draws_from_distributions():
    ranges = {"cnn__learning_rate": loguniform(1e-4, 1e-1), "cnn__filters": randint(4, 33)}
    search = RandomizedSearchCV(
        pipeline(), ranges, n_iter=2, scoring="neg_log_loss", cv=ONE_SPLIT, random_state=1
    ).fit(TEXTS, LABELS)
    rates, filters = (search.cv_results_[f"param_{name}"].astype(float) for name in ranges)
    assert len(set(rates)) == len(set(filters)) == 2
    assert np.argmax(rates) == search.best_index_
    assert search.best_estimator_["cnn"].filters == filters[search.best_index_]
    assert search.best_estimator_.score(NEW, TRUTH) > 0.8


@pytest.mark.slow
def test_halving_raises_the_epochs():
    grid = {"cnn__learning_rate": [1e-5, 0.05]}
    search = HalvingGridSearchCV(
        pipeline(), grid, resource="cnn__epochs", factor=2, min_resources=2, max_resources=4, cv=ONE_SPLIT,
        scoring="neg_log_loss",
    ).fit(TEXTS, LABELS)  # fmt: skip
    assert search.n_resources_ == [2, 4]
    assert search.n_candidates_ == [2, 1]
    assert search.best_params_ == {"cnn__learning_rate": 0.05, "cnn__epochs": 4}
    assert search.best_estimator_["cnn"].n_iter_ == 4
    assert search.best_estimator_.score(NEW, TRUTH) > 0.8


@pytest.mark.slow
def test_a_grid_of_several_metrics_is_refitted_by_the_one_asked_for():
    scoring = {
        "loss": "neg_log_loss",
        "auc": "roc_auc_ovr",
        "f2": make_scorer(fbeta_score, beta=2, average="macro"),
    }
    grid = {"cnn__epochs": [1, 4]}
    search = GridSearchCV(pipeline(), grid, scoring=scoring, refit="loss", cv=ONE_SPLIT).fit(TEXTS, LABELS)
    assert search.best_params_ == {"cnn__epochs": 4}
    assert search.best_score_ == search.cv_results_["mean_test_loss"].max() > -0.8
    assert search.cv_results_["mean_test_auc"][1] > 0.9
    assert search.cv_results_["mean_test_f2"][1] > 0.8
    assert search.score(NEW, TRUTH) == -log_loss(TRUTH, search.predict_proba(NEW))


@pytest.mark.slow
def test_a_grid_replaces_steps_and_a_function_chooses_the_candidate():
    grid = [
        {"cnn__epochs": [1]},
        {"tokens": [GloveVectorizer(VECTORS)], "pad": ["passthrough"], "cnn": [LogisticRegression()]},
    ]
    search = GridSearchCV(pipeline(), grid, cv=ONE_SPLIT, refit=lambda results: 1).fit(TEXTS, LABELS)
    assert search.best_index_ == 1
    assert type(search.best_estimator_["cnn"]) is LogisticRegression
    assert search.best_estimator_.score(NEW, TRUTH) > 0.8


@pytest.mark.slow
def test_a_search_goes_on_where_a_candidate_fails():
    grid = {"cnn__epochs": [-1, 3]}
    search = GridSearchCV(pipeline(), grid, cv=ONE_SPLIT, refit=False)
    # Two warnings: one names the parameter, the other the score.
    with (
        pytest.warns(UserWarning, match="test scores are non-finite"),
        pytest.warns(FitFailedWarning, match="'epochs' parameter .* Got -1"),
    ):
        search.fit(TEXTS, LABELS)
    failed, score = search.cv_results_["mean_test_score"]
    assert np.isnan(failed)
    assert score > 0.8
    assert search.best_params_ == {"cnn__epochs": 3}


@pytest.mark.slow
def test_a_search_is_cross_validated_itself():
    search = GridSearchCV(pipeline(), {"cnn__epochs": [1, 4]}, scoring="neg_log_loss", cv=ONE_SPLIT)
    result = cross_validate(search, TEXTS, LABELS, cv=2, return_estimator=True, error_score="raise")
    assert [fitted.best_params_["cnn__epochs"] for fitted in result["estimator"]] == [4, 4]
    assert result["test_score"].min() > -0.8  # guessing: -1.1


# Cross-validation and curves


@pytest.mark.slow
def test_cross_validate_scores_each_fold_with_a_vocabulary_of_its_own():
    result = cross_validate(
        pipeline(), TEXTS, LABELS, cv=2, scoring=["accuracy", "neg_log_loss"], return_train_score=True,
        return_estimator=True, return_indices=True, error_score="raise",
    )  # fmt: skip
    texts = np.array(TEXTS)
    for i, model in enumerate(result["estimator"]):
        train, test = (result["indices"][part][i] for part in ("train", "test"))
        assert result["test_accuracy"][i] == model.score(texts[test], LABELS[test]) > 0.8
        loss = log_loss(LABELS[test], model.predict_proba(texts[test]))
        assert result["test_neg_log_loss"][i] == pytest.approx(-loss)
        assert result["train_neg_log_loss"][i] == pytest.approx(
            -log_loss(LABELS[train], model.predict_proba(texts[train]))
        )
        assert model["tokens"].word_counts_.sum() == 8 * len(train)


@pytest.mark.slow
def test_cross_val_predict_gives_the_columns_in_the_order_of_the_labels():
    probabilities = cross_val_predict(pipeline(), TEXTS, LABELS, cv=2, method="predict_proba")
    assert probabilities.shape == (len(TEXTS), 3)
    assert (np.array(CLASSES)[probabilities.argmax(axis=1)] == LABELS).mean() > 0.8


@pytest.mark.slow
def test_learning_curve_rises_with_the_texts():
    sizes, _, test = learning_curve(
        pipeline(), TEXTS, LABELS, train_sizes=[12, 30], cv=ONE_SPLIT, scoring="neg_log_loss",
        error_score="raise",
    )  # fmt: skip
    assert sizes.tolist() == [12, 30]
    assert test[1] > test[0] + 0.2


@pytest.mark.slow
def test_validation_curve_rises_with_the_epochs():
    train, test = validation_curve(
        pipeline(), TEXTS, LABELS, param_name="cnn__epochs", param_range=[1, 5], cv=ONE_SPLIT,
        scoring="neg_log_loss", error_score="raise",
    )  # fmt: skip
    assert train[1] > train[0] + 0.2
    assert test[1] > test[0] + 0.2


@pytest.mark.slow
def test_permuted_labels_cannot_be_learned():
    score, permuted, p_value = permutation_test_score(
        pipeline(), TEXTS, LABELS, cv=ONE_SPLIT, n_permutations=4, random_state=0
    )
    assert score > 0.8
    assert permuted.max() < 0.7
    assert p_value == 1 / 5


@pytest.mark.slow
def test_importance_of_a_column_of_texts(reviews, voting):
    frame, labels, _ = reviews
    frame = frame[160:].assign(noise=np.arange(80))
    result = permutation_importance(voting, frame, labels[160:], n_repeats=3, random_state=0)
    importance = dict(zip(frame.columns, result.importances_mean, strict=True))
    assert min(importance["price"], importance["review"]) > 0.1
    assert importance["noise"] == 0
    with pytest.raises(ValueError, match="Expected 2D array"):  # texts alone are no columns to permute
        permutation_importance(voting, frame["review"].to_numpy(), labels[160:])


def test_importance_of_ids_is_that_of_positions(fitted, new_ids):
    result = permutation_importance(fitted["cnn"], new_ids, TRUTH, n_repeats=2, random_state=0)
    assert not result.importances_mean[:2].any()  # padding
    assert result.importances_mean[2:].max() > 0


# What strips the vocabulary from ids


@pytest.fixture
def tiny():
    return network(epochs=1, batch_size=64, pretrained="auto")


def undersample(model, X, y):
    from imblearn.under_sampling import RandomUnderSampler

    return model.fit(*RandomUnderSampler(random_state=0).fit_resample(X[:-5], y[:-5]))


def oversample(model, X, y):
    from imblearn.over_sampling import RandomOverSampler

    # The ids that it returns have lost their vocabulary in np.vstack, see below.
    sampler = RandomOverSampler(random_state=0)
    y = sampler.fit_resample(X[:-5], y[:-5])[1]
    return model.fit(X[sampler.sample_indices_], y)


@pytest.mark.parametrize("fit", [oversample, pytest.param(undersample, marks=pytest.mark.slow)])
def test_resampled_ids_keep_their_vocabulary(fit, ids, new_ids):
    assert fit(network(), ids, LABELS).score(new_ids, TRUTH) > 0.8


def join_features(model, X, y):
    union = FeatureUnion([("one", SequencePadder(5)), ("two", SequencePadder(5))])
    make_pipeline(union, model).fit(X, y)


def join_columns(model, X, y):
    columns = ColumnTransformer([("ids", "passthrough", [*range(9)])], remainder="passthrough")
    make_pipeline(columns, model).fit(X, y)


def join_samples(model, X, y):
    from imblearn.over_sampling import RandomOverSampler

    model.fit(*RandomOverSampler(random_state=0).fit_resample(X[:-5], y[:-5]))


def chain_labels(model, X, y):
    ClassifierChain(model).fit(X, np.c_[y == "music", y == "sport"])


LOSSES = {
    "RandomOverSampler": join_samples,
    "FeatureUnion": join_features,
    "ColumnTransformer": join_columns,
    "ClassifierChain": chain_labels,
    "vstack": lambda model, X, y: model.fit(np.vstack([X[:30], X[30:]]), y),
    "lists": lambda model, X, y: model.fit(X.tolist(), y),
    "astype": lambda model, X, y: model.fit(np.asarray(X).astype(np.int64), y),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
def test_a_lost_vocabulary_is_a_warning_that_names_the_remedy(lose, tiny, ids):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # raised before the network is built
        with pytest.raises(UserWarning, match=r"X carries no vocabulary.*TokenIds\(X, ids\.vocabulary\)"):
            lose(tiny, ids, LABELS)


def test_what_no_remedy_helps_is_said_with_another_way(tiny, ids):
    with pytest.raises(UserWarning, match=r"ClassifierChain .* labels .* words: .* MultiOutputClassifier"):
        chain_labels(tiny, ids, LABELS)
    with pytest.raises(ValueError, match=r"pretrained=True needs word vectors.*carries no vocabulary"):
        chain_labels(network(), ids, LABELS)
