"""Labels: short names that become parts of paths, wildcards of rules and arguments of commands.

A label is the name of a file in config/ without .yaml, or of a feature set. Its characters are few, since it reaches
folders, regular expressions and the shell.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from rawm import paths
from rawm.config.shown import shown
from rawm.errors import UserError

PATTERN = "[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
RIGHT = "up to 64 of the characters A-Z a-z 0-9 _ . - with a letter or digit first"


def problem(label: str, kind: str = "") -> str | None:
    """What is wrong with a label, as the end of a sentence that begins with it; None if nothing is.

    Args:
        kind: folder under config/, since studies may not be called as other folders of results/.
    """
    if not re.fullmatch(PATTERN, label):
        return f"is no label; write {RIGHT}"
    if kind == "studies" and label in paths.TAKEN:
        return f"is a folder of {paths.RESULTS}/ already; give the study another name"
    return None


def require(label: str, where: str) -> str:
    """Return a label; raises UserError, beginning with `where`, for what is none."""
    if wrong := problem(label):
        raise UserError(f"{where}: {shown(label)} {wrong}")
    return label


def _checked(label: str) -> str:
    if wrong := problem(label):
        raise ValueError(f"{shown(label)} {wrong}")
    return label


#: Type of a key that holds a label.
Label = Annotated[str, AfterValidator(_checked), Field(json_schema_extra={"pattern": f"^{PATTERN}$"})]
