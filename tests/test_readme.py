"""What README shows is run: the Python blocks in their order, in one namespace, and the doctests.

So are the blocks of examples/moving.md. And the tests that examples/scikit_learn.md names exist.
"""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
MOVING = ROOT / "examples" / "moving.md"


def python_blocks(path):
    text = path.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run_in_order(blocks):
    namespace = {}
    for block in blocks:
        exec(block, namespace)


def test_python_blocks_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = python_blocks(README)
    assert len(blocks) >= 2
    run_in_order(blocks)
    printed = capsys.readouterr().out
    assert "['sport' 'food']" in printed


@pytest.mark.slow
def test_blocks_of_moving_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = python_blocks(MOVING)
    assert len(blocks) == 6
    run_in_order(blocks)


def test_what_moving_names_as_new_is_in_its_blocks():
    shown = "".join("".join(python_blocks(MOVING)).split())
    rows = re.findall(r"^\| (.+) \| (.+) \|$", MOVING.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 35
    for _, new in rows:
        for code in re.findall(r"`([^`]+)`", new):
            assert "".join(code.split()) in shown, code


def test_doctests_hold():
    failed, attempted = doctest.testfile(str(README), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert attempted >= 4
    assert failed == 0


def test_every_use_of_scikit_learn_has_a_test_or_a_reason():
    table = (ROOT / "examples" / "scikit_learn.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+) \| (.*) \| (.+) \|$", table, re.MULTILINE)
    assert [int(number) for number, *_ in rows] == [*range(1, 61)]
    for number, _, works, reason in rows:
        assert works in ("yes", "in part", "no"), number
        named = re.findall(r"`(tests/\w+\.py)::(\w+)`", reason)
        assert named or works == "no", number
        assert reason.count("::") == len(named), number
        for file, test in named:
            assert f"\ndef {test}(" in (ROOT / file).read_text(encoding="utf-8"), (number, test)
