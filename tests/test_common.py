"""scikit-learn's own checks, all of them, on the estimators that take numbers.

The checks for GloveTokenizer are in test_tokenizer.py: scikit-learn has hardly any for estimators of text.
"""

from functools import partial

import pytest
import sklearn
from packaging.version import Version
from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.estimator_checks import (
    check_classifiers_multilabel_representation_invariance,
    check_classifiers_train,
    check_dataframe_column_names_consistency,
    check_dict_unchanged,
    check_dont_overwrite_parameters,
    check_estimators_partial_fit_n_features,
    check_estimators_pickle,
    check_fit2d_1sample,
    check_methods_sample_order_invariance,
    check_methods_subset_invariance,
    check_n_features_in,
    check_n_features_in_after_fitting,
    check_param_validation,
    check_sample_weights_list,
    estimator_checks_generator,
    parametrize_with_checks,
)

from skglove import KerasConvTextClassifier, SequencePadder, holdout

# Sizes and learning rate of networks that learn scikit-learn's small data in a second; no vectors, because it
# has no vocabulary, of which the default warns.
HYBRID = {
    "embedding_dim": 16,
    "kernel_size": 3,
    "epochs": 1,
    "pretrained": False,
}
STACKED = {
    **HYBRID,
    "kernel_size": 5,
    "architecture": "stacked",
    "filters": 16,
    "dense_units": 16,
    "batch_size": 32,
    "learning_rate": 0.01,
}
PARALLEL = {
    **HYBRID,
    "architecture": "parallel",
    "kernel_size": (3, 4, 5),
    "filters": 16,
    "batch_size": 32,
    "learning_rate": 0.02,
}

scikit_learn = Version(sklearn.__version__)

ESTIMATORS = [SequencePadder(), KerasConvTextClassifier(**HYBRID)]
BLOG_NETWORK = KerasConvTextClassifier(**STACKED)
KIMS_NETWORK = KerasConvTextClassifier(**PARALLEL)
ALL_WIDTHS = KerasConvTextClassifier(embedding_dim=16, epochs=1, pretrained=False)
WARM = KerasConvTextClassifier(**HYBRID, filters=100, validation_fraction=0, warm_start=True)
STOPPING = KerasConvTextClassifier(**{**HYBRID, "epochs": 4}, early_stopping=True, scoring="accuracy")
BALANCED = KerasConvTextClassifier(**HYBRID, class_weight="balanced")


def expect_failures(estimator):
    """Name the checks that cannot pass, with the reason."""
    failures = {}
    if isinstance(estimator, KerasConvTextClassifier):
        # Their twins on token ids are in test_weights.py and test_classifier.py, and pass.
        reason = "it feeds fractions, where ids are whole numbers"
        failures["check_decision_proba_consistency"] = reason
        failures["check_sample_weight_equivalence_on_dense_data"] = reason
        failures["check_class_weight_classifiers"] = reason
    if scikit_learn < Version("1.7.1"):
        failures["check_positive_only_tag_during_fit"] = "it subtracts a float from integers"
    return failures


def run(check, estimator):
    """Run a check, with enough epochs if it measures accuracy.

    One check compares predictions after several fits of one estimator. With `warm_start` each goes on from
    the last, so they are equal only where training hardly changes the network.
    """
    if check.func is check_classifiers_train:
        epochs = {"hybrid": 6, "stacked": 20, "parallel": 12}[estimator.architecture]
        estimator = clone(estimator).set_params(epochs=epochs)
    if check.func is check_classifiers_multilabel_representation_invariance and estimator.warm_start:
        estimator = clone(estimator).set_params(learning_rate=1e-9)
    check(estimator)


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expect_failures)
def test_sklearn_check(estimator, check):
    run(check, estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [ALL_WIDTHS, BLOG_NETWORK, KIMS_NETWORK, WARM, BALANCED], expected_failed_checks=expect_failures
)
def test_sklearn_check_of_variants(estimator, check):
    run(check, estimator)


@pytest.fixture
def held_out(monkeypatch):
    """Hold out documents of scikit-learn's small data, too."""
    monkeypatch.setattr(holdout, "FEWEST_HELD_OUT", 1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:scoring='accuracy' has no effect")  # with nine documents or fewer
@parametrize_with_checks([STOPPING], expected_failed_checks=expect_failures)
def test_sklearn_check_with_early_stopping(estimator, check, held_out):
    run(check, estimator)


@pytest.mark.parametrize("check", [check_estimators_pickle])
def test_some_sklearn_checks_with_early_stopping(check, held_out):
    run(partial(check, type(STOPPING).__name__), STOPPING)


# Those of the slow ones above whose outcome depends on the network most.
@pytest.mark.parametrize(
    "check",
    [
        check_estimators_pickle,
        check_methods_subset_invariance,
        *(
            pytest.param(check, marks=pytest.mark.slow)
            for check in (check_dict_unchanged, check_methods_sample_order_invariance)
        ),
    ],
)
def test_some_sklearn_checks_of_the_blogs_network(check):
    run(partial(check, type(BLOG_NETWORK).__name__), BLOG_NETWORK)


# Those whose outcome depends on an earlier fit.
@pytest.mark.parametrize(
    "check",
    [
        check_dict_unchanged,
        check_fit2d_1sample,
        *(
            pytest.param(check, marks=pytest.mark.slow)
            for check in (check_dont_overwrite_parameters, check_n_features_in)
        ),
    ],
)
def test_some_sklearn_checks_with_warm_start(check):
    check(type(WARM).__name__, WARM)


@pytest.mark.parametrize(
    "check",
    [
        check_estimators_partial_fit_n_features,
        check_n_features_in_after_fitting,
        pytest.param(check_dataframe_column_names_consistency, marks=pytest.mark.slow),
    ],
)
def test_scikit_learns_checks_use_partial_fit(check, monkeypatch):
    calls, partial_fit = [], KerasConvTextClassifier.partial_fit
    monkeypatch.setattr(
        KerasConvTextClassifier,
        "partial_fit",
        lambda *arguments, **named: calls.append(1) or partial_fit(*arguments, **named),
    )
    check("KerasConvTextClassifier", ESTIMATORS[1])
    assert calls


@pytest.mark.parametrize("check", [check_sample_weights_list])
def test_some_sklearn_checks_with_balanced_classes(check):
    run(partial(check, type(BALANCED).__name__), BALANCED)


# scikit-learn runs these on its own estimators, but does not give them out to others.
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
@pytest.mark.parametrize("check", [check_param_validation, check_dataframe_column_names_consistency])
def test_sklearn_own_check(estimator, check):
    check(type(estimator).__name__, estimator)


def names_of_checks(estimator):
    checks = [check for _, check in estimator_checks_generator(estimator)]
    return [getattr(check, "func", check).__name__ for check in checks]


def test_number_of_checks_that_scikit_learn_yields():
    # Fewer would mean that a tag switched some off.
    newer = scikit_learn >= Version("1.6.1")  # which brought one
    assert len(names_of_checks(SequencePadder())) >= 46 + newer
    checks = names_of_checks(KerasConvTextClassifier())
    assert len(checks) >= 66 + newer  # four of them are for multilabel
    for estimator in (ESTIMATORS[1], BLOG_NETWORK, KIMS_NETWORK, BALANCED, STOPPING, WARM):
        assert names_of_checks(estimator) == checks


@pytest.mark.parametrize("estimator", [ESTIMATORS[1], BALANCED, WARM], ids=["default", "balanced", "warm"])
def test_only_checks_that_feed_fractions_are_declared_to_fail(estimator):
    checks, declared = names_of_checks(estimator), expect_failures(estimator)
    dense, sparse = (f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse"))
    failing = {name for name in checks if name in declared} - {"check_positive_only_tag_during_fit"}
    assert failing == {dense, "check_class_weight_classifiers", "check_decision_proba_consistency"}
    assert (sparse in checks) == (scikit_learn < Version("1.6.1"))
    assert sum("weight" in name for name in checks) == 9


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_tags_are_honest(estimator):
    tags = estimator.__sklearn_tags__()
    assert tags.input_tags.categorical
    assert tags.input_tags.positive_only
    assert not tags.non_deterministic
    assert not tags.no_validation
    assert not tags.input_tags.allow_nan
    assert tags.requires_fit
    assert tags.classifier_tags is None or not tags.classifier_tags.poor_score
    assert tags.classifier_tags is None or tags.classifier_tags.multi_label


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_errors_of_parameters_do_not_show_a_whole_value(estimator):
    with pytest.raises(InvalidParameterError, match=r"'maxlen' parameter .* must be") as error:
        clone(estimator).set_params(maxlen="x" * 10**6).fit([[1], [2]], [0, 1])
    assert len(str(error.value)) < 500
