import pytest

from skglove import KerasConvTextClassifier
from skglove.auto_settings import AUTO, check_batch_size, resolve_auto


def resolve(n_documents, **parameters):
    return resolve_auto(KerasConvTextClassifier(**parameters).get_params(), n_documents)


@pytest.mark.parametrize(
    ("n_documents", "batch_size", "epochs"), [(4, 16, 150), (160, 20, 19), (2_000, 128, 10), (10**6, 128, 2)]
)
def test_auto_depends_on_the_documents(n_documents, batch_size, epochs):
    settings, n_steps = resolve(n_documents)
    assert (settings["batch_size"], settings["epochs"]) == (batch_size, epochs)
    assert n_steps == epochs * -(-n_documents // batch_size) >= 150


def test_given_values_are_taken():
    settings, n_steps = resolve(100, batch_size=7, epochs=1, optimizer="sgd", lexical_weight=0)
    assert (settings["batch_size"], settings["epochs"], n_steps) == (7, 1, 15)
    assert (settings["optimizer"], settings["lexical_weight"]) == ("sgd", 0)


def test_auto_of_stacked_is_the_blogs():
    assert resolve(10, architecture="stacked") == (AUTO["stacked"], 2)


def test_batches_too_large_for_memory_are_an_error():
    check_batch_size(2**8, 2**20, longest=3)
    with pytest.raises(ValueError, match=r"batch_size=257 .* maxlen_=1048576 ids .* has 3\. Lower maxlen"):
        check_batch_size(2**8 + 1, 2**20, longest=3)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"architecture": "stacked", "n_conv_layers": 14},
            "n_conv_layers=14 with kernel_size=5 .* pool_size=5 see",
        ),
        ({"architecture": "stacked", "pool_size": 10**9}, "pool_size=1000000000 see"),
        ({"architecture": "stacked", "kernel_size": 10**9}, "kernel_size=1000000000, .* has about"),
        ({"architecture": "stacked", "filters": 2**31}, "filters=2147483648, .* weights, more than the"),
        ({"kernel_size": 10**9}, "kernel_size=1000000000, embedding_dim=100 has about"),
    ],
)
def test_networks_that_fit_into_no_memory_are_an_error_that_names_the_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        KerasConvTextClassifier(pretrained=False, **parameters).fit([[1, 2], [2, 1]] * 8, [0, 1] * 8)
