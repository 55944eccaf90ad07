"""Settings that must stand before scipy and Keras are imported, and what differs between Keras's backends."""

import os

import pytest

# scikit-learn skips its array API check without this.
os.environ["SCIPY_ARRAY_API"] = "1"
# TensorFlow's notes on the machine it runs on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")


def pytest_configure(config):
    if BACKEND != "tensorflow":
        # Keras's own variables have not caught up with NumPy 2 there. Ours must, so not everywhere.
        config.addinivalue_line("filterwarnings", "ignore:__array__ implementation:DeprecationWarning")


# Tests that take seconds and resemble others, by the beginning or a part of their names: the nightly run has
# them, so that the others take minutes.
NIGHTLY = (
    "-check_classifiers_train(readonly_memmap=True",
    "-check_array_api_input(",
    "-check_classifier_data_not_an_array",
    "-check_classifiers_classes",
    "-check_dont_overwrite_parameters",
    "-check_estimators_dtypes",
    "-check_estimators_overwrite_params",
    "-check_fit_idempotent",
    "-check_fit_score_takes_y",
    "-check_n_features_in_after_fitting",
    "-check_readonly_memmap_input",
    "-check_sample_weights_pandas_series",
    "-check_sample_weights_not_an_array",
    "test_a_column_of_labels_is_taken_with_a_warning",
    "test_a_dict_of_vectors_is_kept_as_it_is_and_its_vocabulary",
    "test_a_fit_leaves_nothing_behind[stacked]",
    "test_a_lost_vocabulary_is_a_warning_once_and_pretrained_false_silences_it",
    "test_a_named_score_is_that_of_scikit_learn_on_held_out_documents[stacked]",
    "test_a_network_that_is_no_longer_used_leaves_nothing_in_memory[True-hybrid]",
    "test_a_pipeline_is_fitted_with_it",
    "test_cross_val_score_of_texts_and_of_ids_that_are_tokenised",
    "test_equal_vocabularies_have_equal_hashes_in_every_process",
    "test_fits_with_a_configured_optimizer_are_equal_and_leave_it_alone[stacked]",
    "test_import_clone_and_grid_load_neither_keras_nor_tensorflow",
    "test_its_weights_count",
    "test_many_classes",
    "test_options_of_the_machine[options0-hybrid]",
    "test_ragged_ids_need_no_padder[hybrid]",
    "test_same_seed_gives_the_same_predictions_where_threads_race[options0]",
    "test_the_model_of_a_classifier_predicts_as_the_classifier[parallel]",
    "test_the_loss_of_heads_is_the_mean_of_each_of_them_for_each_document[categorical_focal",
    "test_vectors_help_with_words_that_were_not_trained_on",
    "test_vocabulary_survives_cross_validation_of_tokenised_texts[padded]",
    "test_weight_decay_leaves_the_vectors_of_other_words_alone[parallel]",
    "test_what_is_measured_is_the_moving_average_that_is_kept[options0]",
)


@pytest.hookimpl(tryfirst=True)  # before "slow" is left out
def pytest_collection_modifyitems(items):
    for item in items:
        if any(name in item.name for name in NIGHTLY) and "test_some_" not in item.name:
            item.add_marker("slow")


def pytest_runtest_setup(item):
    for mark in item.iter_markers("backends"):
        if BACKEND not in mark.args:
            pytest.skip(f"KERAS_BACKEND={BACKEND}: {mark.kwargs['why']}")


@pytest.fixture
def write(tmp_path):
    """Write a file into a temporary folder, and return its path."""

    def write(data, name="vectors.txt"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write
