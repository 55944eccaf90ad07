import copy
import json
import pickle
import threading
import warnings

import joblib
import keras
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning

import skglove
import skglove.versions
from skglove import GloveTokenizer, KerasConvTextClassifier, SequencePadder
from skglove.network.build import build_network
from skglove.network.inference import OLD_NAMES
from skglove.network.pickling import StoredNetwork

IDS, LABELS = np.array([[1, 2], [2, 1], [3, 3], [1, 3]] * 2), [0, 1] * 4


@pytest.fixture(scope="module")
def classifier():
    sizes = {"pretrained": False, "embedding_dim": 4, "kernel_size": 2}
    return KerasConvTextClassifier(epochs=1, random_state=0, **sizes).fit(IDS, LABELS)


@pytest.fixture(params=["classifier", "tokenizer", "padder"])
def estimator(request):
    if request.param == "classifier":
        return request.getfixturevalue("classifier")
    if request.param == "tokenizer":
        return GloveTokenizer(vectors=None).fit(["good film"])
    return SequencePadder(3).fit(IDS)


def test_states_hold_versions(estimator):
    versions = estimator.__getstate__()["_versions"]
    assert versions == {"skglove": skglove.__version__, "scikit-learn": sklearn.__version__}
    loaded = pickle.loads(pickle.dumps(estimator))
    assert vars(loaded).keys() == vars(estimator).keys() - {"callbacks_"}


@pytest.mark.parametrize(
    ("package", "writer", "reader", "warned"),
    [
        ("skglove", "0.2.0", "0.3.0", True),
        ("skglove", "1.0.0", "2.0.0", True),
        ("skglove", "0.2.0", "0.2.1", False),
        ("sklearn", "1.6.1", "1.7.0", True),
        ("sklearn", "1.6.0", "1.6.2", False),
    ],
)
def test_another_minor_version_is_a_warning(estimator, monkeypatch, package, writer, reader, warned):
    module = {"skglove": skglove, "sklearn": sklearn}[package]
    monkeypatch.setattr(module, "__version__", writer)
    pickled = pickle.dumps(estimator)
    monkeypatch.setattr(module, "__version__", reader)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pickle.loads(pickled)
    name = {"skglove": "skglove", "sklearn": "scikit-learn"}[package]
    messages = [
        str(warning.message) for warning in caught if type(estimator).__name__ in str(warning.message)
    ]
    assert all(warning.category is InconsistentVersionWarning for warning in caught)
    assert len(messages) == warned
    for message in messages:
        assert f"from version {name} {writer} when using version {name} {reader}." in message


def test_another_minor_version_of_keras_is_a_warning(classifier, monkeypatch):
    state = classifier._network.__getstate__()
    assert state["versions"]["keras"] == keras.__version__
    assert state["versions"].keys() == {"keras", keras.backend.backend()}
    state["versions"]["keras"] = "3.4.1"
    with pytest.warns(InconsistentVersionWarning, match=r"from version keras 3\.4\.1 when"):
        StoredNetwork(None).__setstate__(state)


@pytest.mark.parametrize(
    ("writer", "reader"), [("jax", "tensorflow"), ("jax", "torch"), ("tensorflow", "jax")]
)
@pytest.mark.parametrize("architecture", ["hybrid", "stacked"])
def test_the_backend_that_loads_a_network_decides_whether_it_is_compiled(
    architecture, monkeypatch, writer, reader
):
    model = build_network(3, 2, architecture=architecture)
    monkeypatch.setattr(keras.backend, "backend", lambda: writer)
    model.jit_compile = writer == "jax"
    state = StoredNetwork(model).__getstate__()
    assert state["parts"][-1] is False
    monkeypatch.setattr(keras.backend, "backend", lambda: reader)
    network = StoredNetwork(None)
    network.__setstate__({**state, "versions": {}})
    assert network.model.jit_compile == (reader == "jax")


def test_a_state_that_cannot_be_read_says_who_wrote_it(classifier):
    state = {**classifier.__getstate__(), "_versions": {"skglove": "0.1.7"}, "model_": "what?"}
    match = r"state of KerasConvTextClassifier was written by skglove 0\.1\.7 and cannot be read by skglove 0"
    with pytest.warns(InconsistentVersionWarning), pytest.raises(ValueError, match=match):
        KerasConvTextClassifier().__setstate__(state)


def test_a_network_that_cannot_be_built_says_who_wrote_it(classifier):
    state = classifier._network.__getstate__()
    name, config, weights, jit_compile = state["parts"]
    broken = StoredNetwork.__new__(StoredNetwork)
    broken.__setstate__({**state, "parts": (name, config, weights[1:], jit_compile)})
    match = r"network was written by keras \d.* and cannot be built by skglove .*fit again"
    with pytest.raises(ValueError, match=match) as error:
        broken.model  # noqa: B018
    assert len(str(error.value)) < 600


def state_of_the_first_release(classifier):
    """Make a state as 0.1.0 wrote it."""
    state = classifier.__getstate__()
    for name in ("_versions", "_pool_weights"):
        del state[name]
    name, config, *rest = state.pop("_network").__getstate__()["parts"]
    config = json.dumps(config)
    for old, new in OLD_NAMES.items():
        config = config.replace(new, old)
    state["model_"] = (name, json.loads(config), *rest)
    return state | {"jit_compile": False}  # the default then


@pytest.mark.slow
@pytest.mark.parametrize("lexical_weight", [0.0, 0.3])
def test_states_of_the_first_release_can_be_read(lexical_weight):
    sizes = {"pretrained": False, "embedding_dim": 4, "filters": 4, "dense_units": 4, "n_conv_layers": 1}
    classifier = KerasConvTextClassifier("stacked", epochs=1, lexical_weight=lexical_weight, **sizes)
    classifier.fit(IDS, LABELS)
    state = state_of_the_first_release(classifier)
    loaded = KerasConvTextClassifier()
    with pytest.warns(InconsistentVersionWarning, match=r"from version skglove 0\.1\.0 when"):
        loaded.__setstate__(state)
    assert loaded.get_params() == classifier.get_params()
    assert loaded._network.lookup is not None
    np.testing.assert_array_equal(loaded.predict_proba(IDS), classifier.predict_proba(IDS))
    predictions = [model.predict_on_batch(IDS) for model in (loaded.model_, classifier.model_)]
    np.testing.assert_array_equal(*predictions)


def test_a_network_of_the_first_release_that_was_replaced_is_an_error_that_says_to_fit_again(classifier):
    state = state_of_the_first_release(classifier)
    state["model_"] = ("PackedResidualNet", *state["model_"][1:])
    match = r"written by skglove 0\.1\.0 and cannot .* or fit again\. .*'residual' was replaced by 'hybrid'"
    with pytest.warns(InconsistentVersionWarning), pytest.raises(ValueError, match=match):
        KerasConvTextClassifier().__setstate__(state | {"architecture": "residual"})


def test_an_unfitted_classifier_of_the_first_release_can_be_read():
    state = KerasConvTextClassifier("residual", filters=128).__getstate__() | {"jit_compile": False}
    del state["_versions"]
    loaded = KerasConvTextClassifier()
    with pytest.warns(InconsistentVersionWarning):
        loaded.__setstate__(state)
    assert loaded.get_params() == KerasConvTextClassifier("residual").get_params()


def test_a_loaded_network_is_built_at_its_first_use(classifier, monkeypatch):
    builds = []
    build = StoredNetwork._build
    monkeypatch.setattr(StoredNetwork, "_build", lambda self: builds.append(1) or build(self))
    loaded = pickle.loads(pickle.dumps(classifier))
    again = copy.deepcopy(pickle.loads(pickle.dumps(loaded)))
    clone(again)
    assert joblib.hash(again) == joblib.hash(loaded) == joblib.hash(classifier)
    np.testing.assert_array_equal(again.predict_proba(IDS), classifier.predict_proba(IDS))
    assert not builds
    assert again.model_ is copy.copy(again).model_
    assert len(builds) == 1
    assert joblib.hash(again) == joblib.hash(classifier)
    again.predict_proba(IDS)
    assert len(builds) == 1
    assert hasattr(loaded, "model_")
    assert not hasattr(clone(loaded), "model_")


def test_threads_build_one_network(classifier):
    loaded = pickle.loads(pickle.dumps(classifier))
    barrier, models = threading.Barrier(4), []

    def use():
        barrier.wait()
        models.append(loaded.model_)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(models) == 4
    assert len(set(map(id, models))) == 1
