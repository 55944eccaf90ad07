"""What README shows is run: the Python blocks in their order, in one namespace, and the doctests.

And the tests that examples/scikit_learn.md names exist.
"""

import doctest
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


def test_python_blocks_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(blocks) >= 2
    namespace = {}
    for block in blocks:
        exec(block, namespace)
    printed = capsys.readouterr().out
    assert "['sport' 'food']" in printed


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
