import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from skglove import errors


class Classifier:
    """Say that a text is its first word, with the probability that its second word tells."""

    classes_ = np.array(["a", "b", "c"])

    def fit(self, texts, labels):
        return self

    def predict_proba(self, texts):
        rows = np.zeros((len(texts), 3))
        for row, text in zip(rows, texts, strict=True):
            label, probability = text.split()[:2]
            row[:] = (1 - float(probability)) / 2
            row["abc".index(label)] = float(probability)
        return rows


def test_the_surest_errors_come_first_with_both_probabilities():
    table = errors(Classifier(), ["a 0.8", "b 0.6\n<i> ", "c 0.9", "a 1.0"], np.array(["a", "a", "b", "zzz"]))
    assert [tuple(row) for row in table] == [
        (3, "zzz", "a", 0.0, 1.0, "a 1.0"),
        (2, "b", "c", pytest.approx(0.05), 0.9, "c 0.9"),
        (1, "a", "b", pytest.approx(0.2), 0.6, "b 0.6 <i>"),
    ]
    assert str(table).splitlines()[-1] == "3 of 4 texts are misfiled."
    assert "&lt;i&gt;" in table._repr_html_()


def test_a_long_text_is_shown_by_its_beginning():
    (row,) = errors(Classifier(), ["a 0.8 " + "word " * 100], ["b"])
    assert len(row.text) == 80
    assert row.text.endswith("...")


@pytest.mark.parametrize("make", [iter, lambda texts: pd.Series(texts, index=[7, 5])])
def test_texts_may_be_a_generator_or_a_series(make):
    table = errors(Classifier(), make(["a 0.8", "b 0.6"]), pd.Series(["a", "a"], index=[3, 4]))
    assert [(row.index, row.text) for row in table] == [(1, "b 0.6")]


def test_nothing_is_misfiled():
    table = errors(Classifier(), ["a 0.8"], ["a"])
    assert not table
    assert str(table).splitlines() == [
        "index  label  predicted  probability_of_label  probability  text",
        "0 of 1 texts are misfiled.",
    ]


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="There are 1 texts, but 2 labels"):
        errors(Classifier(), ["a 0.8"], ["a", "b"])
    with pytest.raises(TypeError, match="needs a classifier with predict_proba, got 'pipeline'"):
        errors("pipeline", ["a 0.8"], ["a"])


def test_several_labels_a_text_are_refused():
    with pytest.raises(NotImplementedError, match="several labels a text"):
        errors(Classifier(), ["a 0.8", "b 0.8"], [[0, 1, 1], [1, 0, 0]])
    several = Classifier()
    several._multilabel = True  # as of a KerasConvTextClassifier
    with pytest.raises(NotImplementedError, match="several labels a text"):
        errors(make_pipeline("passthrough", several), ["a 0.8"], ["a"])
