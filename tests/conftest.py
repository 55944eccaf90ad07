"""Settings that must stand before scipy and Keras are imported, and what differs between Keras's backends."""

import gc
import os

import pytest

# scikit-learn skips its array API check without this.
os.environ["SCIPY_ARRAY_API"] = "1"
# TensorFlow's notes on the machine it runs on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Python's garbage collector would walk through all modules again and again, and pytest calls it five times at
# the end. It waits until the modules are imported, and leaves them alone from then on.
gc.disable()

BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")


def pytest_configure(config):
    if BACKEND != "tensorflow":
        # Keras's own variables have not caught up with NumPy 2 there. Ours must, so not everywhere.
        config.addinivalue_line("filterwarnings", "ignore:__array__ implementation:DeprecationWarning")


# Cases of tests that take most of a second and resemble the other cases, by a part of their names. Like the
# tests marked `slow`, they are left out of the default run.
SLOW = (
    "-check_array_api_input(",
    "-check_classifier_data_not_an_array",
    "-check_classifiers_classes",
    "-check_classifiers_train(readonly_memmap=True",
    "-check_dont_overwrite_parameters",
    "-check_estimators_dtypes",
    "-check_estimators_overwrite_params",
    "-check_fit_idempotent",
    "-check_fit_score_takes_y",
    "-check_n_features_in_after_fitting",
    "-check_readonly_memmap_input",
    "-check_sample_weights_not_an_array",
    "-check_sample_weights_pandas_series",
    "[('hybrid', {'kernel_size': (3",
    "[('hybrid', {'kernel_size': (4",
    "[('hybrid', {'kernel_size': 2",
    "[('hybrid', {'kernel_size': 3",
    "[('parallel', ",
    "pretrained=False)-check_classifiers_multilabel_",
    "pretrained=False)-check_dtype_object",
    "pretrained=False)-check_estimators_fit_returns_self",
    "pretrained=False)-check_estimators_nan_inf",
    "pretrained=False)-check_f_contiguous_array_estimator",
    "pretrained=False)-check_fit_check_is_fitted",
    "pretrained=False)-check_methods_sample_order_invariance",
    "pretrained=False)-check_methods_subset_invariance",
    "pretrained=False)-check_pipeline_consistency",
    "pretrained=False)-check_sample_weights_list",
    "pretrained=False)-check_sample_weights_shape",
    "pretrained=False)-check_supervised_y_2d",
    "test_a_fit_traces_its_network_once_and_predictions_at_most_three_times[hybrid]",
    "test_a_learning_rate_that_a_callback_sets_is_used[callback0-stacked]",
    "test_a_maxlen_that_a_matrix_has_draws_no_warning[6]",
    "test_a_named_score_is_that_of_scikit_learn_on_held_out_documents[stacked]",
    "test_a_network_that_is_no_longer_used_leaves_nothing_in_memory[True-hybrid]",
    "test_all_documents_empty_can_be_fitted[stacked]",
    "test_an_interrupted_fit_leaves_steps_of_two_fits_and_predict_says_so[10]",
    "test_auto_maxlen[hybrid-2000]",
    "test_calibration_mends_probabilities_that_are_too_sure[texts]",
    "test_callbacks_see_what_is_measured_on_held_out_documents[hybrid]",
    "test_callbacks_that_write_files_write_them[stacked]",
    "test_contributions_add_up_to_the_log_odds[ids0-parallel]",
    "test_contributions_add_up_to_the_log_odds[ids0-stacked]",
    "test_damaged_vectors_go_out_by_no_door[embedding-zero_page]",
    "test_documents_of_weight_zero_might_be_absent[hybrid]",
    "test_every_splitter_splits_texts[GroupKFold]",
    "test_fits_with_a_configured_optimizer_are_equal_and_leave_it_alone[stacked]",
    "test_gradients_are_those_of_the_plain_network[hybrid_network-0.5-pre]",
    "test_it_goes_with_all_options[parameters0]",
    "test_nearest_is_what_a_whole_sort_finds[1-1003]",
    "test_nearest_is_what_a_whole_sort_finds[10-1003]",
    "test_networks_without_a_linear_model_stop_on_it_too[stacked]",
    "test_options_change_little",
    "test_options_of_the_machine[options0-hybrid]",
    "test_pickle_needs_neither_loss_nor_optimizer[hybrid]",
    "test_pickling_keeps_the_probabilities[stacked]",
    "test_plain_integers_are_ids_too[<lambda>0]",
    "test_predictions_are_an_indicator_matrix[stacked]",
    "test_predictions_are_those_of_the_pipeline[multilabel]",
    "test_predictions_are_those_of_the_pipeline[parallel]",
    "test_predictions_are_those_of_the_pipeline[stacked]",
    "test_predictions_do_not_depend_on_the_batches[deprecated-stacked]",
    "test_ragged_ids_need_no_padder[hybrid]",
    "test_regression_counts_where_few_words_settle_the_class[5]",
    "test_results_are_those_of_all_columns[four layers]",
    "test_results_are_those_of_all_columns[no pooling]",
    "test_results_are_those_of_all_columns[parallel]",
    "test_results_are_those_of_all_columns[stacked]",
    "test_same_seed_gives_the_same_predictions_and_another_seed_others[hybrid]",
    "test_same_seed_gives_the_same_predictions_where_threads_race[options0]",
    "test_scikit_learns_checks_use_partial_fit[check_n_features_in_after_fitting]",
    "test_sklearn_own_check[check_dataframe_column_names_consistency-KerasConvTextClassifier]",
    "test_some_sklearn_checks_of_the_blogs_network[check_estimators_pickle]",
    "test_some_sklearn_checks_of_the_blogs_network[check_methods_subset_invariance]",
    "test_some_sklearn_checks_with_warm_start[check_dict_unchanged]",
    "test_states_hold_versions[classifier]",
    "test_steps_are_those_of_keras[float16]",
    "test_the_lexical_model_has_its_share_in_the_probabilities[0.3]",
    "test_the_model_of_a_classifier_predicts_as_the_classifier[parallel]",
    "test_thirds_with_weights_of_documents_and_a_given_share",
    "test_vocabulary_survives_cross_validation_of_tokenised_texts[padded]",
    "test_weight_decay_leaves_the_vectors_of_other_words_alone[parallel]",
    "test_weights_reach_the_networks[calibration]",
    "test_what_a_label_of_documents_without_weight_says_does_not_matter[hybrid]",
    "test_what_cannot_be_compared_or_is_held_by_others_is_not_kept[parameters0]",
    "test_what_is_cut_off_counts_among_the_ids[hybrid]",
    "test_what_is_measured_is_the_moving_average_that_is_kept[options0]",
    "test_what_is_written_reads_back_exactly[fasttext",
    "test_what_is_written_reads_back_exactly[glove",
    "test_what_is_written_reads_back_exactly[word2vec-v.txt.zip",
    "test_without_vectors_or_if_asked_for_the_embedding_is_learned_from_scratch[vocabulary0-auto]",
    "test_words_that_no_document_has_keep_their_vectors_or_say_nothing[hybrid]",
    "test_words_that_say_nothing_make_no_sure_probabilities[20-2]",
)


@pytest.hookimpl(tryfirst=True)  # before "slow" is left out
def pytest_collection_modifyitems(items):
    for item in items:
        if any(name in item.name for name in SLOW):
            item.add_marker("slow")


def pytest_collection_finish():
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_sessionfinish():
    gc.collect()
    gc.freeze()


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
