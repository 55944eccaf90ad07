"""Files of word vectors, read: GloVe, word2vec and fastText, plain, compressed or in a zip archive."""

import itertools
import logging
from contextlib import contextmanager
from functools import cached_property

import numpy as np
import pyarrow as pa

from skglove.progress import progress_bar
from skglove.vectors.compression import open_bytes
from skglove.vectors.errors import VectorFileError
from skglove.vectors.formats import FORMATS, HEAD, sniff
from skglove.vectors.locations import locate
from skglove.vectors.lookup import distinct, positions_of
from skglove.vectors.parsing import BinaryParser, TextParser

logger = logging.getLogger(__name__)

_LINES = 1000  # of wanted words parsed at a time


class VectorFile:
    r"""A file of word vectors.

    It is read block by block, and only as far as a method needs. If a word is repeated, its first vector
    counts.

    Parameters
    ----------
    path : str or path-like
        A text or binary file: plain, compressed (gzip, bzip2, xz), or the only member of a zip archive. A
        path that goes on after the archive, as ``glove.6B.zip/glove.6B.50d.txt`` does, names a member.
    format : {"glove", "word2vec", "fasttext", "word2vec-binary"}, default=None
        The format; None recognises it from the beginning of the file.

    Attributes
    ----------
    file : Path
        The file on disk.
    member : str or None
        The member of a zip archive, if the path names one.
    layout : Layout
        How the vectors are laid out, found out at the first use.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    VectorFileError
        If it is not a regular file. Every method raises it if the file cannot be read, or has not the
        expected format; the message says file and line.

    References
    ----------
    J. Pennington, R. Socher, C. D. Manning: GloVe: Global Vectors for Word Representation. EMNLP 2014.
    https://nlp.stanford.edu/projects/glove/

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "tiny.txt")
    ...     _ = path.write_text("cat 0.5 1\n. . . 0.25 -1\n")
    ...     file = VectorFile(path)
    ...     words, matrix = file.read()
    ...     found = file.contains(["cat", "dog"])
    >>> words.to_pylist(), matrix.tolist()
    (['cat', '. . .'], [[0.5, 1.0], [0.25, -1.0]])
    >>> found
    array([ True, False])
    """

    def __init__(self, path, format=None):
        if format not in (None, *FORMATS):
            raise ValueError(f"format must be one of {', '.join(FORMATS)} or None, got {format!r}")
        self.path, self.format = path, format
        self.file, self.member = locate(path)

    @cached_property
    def layout(self):
        """How the vectors are laid out."""
        with self._open() as reader:
            head, size = reader.read(HEAD), reader.size
        layout = sniff(self.path, head, self.format)
        if layout.binary and size is not None:
            least = layout.count * (4 * layout.dim + 2)
            if size - layout.start < least:
                raise VectorFileError(
                    self.path,
                    f"the header promises {layout.count} words of {layout.dim} dimensions, which need "
                    f"at least {least} bytes, the file holds {size - layout.start}",
                    layout.line - 1,
                )
        return layout

    def blocks(self):
        """Read the whole file, one block at a time.

        Yields
        ------
        words : pyarrow.StringArray of shape (n,)
            Each word once.
        matrix : ndarray of shape (n, dim), float32
        """
        seen, count = set(), 0
        with self._open_vectors() as reader:
            for words, matrix in self._parser.parse_blocks(reader):
                count += len(words)
                new = [word not in seen and not seen.add(word) for word in words.to_pylist()]
                yield (words, matrix) if all(new) else (words.filter(pa.array(new)), matrix[new])
        self._check_count(count)
        if count > len(seen):
            logger.info("%s repeats %d words; the first vector of each counts", self.path, count - len(seen))

    def read(self):
        """Read the whole file into memory.

        Returns
        -------
        words : pyarrow.StringArray of shape (n_words,)
        matrix : ndarray of shape (n_words, dim), float32
        """
        words, matrices = zip(*self.blocks(), strict=True)
        return pa.concat_arrays(words), np.concatenate(matrices)

    def contains(self, words):
        """Tell which words have a vector. The numbers of a text file are not parsed.

        Parameters
        ----------
        words : list of str or pyarrow array of strings, of shape (n,)

        Returns
        -------
        found : ndarray of shape (n,), bool
        """
        words, inverse = distinct(words)
        found = np.zeros(len(words), bool)
        if self.layout.binary:
            for known, _ in self.blocks():
                found |= positions_of(words, known) >= 0
        else:
            for at, line, number in self._find_lines(words):
                self._parser.check_first_number(line, words[at].as_py().encode(), number)
                found[at] = True
        return found[inverse]

    def rows(self, words):
        """Read the vectors of some words. Of a text file, only the lines of these words are parsed.

        Parameters
        ----------
        words : list of str or pyarrow array of strings, of shape (n,)

        Returns
        -------
        matrix : ndarray of shape (n, dim), float32
            A row of zeros for a word that has no vector.
        """
        words, inverse = distinct(words)
        matrix = np.zeros((len(words), self.layout.dim), np.float32)
        if self.layout.binary:
            for known, rows in self.blocks():
                at = positions_of(words, known)
                matrix[at >= 0] = rows[at[at >= 0]]
        elif found := list(self._find_lines(words)):
            at, lines, numbers = map(list, zip(*found, strict=True))
            cuts = [slice(start, start + _LINES) for start in range(0, len(at), _LINES)]
            parts = ((b"\n".join(lines[cut]), numbers[cut]) for cut in cuts)
            matrix[at] = np.concatenate([rows for _, rows in self._parser.parse_parts(parts)])
        return matrix[inverse]

    def first(self, n):
        """Read the first words, in most files the most frequent. The numbers of a text file are not parsed.

        Parameters
        ----------
        n : int

        Returns
        -------
        words : list of str
            Each once, so fewer than `n` if words are repeated, or if there are fewer.
        """
        if self.layout.binary:
            words = (word for block, _ in self.blocks() for word in block.to_pylist())
        else:
            words = map(bytes.decode, self._text_words())
        return list(dict.fromkeys(itertools.islice(words, n)))

    @cached_property
    def _parser(self):
        return (BinaryParser if self.layout.binary else TextParser)(self.path, self.layout)

    def _open(self):
        return open_bytes(self.path, self.file, self.member)

    @contextmanager
    def _open_vectors(self):
        start = self.layout.start
        label = f"Reading {self.file.name}"
        with self._open() as reader, progress_bar(label, "B", reader.size) as reader.on_read:
            reader.read(start)
            yield reader

    def _check_count(self, count):
        if count == 0:  # the file was truncated after its first lines were read
            raise VectorFileError(self.path, "the file holds no vectors")
        if self.layout.count not in (None, count):
            problem = f"the header promises {self.layout.count} words, the file holds {count}"
            raise VectorFileError(self.path, problem, 1)

    def _text_words(self):
        """Yield the word of each line of a text file, after a check that a number follows it."""
        count = 0
        with self._open_vectors() as reader:
            for block, words, *lines in self._parser.split_blocks(reader):
                for word, start, end, number in zip(words, *(array.tolist() for array in lines), strict=True):
                    self._parser.check_first_number(block[start:end], word, number)
                count += len(words)
                yield from words
        self._check_count(count)

    def _find_lines(self, words):
        """Yield the index of each word that the text file contains, its first line, and the line number."""
        left, count = {word.encode(): at for at, word in enumerate(words.to_pylist()) if word}, 0
        # A line of a phrase that has lost a number looks like a line of the first part of the phrase.
        watched = left.keys() | {word.split(self.layout.separator, 1)[0] for word in left}
        with self._open_vectors() as reader:
            for block, found, starts, ends, numbers in self._parser.split_blocks(reader):
                count += len(found)
                for at in itertools.compress(range(len(found)), map(watched.__contains__, found)):
                    line, number = block[starts[at] : ends[at]], int(numbers[at])
                    index = left.pop(found[at], None)
                    if index is None:
                        self._parser.check_first_number(line, found[at], number)
                    else:
                        yield index, line, number
        self._check_count(count)
