"""HTML of explanations in a browser: nothing of a text runs. Needs Chromium."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from skglove.explanations.explanation import Explanation, Token
from skglove.explanations.misfiled import Error
from skglove.rendering import ascii_html, printable
from skglove.tables import Table

RUN = "document.title='RUN'"
EVIL = [
    f"<script>{RUN}</script>",
    f'"><img src=x onerror="{RUN}">',
    f"'><svg onload={RUN}>",
    f"</span></div></td></table><script>{RUN}</script>",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"\ud800\x00<iframe srcdoc='<script>parent.{RUN}</script>'>",
]
BROWSER = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)


def page_of(text):
    """Show a text as a text, as words, as words without a place, as label and in a table."""
    n = len(text)
    tokens = (
        Token(text, 0, n, 1.0, True),
        Token(text, None, None, -1.0, True),
        Token(text, None, None, 0.0, False),
    )
    of_table = Table(Error, [Error(0, text, text, 0.5, 0.5, text)], text)
    explanations = [Explanation(text, text, 0.5, 0.0, some) for some in (tokens, tokens[1:], ())]
    return "".join(shown._repr_html_() for shown in [*explanations, of_table])


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes = set(), set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attributes)


@pytest.mark.parametrize("text", EVIL)
def test_html_has_no_tags_and_attributes_but_its_own(text):
    reader, page = Reader(), page_of(text)
    reader.feed(page)
    assert reader.tags == {"div", "span", "b", "table", "thead", "tbody", "tr", "th", "td", "p"}
    assert reader.attributes == {"style", "title", "tabindex"}
    assert page.isascii()


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_nothing_of_a_text_runs_in_a_browser(tmp_path):
    def open_page(body):
        path = tmp_path / "page.html"
        path.write_text(f"<!doctype html><title>READ</title><body>{body}", encoding="utf-8", errors="replace")
        flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
        command = [
            BROWSER,
            *flags.split(),
            f"--user-data-dir={tmp_path / 'user'}",
            "--virtual-time-budget=2000",
        ]
        result = subprocess.run([*command, "--dump-dom", path.as_uri()], capture_output=True, check=True)
        return re.search(r"<title>(\w+)", result.stdout.decode()).group(1)

    assert open_page("".join(map(page_of, EVIL))) == "READ"
    assert open_page(EVIL[1]) == "RUN"  # so the browser does run what is not escaped


def test_printable_keeps_letters_and_replaces_commands():
    kept = "caf\u00e9\t\u0915\u094d\u200d\u0937\n\u00a0\U0001f600"
    assert printable(kept) == kept
    assert printable("\x1b]0;x\x07\r\x9b1m\u202e\ud800") == "\ufffd]0;x\ufffd\ufffd\ufffd1m\ufffd\ufffd"


def test_html_is_ascii():
    assert ascii_html("caf\u00e9 \U0001f600 \ud800") == "caf&#233; &#128512; &#55296;"
