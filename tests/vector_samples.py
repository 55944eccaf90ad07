"""Small files of word vectors that several test modules read."""

import io
import zipfile

import numpy as np

from skglove.vectors.files import VectorFile

WORDS = ["the", ",", "naïve", "日本", "\x85", "a\xa0b", "42", "'s", '"quoted', "#"]


MATRIX = np.array([[w * 10 + d + 0.125 for d in range(5)] for w in range(len(WORDS))], np.float32)

MATRIX[2] = [-1e-7, 3.4e38, 1.1754944e-38, -0.0, 1 / 3]


SPACED = [*WORDS, ". . .", "at name@domain.com"]


def text(words=WORDS, matrix=MATRIX, separator=" ", end="\n", header=""):
    """Write vectors as a loop of Python would."""
    rows = [
        separator.join([word, *(repr(float(x)) for x in row)])
        for word, row in zip(words, matrix, strict=False)
    ]
    return (header + "".join(row + end for row in rows)).encode()


def binary(words=WORDS, matrix=MATRIX, end=b"\n"):
    rows = [
        word.encode() + b" " + row.astype("<f4").tobytes() + end
        for word, row in zip(words, matrix, strict=True)
    ]
    return b"%d %d\n" % matrix.shape + b"".join(rows)


def read_file(path):
    return VectorFile(path).read()


def assert_reads(path, words=WORDS, matrix=MATRIX, format=None):
    read, found = VectorFile(path, format).read()
    assert read.to_pylist() == list(words)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, matrix)
    if format is None:
        asked = [*words[::-1], "absent", words[0], ""]
        expected = np.vstack(
            [matrix[::-1], np.zeros((1, matrix.shape[1])), matrix[:1], np.zeros((1, matrix.shape[1]))]
        )
        np.testing.assert_array_equal(VectorFile(path).rows(asked), expected)
        assert VectorFile(path).contains(asked).tolist() == [word in words for word in asked]
        for n in (0, 1, len(words) - 1, len(words), len(words) + 9):
            assert VectorFile(path).first(n) == list(words[:n])


FILES = {
    "GloVe": text(),
    "GloVe without an end of the last line": text()[:-1],
    "Windows": text(end="\r\n"),
    "byte order mark": b"\xef\xbb\xbf" + text(),
    "blank lines": b"\n \n" + text(end="\n\n"),
    "tabs": text(separator="\t"),
    "word2vec": text(header="10 5\n"),
    "word2vec of the C program": text(header="10 5\n", end=" \n"),
    "fastText, Windows": text(header="10 5\r\n", end=" \r\n"),
    "binary of the C program": binary(),
    "binary of gensim": binary(end=b""),
}


def zip_of(data, name="v.txt", compression=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr(name, data)
    return out.getvalue()
