"""A model in use: seconds to the first score, speed on FLAC files on one core, memory of a long recording."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch
import typer
from measured import Measured, report

from rawm.config.study import Task, Training
from rawm.detection.bundle import DETECTOR, FORMAT, MEMORY, Calibration, Learned, ModelFile, write
from rawm.detectors import build, checkpoint
from rawm.files import sha256
from rawm.frontends import build as build_frontend
from rawm.study import load_frontend, load_method
from rawm.study.load import load_file

FILES, SECONDS, LONG_HOURS = 200, 12.0, 10


def make_bundle(folder: Path) -> None:
    """The default study's front-end and detector, untrained."""
    frontend, settings, method = (
        load_frontend("lfcc_stats"),
        load_file("detectors", "mlp_small"),
        load_method("finetune"),
    )
    classes = ("fake", "genuine")
    detector = build(settings, build_frontend(frontend).dim, True, 2)
    header = checkpoint.describe(settings, build_frontend(frontend).dim, True, classes)
    checkpoint.save_detector(folder / DETECTOR, detector, header)
    checkpoint.save(folder / MEMORY, {}, {"method": "finetune"})
    task = Learned(task=Task(name="none", corpora=["none"]), genuine=0, fake=0, dev_eer=None, scores=None)
    model = ModelFile(
        format=FORMAT,
        rawm="-",
        name="benchmark",
        classes=list(classes),
        frontend_label="lfcc_stats",
        frontend=frontend,
        detector=settings,
        method_label="finetune",
        method=method,
        training=Training(),
        seed=0,
        window_s=3.0,
        calibration=Calibration(scale=1, offset=0, policy="none", data="-"),
        thresholds={},
        history=[task],
        licences={},
        files={name: sha256(folder / name) for name in (DETECTOR, MEMORY)},
    )
    write(folder, model)


def detect(folder: Path, *arguments: str) -> float:
    """Seconds of `rawm detect`."""
    start = time.perf_counter()
    command = [Path(sys.executable).with_name("rawm"), "detect", *arguments, "--model", str(folder), "--threshold", "0"]
    subprocess.run([*command, "--format", "csv", "--threads", "1"], check=True, capture_output=True)
    return time.perf_counter() - start


def peak_gb(folder: Path, path: Path) -> float:
    """Peak memory of scoring one file in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    detect(folder, str(path))
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert after >= before
    return after * 1024 / 1e9


def main(output: Path | None = None) -> None:
    """Measure, print and write."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        folder.mkdir()
        make_bundle(folder)
        sound = Path(name) / "sound"
        sound.mkdir()
        for number in range(FILES):
            noise = 0.1 * rng.standard_normal(round(SECONDS * 16000))
            soundfile.write(sound / f"{number:03d}.flac", noise, 16000)
        first = sound / "000.flac"
        start = float(np.median([detect(folder, str(first)) for _ in range(3)]))
        many = detect(folder, str(sound))
        long = Path(name) / "long.wav"
        with soundfile.SoundFile(long, "w", 8000, 1, "PCM_U8") as file:
            for _ in range(LONG_HOURS * 6):
                file.write(0.1 * rng.standard_normal(600 * 8000))
        rows = [
            Measured("rawm detect: start to the score of a short file", start, "s", "<= 4"),
            Measured(
                "rawm detect: FLAC files on one core, after start, over real time",
                FILES * SECONDS / (many - start),
                "",
                ">= 200",
            ),
            Measured("rawm detect: peak memory of a ten-hour file", peak_gb(folder, long), "GB", "< 1"),
        ]
    report("A model in use, one thread", rows, output)


if __name__ == "__main__":
    typer.run(main)
