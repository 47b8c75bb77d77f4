"""How a value is shown in a sentence about it."""

from reprlib import Repr
from typing import Any

LONGEST = 60  # characters

_REPR = Repr()
_REPR.maxlevel, _REPR.maxstring, _REPR.maxlong, _REPR.maxother = 4, 2 * LONGEST, 2 * LONGEST, 2 * LONGEST
_REPR.maxlist = _REPR.maxtuple = _REPR.maxdict = _REPR.maxset = _REPR.maxfrozenset = LONGEST // 3


def shown(value: Any) -> str:
    """Show a value in at most `LONGEST` characters; its size and depth cost nothing."""
    if isinstance(value, int) and value.bit_length() > 1000:  # its digits may be too many for Python to count
        return f"a number of {value.bit_length()} bits"
    return shortened(_REPR.repr(value))


def shortened(text: str, longest: int = LONGEST) -> str:
    """Cut a text, without quotes around it."""
    return text if len(text) <= longest else text[: longest - 3] + "..."
