"""Parsers of vector files, which turn bytes into words and numbers, one block of about 1 MiB at a time.

Arrow's CSV parser is fast, but stricter than the text format: it takes only blocks in which every line is
exactly a word and its numbers. Blocks that it refuses, because words hold spaces or lines are damaged, are
parsed line by line. That slow way defines the format and knows what is wrong with a line.
"""

import codecs
import os
import re
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from skglove.vectors.errors import VectorFileError
from skglove.vectors.formats import LONGEST_LINE

_BLOCK = 1 << 20  # fits a processor's cache: with 16 MiB, everything takes a third longer
_THREADS = min(4, os.cpu_count() or 1)
_MOST_COLUMNS = 1 << 13  # Arrow takes some 10 kB of memory for each; with more it is no faster than a loop
_FILLED_LINE = re.compile(rb"^[ \t\r]*+[^ \t\r\n][^\n]*", re.MULTILINE)
_WHITE = np.isin(np.arange(256), list(b" \t\r\n"))
_BEGINS_NO_NUMBER = ~np.isin(np.arange(256), list(b"0123456789-"))


class Lines(NamedTuple):
    """The lines of a block of text that hold a word: their words, and where in the block they are.

    Parameters
    ----------
    block : bytes
    words : list of bytes, of shape (n_lines,)
    starts, ends : ndarray of shape (n_lines,), int
        Where each line starts and ends in the block.
    numbers : ndarray of shape (n_lines,), int
        The line numbers in the file, counted from 1.
    """

    block: bytes
    words: list
    starts: np.ndarray
    ends: np.ndarray
    numbers: np.ndarray


class _Parser:
    """What both parsers share: a file and its layout, and errors that name the file."""

    def __init__(self, path, layout):
        self.path, self.layout = path, layout

    def _error(self, problem, line):
        return VectorFileError(self.path, problem, line)

    def _decode(self, word, line):
        try:
            return word.decode()
        except UnicodeDecodeError:
            raise self._error(f"the word {word[:60]!r} is not UTF-8", line) from None


class TextParser(_Parser):
    """Parser of a text file.

    Parameters
    ----------
    path : str or path-like
        The file as the user names it, for messages.
    layout : Layout
    """

    def parse_blocks(self, reader):
        """Parse the rest of a file.

        Parameters
        ----------
        reader : ByteReader
            At the first vector.

        Yields
        ------
        words : pyarrow.StringArray of shape (n,)
        matrix : ndarray of shape (n, dim), float32
        """
        blocks = self._blocks(reader)
        return self.parse_parts((block, range(first, first + len(block))) for block, first, _ in blocks)

    def parse_parts(self, parts):
        """Parse several parts of a file in parallel.

        Parameters
        ----------
        parts : iterable of (bytes, sequence of int)
            Some lines, and their line numbers in the file.

        Yields
        ------
        words, matrix
            As `parse_blocks`, in the order of the parts.
        """
        with ThreadPoolExecutor(_THREADS) as pool:
            parsing = deque()
            for lines, numbers in parts:
                parsing.append(pool.submit(self._parse, lines, numbers))
                if len(parsing) > 2 * _THREADS:
                    yield parsing.popleft().result()
            while parsing:
                yield parsing.popleft().result()

    def split_blocks(self, reader):
        """Find the lines and words of the rest of a file, but parse no numbers.

        Parameters
        ----------
        reader : ByteReader
            At the first vector.

        Yields
        ------
        lines : Lines
        """
        for block, first, ends in self._blocks(reader):
            yield self._split(block, first, ends)

    def check_first_number(self, line, word, number):
        """Raise an error unless a number follows the word of a line.

        Parameters
        ----------
        line : bytes
        word : bytes
        number : int
            The line number in the file.
        """
        if not self.layout.begins_with_number(line, len(word) + 1):
            raise self._error(self.layout.wrong_number(self.layout.fields(line)), number)

    def _blocks(self, reader):
        """Yield blocks of whole lines, the line number of the first, and where lines end, all as on Unix."""
        number, rest = self.layout.line, b""
        while chunk := reader.read(_BLOCK):
            cut = chunk.rfind(b"\n") + 1
            if cut:
                block = b"".join((rest, memoryview(chunk)[:cut]))
                block = block.replace(b"\r\n", b"\n") if b"\r" in block else block
                ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
                if len(ends) < len(block) and (not block.isspace() or block.strip(b" \t\r\n")):
                    yield block, number, ends
                number, rest = number + len(ends), b""
            rest += chunk[cut:]
            if len(rest) > LONGEST_LINE:
                raise self._error(f"the line is longer than {LONGEST_LINE:,} bytes", number)
        if rest:
            yield rest, number, np.array([], np.int64)

    def _parse(self, lines, numbers):
        parsed = self._parse_fast(lines)
        return self._parse_exactly(lines, numbers) if parsed is None else parsed

    def _parse_fast(self, lines):
        """Parse lines with Arrow; return None unless each is exactly a word and `dim` finite numbers."""
        dim, trailing = self.layout.dim, self.layout.trailing
        if b"\r" in lines or lines.startswith(codecs.BOM_UTF8) or dim > _MOST_COLUMNS:
            return None  # Arrow would end a line at the first, and drop the second
        columns = ["word", *map(str, range(dim)), *["trailing"] * trailing]
        types = dict.fromkeys(columns, pa.float32()) | {"word": pa.binary(), "trailing": pa.binary()}
        separator = self.layout.separator.decode()
        try:
            table = csv.read_csv(
                pa.BufferReader(lines),
                csv.ReadOptions(column_names=columns, block_size=len(lines) + 1, use_threads=False),
                csv.ParseOptions(delimiter=separator, quote_char=False, ignore_empty_lines=False),
                csv.ConvertOptions(column_types=types, null_values=[], check_utf8=False),
            )
            words = table["word"].combine_chunks().cast(pa.string())  # checks the UTF-8
        except pa.ArrowInvalid:
            return None
        matrix = np.empty((len(table), dim), np.float32)
        for column in range(dim):
            matrix[:, column] = table[column + 1].to_numpy()
        exact = (
            pc.min(pc.binary_length(words)).as_py() > 0
            and not (trailing and pc.max(pc.binary_length(table["trailing"])).as_py())
            and np.isfinite(matrix).all()
        )
        return (words, matrix) if exact else None

    def _parse_exactly(self, lines, numbers):
        """Parse lines one by one: a word, which may hold spaces, and `dim` finite numbers."""
        words, rows, at, past = [], [], 0, 0
        layout = self.layout
        for match in _FILLED_LINE.finditer(lines):
            at, past = at + lines.count(b"\n", past, match.start()), match.start()
            fields, number = layout.fields(match[0]), numbers[at]
            if problem := layout.problem(fields):
                raise self._error(problem, number)
            with np.errstate(over="ignore"):
                rows.append(np.array([float(value) for value in fields[-layout.dim :]], np.float32))
            if not np.isfinite(rows[-1]).all():
                raise self._error("a number is too large for a float32", number)
            words.append(self._decode(layout.word(fields), number))
        return pa.array(words, pa.string()), np.array(rows, np.float32).reshape(-1, layout.dim)

    def _split(self, block, first, ends):
        """Find the lines and words of a block whose first line has the line number `first`."""
        starts, ends, numbers, phrases = self._checked_lines(block, first, ends)
        separator = self.layout.separator
        words = [block[start : block.find(separator, start)] for start in starts.tolist()]
        for start, word in phrases:
            words[np.searchsorted(starts, start)] = word
        # The separators of a line are counted, but that misses one that was moved: from between the numbers
        # into the word, for example. Then what follows the word is not a number.
        values = starts + np.fromiter(map(len, words), np.int64, len(words)) + 1
        for at in np.flatnonzero(_BEGINS_NO_NUMBER[np.frombuffer(block, np.uint8)[values]]).tolist():
            self.check_first_number(block[starts[at] : ends[at]], words[at], int(numbers[at]))
        try:
            b"\n".join(words).decode()
        except UnicodeDecodeError:
            for word, number in zip(words, numbers.tolist(), strict=True):
                self._decode(word, number)
        return Lines(block, words, starts, ends, numbers)

    def _checked_lines(self, block, first, ends):
        """Return where the lines of a block start and end, their line numbers, and (start, word) of phrases.

        Blank lines are left out. Phrases are words that hold a separator. Separators are counted line by line
        rather than in the block as a whole, because two errors could cancel: one line lost a number, another
        has one too many. They could cancel within a line as well: a separator lost, another doubled.
        """
        layout, data = self.layout, np.frombuffer(block, np.uint8)
        ends = ends if block.endswith(b"\n") else np.append(ends, len(block))
        starts, numbers = np.append(0, ends[:-1] + 1), np.arange(first, first + len(ends))
        separates, expected = data == ord(layout.separator), layout.dim + layout.trailing
        # Small integers are several times as fast. They may overflow, but if every count is right but for
        # overflow, none is too small, and if their total is right as well, none is too large.
        counts = np.add.reduceat(separates.view(np.uint8), starts, dtype=np.min_scalar_type(expected))
        odd = counts != expected
        if odd.any() or np.count_nonzero(separates) != expected * len(starts):
            odd = np.add.reduceat(separates.view(np.uint8), starts, dtype=np.uint32) != expected
        odd |= separates[starts] | _WHITE[data.take(ends - 1 - layout.trailing, mode="clip")]
        if layout.trailing:
            odd |= ~separates[ends - 1]
        doubled = separates[1:] & separates[:-1]
        if doubled.any():
            odd[np.searchsorted(starts, np.flatnonzero(doubled), "right") - 1] = True
        if _WHITE[data[starts]].any():
            filled = np.logical_or.reduceat(~_WHITE[data], starts)
            starts, ends, numbers, odd = (array[filled] for array in (starts, ends, numbers, odd))
        phrases = []
        for at in np.flatnonzero(odd).tolist():
            fields = layout.fields(block[starts[at] : ends[at]])
            if problem := layout.problem(fields):
                raise self._error(problem, int(numbers[at]))
            phrases.append((starts[at], layout.word(fields)))
        return starts, ends, numbers, phrases


class BinaryParser(_Parser):
    """Parser of a file in word2vec's binary format; its parameters are those of `TextParser`.

    Each vector is a word, a space, `dim` little-endian float32 values, and perhaps an end of line.
    """

    def parse_blocks(self, reader):
        """Parse the rest of a file, as `TextParser.parse_blocks` does."""
        dim = self.layout.dim
        size, count, data = 4 * dim, 0, b""
        while chunk := reader.read(_BLOCK):
            data, at, words, rows = data + chunk, 0, [], []
            while (space := data.find(b" ", at)) >= 0 and space + 1 + size <= len(data):
                words.append(data[at:space].lstrip(b"\n"))
                rows.append(np.frombuffer(data, "<f4", dim, space + 1))
                at = space + 1 + size
            if words:
                yield self._checked(words, np.array(rows, np.float32), count + 1)
            count, data = count + len(words), data[at:]
            if len(data) > size + LONGEST_LINE:
                raise self._error(f"the word is longer than {LONGEST_LINE:,} bytes", count + 1)
        if data.strip(b"\n"):
            raise self._error(f"expected a word and {size} bytes, got {len(data)} bytes", count + 1)

    def _checked(self, words, matrix, first):
        """Return the words as an Arrow array, or raise an error that numbers the first wrong vector."""
        try:
            if all(words) and np.isfinite(matrix).all():
                return pa.array(words, pa.binary()).cast(pa.string()), matrix
        except pa.ArrowInvalid:
            pass
        for number, (word, row) in enumerate(zip(words, matrix, strict=True), first):
            if not word or not np.isfinite(row).all():
                problem = f"the vector of {word[:60]!r} holds NaN or infinity" if word else "no word"
                raise self._error(problem, number)
            self._decode(word, number)
