import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import skglove


def test_public_names():
    assert skglove.__all__ == [
        "Explanation",
        "ExportedClassifier",
        "ExportedFileError",
        "GloveTokenizer",
        "GloveVectorizer",
        "KerasConvTextClassifier",
        "SequencePadder",
        "TellingWordsDisplay",
        "TokenIds",
        "TrainingHistoryDisplay",
        "UnknownWordError",
        "VectorFileError",
        "Vocabulary",
        "WordVectors",
        "WordVectorsDisplay",
        "errors",
        "explain",
        "export",
        "fetch_glove",
        "fetch_newsgroups",
        "load_exported",
        "load_text_folders",
        "load_vectors",
        "make_text_classifier",
        "telling_words",
    ]
    assert all(hasattr(skglove, name) for name in skglove.__all__)


def test_editors_are_told_of_the_same_names_as_python():
    tree = ast.parse(Path(skglove.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    told = {name.name: node.module for node in block.body for name in node.names}
    assert told == skglove._HOMES
    assert sorted(told) == skglove.__all__
    assert set(skglove.__all__) <= set(dir(skglove))


def test_all_names_can_be_imported_by_a_star():
    names = {}
    exec("from skglove import *", names)
    assert names["GloveTokenizer"] is skglove.GloveTokenizer
    assert set(skglove.__all__) <= set(names)


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'skglove' has no attribute 'nothing'"):
        skglove.nothing  # noqa: B018


@pytest.mark.slow
def test_importing_skglove_and_its_predictor_imports_no_scikit_learn():
    script = """
import sys
import skglove
from skglove import ExportedClassifier, ExportedFileError, load_exported
heavy = {"sklearn", "keras", "tensorflow", "pandas", "onnx", "onnxruntime", "scipy.stats", "scipy.optimize"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    ended = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
