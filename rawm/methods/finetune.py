"""Fine-tuning: nothing is kept. The lower bound of every comparison."""

from rawm.methods.method import Method


class Finetune(Method):
    """Plain training on the task at hand."""
