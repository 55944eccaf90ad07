"""Benchmarks of word vectors: files of analogy questions and of judged similarities, and their scores."""

import re
from pathlib import Path

import numpy as np


def read_questions(path, lower):
    """Read analogy questions in the format of Google's ``questions-words.txt``.

    Parameters
    ----------
    path : str or path-like
        Lines of four words, in sections that begin with a line ": name".
    lower : bool
        Whether to convert the words to lower case.

    Returns
    -------
    sections : list of str, of shape (n_questions,)
        The section of each question.
    questions : list of list of str, of shape (n_questions, 4)
    """
    section, sections, questions = "", [], []
    for number, line in _lines(path):
        words = (line.lower() if lower else line).split()
        if line.startswith(":"):
            section = line[1:].strip()
        elif len(words) == 4:
            sections.append(section)
            questions.append(words)
        else:
            raise ValueError(f"{path}, line {number}: expected four words or ': section', got {line[:60]!r}")
    return sections, questions


def accuracy_by_section(sections, known, correct):
    """Count correct answers to analogy questions, in all and in each section.

    Parameters
    ----------
    sections : list of str, of shape (n_questions,)
        The section of each question.
    known : ndarray of shape (n_questions,), bool
        Whether all words of a question have vectors. Other questions are skipped.
    correct : ndarray of shape (n_known,), bool
        Whether the answer to a question that is not skipped is correct.

    Returns
    -------
    scores : dict
        As `WordVectors.evaluate_analogies` returns it.

    Examples
    --------
    >>> accuracy_by_section(["a", "a"], np.array([True, False]), np.array([True]))["sections"]
    {'a': {'accuracy': 1.0, 'n_correct': 1, 'n_questions': 1, 'n_skipped': 1}}
    """
    names = np.array(sections, object)
    by_section = {
        name: _accuracy(correct[names[known] == name], np.count_nonzero(names[~known] == name))
        for name in dict.fromkeys(sections)
    }
    return _accuracy(correct, np.count_nonzero(~known)) | {"sections": by_section}


def _accuracy(correct, skipped):
    return {
        "accuracy": float(correct.mean()) if len(correct) else float("nan"),
        "n_correct": int(correct.sum()),
        "n_questions": len(correct),
        "n_skipped": int(skipped),
    }


def read_judgements(path, lower):
    """Read pairs of words and how similar people judged them, in the format of WordSim-353.

    Parameters
    ----------
    path : str or path-like
        Lines of two words and a number, separated by tabs, commas or spaces. The first line may be titles.
    lower : bool
        Whether to convert the words to lower case.

    Returns
    -------
    judgements : list of (str, str, float)
    """
    judgements = []
    for number, line in _lines(path):
        fields = re.split("\t" if "\t" in line else "," if "," in line else r"\s+", line)
        try:
            a, b, score = fields[0].strip(), fields[1].strip(), float(fields[2])
        except (IndexError, ValueError):
            if number == 1 and len(fields) > 2:
                continue  # titles
            problem = f"expected two words and a number, got {line[:60]!r}"
            raise ValueError(f"{path}, line {number}: {problem}") from None
        judgements.append((a.lower(), b.lower(), score) if lower else (a, b, score))
    return judgements


def rank_correlation(path, judged, found, n_skipped):
    """Correlate judged similarities with those of vectors.

    Parameters
    ----------
    path : str or path-like
        The file of the judgements, for messages.
    judged, found : list of float, of shape (n_pairs,)
    n_skipped : int
        How many other pairs the file has.

    Returns
    -------
    scores : dict
        As `WordVectors.evaluate_similarity` returns it.
    """
    from scipy.stats import spearmanr

    n_pairs = len(judged)
    if n_pairs < 2:
        raise ValueError(f"{path}: of {n_pairs + n_skipped} pairs, {n_pairs} have vectors; it takes two")
    correlation = spearmanr(judged, found)
    return {
        "spearman": float(correlation.statistic),
        "p_value": float(correlation.pvalue),
        "n_pairs": n_pairs,
        "n_skipped": n_skipped,
    }


def _lines(path):
    """Yield the line number and the text of each line that is neither blank nor a comment."""
    path = Path(path)
    if path.exists() and not path.is_file():  # reading a named pipe would wait forever
        raise ValueError(f"{path}: expected a regular file, not a folder, a pipe or a device")
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(f"{path}, line {number}: expected UTF-8, got {line[:60]!r}") from error
            if line.strip() and not line.startswith("#"):
                yield number, line.strip()
