"""Sizes of the subset of a split that a task uses."""

from rawm.config.study import Subset


def counts(subset: Subset, available: dict[str, int]) -> dict[str, int]:
    """Utterances to take of each class; may ask for more than there are.

    Args:
        available: class -> utterances in the split.
    """
    if subset.per_class is not None:
        return dict.fromkeys(available, subset.per_class)
    if subset.fakes_per_genuine is not None:
        return _in_ratio(subset.total, subset.fakes_per_genuine, available)
    if subset.total is not None:
        return _in_proportion(subset.total, available)
    wanted = {"genuine": subset.genuine, "fake": subset.fake}
    return {name: number if wanted.get(name) is None else wanted[name] for name, number in available.items()}


def _in_ratio(total: int | None, fakes_per_genuine: float, available: dict[str, int]) -> dict[str, int]:
    """`total` utterances with this class ratio; without a total, as many as the ratio allows."""
    if total is None:
        genuine = min(available["genuine"], int(available["fake"] / fakes_per_genuine))
        return {"genuine": genuine, "fake": round(genuine * fakes_per_genuine)}
    genuine = max(1, round(total * (1 / (1 + fakes_per_genuine))))
    return {"genuine": genuine, "fake": total - genuine}


def _in_proportion(total: int, available: dict[str, int]) -> dict[str, int]:
    """`total` utterances shared out by largest remainders; a class that is there gets at least one."""
    everything = sum(available.values()) or 1
    exact = {name: total * number / everything for name, number in available.items()}
    shares = {name: max(int(value), min(1, available[name])) for name, value in exact.items()}
    by_remainder = sorted(available, key=lambda name: (shares[name] - exact[name], name))
    for name in by_remainder[: max(0, total - sum(shares.values()))]:
        shares[name] += 1
    return shares
