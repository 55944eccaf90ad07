import warnings

import pytest

from skglove import KerasConvTextClassifier
from skglove.auto_settings import AUTO, check_architecture, check_batch_size, resolve_auto


def resolve(n_documents, n_tokens=1000, **parameters):
    return resolve_auto(KerasConvTextClassifier(**parameters).get_params(), n_documents, n_tokens)


@pytest.mark.parametrize(
    ("n_documents", "n_tokens", "batch_size", "epochs", "patience", "filters"),
    [
        (4, 0, 16, 500, 25, 50),
        (160, 1000, 20, 63, 4, 50),
        (2_000, 10**5, 64, 30, 2, 100),
        (2_000, 3 * 10**5, 64, 30, 2, 50),
        (10_000, 2 * 10**6, 64, 5, 2, 32),
        (10**6, 2 * 10**8, 64, 1, 2, 32),
    ],
)
def test_auto_depends_on_the_documents(n_documents, n_tokens, batch_size, epochs, patience, filters):
    settings, n_steps = resolve(n_documents, n_tokens)
    assert (settings["batch_size"], settings["epochs"]) == (batch_size, epochs)
    assert (settings["n_iter_no_change"], settings["filters"]) == (patience, filters)
    assert n_steps == epochs * -(-n_documents // batch_size)


@pytest.mark.parametrize(
    ("parameters", "stops"),
    [
        ({}, True),
        ({"epochs": 9}, False),
        ({"epochs": 9, "early_stopping": True}, True),
        ({"early_stopping": False}, False),
        ({"architecture": "stacked"}, False),
        ({"architecture": "parallel"}, False),
    ],
)
def test_training_stops_early_unless_a_number_of_epochs_is_given(parameters, stops):
    assert resolve(100, **parameters)[0]["early_stopping"] is stops


@pytest.mark.parametrize(
    ("n_documents", "n_tokens", "epsilon"),
    [
        (900, 9_000, 0),
        (1_000, 20_000, 0.04),
        (5_000, 250_000, 0.04),
        (5_000, 250_001, 0),
        (50_000, 500_001, 0),
    ],
)
def test_many_short_documents_are_trained_on_adversarially(n_documents, n_tokens, epsilon):
    assert resolve(n_documents, n_tokens)[0]["adversarial_epsilon"] == epsilon


def test_one_cycle_needs_a_number_of_epochs_where_training_stops_early():
    parameters = KerasConvTextClassifier(learning_rate_schedule="one_cycle").get_params()
    with pytest.raises(ValueError, match="'one_cycle' needs a number of epochs, such as epochs=5"):
        check_architecture(parameters)
    check_architecture(parameters | {"epochs": 5})
    check_architecture(parameters | {"architecture": "parallel"})


def test_given_values_are_taken():
    settings, n_steps = resolve(100, batch_size=7, epochs=1, optimizer="sgd", lexical_weight=0)
    assert (settings["batch_size"], settings["epochs"], n_steps) == (7, 1, 15)
    assert (settings["optimizer"], settings["lexical_weight"]) == ("sgd", 0)


def test_auto_of_stacked_is_the_blogs():
    assert resolve(10, architecture="stacked") == (AUTO["stacked"], 2)


def test_auto_of_parallel_is_kims():
    names = "filters", "kernel_size", "dropout", "batch_size", "lexical_weight"
    for n_documents, epochs in [(10, 150), (500, 15), (5000, 6)]:
        settings, n_steps = resolve(n_documents, architecture="parallel")
        assert [settings[name] for name in names] == [100, (3, 4, 5), 0.5, 50, 0]
        assert settings["epochs"] == epochs
        assert n_steps == epochs * -(-n_documents // 50)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kernel_size": ()}, r"kernel_size=\(\) must hold one width or more"),
        ({"kernel_size": (3, 0)}, r"kernel_size=\(3, 0\) must hold"),
        ({"kernel_size": (3, 4.0)}, r"kernel_size=\(3, 4.0\) must hold"),
        (
            {"kernel_size": (3, 4), "architecture": "stacked"},
            r"kernel_size=\(3, 4\) is for architecture='parallel' and 'hybrid'; the convolutions of",
        ),
    ],
)
def test_widths_of_filters_that_no_network_can_have_are_an_error(parameters, message):
    with pytest.raises(ValueError, match=message):
        check_architecture(KerasConvTextClassifier(**{"architecture": "parallel", **parameters}).get_params())


@pytest.mark.parametrize(
    ("architecture", "without_effect"),
    [
        ("stacked", ["adversarial_epsilon"]),
        ("parallel", ["n_conv_layers", "pool_size", "dense_units", "adversarial_epsilon"]),
        ("hybrid", ["n_conv_layers", "pool_size", "dense_units"]),
    ],
)
def test_parameters_that_an_architecture_does_not_use_draw_a_warning(architecture, without_effect):
    names = "n_conv_layers", "filters", "kernel_size", "pool_size", "dense_units", "adversarial_epsilon"
    given = dict.fromkeys(names, 7)
    with warnings.catch_warnings(record=True, action="always") as warned:
        check_architecture(KerasConvTextClassifier(architecture, **given).get_params())
    assert [str(warning.message).split(" has no")[0] for warning in warned] == [
        f"{name}=7" for name in without_effect
    ]
    check_architecture(KerasConvTextClassifier(architecture, n_conv_layers=1).get_params())


def test_batches_too_large_for_memory_are_an_error():
    check_batch_size(2**8, 2**20, longest=3)
    with pytest.raises(ValueError, match=r"batch_size=257 .* maxlen_=1048576 ids .* has 3\. Lower maxlen"):
        check_batch_size(2**8 + 1, 2**20, longest=3)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"architecture": "stacked", "n_conv_layers": 14},
            "n_conv_layers=14, kernel_size=5, pool_size=5 sees",
        ),
        ({"architecture": "stacked", "pool_size": 10**9}, "pool_size=1000000000 sees"),
        ({"architecture": "stacked", "kernel_size": 10**9}, "kernel_size=1000000000, .* has about"),
        ({"architecture": "stacked", "filters": 2**31}, "filters=2147483648, .* weights, more than the"),
        ({"architecture": "parallel", "kernel_size": (1, 2**18)}, r"kernel_size=\(1, 262144\), .* has about"),
        (
            {"architecture": "parallel", "kernel_size": 2**25, "filters": 1, "embedding_dim": 1},
            "kernel_size=33554432 sees",
        ),
        ({"kernel_size": 10**9}, "kernel_size=1000000000, embedding_dim=100, filters=50 has about"),
    ],
)
def test_networks_that_fit_into_no_memory_are_an_error_that_names_the_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        KerasConvTextClassifier(pretrained=False, **parameters).fit([[1, 2], [2, 1]] * 8, [0, 1] * 8)
