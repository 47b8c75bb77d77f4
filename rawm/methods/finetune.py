"""Fine-tuning: nothing is remembered. The lower bound of every comparison."""

from rawm.config import methods as config
from rawm.methods.method import Method


class Finetune(Method[config.Finetune]):
    """Plain training on the current task."""
