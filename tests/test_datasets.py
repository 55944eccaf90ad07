import codecs
import os
import pickle
import re

import numpy as np
import pytest
from sklearn.utils import Bunch

from skglove import datasets
from skglove.datasets import fetch_glove, fetch_newsgroups, load_text_folders


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
    bunch = load_text_folders(posts, encoding="latin-1", headers=headers, digits_only=True)
    assert len(texts) == 6
    assert bunch.data == texts
    assert bunch.target_names == names == ["Zoo", "alt.empty", "sci.space", "two words"]
    assert bunch.target.tolist() == labels
    assert bunch.target.dtype == np.int64


def test_filenames_lead_to_the_texts(posts):
    bunch = load_text_folders(str(posts), encoding="latin-1")
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
    assert load_text_folders(tmp_path, encoding="latin-1").data == ["fine", "café!"]
    assert load_text_folders(tmp_path, encoding="utf-8", decode_error="ignore").data == ["fine", "caf!"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("café £5\r\n".encode(), "café £5\n"),
        ("café".encode("utf-8-sig"), "café"),
        ("café\r\n".encode("utf-16"), "café\n"),
        (codecs.BOM_UTF16_BE + "日本".encode("utf-16-be"), "日本"),
        ("日本".encode("utf-32"), "日本"),
        (b"", ""),
    ],
)
def test_without_an_encoding_files_are_read_as_unicode(tmp_path, content, text):
    write_files(tmp_path, {"a/1": content})
    assert load_text_folders(tmp_path).data == [text]


def test_files_that_are_not_utf_8_are_read_as_latin_1_and_counted(tmp_path):
    write_files(tmp_path, {"a/1": "café".encode(), "a/2": b"caf\xe9", "b/3": b"\xa35", "b/4": b"x"})
    with pytest.warns(
        UserWarning, match=r"read as Latin-1: 2 of 4, the first .*a/2\. Pass encoding="
    ) as caught:
        bunch = load_text_folders(tmp_path)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert bunch.data == ["café", "café", "£5", "x"]


def test_decode_error_holds_without_an_encoding_too(tmp_path):
    write_files(tmp_path, {"a/1": "café".encode("utf-16"), "a/2": b"caf\xe9", "a/3": "café".encode()})
    assert load_text_folders(tmp_path, decode_error="replace").data == ["café", "caf\ufffd", "café"]


def test_file_that_is_not_what_its_byte_order_mark_says_is_named(tmp_path):
    write_files(tmp_path, {"a/1": codecs.BOM_UTF16_LE + b"odd"})
    with pytest.raises(ValueError, match="a/1 is not utf-16: byte 0x64 at position 4"):
        load_text_folders(tmp_path)


@pytest.mark.parametrize("encoding", ["nosuch", "hex", "undefined"])
def test_unknown_encoding_is_refused(tmp_path, encoding):
    write_files(tmp_path, {"a/1": b"x"})
    with pytest.raises(ValueError, match=f"encoding must be .*'latin-1', or None, got '{encoding}'"):
        load_text_folders(tmp_path, encoding=encoding)


@pytest.mark.parametrize("decode_error", ["nosuch", "xmlcharrefreplace", None])
def test_unknown_decode_error_is_refused(tmp_path, decode_error):
    write_files(tmp_path, {"a/1": b"x"})
    with pytest.raises(ValueError, match=f'decode_error must be "strict", .*got {decode_error!r}'):
        load_text_folders(tmp_path, decode_error=decode_error)


def test_categories_choose_labels(tmp_path):
    write_files(tmp_path, {f"{label}/1": label.encode() for label in ("food", "sport", "space")})
    bunch = load_text_folders(tmp_path, categories=("sport", "food"))
    assert (bunch.data, bunch.target_names) == (["food", "sport"], ["food", "sport"])
    assert bunch.target.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("categories", "error", "match"),
    [
        (["food", "sports"], ValueError, "no folder for the label 'sports' of categories; close .*: 'sport'"),
        (["README"], ValueError, "no folder for the label 'README'"),
        ([7], ValueError, "no folder for the label 7 of categories"),
        ([], ValueError, "categories is empty"),
        ("food", TypeError, "must be a list of labels, got the single string 'food'"),
    ],
)
def test_unknown_categories_are_named(tmp_path, categories, error, match):
    write_files(tmp_path, {"food/1": b"x", "sport/1": b"y", "README": b"z"})
    with pytest.raises(error, match=match):
        load_text_folders(tmp_path, categories=categories)


def test_a_link_to_nothing_is_named(tmp_path):
    (tmp_path / "label").mkdir()
    (tmp_path / "label" / "1.txt").symlink_to(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match=r"1\.txt is a link to a file that does not exist"):
        load_text_folders(tmp_path)


def test_named_pipe_among_the_files_is_named(tmp_path):
    write_files(tmp_path, {"a/1": b"x"})
    os.mkfifo(tmp_path / "a" / "pipe")
    with pytest.raises(ValueError, match="a/pipe is a named pipe, a device or a socket"):
        load_text_folders(tmp_path)
    assert load_text_folders(tmp_path, digits_only=True).data == ["x"]


def test_device_among_the_files_is_named(tmp_path):
    write_files(tmp_path, {"a/1": b"x"})
    (tmp_path / "a" / "zero").symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="a/zero is a named pipe, a device or a socket"):
        load_text_folders(tmp_path)


def test_file_that_does_not_fit_in_memory_is_named(tmp_path):
    write_files(tmp_path, {"a/1": b"x"})
    os.truncate(tmp_path / "a" / "1", 2**43)
    with pytest.raises(MemoryError, match=r"a/1 has 8,796,093,022,208 bytes"):
        load_text_folders(tmp_path)


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
    of_folders = load_text_folders(posts, encoding="latin-1")
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


@pytest.mark.parametrize(("name", "dim"), [("6B", 25), ("7B", 100), ("42B", 100), ("glove.6B", 100)])
def test_unknown_vectors_are_refused_with_the_known_ones(name, dim):
    with pytest.raises(
        ValueError, match=f"no GloVe vectors with name='{name}' and dim={dim}.*twitter.27B 200"
    ):
        fetch_glove(name, dim)


def test_every_published_file_is_known():
    assert list(datasets._GLOVE_DIGESTS) == [
        *[("6B", dim) for dim in (50, 100, 200, 300)],
        *[("42B", 300), ("840B", 300)],
        *[("twitter.27B", dim) for dim in (25, 50, 100, 200)],
    ]
    assert list(datasets._GLOVE_SIZES) == list(datasets._GLOVE_DIGESTS)
    assert {name for name, _ in datasets._GLOVE_DIGESTS} == set(datasets._GLOVE_ARCHIVES)
    assert set(datasets._GLOVE_ARCHIVE_SIZES) == set(datasets._GLOVE_ARCHIVES)
    for digest in datasets._GLOVE_DIGESTS.values():
        assert re.fullmatch("sha256:[0-9a-f]{64}|sha1:[0-9a-f]{40}", digest)
