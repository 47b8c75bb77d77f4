"""Score files written and read again, files of others with every mistake, and what the verbs make of them."""

import os

import numpy as np
import pandas as pd
import pytest
from support.finished_runs import STUDY, make_run, make_study
from typer.testing import CliRunner

from rawm import manifest, paths
from rawm.cli.verbs import app
from rawm.errors import UserError
from rawm.metrics import detection
from rawm.runs import results
from rawm.runs.run import Run
from rawm.score_files.evaluate import evaluate
from rawm.score_files.export import export
from rawm.score_files.formats import read, read_asv, read_key, write

KEY = "u1 - bonafide 2.5\nu2 A07 spoof -1\nu3 A08 spoof 1e-3\nu4 - bonafide 0.5\n"


def make(path, text):
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("format", ["asvspoof2019", "asvspoof2021", "asvspoof5", "arena"])
def test_what_is_written_is_read_again(tmp_path, format):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 50))
        names = [f"utterance/{number:03d}.flac" for number in rng.permutation(n)]
        score = (rng.standard_normal(n) * 10.0 ** rng.integers(-8, 8)).astype(rng.choice([np.float32, np.float64]))
        label = rng.choice(["genuine", "fake"], n)
        write(tmp_path / "scores", format, names, score, label, ["an attack"] * n)
        found = read(tmp_path / "scores", format)
        assert found.format == format
        assert read(tmp_path / "scores").format == ("asvspoof2021" if format == "arena" else format)
        assert found.utterance_id == names
        np.testing.assert_array_equal(found.score.astype(score.dtype), score)
        assert found.label == (label.tolist() if format == "asvspoof2019" else None)


def test_files_are_as_the_challenges_want_them(tmp_path):
    names, score, label = ["a", "b"], [1.5, -2.0], ["genuine", "fake"]
    texts = []
    for format in ("asvspoof2019", "asvspoof2021", "asvspoof5"):
        write(tmp_path / "scores", format, names, score, label, ["-", "text to speech"])
        texts.append((tmp_path / "scores").read_text())
    assert texts[0] == "a - bonafide 1.5\nb text_to_speech spoof -2.0\n"
    assert texts[1] == "a 1.5\nb -2.0\n"
    assert texts[2] == "filename\tcm-score\na\t1.5\nb\t-2.0\n"


@pytest.mark.parametrize(
    ("names", "score", "message"),
    [
        (["a", "a"], [1, 2], "'a' occurs twice"),
        (["a", "b c"], [1, 2], "'b c': names in asvspoof2021 must not"),
        (["a", ""], [1, 2], "'': names in asvspoof2021 must not be empty"),
        (["a", "b"], [1, np.inf], "'b' has the score inf"),
    ],
)
def test_scores_that_do_not_fit_are_not_written(tmp_path, names, score, message):
    with pytest.raises(UserError, match=message):
        write(tmp_path / "scores", "asvspoof2021", names, score)
    assert not (tmp_path / "scores").exists()


def test_names_with_spaces_fit_between_tabs(tmp_path):
    write(tmp_path / "scores", "asvspoof5", ["a b", "c"], [1, 2])
    assert read(tmp_path / "scores").utterance_id == ["a b", "c"]
    for name in ("a\tb", "a\r", " a", ""):
        with pytest.raises(UserError, match="names in asvspoof5 must not"):
            write(tmp_path / "scores", "asvspoof5", [name], [1])


@pytest.mark.parametrize(
    "change", [str, lambda t: t.replace("\n", "\r\n"), str.rstrip, lambda t: "\ufeff\n" + t + "\n"]
)
def test_line_ends_do_not_matter(tmp_path, change):
    found = read(make(tmp_path / "scores", change(KEY)))
    assert found.utterance_id == ["u1", "u2", "u3", "u4"]
    assert found.score.tolist() == [2.5, -1, 0.001, 0.5]
    assert found.label == ["genuine", "fake", "fake", "genuine"]
    table = change("filename\tcm-score\nu1\t2.5\nu2\t-1\n")
    assert read(make(tmp_path / "scores", table)).score.tolist() == [2.5, -1]
    asv = read_asv(make(tmp_path / "asv", change("bonafide target 1\nbonafide nontarget 2\nA01 spoof 3\n")))
    assert [scores.tolist() for scores in asv] == [[1], [2], [3]]


def test_all_mistakes_are_named_with_their_lines(tmp_path):
    wrong = (
        KEY + "u5 - human 1\nu6 - spoof\n\nu1 - bonafide 3\nu7 - spoof nan\nu8 - spoof x\nu9 - genuine 1\nu2 - spoof 1"
    )
    with pytest.raises(UserError) as error:
        read(make(tmp_path / "scores", wrong))
    assert str(error.value).replace(str(tmp_path / "scores"), "F").splitlines() == [
        "F: 2 lines (5, 11): key is not bonafide or spoof; first: 'human'",
        "F: line 6: not `utterance source key score`; first: u6 - spoof",
        "F: 2 lines (8, 12): the utterance was there before; first: u1",
        "F: 2 lines (9, 10): score is not a finite number; first: 'nan'",
    ]


@pytest.mark.parametrize(
    ("text", "format", "message"),
    [
        ("", "auto", "is empty"),
        ("a b c\n", "auto", "line 1 has 3 columns; no score file"),
        ("a 1\n", "asvspoof5", r"line 1: is not the header"),
        ("filename\tcm-score\n", "auto", "line 1: no scores after the header"),
        ("filename cm-score\na 1\n", "auto", "line 2: not `filename<TAB>cm-score`"),
        ("a 1\nb 2 3\n", "auto", "line 2: not `utterance score`"),
        ("a - 1 spoof\n", "auto", "line 1: score is not a finite number; first: 'spoof'\n.*key is not"),
        ("a\t1\n", "asvspoof2019", "line 1: not `utterance source key score`"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path, text, format, message):
    with pytest.raises(UserError, match=message):
        read(make(tmp_path / "scores", text), format)


def test_missing_and_binary_files_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read(tmp_path / "scores")
    (tmp_path / "scores").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read as text"):
        read(tmp_path / "scores")


@pytest.mark.parametrize("what", ["a named pipe", "a device", "a folder"])
def test_what_is_no_regular_file_is_refused_before_it_is_opened(tmp_path, no_waiting, what):
    """Kind: opening waits for ever or never ends. Members: scores, key and verification scores that are no files."""
    path = tmp_path / "x"
    if what == "a device":
        path.symlink_to("/dev/zero")
    else:
        (os.mkfifo if what == "a named pipe" else os.mkdir)(path)
    scores, key = make(tmp_path / "scores", KEY), make(tmp_path / "key", KEY)
    for given in ((path,), (scores, "auto", path), (scores, "auto", key, path)):
        with pytest.raises(UserError, match=rf"x: is {what}, not a regular file; name a text file with scores or keys"):
            evaluate(*given)


def test_verification_scores_are_checked(tmp_path):
    lines = "bonafide target 1\nbonafide other 2\nA01 spoof inf\nbonafide nontarget\n"
    with pytest.raises(UserError) as error:
        read_asv(make(tmp_path / "asv", lines))
    assert [line.partition(": ")[2] for line in str(error.value).splitlines()] == [
        "line 2: key is not target, nontarget or spoof; first: 'other'",
        "line 3: score is not a finite number; first: 'inf'",
        "line 4: not `source key score`; first: bonafide nontarget",
    ]
    with pytest.raises(UserError, match="no nontarget and no spoof scores"):
        read_asv(make(tmp_path / "asv", "bonafide target 1\n"))


def test_keys_of_every_challenge(tmp_path):
    la = "LA_0009 {} alaw ita_tx A07 {} notrim {}\n"
    df = "LA_0023 {} nocodec asvspoof A14 {} notrim {} traditional_vocoder - - - -\n"
    for text in (
        KEY.replace("u3 A08 spoof 1e-3\nu4 - bonafide 0.5\n", ""),
        "LA_0069 u1 - - bonafide\nLA_0078 u2 - A06 spoof\n",
        "filename\tcm-label\nu1\tbonafide\nu2\tspoof\n",
        "D_0062 u1 F - - - - bonafide bonafide -\nE_1607 u2 M C05 2 E_1 AC1 A26 spoof -\n",
        *(
            line.format("u1", "bonafide", "eval") + line.format("u2", "spoof", "eval") + line.format("u3", "spoof", "x")
            for line in (la, df)
        ),
    ):
        assert read_key(make(tmp_path / "key", text)) == {"u1": "genuine", "u2": "fake"}
    with pytest.raises(
        UserError, match=r"(?s)line 2: key is not.*'human'.*line 3: has not the .* columns.*line 4: the utt"
    ):
        read_key(make(tmp_path / "key", "s u1 - - bonafide\ns u2 - - human\ns u3 -\ns u1 - - spoof\n"))


def test_a_manifest_is_a_key(tmp_path):
    row = dict.fromkeys(manifest.COLUMNS, "-") | {"split": "eval", "duration_s": 1.0}
    rows = [row | {"utterance_id": name, "group": name, "label": "genuine"} for name in ("u1", "u2")]
    manifest.write(rows, tmp_path / "made.parquet")
    assert read_key(tmp_path / "made.parquet") == {"u1": "genuine", "u2": "genuine"}
    manifest.write([rows[0] | {"label": "sad"}], tmp_path / "sad.parquet", labels=None)
    with pytest.raises(UserError, match="has the label 'sad'"):
        read_key(tmp_path / "sad.parquet")


def test_scores_are_judged_by_the_key_that_is_given(tmp_path):
    scores = make(tmp_path / "scores", "u1 3\nu2 1\nu3 2\nu9 7\n")
    with pytest.raises(UserError, match="asvspoof2021 does not say what is genuine"):
        evaluate(scores)
    found = evaluate(scores, key=make(tmp_path / "key", KEY.replace("u4 - bonafide 0.5\n", "")))
    assert found.about.endswith(
        f"asvspoof2021, 1 genuine and 2 fake utterances; 1 more are not in {tmp_path / 'key'} and do not count"
    )
    values = {metric.name: metric.value for metric in found.metrics}
    genuine, fake = [3.0], [1.0, 2.0]
    assert values == {
        "EER": 0,
        "EER, interpolated": 0,
        "AUC": 1,
        "min DCF": 0,
        "act DCF": detection.act_dcf(genuine, fake),
        "Cllr": detection.cllr(genuine, fake),
    }
    with pytest.raises(UserError, match=r"none of its utterances is in .* \(the first ones are x and u1\)"):
        evaluate(make(tmp_path / "others", "x 3\ny 1\n"), key=tmp_path / "key")
    with pytest.raises(UserError, match=r"scores: no fake scores"):
        evaluate(make(tmp_path / "scores", "u1 3\n"), key=tmp_path / "key", partial=True)
    with pytest.raises(UserError, match=r"^[^:]*asv: line 1: not `source key score`"):
        evaluate(scores, key=tmp_path / "key", asv=make(tmp_path / "asv", "1\n"), partial=True)
    with pytest.raises(UserError, match=r"2 key\(s\) are not those of .*key, first of u2"):
        evaluate(make(tmp_path / "scores", KEY.replace("spoof", "bonafide")), key=tmp_path / "key")


@pytest.fixture
def trials(tmp_path):
    """Key file of 20 genuine and 20 fake utterances, and a function that writes the scores of some of them."""
    labels = ["bonafide" if n < 20 else "spoof" for n in range(40)]
    key = make(tmp_path / "key.txt", "".join(f"S U{n:02d} - A01 {label}\n" for n, label in enumerate(labels)))
    values = np.random.default_rng(0).standard_normal(40) + np.repeat([2.0, 0.0], 20)

    def scores(numbers=range(40), change=float, line="U{0:02d} {1}\n"):
        text = "".join(line.format(n, change(values[n]), labels[n]) for n in numbers)
        return make(tmp_path / "scores.txt", text)

    return key, scores


class TestScoresThatLackTrials:
    """A file of scores that holds a part of the trials, and says nothing.

    Members of the kind: a part with a key of a challenge (the one reported); a file of 2019 that has keys of its
    own; trial_metadata.txt, of which only the subset eval counts; a manifest, which holds other splits too; a list of
    an arena; a file that lacks a whole class; a truncated file, whose last line is broken; ASVspoof 5's header with no
    scores (these two are refused for their lines).
    """

    def test_a_part_of_a_key_is_refused_unless_it_is_asked_for(self, trials):
        key, scores = trials
        part = scores([n for n in range(40) if n % 8 < 5])
        with pytest.raises(
            UserError, match=r"15 of the 40 utterances of .*key\.txt have no score, first U05;.*--partial"
        ):
            evaluate(part, key=key)
        assert evaluate(part, key=key, partial=True).about.endswith(
            f"14 genuine and 11 fake utterances; 15 of {key} are missing"
        )
        assert "missing" not in evaluate(scores(), key=key).about

    def test_keys_with_their_columns_swapped_are_read(self, trials):
        key, scores = trials
        expected = evaluate(scores(), key=key)
        make(key, "".join("{0} {2} {1} {3} {4}\n".format(*line.split()) for line in key.read_text().splitlines()))
        assert evaluate(scores(), key=key) == expected

    def test_a_file_with_keys_of_its_own(self, trials):
        key, scores = trials
        part = scores(range(1, 40), line="U{0:02d} - {2} {1}\n")
        with pytest.raises(UserError, match="1 of the 40 utterances"):
            evaluate(part, key=key)

    def test_trials_of_another_subset_are_not_missed(self, trials):
        key, scores = trials
        line = "LA_0009 {1} alaw ita_tx {3} {4} notrim {5}\n"
        lines = [entry.split() for entry in key.read_text().splitlines()]
        text = "".join(line.format(*f, "progress" if f[1] < "U05" else "eval") for f in lines)
        make(key, text)
        assert "missing" not in evaluate(scores(range(5, 40)), key=key).about
        with pytest.raises(UserError, match="1 of the 35 utterances"):
            evaluate(scores(range(6, 40)), key=key)

    def test_other_splits_of_a_manifest_are_not_missed(self, trials, tmp_path):
        _, scores = trials
        row = dict.fromkeys(manifest.COLUMNS, "-") | {"duration_s": 1.0}
        rows = [
            row | {"utterance_id": name, "group": name, "label": ("fake", "genuine")[n < 20], "split": split}
            for n in range(40)
            for name, split in ((f"U{n:02d}", "eval"), (f"T{n:02d}", "train"))
        ]
        manifest.write(rows, tmp_path / "m.parquet")
        assert evaluate(scores(), key=tmp_path / "m.parquet").about.endswith("20 genuine and 20 fake utterances")
        with pytest.raises(UserError, match="2 of the 40 utterances"):
            evaluate(scores(range(2, 40)), key=tmp_path / "m.parquet")

    def test_a_whole_class_is_named_even_where_a_part_is_asked_for(self, trials):
        key, scores = trials
        with pytest.raises(UserError, match="20 of the 40 utterances"):
            evaluate(scores(range(20)), key=key)
        with pytest.raises(UserError, match="no fake scores"):
            evaluate(scores(range(20)), key=key, partial=True)


class TestScoresOfReversedPolarity:
    """Scores that are high where speech sounds fake give an EER over 50 %, which looks like a bad detector.

    Members of the kind: the opposite sign (the one reported); probabilities of fake; distances to genuine
    speech; logits of the class fake from a file of 2019 or 5; a key whose words are swapped. Scores at chance may be
    meant by it too, so it is a hint and no error.
    """

    @pytest.mark.parametrize("change", [lambda s: -s, lambda s: 1 / (1 + np.exp(s)), lambda s: abs(s - 9)])
    @pytest.mark.parametrize("line", ["U{0:02d} {1}\n", "U{0:02d} - {2} {1}\n"])
    def test_the_hint_says_what_the_other_sign_gives(self, trials, change, line):
        key, scores = trials
        right = evaluate(scores(line=line), key=key)
        wrong = evaluate(scores(change=change, line=line), key=key)
        eer = {metric.name: metric.value for metric in right.metrics}["EER"]
        assert right.hint == "" and eer < 0.5
        assert wrong.hint.startswith(
            "the EER is over 50 %: the scores may be reversed, since higher must mean more genuine"
        )
        assert wrong.hint.endswith(f"with the other sign it is {100 * eer:.3f} %")

    def test_a_key_with_swapped_words(self, trials):
        key, scores = trials
        make(key, key.read_text().replace("bonafide", "x").replace("spoof", "bonafide").replace("x", "spoof"))
        assert "may be reversed" in evaluate(scores(), key=key).hint

    def test_the_verb_prints_it_and_the_numbers(self, trials):
        key, scores = trials
        path = scores(change=lambda s: -s)
        done = CliRunner().invoke(app, ["scores", "evaluate", str(path), "--key", str(key)])
        assert done.exit_code == 0 and "hint: the EER is over 50 %" in done.output and "AUC" in done.output


def test_a_list_of_the_arena_is_a_key(tmp_path):
    text = 'file_name,label\r\nPromptTTS2/audio49,spoof\r\n"a,b.wav",bonafide'
    assert read_key(make(tmp_path / "list.csv", text)) == {"PromptTTS2/audio49": "fake", "a,b.wav": "genuine"}
    with pytest.raises(
        UserError, match=r"(?s)line 3: key is not bonafide or spoof; first: 'fake'.*line 4: has not the"
    ):
        read_key(make(tmp_path / "list.csv", "file_name,label\na,spoof\nb,fake\nc\n"))


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_study(tmp_path, methods=("rawm",), seeds=(0,), tasks=2)


@pytest.mark.parametrize("format", ["asvspoof2019", "asvspoof2021", "asvspoof5"])
def test_exported_scores_give_the_numbers_of_the_run(study, tmp_path, format):
    run = results.load(study).runs["rawm", 0].metrics
    for after in (0, 1, None):
        files = export(Run(study, "rawm", 0), tmp_path / "out", format, after)
        assert [file.stem for file in files] == ["task_1", "task_2"]
        for task, file in enumerate(files):
            key = None if format == "asvspoof2019" else paths.manifest("synthetic_buzz")
            evaluation = evaluate(file, key=key, partial=key is not None)  # the manifest is that of both tasks
            value = {metric.name: metric.value for metric in evaluation.metrics}["EER"]
            assert 100 * value == run["eer_matrix"][2 if after is None else after][task]
            assert len(read(file).utterance_id) == 120  # no development data
    only = export(Run(study, "rawm", 0), tmp_path / "one", format, task=2)
    assert only == [tmp_path / "one"] and only[0].read_text() == files[1].read_text()


def test_exported_scores_for_the_arena_come_with_their_list_and_are_read_back(study, tmp_path):
    run = results.load(study).runs["rawm", 0].metrics
    files = export(Run(study, "rawm", 0), tmp_path / "out", "arena")
    assert [file.name for file in files] == ["task_1.txt", "task_1.csv", "task_2.txt", "task_2.csv"]
    for task in (0, 1):
        scores, key = files[2 * task : 2 * task + 2]
        value = {metric.name: metric.value for metric in evaluate(scores, "arena", key).metrics}["EER"]
        assert 100 * value == run["eer_matrix"][2][task]
        listed = pd.read_csv(key, index_col="file_name")  # as the toolkit of the arena reads both
        given = pd.read_csv(scores, sep=" ", names=["file_name", "cm_score"], index_col="file_name")
        assert set(listed["label"]) == {"bonafide", "spoof"} and set(listed.index) == set(given.index)
    only = export(Run(study, "rawm", 0), tmp_path / "one.txt", "arena", task=2)
    assert [file.read_text() for file in only] == [file.read_text() for file in files[2:]]
    with pytest.raises(UserError, match="is the suffix of the list"):
        export(Run(study, "rawm", 0), tmp_path / "one.csv", "arena", task=2)


def test_exported_scores_name_the_attack(study, tmp_path):
    rows = manifest.read(paths.manifest("synthetic_buzz")).rows()
    manifest.write(
        [row | {"attack": "-" if row["label"] == "genuine" else "A07"} for row in rows],
        paths.manifest("synthetic_buzz"),
    )
    (file,) = export(Run(study, "rawm", 0), tmp_path / "one", "asvspoof2019", task=1)
    assert {tuple(line.split()[1:3]) for line in file.read_text().splitlines()} == {("-", "bonafide"), ("A07", "spoof")}


def test_what_cannot_be_exported_is_refused(study, tmp_path):
    for given, message in (
        ({"after": 3}, "--after 3: study demo has 2 tasks"),
        ({"task": 3}, "--task 3: study demo has 2"),
    ):
        with pytest.raises(UserError, match=message):
            export(Run(study, "rawm", 0), tmp_path / "out", "asvspoof2021", **given)
    make(tmp_path / "file", "")
    with pytest.raises(UserError, match="is a file, but 2 tasks need a folder"):
        export(Run(study, "rawm", 0), tmp_path / "file", "asvspoof2021")


def test_classes_other_than_genuine_and_fake_have_no_score_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    moods = make_study(tmp_path, methods=("finetune",), seeds=(0,), tasks=1, classes=("happy", "sad"))
    with pytest.raises(UserError, match="is not about genuine and fake speech"):
        export(Run(moods, "finetune", 0), tmp_path / "out", "asvspoof2021")


def test_verbs_write_scores_and_print_what_they_say(study, tmp_path):
    arguments = ["--study", STUDY, "--method", "rawm", "--seed", "0"]
    done = CliRunner().invoke(app, ["scores", "export", *arguments, "--output", "out"])
    assert done.output.split() == ["out/task_1.txt", "out/task_2.txt"]
    make(
        tmp_path / "asv",
        "".join(f"bonafide target {n}\nbonafide nontarget {n - 9.5}\nA07 spoof {n - 5}\n" for n in range(10)),
    )
    done = CliRunner().invoke(app, ["scores", "evaluate", "out/task_1.txt", "--asv", "asv"])
    names = [line[:18].strip() for line in done.output.splitlines()[1:]]
    assert names == [
        "EER", "EER, interpolated", "AUC", "min DCF", "act DCF", "Cllr", "min t-DCF (2019)", "min t-DCF (2021)"
    ]  # fmt: skip
    assert "60 genuine and 60 fake" in done.output
    value = 100 * evaluate(tmp_path / "out" / "task_1.txt").metrics[0].value
    assert f"{value:.3f} %" in done.output


def test_only_evaluation_data_is_read_of_a_run(study):
    make_run(study, "rawm", 0)
    table = Run(study, "rawm", 0).scores
    assert len(table) == 3 * 2 * 120
    assert not table["utterance_id"].str.startswith("dev_").any()
    assert "split" not in table
