"""Names and titles are shown as they are written, wherever they are printed."""

import re
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
from docutils.core import publish_doctree
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rawm.reports import escaping
from rawm.reports.figures.stream import average
from rawm.reports.tables.formats import Cell, Table, html, latex, markdown

#: Markup of all languages, and plain words.
PIECES = st.sampled_from(
    [
        *(
            "<script>alert(1)</script>",
            "</script>",
            "<!--",
            "<img/src=x>",
            "<b>",
            "&",
            "&lt;",
            "&#124;",
            "|",
            "||",
            "\\|",
        ),
        *(
            "_",
            "__",
            "*",
            "**",
            "*x",
            "`",
            "```",
            "~~",
            "[a](javascript:x)",
            "![x](y)",
            "[x]",
            "#",
            "##",
            "1.",
            "1)",
            "a.",
        ),
        *(
            "-",
            "+",
            "=",
            "===",
            "---",
            "--x",
            "/x",
            "$",
            "$x$",
            "$$",
            "%",
            "\\",
            "\\\\",
            "\\input{x}",
            "{}",
            "}",
            "{",
            "^",
        ),
        *("..", ".. raw:: html", "::", ":a:", "|x|", "x_", "`x`_", "_`x`", ">>>", ">", "@", "http://x.org", "a@b.org"),
        *("\n", "\n\n", "\t", "'", '"', "•", "ü", "日", "†", "±", "β", "words", "RAWM", "EWC (online)", "", "~"),
    ]
)
TEXTS = st.one_of(
    st.lists(PIECES, min_size=1, max_size=6).map(" ".join),
    st.lists(PIECES, min_size=1, max_size=6).map("".join),
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.just(" "), min_size=1),
).filter(lambda text: escaping.one_line(text) not in ("", "-"))


def table(text):
    return Table([text, text], [text, text], [[Cell(text), Cell(text, best=True)]], 1, text)


def read(tokens):
    """Text of Markdown tokens; fails for anything that is no plain text."""
    assert {token.type for token in tokens} <= {"text", "text_special", "strong_open", "strong_close"}, tokens
    return "".join(token.content for token in tokens)


@given(TEXTS)
def test_markdown_shows_what_is_written(text):
    parsed = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown(table(text)))
    kinds = [token.type.removesuffix("_open") for token in parsed if token.nesting == 1]
    assert kinds == "table thead tr th th tbody tr td td paragraph".split()  # noqa: SIM905
    shown = [read(token.children) for token in parsed if token.type == "inline"]
    assert shown == [escaping.one_line(text)] * 5


@given(TEXTS)
@example("\\")
@example("\\\\")
def test_restructured_text_shows_what_is_written(text):
    document = publish_doctree(
        f"{escaping.rst(text)}\n\n- {escaping.rst(text)}\n", settings_overrides={"report_level": 5}
    )
    paragraph, items = document.children
    assert paragraph.tagname == "paragraph" and items.tagname == "bullet_list"
    for node in (paragraph, items[0][0]):
        assert [child.tagname for child in node.children] == ["#text"]
        assert node.astext() == escaping.one_line(text)


@given(TEXTS)
def test_latex_has_no_command_of_the_text(text):
    page = latex(table(text))
    comment, row = page.splitlines()[1], page.splitlines()[6]
    assert page.count("\n") == 9 and comment.startswith("% ")
    first = row.split(r" & \textbf{")[0] if "&" in row else row
    known = {value: key for key, value in escaping._LATEX.items()} | {"$-$": "-", "{}": ""}
    tokens = sorted(known, key=len, reverse=True)
    read_back = re.sub("|".join(map(re.escape, tokens)), lambda found: known[found[0]], escaping.latex(text))
    assert read_back.replace("\N{MINUS SIGN}", "-") == escaping.one_line(text).replace("\N{MINUS SIGN}", "-")
    without = re.sub("|".join(map(re.escape, tokens)), "", escaping.latex(text))
    assert not set(without) & set("\\&%$#_{}^~")
    assert not first.startswith(("[", "*"))  # behind \\ of the line before


class Page(HTMLParser):
    """Tags and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text.append(data)


@given(TEXTS)
def test_html_shows_what_is_written(text):
    page = Page(html(table(text), text))
    plain = Page(html(table("x"), "x"))
    assert page.tags == plain.tags
    assert "".join(page.text).count(text) >= 6


@pytest.mark.parametrize("title", [r"a $\frac{ b", "costs $5 and $6", r"\$x$"])
def test_figures_read_no_formulas_in_titles(title, tmp_path):
    from rawm.metrics.measure import EER
    from rawm.reports.figures import save

    curves = {"rawm": np.array([[1.0, 2.0]]), "owm": np.array([[2.0, 1.0]])}
    save(average(curves, {"rawm": title, "owm": "OWM"}, EER), tmp_path / "x.svg")
    assert f">{title}<" in unescape((tmp_path / "x.svg").read_text())
