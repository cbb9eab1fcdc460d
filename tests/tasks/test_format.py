"""Texts of users in Markdown: shown as they are, on one line, without effect."""

import re
from html import unescape

import pytest

from mmzoo.tasks.format import code, escaped, table

markdown = pytest.importorskip("markdown", reason="markdown is not installed: pip install '.[docs]'")

TEXTS = [
    "*bold* and _under_ **both**",
    "[link](https://evil.example)",
    "![image](https://evil.example/x.png)",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt;",
    "`code` and ``two``",
    "# head",
    "1. list",
    "- list",
    "a\nb\r\n# c",
    "snake_case_name",
    "back\\slash \\*",
    "a | b",
]


def shown(html):
    """Return the text of HTML, and the names of its elements."""
    text = re.sub(r"<[^>]*>", "", html)
    return " ".join(unescape(text).split()), set(re.findall(r"<(\w+)", html))


@pytest.mark.parametrize("text", TEXTS)
def test_escaped_text_is_shown_as_it_is(text):
    assert shown(markdown.markdown(escaped(text))) == (" ".join(text.split()), {"p"})


@pytest.mark.parametrize("text", TEXTS)
def test_a_code_span_shows_the_text_as_it_is(text):
    assert shown(markdown.markdown(code(text))) == (" ".join(text.split()), {"p", "code"})


def test_a_bar_stays_in_its_cell():
    rows = table(["a", "b"], [[escaped("x | y"), code("p")], [escaped("back\\"), "z"]])
    html = markdown.markdown(rows, extensions=["tables"])
    assert re.findall(r"<td>(.*?)</td>", html) == ["x | y", "<code>p</code>", "back\\", "z"]
