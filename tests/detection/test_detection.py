"""Detectors out of their study: bundles, scores of files, further tasks."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml
from safetensors.numpy import load_file
from support.commands import run
from typer.testing import CliRunner

import rawm
from rawm import manifest, paths
from rawm.cli.verbs import app
from rawm.config.study import Task
from rawm.detection import bundle as bundles
from rawm.detection.detector import Detector, pooling_function
from rawm.detection.export import best_of, export
from rawm.detection.further import learn
from rawm.detection.output import COLUMNS, FORMATS, Decider
from rawm.errors import UserError
from rawm.metrics import calibration
from rawm.metrics.detection import error_rates
from rawm.runs.run import Run, runs_of

pytestmark = pytest.mark.slow


def evaluated(study, method="rawm", after=3, task=3, count=10):
    """Files of evaluation utterances of a task, and the scores that evaluation gave them."""
    corpus = study.corpora[study.task(task).corpora[0]]
    rows = manifest.read(paths.manifest(corpus.name)).select("eval")
    files = dict(zip(rows.utterance_id, rows.path, strict=True))
    scores = Run(study, method, 0).scores.query("after == @after and task == @task").head(count)
    return [Path(corpus.root) / files[name] for name in scores.utterance_id], scores.score.to_numpy()


def invoke(*arguments, **options):
    return CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=True, **options)


@pytest.fixture(scope="module")
def detector(bundle):
    return Detector.load("model")


def test_a_bundle_alone_gives_the_scores_of_evaluation(study, bundle, tmp_path):
    """Copied into an empty folder, with an empty home, in a process of its own."""
    paths_of, expected = evaluated(study)
    shutil.copytree("model", tmp_path / "model")
    (tmp_path / "home").mkdir()
    for path in paths_of:
        shutil.copy(path, tmp_path)
    command = ["detect", *(path.name for path in paths_of), "--model", "model", "--uncalibrated", "--format", "jsonl"]
    rawm_command = Path(sys.executable).with_name("rawm")
    done = subprocess.run(
        [rawm_command, *command], cwd=tmp_path, env=os.environ | {"HOME": str(tmp_path / "home")}, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["path"] for row in rows] == [path.name for path in paths_of]
    np.testing.assert_allclose([row["score"] for row in rows], expected, atol=1e-4)


def test_the_python_interface_gives_the_same_and_calibrates(study, detector):
    files, expected = evaluated(study)
    raw = [detector.score_file(path, calibrated=False) for path in files]
    np.testing.assert_allclose(raw, expected, atol=1e-4)
    line = detector.bundle.model.calibration
    assert line.scale != 1
    np.testing.assert_allclose(
        [detector.score_file(path) for path in files], line.scale * expected + line.offset, atol=1e-3
    )
    waveforms = [soundfile.read(path, dtype="float32") for path in files[:3]]
    together = detector.score_batch([waveform for waveform, _ in waveforms], waveforms[0][1])
    np.testing.assert_allclose(together, line.scale * expected[:3] + line.offset, atol=1e-3)
    assert rawm.Detector is Detector


def test_the_calibration_of_a_bundle_is_fitted_on_all_development_data(study, bundle):
    scores = Run(study, "rawm", 0).development_scores.query("after == 3")
    genuine = scores.label == "genuine"
    line = calibration.fit(scores.score[genuine], scores.score[~genuine])
    model = bundle.model
    assert (model.calibration.scale, model.calibration.offset) == pytest.approx(line)
    rates = error_rates(line(scores.score[genuine]), line(scores.score[~genuine]))
    for name, share in {"fpr1": 0.01, "fpr5": 0.05}.items():
        rejected = (line(scores.score[genuine]) <= model.thresholds[name].value).mean()
        assert rejected <= share
        above = rates.thresholds[rates.thresholds > model.thresholds[name].value]
        assert not len(above) or (line(scores.score[genuine]) <= above[0]).mean() > share
    assert model.history[1].task.name == "quantised"
    assert [learned.genuine + learned.fake for learned in model.history] == [144] * 3
    assert model.history[2].scores["genuine"].mean == pytest.approx(
        scores[genuine & (scores.task == 3)].score.astype(float).mean()
    )


def test_the_best_run_is_chosen_on_development_data_without_joint_training(study):
    values = {method: Run(study, method, 0).metrics["average_dev_eer"] for method in ("finetune", "rawm", "replay")}
    assert best_of(runs_of(study)).method == min(values, key=values.get)
    assert best_of([Run(study, "joint", 0)]).method == "joint"


def test_thresholds_have_names_and_say_their_data(detector):
    decision = detector.decide(-100.0)
    assert decision.label == "fake" and decision.data == "eer on development data of buzz, quantised, notch"
    assert (
        detector.decide(0.5, threshold=0.5).label == "fake" and detector.decide(0.6, threshold=0.5).label == "genuine"
    )
    assert detector.thresholds["fpr1"] <= detector.thresholds["fpr5"]
    with pytest.raises(UserError, match=r"threshold fpr7: .* has eer, fpr1, fpr5"):
        detector.decide(0.0, threshold="fpr7")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("u8.wav", {"subtype": "PCM_U8"}),
        ("s16.wav", {"subtype": "PCM_16"}),
        ("s24.wav", {"subtype": "PCM_24"}),
        ("s32.wav", {"subtype": "PCM_32"}),
        ("float.wav", {"subtype": "FLOAT"}),
        ("alaw.wav", {"subtype": "ALAW"}),
        ("a.flac", {}),
        ("a.mp3", {}),
        ("a.ogg", {"subtype": "VORBIS"}),
        ("a.opus", {"subtype": "OPUS", "format": "OGG"}),
        ("a.m4a", {}),
    ],
)
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 2), (44100, 1), (48000, 6)])
def test_every_format_rate_and_number_of_channels(detector, tmp_path, name, options, rate, channels):
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.standard_normal((rate // 2, channels))
    if name.endswith(".opus") and rate == 44100:
        rate = 48000  # Opus has no 44.1 kHz
    if name.endswith((".m4a", ".mp3")):
        channels = min(channels, 2) if name.endswith(".mp3") else channels
        _encode(tmp_path / name, {"m4a": "aac", "mp3": "mp3"}[name[-3:]], rate, samples[:, :channels])
    else:
        soundfile.write(tmp_path / name, samples, rate, **options)
    result = detector.analyse_file(tmp_path / name)
    padding = 3 * 1024 / rate if name.endswith(".m4a") else 0.06  # AAC adds silence to fill its frames
    assert np.isfinite(result.score) and 0.5 - 0.06 <= result.seconds <= 0.5 + padding


def _encode(path, codec, rate, samples):
    import av

    layout = {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[1]]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T, np.float32), format="fltp", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(stream.codec_context.format, layout, rate)
        for piece in [*resampler.resample(frame), None]:
            container.mux(stream.encode(piece))


@pytest.mark.parametrize(
    ("waveform", "rate", "sentence"),
    [
        (np.zeros((8000, 2), np.float32), 16000, "channels come first"),
        (np.zeros(0, np.float32), 16000, r"a waveform \(n,\) or \(channels, n\) with samples is needed"),
        (np.full(8000, np.nan, np.float32), 16000, "not finite"),
        (np.zeros(8000, np.float32), 0, "give it in Hz"),
        (np.zeros(100, np.float32), 16000, "the waveform is too short: 6 ms; 20 ms are needed"),
    ],
)
def test_waveforms_that_cannot_be_scored_say_why(detector, waveform, rate, sentence):
    with pytest.raises(UserError, match=sentence):
        detector.score(waveform, rate)


def test_channels_and_tensors_are_averaged(detector):
    import torch

    mono = 0.1 * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    expected = detector.score(mono, 16000)
    assert detector.score(np.stack([2 * mono, 0 * mono]), 16000) == pytest.approx(expected, abs=1e-5)
    assert detector.score(torch.from_numpy(mono), 16000) == expected


def test_long_recordings_are_divided_and_pooled(study, detector, tmp_path):
    files, _ = evaluated(study, count=8)
    long = np.concatenate([soundfile.read(path, dtype="float32")[0] for path in files])
    soundfile.write(tmp_path / "long.wav", long, 16000, subtype="FLOAT")
    result = detector.analyse_file(tmp_path / "long.wav", window_s=1.0, hop_s=0.5)
    assert result.seconds == pytest.approx(len(long) / 16000)
    assert [window.start_s for window in result.windows[:3]] == [0, 0.5, 1.0]
    for window in result.windows[::4]:
        part = long[round(16000 * window.start_s) : round(16000 * window.end_s)]
        assert detector.score(part, 16000) == pytest.approx(window.score, abs=1e-4)
    scores = np.array([window.score for window in result.windows])
    for pooling, expected in (("mean", scores.mean()), ("max-fake", scores.min()), ("quantile:0.5", np.median(scores))):
        pooled = detector.analyse_file(tmp_path / "long.wav", window_s=1.0, hop_s=0.5, pooling=pooling).score
        assert pooled == pytest.approx(expected, abs=1e-6), pooling
    with pytest.raises(UserError, match="pooling median: unknown; known: mean"):
        pooling_function("median")


def test_one_bad_file_of_a_hundred_is_named_and_the_rest_is_scored(study, bundle, tmp_path):
    good = evaluated(study, count=1)[0][0]
    for number in range(99):
        shutil.copy(good, tmp_path / f"{number:03d}.flac")
    (tmp_path / "bad.flac").write_bytes(good.read_bytes()[:-500])
    result = invoke("detect", tmp_path, "--model", "model", "--format", "csv", "--output", tmp_path / "scores.csv")
    assert isinstance(result.exception, UserError)
    assert f"{tmp_path / 'bad.flac'}: is truncated" in str(result.exception)
    assert str(result.exception).endswith("1 of 100 recordings cannot be scored")
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 100  # a header and 99 files
    code, text = run(
        Path(sys.executable).with_name("rawm"), "detect", str(tmp_path / "bad.flac"), folder=".", check=False
    )
    assert code == 1 and "rawm:" in text


def test_formats_for_programs_and_leaderboards(study, bundle, tmp_path):
    files, _ = evaluated(study, count=3)
    (tmp_path / "list.txt").write_text("".join(f"{path}\n" for path in files))
    common = ("detect", "--model", "model", "--list", tmp_path / "list.txt", "--format")
    rows = json.loads(invoke(*common, "json").stdout)
    assert [row["path"] for row in rows] == list(map(str, files))
    assert rows[0].keys() == set(COLUMNS)
    lines = invoke(*common, "asvspoof2021").stdout.splitlines()
    assert lines == [f"{Path(row['path']).stem} {row['score']:.6f}" for row in rows]
    assert invoke(*common, "arena").stdout.splitlines() == lines
    rttm = invoke(*common, "rttm").stdout.splitlines()
    assert [line.split()[7] for line in rttm] == [row["decision"] for row in rows]
    assert float(rttm[0].split()[4]) == pytest.approx(rows[0]["end_s"], abs=1e-3)
    piped = invoke("detect", "-", "--model", "model", "--format", "json", input="".join(f"{path}\n" for path in files))
    assert json.loads(piped.stdout) == rows
    table = invoke("detect", files[0], "--model", "model")
    assert rows[0]["decision"] in table.stdout and "eer on development data of buzz, quantised, notch" in " ".join(
        table.stdout.split()
    )


@pytest.mark.parametrize("name", ["csv", "jsonl", "rttm", "arena"])
def test_lines_come_as_recordings_are_scored(study, detector, name):
    files, _ = evaluated(study, count=2)
    taken = []

    def scored():
        for path in files:
            taken.append(path)
            yield detector.analyse_file(path)

    parts = FORMATS[name](scored(), Decider(detector, "eer"), False)
    assert files[0].stem in next(parts) and taken == files[:1]
    assert files[1].stem in "".join(parts)


def test_names_that_a_leaderboard_cannot_tell_apart_are_refused_before_scoring(study, bundle, tmp_path):
    files, _ = evaluated(study, count=2)
    for name in ("a/x.flac", "b/x.flac", "a y.flac"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(files[0], tmp_path / name)
    result = invoke("detect", tmp_path, "--model", "no such model", "--format", "arena")
    assert str(result.exception).splitlines() == [
        "1 names are of several files, first 'x'; arena needs each name once",
        "1 names have spaces, first 'a y'; arena takes none: rename the files",
    ]


def test_a_picture_is_drawn_when_asked(study, bundle, tmp_path):
    files, _ = evaluated(study, count=1)
    assert invoke("detect", files[0], "--model", "model", "--plot", tmp_path).exit_code == 0
    picture = tmp_path / f"{files[0].stem}.png"
    assert picture.read_bytes()[:4] == b"\x89PNG" and picture.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("detect",), "no recordings; name files, folders or patterns"),
        (("detect", "nothing/*.wav"), r"nothing/\*.wav: matches no file"),
        (("detect", "config"), "config: holds no sound files"),
        (("detect", "a.wav", "--model", "config"), "config: is no model bundle, it has no model.yaml"),
        (("detect", "a.wav", "--model", "model", "--threshold", "best"), "threshold best: .* has eer, fpr1, fpr5"),
        (("detect", "a.wav", "--model", "model"), "a.wav: no such file"),
        (("continue", "-o", "new", "--model", "model"), "give --corpus, or --task STREAM/TASK"),
        (
            ("continue", "-o", "new", "--model", "model", "--task", "synthetic/hiss"),
            "has the tasks buzz, quantised, notch",
        ),
        (("continue", "-o", "model", "--model", "model", "--corpus", "synthetic_buzz"), "is the bundle to go on from"),
        (("continue", "-o", "config", "--model", "model", "--corpus", "synthetic_buzz"), "config: holds other files"),
        (("export", "--study", "synthetic", "--after", "9", "-o", "new"), "has the tasks 1 to 3"),
        (("export", "--study", "synthetic", "--method", "owm"), "--method owm: is not a method of study synthetic"),
        (("export", "--study", "synthetic", "--seed", "7"), "--seed 7: is not a seed of study synthetic"),
    ],
)
def test_wrong_input_gets_one_sentence(study, bundle, arguments, sentence):
    result = invoke(*arguments)
    assert isinstance(result.exception, UserError)
    with pytest.raises(UserError, match=sentence):
        raise result.exception
    assert not Path("new").exists()


def test_damaged_and_newer_bundles_are_refused(bundle, tmp_path):
    shutil.copytree("model", tmp_path / "other")
    content = yaml.safe_load((tmp_path / "other/model.yaml").read_text())
    (tmp_path / "other/model.yaml").write_text(yaml.safe_dump(content | {"format": 99, "rawm": "9.0"}))
    with pytest.raises(UserError, match=r"was written by a newer rawm \(9.0, format 99\)"):
        Detector.load(tmp_path / "other")
    (tmp_path / "other/model.yaml").write_text(yaml.safe_dump(content | {"windw": 3}))
    with pytest.raises(UserError, match="windw: unknown key"):
        Detector.load(tmp_path / "other")
    shutil.copy("model/model.yaml", tmp_path / "other")
    shutil.copy("model/memory.safetensors", tmp_path / "other/detector.safetensors")
    with pytest.raises(UserError, match=r"detector.safetensors: is not the file that model.yaml describes"):
        Detector.load(tmp_path / "other")


@pytest.mark.parametrize("method", ["rawm", "finetune", "replay"])
def test_continuing_equals_the_studys_own_next_task(study, method, tmp_path):
    import torch

    before = export(Run(study, method, 0), tmp_path / "before", after=2)
    after = learn(before, study.task(3), tmp_path / "after", torch.device("cpu"))
    for name, own in (("detector", Run.detector_path), ("memory", Run.memory_path)):
        found, expected = load_file(after.folder / f"{name}.safetensors"), load_file(own(Run(study, method, 0), 3))
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[key], expected[key]) for key in expected)
    model = after.model
    assert model.parent.name == f"synthetic/{method}/seed0/task2" and model.parent.sha256 == before.sha256
    assert model.calibration.policy == "gaussians" and len(model.history) == 3
    found = Run(study, method, 0).metrics["calibration"]["gaussians"]
    assert (model.calibration.scale, model.calibration.offset) == pytest.approx(
        (found["scale"][2], found["offset"][2]), rel=1e-5
    )


def test_only_methods_that_can_go_on_do(study, bundle, tmp_path):
    import torch

    device, task = torch.device("cpu"), Task(name="more", corpora=["synthetic_buzz"])
    with pytest.raises(UserError, match="method joint: trains on the data of all tasks"):
        learn(bundle, task, tmp_path / "new", device, method="joint")
    with pytest.raises(
        UserError, match=r"method ewc: goes on from what it remembers .* trained with rawm; .* finetune"
    ):
        learn(bundle, task, tmp_path / "new", device, method="ewc")
    assert not (tmp_path / "new").exists()
    new = learn(bundle, task, tmp_path / "new", device, method="lwf")
    assert new.model.method.algorithm == "lwf" and new.model.name == "synthetic/rawm/seed0/task3 + more"
    assert bundles.load(tmp_path / "new").model == new.model
