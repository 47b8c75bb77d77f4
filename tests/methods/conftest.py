"""Fixtures of the tests of methods."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def small_problems(one_thread):
    """Run every module in one thread: the problems are small."""
