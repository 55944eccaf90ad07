import ast
import re
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skglove import GloveTokenizer, SequencePadder, WordVectors

TEXTS = ["The cat saw the dog.", "The end!", "", "the DOG\tbarked\nat the cat"]
VECTORS = WordVectors(["the", "cat", "dog"], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def test_coverage_is_the_share_of_words_and_of_tokens_with_a_vector():
    ours = GloveTokenizer(vectors=VECTORS, style="keras").fit(TEXTS)
    # the 5, cat 2, dog 2 have vectors; saw, end, barked, at have none
    assert ours.coverage_ == {"vocabulary": 3 / 7, "tokens": 9 / 13}


def test_coverage_is_of_the_words_below_num_words():
    assert GloveTokenizer(vectors=VECTORS, style="keras", num_words=3).fit(TEXTS).coverage_["tokens"] == 1


def test_coverage_is_none_without_vectors():
    assert GloveTokenizer(vectors=None).fit(TEXTS).coverage_ is None


def test_coverage_of_no_words_is_zero_without_a_warning():
    assert GloveTokenizer(vectors=VECTORS).fit([""]).coverage_ == {"vocabulary": 0, "tokens": 0}


def test_less_than_half_of_the_tokens_with_vectors_is_a_warning():
    with pytest.warns(UserWarning, match="Only 33% of the tokens have a vector in .*WordVectors"):
        GloveTokenizer(vectors=VECTORS).fit(["the foreign word"])


def test_half_of_the_tokens_with_vectors_is_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GloveTokenizer(vectors=VECTORS).fit(["the word"])


def test_the_warning_of_low_coverage_points_at_the_caller():
    vectors = WordVectors(["known"], [[1.0]])
    for estimator in (GloveTokenizer(vectors), make_pipeline(GloveTokenizer(vectors), SequencePadder())):
        for fit in (estimator.fit, estimator.fit_transform):
            with pytest.warns(UserWarning, match="0% of the tokens have a vector") as caught:
                fit(["other words"])
            assert caught[0].filename == __file__


# White space and typographic punctuation that stays on words


KNOWN = WordVectors(["the", "goal", "was", "late"], np.ones((4, 1)))


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
@pytest.mark.parametrize(
    ("text", "vectors", "share", "example", "remedy"),
    [
        ("the goal\r\nwas late", None, "25.0%", r"'goal\r'", r"\r"),
        ("the goal\r\nwas late", KNOWN, "25.0%", r"'goal\r'", r"\r"),
        ("the goal\u00a0was\u2028late", KNOWN, "50.0%", r"'goal\xa0was\u2028late'", r"\xa0\u2028"),
        ("\ufeffthe \u201cgoal\u201d was late", KNOWN, "50.0%", r"'\ufeffthe'", "\u201c\u201d\\ufeff"),
        ("the goal\u2026 \u00abwas\u00bb late", KNOWN, "50.0%", "'goal\u2026'", "\u00ab\u00bb\u2026"),
    ],
)
def test_white_space_and_quotes_on_words_are_a_warning_with_its_remedy(
    method, text, vectors, share, example, remedy
):
    ours = GloveTokenizer(vectors, style="keras", unseen_words=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(ours, method)([text])
    assert {warning.filename for warning in caught} == {__file__}
    [message] = [str(warning.message) for warning in caught if "white space" in str(warning.message)]
    assert message.startswith(f"{share} of the tokens hold white space or typographic punctuation")
    assert example in message
    assert remedy in message
    filters = ast.literal_eval(re.search(r"filters=('.*')\.$", message)[1])
    for remedied in ({"style": "glove"}, {"filters": filters}):
        assert clone(ours).set_params(**remedied).fit([text]).vocabulary_.keys() >= set(KNOWN.words)


@pytest.mark.parametrize(
    ("texts", "rules"),
    [
        (["the goal was late"] * 100 + ["the goal\r"], {}),  # 1 of 402 tokens
        (["the goal was late the goal \u201cnothing\u201d \u2013 don\u2019t"], {}),  # no vector without them
        (["the\rgoal\rwas late"], {"split": "\r"}),
        (["the goal\rwas"], {"filters": "\r"}),
        (["the goal\r\nwas"], {"style": "glove"}),
    ],
)
def test_white_space_and_quotes_that_do_little_harm_are_no_warning(texts, rules):
    GloveTokenizer(KNOWN, **{"style": "keras", **rules}).fit(texts)
