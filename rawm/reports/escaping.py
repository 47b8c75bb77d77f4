"""Names and titles as plain text in Markdown, LaTeX and reStructuredText: shown as written, never read as markup.

In HTML it is `html.escape`. All of them put a text on one line, since markup also begins at the start of a line.
"""

import re

_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$"}
_LATEX |= {"†": r"$^\dagger$", "<": "$<$", ">": "$>$", "\N{MINUS SIGN}": "$-$", "η": r"$\eta$", "β": r"$\beta$"}
_LATEX |= {"|": r"\textbar{}", "`": r"\textasciigrave{}"}
_LATEX |= {char: f"\\{char}" for char in "&%$#_{}"}
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def one_line(text: str) -> str:
    """Replace line breaks and repeated blanks by single blanks."""
    return " ".join(text.split())


def markdown(text: str) -> str:
    """Escape a text for CommonMark and GitHub's tables, as part of a line or as a paragraph of its own."""
    text = re.sub(r"([\\`*_\[\]|~$])", r"\\\1", one_line(text))
    text = re.sub(r"[&<>]", lambda found: _ENTITIES[found[0]], text)
    if text == "-":  # in tables: no number
        return text
    return re.sub(r"^(\d{0,9})([#+=.)-]+)(?=\s|$)", lambda found: found[1] + "\\" + "\\".join(found[2]), text)


def latex(text: str) -> str:
    """Escape a text for LaTeX; behind \\\\ it is neither an argument nor a star."""
    text = one_line(text)
    escaped = "".join(_LATEX.get(char, char) for char in text)
    return ("{}" if text.startswith(("[", "*")) else "") + re.sub(r"(?<!\w)-(?=\d)", "$-$", escaped)


def rst(text: str) -> str:
    """Escape a text for reStructuredText: everything but letters, digits and blanks."""
    escaped = re.sub(r"([!-/:-@\[-`{-~•‣\u2043])", r"\\\1", one_line(text))
    # A line of backslashes alone would be a ruler; an escaped blank shows nothing.
    return escaped if escaped.strip("\\") else "\\ " + escaped
