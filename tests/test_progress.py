import sys

import numpy as np
import pytest

from skglove import GloveTokenizer, load_vectors, progress
from skglove.progress import counted, length_of, progress_bar, say, shown


@pytest.fixture
def long_work(monkeypatch):
    """Let all work count as long."""
    monkeypatch.setattr(progress, "DELAY", 0)


@pytest.fixture
def no_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)


def test_nothing_is_shown_unless_asked_for(long_work, capfd):
    say("a line")
    with progress_bar("Reading", "B") as advance:
        assert advance is None
    assert list(counted("abc", "Reading", "letters")) == ["a", "b", "c"]
    assert capfd.readouterr() == ("", "")


def test_a_line_is_shown_within_a_block_alone(capfd):
    with shown(1):
        say("one")
        with shown(0):
            say("two")
        say("three")
    say("four")
    assert capfd.readouterr().out == "one\nthree\n"


def test_a_failed_block_is_left(capfd):
    with pytest.raises(ZeroDivisionError), shown(1):
        _ = 1 / 0
    say("a line")
    assert capfd.readouterr().out == ""


def test_long_work_shows_a_bar(long_work, capfd):
    with shown(1):
        assert list(counted("abc", "Reading", "letters", 3)) == ["a", "b", "c"]
    out, err = capfd.readouterr()
    assert out == ""
    assert "Reading: 100%" in err
    assert "3/3" in err


def test_short_work_shows_no_bar(capfd):
    with shown(1):
        assert list(counted("abc", "Reading", "letters", 3)) == ["a", "b", "c"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("unit", "amount"), [("letters", "2,000,000 letters"), ("B", "2 MB")])
def test_without_tqdm_there_are_two_lines(long_work, no_tqdm, capfd, unit, amount):
    with shown(1), progress_bar("Reading", unit) as advance:
        advance(1_000_000)
        advance(1_000_000)
    assert capfd.readouterr() == ("", f"Reading ...\nReading: {amount} in 0 s\n")


def test_without_tqdm_short_work_shows_no_line(no_tqdm, capfd):
    with shown(1), progress_bar("Reading", "letters") as advance:
        advance(1)
    assert capfd.readouterr() == ("", "")


def test_the_tokenizer_shows_how_many_texts_it_has_split(long_work, no_tqdm, capfd):
    tokenizer = GloveTokenizer(None, verbose=1).fit(["a cat", "a dog"])
    assert capfd.readouterr().err == "Splitting texts ...\nSplitting texts: 2 texts in 0 s\n"
    tokenizer.transform(iter(["a cat"]))
    assert "1 texts" in capfd.readouterr().err
    tokenizer.set_params(verbose=0).transform(["a cat"])
    assert capfd.readouterr() == ("", "")


def test_the_tokenizer_shows_that_vectors_are_read(write, long_work, no_tqdm, capfd):
    GloveTokenizer(write(b"cat 1 2\ndog 3 4\n"), verbose=1).fit(["cat dog"])
    assert "Reading vectors.txt: 0 MB in 0 s" in capfd.readouterr().err


def test_loading_shows_how_far_the_file_is_read(write, long_work, capfd, tmp_path, monkeypatch):
    monkeypatch.setenv("SKGLOVE_CACHE", str(tmp_path / "cache"))
    path = write(b"cat 1 2\ndog 3 4\n")
    load_vectors(path, verbose=1)
    error = capfd.readouterr().err
    assert "Reading vectors.txt: 100%" in error
    assert "16.0/16.0" in error
    load_vectors(path, verbose=1)  # now it is in the cache
    assert capfd.readouterr() == ("", "")


def test_length():
    assert length_of(["a", "b"]) == 2
    assert length_of(iter("ab")) is None
    assert length_of(np.array(3)) is None


def test_a_tokenizer_pickled_before_there_was_verbose_is_read():
    tokenizer = GloveTokenizer(None).fit(["a cat"])
    state = tokenizer.__getstate__()
    del state["verbose"]
    old = GloveTokenizer.__new__(GloveTokenizer)
    old.__setstate__(state)
    assert old.transform(["cat"])[0].tolist() == [2]
