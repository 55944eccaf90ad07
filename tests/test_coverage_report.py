import sys

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skglove import GloveTokenizer, Vocabulary
from skglove.coverage_report import report_on_fit

VECTORS = {"cat": [1.0, 0.0], "dog": [0.0, 1.0], "the": [1.0, 1.0]}
TEXTS = ["the cat zyx zyx", "the dog qqq", "rare"]


def fit(**parameters):
    return GloveTokenizer(VECTORS, **parameters).fit(TEXTS)


def test_report_on_the_fitted_texts():
    report = fit().coverage_report()
    assert (report.n_tokens, report.n_words) == (8, 6)
    assert report.tokens == {"with_vector": 4 / 8, "without_vector": 4 / 8, "left_out": 0}
    assert report.words == {"with_vector": 3 / 6, "without_vector": 3 / 6, "left_out": 0}
    missing = [("zyx", 2, "without_vector"), ("qqq", 1, "without_vector"), ("rare", 1, "without_vector")]
    assert report.missing == missing
    assert report.documents is None


def test_its_shares_are_those_of_the_attribute_if_no_word_is_left_out():
    tokenizer = fit()
    report = tokenizer.coverage_report()
    shares = {"vocabulary": report.words["with_vector"], "tokens": report.tokens["with_vector"]}
    assert shares == tokenizer.coverage_


def test_words_beyond_num_words_are_left_out():
    report = fit(num_words=4).coverage_report()  # the, zyx, cat
    assert report.tokens == {"with_vector": 3 / 8, "without_vector": 2 / 8, "left_out": 3 / 8}
    assert report.words == {"with_vector": 2 / 6, "without_vector": 1 / 6, "left_out": 3 / 6}
    assert report.missing[:2] == [("zyx", 2, "without_vector"), ("dog", 1, "left_out")]


def test_report_on_other_texts_has_a_share_for_each_document():
    report = fit().coverage_report(["cat dog rare new", "", "new new", b"the"])
    np.testing.assert_array_equal(report.documents, [0.5, np.nan, 0, 1])
    assert report.tokens == {"with_vector": 3 / 7, "without_vector": 1 / 7, "left_out": 3 / 7}
    assert report.missing == [("new", 3, "left_out"), ("rare", 1, "without_vector")]


def test_report_on_the_same_texts_is_the_same():
    tokenizer = fit(num_words=4)
    a, b = tokenizer.coverage_report(), tokenizer.coverage_report(TEXTS)
    assert (a.tokens, a.words) == (b.tokens, b.words)
    assert sorted(a.missing) == sorted(b.missing)


def test_an_oov_token_that_occurs_in_the_texts_does_not_shift_the_words():
    report = GloveTokenizer(VECTORS, oov_token="cat").fit(TEXTS).coverage_report()
    assert report.missing[0] == ("zyx", 2, "without_vector")
    assert report.tokens["with_vector"] == 4 / 8


def test_n_bounds_the_list():
    tokenizer = fit()
    assert [word for word, *_ in tokenizer.coverage_report(n=1).missing] == ["zyx"]
    assert "most frequent words" not in str(tokenizer.coverage_report(n=0))
    for n in (-1, 1.5, True):
        with pytest.raises(ValueError, match=f"n must be a number of words such as 20, got {n}"):
            tokenizer.coverage_report(n=n)


def test_shown_words_are_shortened_and_escaped():
    tokenizer = GloveTokenizer(VECTORS, style=str.split).fit(["<b>&\x1b[31m cat cat", "cat " + "x" * 1000])
    report = tokenizer.coverage_report(["<b>&\x1b[31m cat " + "x" * 1000])
    text, html = str(report), report._repr_html_()
    assert "'<b>&\\x1b[31m'" in text
    assert "\x1b" not in text + html
    assert "&lt;b&gt;&amp;" in html
    assert "<b>" not in html
    assert max(map(len, text.splitlines())) < 100
    assert repr(report) == "CoverageReport(33.3% of 3 tokens have a vector)"


def test_frame_of_the_missing_words(monkeypatch):
    pandas = pytest.importorskip("pandas")
    report = fit().coverage_report(n=1)
    expected = pandas.DataFrame({"word": ["zyx"], "count": [2], "reason": ["without_vector"]})
    pandas.testing.assert_frame_equal(report.to_frame(), expected, check_dtype=False)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="to_frame needs pandas: pip install pandas"):
        report.to_frame()


def test_texts_without_words_are_reported():
    report = fit().coverage_report(["", ""])
    assert report.tokens["with_vector"] == 0
    assert "documents" not in str(report)


def test_what_cannot_be_reported_is_an_error():
    with pytest.raises(NotFittedError):
        GloveTokenizer(VECTORS).coverage_report()
    with pytest.raises(ValueError, match=r"the tokenizer has vectors=None.* Give GloveTokenizer some"):
        GloveTokenizer(None).fit(TEXTS).coverage_report()
    with pytest.raises(ValueError, match="got one str"):
        fit().coverage_report("a text")
    with pytest.raises(ValueError, match=r"has not counted the words of any texts. Give texts"):
        report_on_fit(Vocabulary(("cat",), VECTORS), {"cat": 1}, None, 5)


def test_a_given_vocabulary_needs_no_fit():
    def make():
        return GloveTokenizer(VECTORS, vocabulary=["cat", "zyx"])

    assert make().coverage_report(TEXTS).missing[:2] == [("the", 2, "left_out"), ("zyx", 2, "without_vector")]
    with pytest.raises(ValueError, match=r"not counted the words .* coverage_report\(texts\)"):
        make().coverage_report()
