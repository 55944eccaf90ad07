import sys
from typing import NamedTuple

import pytest

from skglove.tables import Table


class Row(NamedTuple):
    word: str
    weight: float
    documents: int


TABLE = Table(Row, [Row("good\x1b[1m", 1.25, 10), Row("<b>\u00e9", -0.5, 2)], "A <note>.")


def test_a_terminal_gets_aligned_columns_without_control_characters():
    assert str(TABLE).splitlines() == [
        "word      weight  documents",
        "good\ufffd[1m   1.250         10",
        "<b>\u00e9      -0.500          2",
        "A <note>.",
    ]


def test_a_notebook_gets_escaped_ascii():
    html = TABLE._repr_html_()
    assert "&lt;b&gt;&#233;" in html
    assert "<note>" not in html
    assert '<td style="text-align:right">1.250</td>' in html


def test_long_texts_are_broken_and_words_are_not():
    html = Table(Row, [Row("x" * 50, 1.0, 2)])._repr_html_()
    assert html.count("overflow-wrap") == 1
    assert "overflow-wrap" not in TABLE._repr_html_()


def test_to_frame(monkeypatch):
    frame = TABLE.to_frame()
    assert frame.columns.tolist() == ["word", "weight", "documents"]
    assert frame["documents"].tolist() == [10, 2]
    assert Table(Row, []).to_frame().shape == (0, 3)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        TABLE.to_frame()
