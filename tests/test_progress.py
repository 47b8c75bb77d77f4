import pytest

from rawm import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""

    class Clock:
        now = 0.0

    monkeypatch.setattr(progress.time, "monotonic", lambda: Clock.now)
    return Clock


def run(clock, items, seconds, total=None):
    for _ in progress.track(items, "work", total):
        clock.now += seconds


def test_items_pass_through_in_order():
    assert list(progress.track(range(5), "work")) == [0, 1, 2, 3, 4]
    assert list(progress.track(iter("ab"), "work")) == ["a", "b"]


def test_a_quick_job_is_one_line(clock, capsys):
    run(clock, range(100), 0.01)
    assert capsys.readouterr().err == "work: 100/100, 1.0 s\n"


def test_a_long_job_is_a_line_each_tenth(clock, capsys):
    run(clock, range(100), 1.0)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["work: 10/100, 10.0 s", "work: 20/100, 20.0 s"] and len(lines) == 10


def test_slow_items_and_unknown_totals_are_a_line_each_half_minute(clock, capsys):
    run(clock, iter(range(7)), 20.0)
    assert capsys.readouterr().err.splitlines() == [f"work: {n}, {n * 20}.0 s" for n in (2, 4, 6, 7)]


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    assert list(progress.track(range(3), "work")) == [0, 1, 2]
    assert "3/3" in capsys.readouterr().err
