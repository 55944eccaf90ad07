"""Analogies and similarities scored; gensim and scipy as oracles."""

import os
import re

import numpy as np
import pytest
from scipy.stats import spearmanr

from skglove.vectors import WordVectors

WORDS = ["the", "kitchen", "dinner", "work", "office", "Paris", "naïve"]
ROWS = [[1, 1, 1], [0, 3, 1], [0, 3, -1], [2, 0, 0], [2, 0, 2], [-1, 0, 0.5], [0, 0, 0]]


@pytest.fixture
def vectors():
    return WordVectors(WORDS, ROWS)


@pytest.fixture
def many():
    """1,700 random vectors: more than the first block of a search, and not a whole number of blocks."""
    rng = np.random.default_rng(0)
    return WordVectors([f"w{at}" for at in range(1700)], rng.normal(size=(1700, 8)))


def test_analogies_are_scored_as_gensim_scores_them(many, tmp_path):
    from gensim.models import KeyedVectors

    rng, lines = np.random.default_rng(2), [": first"]
    for at in range(60):
        a, b, c = rng.choice(many.words[:300], 3, replace=False)
        answer = many.analogy(b, a, c, 1)[0][0] if at % 3 else "w7"
        lines += [f"{a} {b} {c} {answer if at % 7 else 'absent'}"] + [": Second one"] * (at == 30)
    file = tmp_path / "questions.txt"
    file.write_text("\n".join(lines))
    theirs = KeyedVectors(8)
    theirs.add_vectors(many.words, many.matrix)
    accuracy, sections = theirs.evaluate_word_analogies(str(file))
    ours = many.evaluate_analogies(file)
    assert ours["accuracy"] == accuracy
    assert ours["n_questions"] + ours["n_skipped"] == 60
    assert 0 < ours["n_correct"] < ours["n_questions"]
    for section in sections[:-1]:
        score = ours["sections"][section["section"]]
        assert score["n_correct"] == len(section["correct"])
        assert score["n_questions"] == len(section["correct"]) + len(section["incorrect"])


def test_analogies_among_the_first_words_only(vectors, tmp_path):
    file = tmp_path / "questions.txt"
    file.write_text(": places\nDinner Kitchen Work Office\nthe the the PARIS\n")
    score = {"accuracy": 1.0, "n_correct": 1, "n_questions": 1, "n_skipped": 1}
    assert vectors.evaluate_analogies(file) == score | {"sections": {"places": score}}
    nothing = vectors.evaluate_analogies(file, n_words=4)
    assert np.isnan(nothing["accuracy"])
    assert nothing["n_skipped"] == 2
    assert vectors.evaluate_analogies(file, lower=False)["n_questions"] == 0
    with pytest.raises(ValueError, match="n_words must be at least 1, got 0"):
        vectors.evaluate_analogies(file, n_words=0)
    file.write_bytes(b": caf\xe9\n")
    with pytest.raises(ValueError, match=r"questions\.txt, line 1: expected UTF-8, got b': caf\\xe9"):
        vectors.evaluate_analogies(file)
    file.write_text("a b c\n")
    with pytest.raises(
        ValueError, match=r"questions\.txt, line 1: expected four words or ': section', got 'a b c'"
    ):
        vectors.evaluate_analogies(file)


@pytest.mark.parametrize("separator", ["\t", ",", " "])
def test_similarities_are_ranked_as_scipy_ranks_them(many, tmp_path, separator):
    rng = np.random.default_rng(3)
    pairs = [(*rng.choice(many.words, 2), round(float(rng.uniform(0, 10)), 2)) for _ in range(50)]
    lines = [separator.join((a.upper(), b, str(score))) for a, b, score in pairs] + [
        separator.join(("a", "b", "1"))
    ]
    file = tmp_path / "pairs.txt"
    file.write_text("\n".join(lines))
    expected = spearmanr([score for *_, score in pairs], [many.similarity(a, b) for a, b, _ in pairs])
    scores = many.evaluate_similarity(file)
    assert scores == {
        "spearman": pytest.approx(expected.statistic),
        "p_value": pytest.approx(expected.pvalue),
        "n_pairs": 50,
        "n_skipped": 1,
    }


def test_titles_and_comments_are_passed_over_and_other_lines_are_errors(vectors, tmp_path):
    file = tmp_path / "pairs.csv"
    file.write_text("Word 1,Word 2,Human (mean)\n# comment\nthe,work,1\nthe,office,2.5\n")
    assert vectors.evaluate_similarity(file)["n_pairs"] == 2
    file.write_text("the,work,1\nthe,office,much\n")
    with pytest.raises(
        ValueError, match=r"pairs\.csv, line 2: expected two words and a number, got 'the,office,much'"
    ):
        vectors.evaluate_similarity(file)
    file.write_text("the,absent,1\nthe,office,2\n")
    with pytest.raises(ValueError, match=r"of 2 pairs, 1 have vectors; it takes two"):
        vectors.evaluate_similarity(file)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("method", ["evaluate_analogies", "evaluate_similarity"])
def test_only_regular_files_are_read(vectors, tmp_path, method):
    os.mkfifo(tmp_path / "pipe.txt")
    for path in (tmp_path, tmp_path / "pipe.txt"):
        with pytest.raises(ValueError, match=f"{re.escape(str(path))}: expected a regular file"):
            getattr(vectors, method)(path)
