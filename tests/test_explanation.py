import pickle
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skglove import (
    Explanation,
    GloveTokenizer,
    GloveVectorizer,
    KerasConvTextClassifier,
    SequencePadder,
    explain,
    progress,
)

TEXTS = ["A good Film!", "a bad film.", "So GOOD", "so bad", "good plot", "bad plot, bad end"] * 6
LABELS = ["+", "-"] * 18
EVIL = """good <script>alert(1)</script> "><img src=x onerror='alert(2)'> bad \x1b[31m film\r\u202e"""


def fit(*steps, **parameters):
    sizes = {"filters": 4, "epochs": 6, "learning_rate": 0.05, "random_state": 1, "embedding_dim": 4}
    sizes["validation_fraction"] = 0
    return make_pipeline(*steps, KerasConvTextClassifier(**{**sizes, **parameters})).fit(TEXTS, LABELS)


@pytest.fixture(scope="module")
def pipeline():
    return fit(GloveTokenizer(vectors=None), SequencePadder(6))


@pytest.fixture(scope="module")
def stacked():
    return fit(
        GloveTokenizer(vectors=None, style="keras"),
        SequencePadder(8, padding="post"),
        architecture="stacked",
        n_conv_layers=1,
        kernel_size=2,
        dense_units=4,
    )


@pytest.fixture
def steps_of(pipeline):
    return [step for _, step in pipeline.steps]


def log_odds(pipeline, text):
    """Compute the log-odds of "+", of the two probabilities, which are exact near 0 and 1."""
    return np.subtract(*np.log(pipeline.predict_proba([text])[0]))


def test_baseline_and_contributions_add_up_to_the_log_odds(pipeline):
    for labels in (None, ["+"] * 6):
        for explanation, text in zip(explain(pipeline, TEXTS[:6], labels=labels), TEXTS, strict=False):
            expected = log_odds(pipeline, text)
            assert explanation.label == ("+" if labels or expected > 0 else "-")
            sign = 1 if explanation.label == "+" else -1
            assert explanation.log_odds == pytest.approx(sign * expected, abs=1e-3)
            assert explanation.probability == pipeline.predict_proba([text])[0, 0 if sign > 0 else 1]


def test_tokens_have_their_places_and_words_that_are_unknown_say_so(pipeline):
    text = "\n  Good  zyx FILM"
    (explanation,) = explain(pipeline, [text])
    assert [token.word for token in explanation.tokens] == ["good", "zyx", "film"]
    assert [text[token.start : token.stop] for token in explanation.tokens] == ["Good", "zyx", "FILM"]
    assert [token.known for token in explanation.tokens] == [True, False, True]
    assert explanation.tokens[1].contribution == 0
    assert explanation.strongest(1)[0][0] == "good"
    assert explanation.label == "+"


@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_every_way_to_pad_and_cut_is_followed(steps_of, padding, truncating):
    tokenizer, _, classifier = steps_of
    padder = SequencePadder(6, padding=padding, truncating=truncating).fit([[1]])
    changed = make_pipeline(tokenizer, padder, FunctionTransformer(), classifier)
    text = "so so good film a bad plot good"
    (explanation,) = explain(changed, [text], labels=["+"])
    assert explanation.log_odds == pytest.approx(log_odds(changed, text), abs=1e-3)
    kept = [token.word for token in explanation.tokens if token.known]
    assert kept == (text.split()[2:] if truncating == "pre" else text.split()[:6])
    short = explain(changed, ["good film"], labels=["+"])[0]
    assert short.log_odds == pytest.approx(log_odds(changed, "good film"), abs=1e-3)


@pytest.mark.slow
def test_stacked_is_explained_where_its_padding_is_at_the_end(stacked):
    text = "a good zyx film"
    (explanation,) = explain(stacked, [text], labels=["+"])
    assert explanation.log_odds == pytest.approx(log_odds(stacked, text), abs=1e-3)
    assert [token.contribution != 0 for token in explanation.tokens] == [True, True, False, True]


@pytest.mark.slow
def test_lists_of_words_and_a_token_for_unknown_words():
    tokenizer = GloveTokenizer(vectors=None, style=list, oov_token="<?>", num_words=4)
    classifier = KerasConvTextClassifier(filters=2, epochs=3, embedding_dim=4, random_state=0)
    pipeline = make_pipeline(tokenizer, classifier).fit([["good", "one"], ["bad", "two"]] * 16, LABELS[:32])
    document = ["good", "<b>"]
    (explanation,) = explain(pipeline, [document], labels=["+"])
    assert [token[:3] for token in explanation.tokens] == [("good", None, None), ("<b>", None, None)]
    assert [token.known for token in explanation.tokens] == [True, False]
    assert explanation.tokens[1].contribution != 0
    assert explanation.log_odds == pytest.approx(log_odds(pipeline, document), abs=1e-3)
    assert "&lt;b&gt;" in explanation.to_html()
    assert "good" in str(explanation)


@pytest.mark.parametrize("text", ["", "zyx qqq"])
def test_a_text_without_a_known_word_says_so(pipeline, text):
    (explanation,) = explain(pipeline, [text])
    assert explanation.log_odds == pytest.approx(explanation.baseline)
    for shown in (str(explanation), explanation.to_html()):
        assert "No word of this text is known" in shown
    assert "No word" not in str(explain(pipeline, ["good"])[0])


def test_html_escapes_the_text_the_words_and_the_label(pipeline):
    (explanation,) = explain(pipeline, [EVIL])
    evil = Explanation(explanation.text, "<b>\"'", 0.5, 0.0, explanation.tokens)
    html = evil._repr_html_()
    assert set(re.findall(r"</?(\w+)", html)) == {"div", "span", "b"}
    assert html.count("<b>") == 1
    assert html.isascii()
    assert not re.search(r"<[^>]*(alert|onerror)", html)
    assert "&lt;script&gt;alert" in re.sub(r"<[^<>]*>", "", html)
    shown = re.sub(r"<[^<>]*>", "", html)
    assert "&lt;b&gt;" in shown


def test_html_marks_for_and_against_in_two_ways(pipeline):
    html = explain(pipeline, ["good bad"], labels=["+"])[0].to_html()
    assert re.search(r"rgba\(0,114,178,[^>]* solid [^>]*>good<", html)
    assert re.search(r"rgba\(230,159,0,[^>]* dashed [^>]*>bad<", html)


def test_a_terminal_is_not_commanded_by_a_text(pipeline):
    shown = str(explain(pipeline, [EVIL])[0])
    assert not set("\x1b\r\u202e") & set(shown)
    assert re.search(r"good\[[+-]\d+\.\d\d\]", shown)


@pytest.mark.parametrize(("is_terminal", "no_colour", "coloured"), [(1, "", 1), (1, "1", 0), (0, "", 0)])
def test_colour_only_where_there_is_one(pipeline, monkeypatch, is_terminal, no_colour, coloured):
    monkeypatch.setenv("NO_COLOR", no_colour)
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: bool(is_terminal)))
    assert ("\x1b[" in str(explain(pipeline, ["good bad"])[0])) == bool(coloured)


def test_to_frame(pipeline, monkeypatch):
    (explanation,) = explain(pipeline, ["good zyx"])
    frame = explanation.to_frame()
    assert frame.columns.tolist() == ["word", "start", "stop", "contribution", "known"]
    assert frame["word"].tolist() == ["good", "zyx"]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        explanation.to_frame()


def test_repr_is_short_and_an_explanation_can_be_pickled(pipeline):
    (explanation,) = explain(pipeline, ["good zyx"])
    assert re.fullmatch(r"Explanation\(label='\+', probability=[01]\.\d{3}, 2 tokens\)", repr(explanation))
    assert pickle.loads(pickle.dumps(explanation)) == explanation


def test_progress_bar(pipeline, monkeypatch, capsys):
    explain(pipeline, ["good"] * 3, verbose=1)
    assert not capsys.readouterr().err  # within two seconds
    monkeypatch.setattr(progress, "DELAY", 0)
    explain(pipeline, ["good"] * 3)
    assert not capsys.readouterr().err
    explain(pipeline, ["good"] * 3, verbose=1)
    assert "3/3" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    explain(pipeline, ["good"] * 3, verbose=1)
    assert "explain: 3 texts in 0 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda steps: steps[-1], "got KerasConvTextClassifier. Give the whole"),
        (lambda steps: make_pipeline(*steps[:2]), "got one of GloveTokenizer, SequencePadder"),
        (lambda steps: make_pipeline(GloveVectorizer(), LogisticRegression()), "got one of GloveVectorizer"),
        (
            lambda steps: make_pipeline(FeatureUnion([("tokens", steps[0])]), steps[-1]),
            "got one of FeatureUnion, KerasConv",
        ),
        (lambda steps: make_pipeline(steps[0], None, LogisticRegression()), "None, LogisticRegression"),
        (lambda steps: "pipeline", "got str"),
    ],
)
def test_other_estimators_are_refused(steps_of, make, message):
    with pytest.raises(TypeError, match=f"explain needs a Pipeline with a GloveTokenizer.*{message}"):
        explain(make(steps_of), ["good"])


def test_several_labels_a_text_are_refused(steps_of, monkeypatch):
    monkeypatch.setattr(steps_of[-1], "_multilabel", True, raising=False)
    with pytest.raises(NotImplementedError, match="explain does not support classifiers of several labels"):
        explain(make_pipeline(*steps_of), ["good"])


def test_pipelines_that_are_not_fitted_are_refused(steps_of):
    with pytest.raises(NotFittedError, match="This KerasConvTextClassifier instance is not fitted"):
        explain(make_pipeline(steps_of[0], KerasConvTextClassifier()), ["good"])
    with pytest.raises(NotFittedError, match="This GloveTokenizer instance is not fitted"):
        explain(make_pipeline(GloveTokenizer(), steps_of[-1]), ["good"])


def test_steps_that_change_ids_are_refused(steps_of):
    tokenizer, padder, classifier = steps_of
    backwards = Pipeline(
        [
            ("tokens", tokenizer),
            ("pad", padder),
            ("turn", FunctionTransformer(lambda X: X[:, ::-1])),
            ("cnn", classifier),
        ]
    )
    with pytest.raises(ValueError, match="other ids for the text at index 0 than GloveTokenizer makes"):
        explain(backwards, ["so good film"])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["?"], r"knows no label '\?'; it knows \['\+', '-'\]"),
        (["+", "-"], "one label per text, of 1 texts"),
        ("+", "one label per text"),
    ],
)
def test_wrong_labels_are_refused(pipeline, labels, message):
    with pytest.raises(ValueError, match=message):
        explain(pipeline, ["good"], labels=labels)


def test_one_text_without_a_list_is_refused(pipeline):
    with pytest.raises(ValueError, match="Put it into a list"):
        explain(pipeline, "good")
