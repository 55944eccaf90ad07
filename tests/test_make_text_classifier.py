"""make_text_classifier, and the names of parameters."""

import pickle

import pytest
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skglove import GloveTokenizer, KerasConvTextClassifier, SequencePadder, make_text_classifier

TEXTS = ["soup and bread", "bread and oven", "goal and match", "match and ball"] * 5
LABELS = ["food", "food", "sport", "sport"] * 5


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
            assert name in {key.split("__")[-1] for key in make_text_classifier(**{name: value}).get_params()}


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
