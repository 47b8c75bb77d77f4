import pytest

from rawm import manifest
from rawm.config.corpora import Division
from rawm.corpora.division import divide
from rawm.corpora.listing import utterance

SHARES = {"train": 0.6, "dev": 0.15, "eval": 0.25}


def rows(groups, copies=2, split="", corpus="c"):
    return [
        utterance(corpus, f"{corpus}_{group}_{n}", f"{group}_{n}.wav", "genuine", split, group=group)
        for group in groups
        for n in range(copies)
    ]


def sides(divided, column="group"):
    return {row[column]: row["split"] for row in divided}


def test_division_gives_each_split_its_share_of_the_groups():
    splits = list(sides(divide(rows(map(str, range(4000))), Division(**SHARES))).values())
    for split, share in SHARES.items():
        assert splits.count(split) / 4000 == pytest.approx(share, abs=0.02)


def test_division_does_not_depend_on_order_or_on_what_else_there_is():
    some, more = rows(map(str, range(50))), rows(map(str, range(500)))
    expected = sides(divide(some, Division(**SHARES)))
    assert sides(divide(some[::-1], Division(**SHARES))) == expected
    assert expected.items() <= sides(divide(more, Division(**SHARES))).items()


def test_another_seed_divides_in_another_way():
    some = rows(map(str, range(50)))
    assert divide(some, Division(**SHARES, seed=1)) != divide(some, Division(**SHARES))


def test_a_group_never_straddles_splits():
    divided = divide(rows(map(str, range(200)), copies=5), Division(**SHARES))
    assert len(divided) == 1000
    assert {row["split"] for row in divided} == set(SHARES)
    assert manifest.leak_problems(divided, "group") == []


def test_a_group_is_on_the_same_side_in_two_corpora():
    groups = [f"LJ001-{n:04}" for n in range(100)]
    one = divide(rows(groups, corpus="ljspeech"), Division(**SHARES))
    other = divide(rows(groups[::-1], corpus="wavefake"), Division(**SHARES))
    assert sides(one) == sides(other)


def test_division_of_one_official_split_leaves_the_others_out():
    both = rows(["a", "b", "c"], split="eval") + rows(["d", "e"], split="train")
    divided = divide(both, Division(**SHARES, of=["eval"]))
    assert {row["group"] for row in divided} == {"a", "b", "c"}


def test_division_by_speaker_keeps_speakers_apart_and_unknown_ones_by_their_group():
    some = rows(map(str, range(300)))
    for n, row in enumerate(some):
        row["speaker"] = "-" if n < 200 else f"s{n % 7}"
    divided = divide(some, Division(**SHARES, by="speaker"))
    named = [row for row in divided if row["speaker"] != "-"]
    assert manifest.leak_problems(named, "speaker") == [] and manifest.leak_problems(divided, "group") == []
    assert {row["split"] for row in divided if row["speaker"] == "-"} == set(SHARES)


def test_division_by_utterance_takes_groups_apart():
    divided = divide(rows(["one"], copies=100), Division(**SHARES, by="utterance"))
    assert {row["split"] for row in divided} == set(SHARES)
    assert manifest.leak_problems(divided, "group") == []


def test_shares_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match=r"must add up to 1, not to 0\.9"):
        Division(train=0.6, dev=0.1, eval=0.2)
