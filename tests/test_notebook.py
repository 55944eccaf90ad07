import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn import config_context

from skglove import GloveTokenizer, KerasConvTextClassifier
from skglove.notebook import describe_classifier, describe_tokenizer, summary_as_html
from skglove.streams import partial_fitting

TEXTS = [f"{word} film {i}" for i in range(20) for word in ("good", "bad")]
LABELS = ["<b>good</b>", "bad"] * 20
VECTORS = {"good": [1.0, 0.0], "bad": [0.0, 1.0], "film": [1.0, 1.0]}


@pytest.fixture(scope="module")
def tokenizer():
    return GloveTokenizer(VECTORS).fit(TEXTS)


@pytest.fixture(scope="module")
def classifier(tokenizer):
    classifier = KerasConvTextClassifier(
        epochs=2, validation_fraction=0.2, early_stopping=True, random_state=0
    )
    return classifier.fit(tokenizer.transform(TEXTS), LABELS)


def test_an_estimator_that_is_not_fitted_has_the_diagram_alone():
    for estimator in (GloveTokenizer(), KerasConvTextClassifier()):
        assert not estimator._repr_html_().endswith("</table>")
        assert estimator._summary() == []


def test_summary_of_the_tokenizer(tokenizer):
    assert describe_tokenizer(tokenizer) == [
        ("texts", "120 tokens, 23 distinct words"),
        ("words", "23 with an id"),
        ("vectors", "WordVectors(3 words, 2 dimensions)"),
        ("with a vector", "66.7% of the tokens, 13.0% of the distinct words"),
    ]


def test_summary_of_a_tokenizer_without_vectors():
    assert describe_tokenizer(GloveTokenizer(None).fit(["a cat"]))[1:] == [
        ("words", "2 with an id"),
        ("vectors", "none"),
    ]


def test_summary_of_the_classifier(classifier):
    summary = dict(describe_classifier(classifier))
    assert summary["classes"] == "2: <b>good</b>, bad"
    assert summary["documents"] == "40"
    assert summary["words"] == "23 with an id"
    assert summary["vectors"] == "WordVectors(3 words, 2 dimensions)"
    share = classifier.settings_["lexical_weight"]
    assert summary["shares"].startswith(f"network {1 - share:.2f}, linear model")
    kept = classifier.best_epoch_
    assert summary["epochs"] == {2: "2", 1: "2, of which epoch 1 was kept"}[kept]
    loss, accuracy = (classifier.history_[name][kept - 1] for name in ("val_loss", "val_accuracy"))
    assert summary["held-out documents"] == f"log-loss {loss:.3f}, accuracy {accuracy:.3f}"


def test_labels_are_no_classes(classifier):
    several = copy.copy(classifier)
    several._multilabel = True
    assert describe_classifier(several)[0] == ("labels, several a document", "2: <b>good</b>, bad")


@pytest.mark.slow
def test_summary_of_a_classifier_in_a_stream(classifier, tokenizer, monkeypatch):
    monkeypatch.setattr(partial_fitting, "MOST_CALLS", 2)
    streamed = pickle.loads(pickle.dumps(classifier)).set_params(early_stopping="auto", lexical_weight=0)
    with pytest.warns(UserWarning, match="linear model starts anew"):
        streamed.partial_fit(tokenizer.transform(TEXTS[:4]), LABELS[:4])
    assert dict(describe_classifier(streamed))["documents"] == "4"
    assert describe_classifier(streamed)[-1] == ("calls of partial_fit", "1")
    for _ in range(2):
        streamed.partial_fit(tokenizer.transform(TEXTS[4:6]), LABELS[4:6], sample_weight=[1, 0])
    summary = dict(describe_classifier(streamed))
    assert (summary["documents"], summary["calls of partial_fit"]) == ("6", "3")
    assert summary["last documents, before they were learned"].startswith("log-loss 0.")
    assert "epochs" not in summary


def test_the_summary_follows_the_diagram_in_a_notebook(classifier):
    summary = summary_as_html(describe_classifier(classifier))
    assert "&lt;b&gt;good&lt;/b&gt;" in summary
    for html in (classifier._repr_html_(), classifier._repr_mimebundle_()["text/html"]):
        assert "sk-container" in html
        assert html.endswith(summary)
        assert "<b>good" not in html


def test_text_is_shown_where_scikit_learn_shows_text(classifier):
    with config_context(display="text"):
        assert not hasattr(classifier, "_repr_html_")
        assert list(classifier._repr_mimebundle_()) == ["text/plain"]


@pytest.mark.slow
def test_many_classes_and_long_names_are_shortened(classifier):
    many = pickle.loads(pickle.dumps(classifier))
    many.classes_ = np.array(["x" * 1000, *"abcdefghij"])
    shown = dict(describe_classifier(many))["classes"]
    assert shown.startswith("11: xxx")
    assert shown.endswith("f, g, ...")
    assert len(shown) < 80


def test_the_network_is_among_the_attributes_once_it_is_built(classifier):
    loaded = pickle.loads(pickle.dumps(classifier))
    assert "model_" not in dir(loaded)
    assert loaded.model_ is not None
    assert {"model_", "predict", "classes_"} <= set(dir(loaded))
    assert "model_" not in dir(KerasConvTextClassifier())


@pytest.mark.slow
def test_a_loaded_classifier_is_shown_without_keras(classifier, tmp_path):
    path = tmp_path / "classifier.pkl"
    path.write_bytes(pickle.dumps(classifier))
    code = f"""
import pickle, sys
with open({str(path)!r}, "rb") as file:
    classifier = pickle.load(file)
html = classifier._repr_html_()
assert "held-out documents" in html
assert "model_" not in dir(classifier) and "predict" in dir(classifier)
assert "keras" not in sys.modules
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
