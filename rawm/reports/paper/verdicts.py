"""The verdict on one printed number."""

from typing import NamedTuple

REPRODUCED, DIFFERS, NOT_COMPARABLE, NOT_RUN = "reproduced", "differs", "not comparable", "not run"
#: All verdicts, in the order in which they are counted.
VERDICTS = (REPRODUCED, DIFFERS, NOT_COMPARABLE, NOT_RUN)
STDS = 2  # half the width of an interval where none was estimated


class Estimate(NamedTuple):
    """Our estimate: mean, sample standard deviation over seeds (None for one seed), and interval."""

    mean: float
    std: float | None
    low: float
    high: float


class Verdict(NamedTuple):
    """A verdict and its reason; both empty where nothing is printed."""

    word: str
    reason: str


def judge(printed: float | None, ours: Estimate | None, missing: str, other: str, differences: list[str]) -> Verdict:
    """Compare a printed number with ours.

    Args:
        printed: None where it is not known.
        ours: None where it does not exist.
        missing: why ours does not exist.
        other: why the two cannot be compared; empty where they can.
        differences: known reasons why comparable numbers differ.
    """
    if printed is None:
        return Verdict("", "")
    if missing:
        return Verdict(NOT_RUN, missing)
    if other:
        return Verdict(NOT_COMPARABLE, other)
    if ours is None:
        return Verdict(NOT_COMPARABLE, "our runs have no such number")
    if ours.low <= printed <= ours.high:
        return Verdict(REPRODUCED, f"our interval, {ours.low:.2f} to {ours.high:.2f}, holds it")
    return Verdict(DIFFERS, " ".join([f"by {ours.mean - printed:+.2f} points.", *differences]))


def counts(words: list[str]) -> dict[str, int]:
    """Count the verdicts."""
    return {word: words.count(word) for word in VERDICTS}
