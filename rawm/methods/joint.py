"""Joint training ("Replay-All"): all tasks seen so far, shuffled together. The upper bound of every comparison."""

from rawm.config import methods as config
from rawm.methods.method import Method


class Joint(Method[config.Joint]):
    """Each task continues from the last weights and trains on the samples of every task seen so far.

    One epoch passes over all of them, so later tasks take more steps.
    """

    memory = "n d"
    uses_old_data = True
