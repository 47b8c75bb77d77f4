"""All of these tests are small problems."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def small_problems(one_thread):
    """Every module runs in one thread."""
