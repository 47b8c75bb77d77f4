"""Derive the seed of each random part of a run from the run's seed, so that no part depends on another."""

import hashlib
from collections.abc import Iterable


def derive(seed: int | str, *purpose: object) -> int:
    """Derive a 63-bit seed for one purpose of a run, e.g. derive(0, "order", 3); equal on every platform."""
    text = ":".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def within(names: Iterable[str], low: float, high: float) -> set[str]:
    """The names within a part low..high of 0..1, in the order of their hashes: parts that do not overlap share none."""
    order = sorted(set(names), key=lambda name: hashlib.sha256(f"share:{name}".encode()).digest())
    return set(order[round(low * len(order)) : round(high * len(order))])


def pick(ids: list[str], count: int, seed: int) -> set[str]:
    """Pick `count` ids by hash, whatever their order; a larger `count` keeps those of a smaller one."""
    return set(sorted(ids, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())[:count])
