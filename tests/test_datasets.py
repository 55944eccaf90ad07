import codecs
import os
import pickle

import numpy as np
import pytest
from sklearn.utils import Bunch

from skglove.datasets import fetch_newsgroups, load_text_folders


def write_files(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_as_the_blog(root, strip):
    """The loop of the Keras blog post, with its cut of the headers made optional."""
    texts, labels_index, labels = [], {}, []
    for name in sorted(os.listdir(root)):
        path = os.path.join(root, name)
        if os.path.isdir(path):
            label_id = len(labels_index)
            labels_index[name] = label_id
            for fname in sorted(os.listdir(path)):
                if fname.isdigit():
                    with open(os.path.join(path, fname), encoding="latin-1") as f:
                        t = f.read()
                    i = t.find("\n\n")
                    if strip and i > 0:
                        t = t[i:]
                    texts.append(t)
                    labels.append(label_id)
    return texts, list(labels_index), labels


@pytest.fixture
def posts(tmp_path):
    write_files(
        tmp_path,
        {
            "sci.space/10": b"Subject: orbit\nLines: 1\n\nUp it goes.\n\nAnd down.\n",
            "sci.space/9": b"Subject: crlf\r\n\r\nfirst\r\n\r\nsecond\rthird\r\n",
            "sci.space/\xb2": b"str.isdigit holds for a superscript two",
            "sci.space/nested/7": b"a folder inside a label's folder",
            "Zoo/1": b"\n\nbegins with a blank line\n\nand has another",
            "Zoo/2": b"no blank line: \xe9\xff\x00",
            "alt.empty/notes.txt": b"not digits",
            "two words/0": b"",
            "README": b"a file beside the folders",
        },
    )
    return tmp_path


@pytest.mark.filterwarnings("ignore:These folders")
@pytest.mark.parametrize("headers", ["keep", "strip"])
def test_reads_what_the_blogs_loop_reads(posts, headers):
    texts, names, labels = read_as_the_blog(posts, strip=headers == "strip")
    bunch = load_text_folders(posts, headers=headers, digits_only=True)
    assert len(texts) == 6
    assert bunch.data == texts
    assert bunch.target_names == names == ["Zoo", "alt.empty", "sci.space", "two words"]
    assert bunch.target.tolist() == labels
    assert bunch.target.dtype == np.int64


def test_filenames_lead_to_the_texts(posts):
    bunch = load_text_folders(str(posts))
    assert len(bunch.data) == len(bunch.filenames) == 7
    for text, label, file in zip(bunch.data, bunch.target, bunch.filenames, strict=True):
        with open(file, encoding="latin-1") as f:
            assert f.read() == text
        assert os.path.dirname(file) == str(posts / bunch.target_names[label])


def test_hidden_files_and_folders_are_left_out(tmp_path):
    write_files(tmp_path, {".git/1": b"x", "a/.DS_Store": b"x", "a/b.txt": b"text"})
    bunch = load_text_folders(tmp_path)
    assert (bunch.data, bunch.target_names) == (["text"], ["a"])


def test_home_folder_is_expanded(tmp_path, monkeypatch):
    write_files(tmp_path, {"corpus/a/b.txt": b"text"})
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert load_text_folders("~/corpus").data == ["text"]


def test_folder_without_texts_keeps_its_number_and_warns(tmp_path):
    write_files(tmp_path, {"a/1": b"x", "c/1": b"y"})
    (tmp_path / "b").mkdir()
    with pytest.warns(UserWarning, match=r"hold no file: \['b'\]") as caught:
        bunch = load_text_folders(tmp_path)
    assert caught[0].filename == __file__
    assert bunch.target_names == ["a", "b", "c"]
    assert bunch.target.tolist() == [0, 2]


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"no folder {tmp_path}/nowhere"):
        load_text_folders(tmp_path / "nowhere")


def test_file_in_place_of_a_folder_is_named(tmp_path):
    write_files(tmp_path, {"corpus.csv": b"x"})
    with pytest.raises(NotADirectoryError, match=r"corpus\.csv is a file"):
        load_text_folders(tmp_path / "corpus.csv")


def test_folder_without_folders_is_named(tmp_path):
    write_files(tmp_path, {"1.txt": b"x"})
    with pytest.raises(ValueError, match=f"{tmp_path} holds no folders"):
        load_text_folders(tmp_path)


def test_folders_without_files_are_named(tmp_path):
    (tmp_path / "a" / "deeper").mkdir(parents=True)
    with pytest.raises(ValueError, match=rf"None of the 1 folders in {tmp_path} holds a file\.$"):
        load_text_folders(tmp_path)


def test_folders_without_digit_names_say_which_switch_to_turn(tmp_path):
    write_files(tmp_path, {"a/1.txt": b"x"})
    with pytest.raises(ValueError, match="Pass digits_only=False"):
        load_text_folders(tmp_path, digits_only=True)


def test_undecodable_file_is_named(tmp_path):
    write_files(tmp_path, {"a/1": b"fine", "a/2": b"caf\xe9!"})
    with pytest.raises(ValueError, match=r"a/2 is not utf-8: byte 0xe9 at position 3 .*latin-1"):
        load_text_folders(tmp_path, encoding="utf-8")
    assert load_text_folders(tmp_path).data == ["fine", "café!"]
    assert load_text_folders(tmp_path, encoding="utf-8", decode_error="ignore").data == ["fine", "caf!"]


def test_wrong_headers_are_refused_before_anything_is_read(tmp_path):
    with pytest.raises(ValueError, match='must be "keep" or "strip", got True'):
        load_text_folders(tmp_path / "nowhere", headers=True)
    with pytest.raises(ValueError, match='must be "keep" or "strip", got None'):
        fetch_newsgroups(headers=None, data_home=tmp_path, download_if_missing=False)


@pytest.fixture
def newsgroups_home(tmp_path):
    """A scikit-learn data folder that holds four posts, in the form in which scikit-learn keeps them."""

    def subset(name, posts):
        files = np.array([f"/gone/20news-bydate-{name}/{file}" for file, _, _ in posts])
        target = np.array([label for _, label, _ in posts])
        texts = [text for _, _, text in posts]
        return Bunch(data=texts, filenames=files, target=target, target_names=["alt.atheism", "sci.space"])

    train = subset("train", [("sci.space/62", 1, "From: a\n\nbody"), ("alt.atheism/9", 0, "no blank line")])
    test = subset(
        "test", [("sci.space/61", 1, "\n\nbegins blank"), ("alt.atheism/10", 0, "From: b\n\nx\n\ny")]
    )
    cache = codecs.encode(pickle.dumps({"train": train, "test": test}), "zlib_codec")
    (tmp_path / "20news-bydate_py3.pkz").write_bytes(cache)
    return tmp_path


def test_newsgroups_come_sorted_and_with_the_same_fields(newsgroups_home, posts):
    bunch = fetch_newsgroups(data_home=newsgroups_home, download_if_missing=False)
    assert bunch.data == ["From: b\n\nx\n\ny", "no blank line", "\n\nbegins blank", "From: a\n\nbody"]
    assert bunch.target.tolist() == [0, 0, 1, 1]
    assert [os.path.basename(file) for file in bunch.filenames] == ["10", "9", "61", "62"]
    of_folders = load_text_folders(posts)
    assert list(bunch) == list(of_folders)
    assert [type(bunch[key]) for key in bunch] == [type(of_folders[key]) for key in of_folders]
    assert bunch.target.dtype == of_folders.target.dtype


def test_newsgroups_headers_are_cut_by_the_rule_of_the_folders(newsgroups_home):
    bunch = fetch_newsgroups(data_home=newsgroups_home, headers="strip", download_if_missing=False)
    assert bunch.data == ["\n\nx\n\ny", "no blank line", "\n\nbegins blank", "\n\nbody"]


def test_newsgroups_subset(newsgroups_home):
    bunch = fetch_newsgroups(data_home=newsgroups_home, subset="train", download_if_missing=False)
    assert bunch.data == ["no blank line", "From: a\n\nbody"]


def test_newsgroups_not_there_say_where_they_were_looked_for(tmp_path):
    with pytest.raises(OSError, match=f"not in {tmp_path} .*download_if_missing=True"):
        fetch_newsgroups(data_home=tmp_path, download_if_missing=False)
