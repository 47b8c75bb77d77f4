"""One seed for everything random in a run, derived per purpose so that no part shifts another."""

import hashlib


def derive(seed: int, *purpose: object) -> int:
    """A 63-bit seed for one purpose of a run, e.g. derive(0, "order", 3); equal on every platform."""
    text = ":".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def pick(ids: list[str], count: int, seed: int) -> set[str]:
    """`count` of the ids, chosen by hash: the same ones whatever their order, and nested as `count` grows."""
    return set(sorted(ids, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())[:count])
