"""What killed jobs, odd clocks and full disks leave behind, and what others put into files: small cases, quickly."""

import os
import resource
import time

import numpy as np
import pytest
from support.finished_runs import make_study

from rawm import audio
from rawm.detection import bundle
from rawm.errors import UserError
from rawm.features import folder as feature_folder
from rawm.files import end_future
from rawm.runs.run import Run
from rawm.score_files import formats


def test_files_from_the_future_get_the_time_of_now(tmp_path):
    for name in ("new", "old", "corpora/new"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1e9, 1e9) if name == "old" else (4e9, 4e9))
    (tmp_path / "link").symlink_to("nowhere")
    assert end_future(tmp_path, left_out=("corpora",)) == [tmp_path / "new"]
    assert abs((tmp_path / "new").stat().st_mtime - time.time()) < 60
    assert (tmp_path / "old").stat().st_mtime == 1e9 and (tmp_path / "corpora/new").stat().st_mtime == 4e9


def test_parts_of_a_bundle_do_not_keep_it_from_being_made_again(tmp_path):
    (tmp_path / "detector.safetensors").touch()
    (tmp_path / ".model.0123abcd.yaml").touch()
    assert bundle.prepare_folder(tmp_path) == tmp_path
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="holds other files"):
        bundle.prepare_folder(tmp_path)


def test_a_temporary_file_is_no_feature_set(tmp_path):
    (tmp_path / ".features.0123abcd.safetensors").touch()
    assert feature_folder.sets(tmp_path) == []
    with pytest.raises(UserError, match="feature sets in this folder: none"):
        feature_folder.store(tmp_path, "features")


def test_a_recording_that_does_not_fit_on_the_disk_is_named(tmp_path):
    """libsndfile says nothing of it, or nothing that can be understood."""
    samples = 0.1 * np.random.default_rng(0).standard_normal(48_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(UserError, match=r"a\.flac: the file would be larger than the system allows"):
            audio.save_flac(tmp_path / "a.flac", samples, 16000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_a_history_of_something_else_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Run(make_study(tmp_path, ("owm",), seeds=(0,), tasks=2), "owm", 0)
    for line in ("3", "[]", '{"epoch": 1}', '{"epoch": 1, "step": 1, "loss": "x"}', ""):
        run.history_path(1).write_text(f"{line}\n")
        with pytest.raises(UserError, match=rf"{run.history_path(1)}: not readable"):
            run.seconds(1)


def test_a_cell_of_any_length_is_shown_shortened(tmp_path):
    (tmp_path / "key.csv").write_text("file_name,label\na,bonafide\n" + "x" * 200_000 + ",spoof\n")
    (tmp_path / "scores.txt").write_text("a " + "9" * 200_000 + "x\n")
    for read, name in ((formats.read_key, "key.csv"), (formats.read, "scores.txt")):
        with pytest.raises(UserError, match=name) as caught:
            read(tmp_path / name)
        assert len(str(caught.value)) < 1000
