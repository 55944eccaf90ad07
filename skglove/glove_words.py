"""The rules of style="glove": how texts are split into words nearly as those that GloVe was trained on."""

import re
import sys
import unicodedata
from functools import lru_cache

# Texts are cut at spaces first: a frequent piece is split only once. The zero-width space separates words in
# Thai and Khmer; U+FEFF is a byte-order mark that was left in the text. Curly quotes become straight.
CHARACTERS = str.maketrans("\t\n\r\u200b\ufeff\u2018\u2019\u201c\u201d", "     ''" + '""')

# Unicode has combining marks in these blocks alone: planes 0 and 1, and the variation selectors.
_BLOCKS = (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0))
_JOINERS = {0x200C, 0x200D}  # zero-width non-joiner and joiner, which shape letters within a word


@lru_cache(maxsize=1)
def word_pattern():
    r"""Compile the pattern of a word; "\n" is one too.

    A mark (of the Unicode categories Mn, Mc and Me) belongs to the word before it. Python's ``\w`` has no
    marks. Their class is written as a negation: so a character below U+0300, and most are, is decided by the
    first lookup; otherwise, splitting English takes twice as long.

    Returns
    -------
    pattern : re.Pattern
    """
    marks = {code for code in _BLOCKS if unicodedata.category(chr(code)).startswith("M")}
    mark, joiner = _one_of(marks), "[\u200c\u200d]"
    mark_or_joiner = _one_of(marks | _JOINERS)
    end = rf"(?![^\W_]|{mark})"
    return re.compile(
        rf"""
          (?:[^\W\d_]{mark}*\.){{2,}}                                   # u.s., e.g.
        | \d+(?:[.,:]\d+)+{mark}*                                       # 3.14, 1,000, 10:30
        | (?i:n't|'(?:s|re|ve|ll|d|m)){end}                             # do n't, it 's
        | [^\W_](?=(?:[^\W_]++|{mark_or_joiner}++)*+(?<=[nN])'[tT])     # do, before n't
          (?:[^\W_]|{mark_or_joiner})*?(?=(?i:n't){end})
        | [^\W_]++(?:(?:{mark}++{joiner}*+|{joiner}++(?=[^\W_]))[^\W_]*+)*+
        | (?:\.+|-+|_+|\*+|\#+|!+|\?+|'+|`+){mark}*                     # ..., --: such runs have vectors
        | \S{mark}*
        | \n                                                            # ends of pieces
        """,
        re.VERBOSE,
    )


def _one_of(codes):
    """Write the class of some characters as all but the others."""
    others, start = [], 0
    for code in [*sorted(codes), sys.maxunicode + 1]:
        if start < code:
            others.append(f"\\U{start:08x}-\\U{code - 1:08x}")
        start = code + 1
    return f"[^{''.join(others)}]"
