"""Explanations as HTML and as text for a terminal."""

import os
import sys
import unicodedata
from html import escape

# Tokens whose contribution is smaller than this share of the largest are not marked.
LEAST = 0.1
# Words that are listed with their sums, unless the sums round to zero.
N_LISTED, LEAST_LISTED = 8, 0.005
# Blue and orange of Okabe and Ito, which colour-blind people can tell apart. They are transparent, and
# letters keep the colour of the page, so both are readable on light and on dark pages.
BLUE, ORANGE = "0,114,178", "230,159,0"
NOTHING_KNOWN = "No word of this text is known to the classifier: its answer is that for an empty text."


def to_html(explanation):
    """Write an explanation as HTML.

    Parameters
    ----------
    explanation : Explanation

    Returns
    -------
    html : str
        A "div" element, in ASCII. The text in it is escaped.
    """
    largest = _largest(explanation)
    text = _join(explanation, escape, lambda shown, token: _mark(shown, token, largest))
    listed = "".join(
        f"<div>{name}: {' · '.join(f'{escape(word)} {total:+.2f}' for word, total in words)}</div>"
        for name, words in _listed(explanation)
    )
    legend = (
        f"{_span('for the label', BLUE, 'solid', 1)} {_span('against it', ORANGE, 'dashed', 1)} "
        '<span style="opacity:.65">not known</span>'
    )
    return ascii_html(
        '<div style="font-family:sans-serif;max-width:60em;margin:.5em 0">'
        f"<div>{_headline(explanation, bold=lambda label: f'<b>{escape(label)}</b>')}</div>{listed}"
        f'<div style="margin:.3em 0">{legend}</div>'
        '<div tabindex="0" style="max-height:20em;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;'
        'line-height:1.6;border:1px solid rgba(128,128,128,.5);padding:.5em">'
        f"{text}</div></div>"
    )


def to_terminal(explanation):
    """Write an explanation as text, in colour if the standard output is a terminal.

    Parameters
    ----------
    explanation : Explanation

    Returns
    -------
    text : str
        Without colour, the contributions of the strongest words stand behind them. The environment variable
        ``NO_COLOR`` switches colour off.
    """
    colour = sys.stdout is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    largest = _largest(explanation)

    def mark(shown, token):
        shown = printable(shown)
        if abs(token.contribution) < LEAST * largest or not token.contribution:
            return shown
        number = f"[{token.contribution:+.2f}]"
        if not colour:
            return shown + number
        # White on blue, and black and underlined on yellow: to be told apart without colours, too.
        code = "44;97" if token.contribution > 0 else "43;30;4"
        return f"\x1b[{code}m{shown}\x1b[0m"

    lines = [_headline(explanation, bold=printable)]
    for name, words in _listed(explanation):
        lines.append(f"{name}: {' · '.join(f'{printable(word)} {total:+.2f}' for word, total in words)}")
    return "\n".join([*lines, _join(explanation, printable, mark)]).rstrip()


def _join(explanation, plain, mark):
    """Join the parts of the text between tokens and the marked tokens; words that are not in it follow."""
    text = explanation.text if isinstance(explanation.text, str) else ""
    pieces, at = [], len(text) - len(text.lstrip())
    for token in explanation.tokens:
        if token.start is not None:
            pieces += [plain(text[at : token.start]), mark(text[token.start : token.stop], token)]
            at = token.stop
    pieces.append(plain(text[at:]))
    others = [mark(token.word, token) for token in explanation.tokens if token.start is None]
    return "\n".join(filter(None, ["".join(pieces), " ".join(others)]))


def _headline(explanation, bold):
    headline = (
        f"{bold(str(explanation.label))}: probability {explanation.probability:.3f}, log-odds "
        f"{explanation.log_odds:+.2f} = {explanation.baseline:+.2f} for an empty text "
        f"{explanation.log_odds - explanation.baseline:+.2f} for the words"
    )
    if not any(token.known for token in explanation.tokens):
        headline += f". {NOTHING_KNOWN}"
    return headline


def _listed(explanation):
    """List the words that speak most for the label and against it."""
    words = explanation.strongest(len(explanation.tokens))
    sides = (
        ("for", [(word, total) for word, total in words if total > LEAST_LISTED]),
        ("against", [(word, total) for word, total in words if total < -LEAST_LISTED]),
    )
    return [(name, side[:N_LISTED]) for name, side in sides if side]


def _largest(explanation):
    return max((abs(token.contribution) for token in explanation.tokens), default=0.0)


def _mark(shown, token, largest):
    """Mark one token: the stronger its contribution, the stronger its colour and its line."""
    if not token.known:
        return f'<span style="opacity:.65" title="not known">{escape(shown)}</span>'
    if abs(token.contribution) < LEAST * largest or not token.contribution:
        return escape(shown)
    strength = abs(token.contribution) / largest
    colour, line = (BLUE, "solid") if token.contribution > 0 else (ORANGE, "dashed")
    return _span(shown, colour, line, strength, f"{token.word} {token.contribution:+.3f}")


def _span(shown, colour, line, strength, title=""):
    style = (
        f"background:rgba({colour},{0.08 + 0.42 * strength:.2f});"
        f"border-bottom:{1 + round(2 * strength)}px {line} rgb({colour})"
    )
    return f'<span style="{style}" title="{escape(title)}">{escape(shown)}</span>'


def printable(text):
    r"""Replace control characters, which could command a terminal.

    Parameters
    ----------
    text : str

    Returns
    -------
    text : str
        With a replacement character for each, but for "\n", "\t", and the joiners of letters.
    """

    def is_harmless(character):
        return (
            character.isprintable()
            or character in "\n\t\u200c\u200d"
            or unicodedata.category(character) == "Zs"
        )

    return "".join(character if is_harmless(character) else "\ufffd" for character in text)


def ascii_html(html):
    """Write characters that are not ASCII as references, so that a page in any encoding shows them.

    Parameters
    ----------
    html : str

    Returns
    -------
    html : str
    """
    return html.encode("ascii", "xmlcharrefreplace").decode("ascii")
