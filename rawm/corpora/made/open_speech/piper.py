"""Piper, a neural synthesiser from PyPI, run as a program of its own (it is under the GPL)."""

import importlib.util
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from rawm.config.open_speech import Piper
from rawm.corpora.made.open_speech.clean import read
from rawm.corpora.made.open_speech.vocoders import Original
from rawm.errors import UserError

_QUIET = ("--noise-scale", "0", "--noise-w-scale", "0")  # Piper's noise follows no seed


def piper(original: Original, attack: Piper) -> np.ndarray:
    """Read the prompt's text with Piper; returns speech (n,) at 16 kHz.

    Raises:
        UserError: Piper or its voice is not installed, or it stopped.
    """
    return _reader(attack.module).read(original.text)


@lru_cache
def _reader(module: str) -> "_Reader":
    """Start the one Piper of this process: loading the voice takes longer than reading a prompt."""
    return _Reader(voice_of(module))


class _Reader:
    """A running Piper that takes a line and writes a file."""

    def __init__(self, voice: Path):
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "piper", "-m", str(voice), *_QUIET, "-d", self.folder.name],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def read(self, text: str) -> np.ndarray:
        """Read a text; returns speech (n,) at 16 kHz."""
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
        files = list(Path(self.folder.name).glob("*.wav"))
        if not files:
            raise UserError(f"piper: could not read {text!r}: {errors[-1] if errors else 'no message'}")
        try:
            return read(files[0])
        finally:
            files[0].unlink()


def voice_of(module: str) -> Path:
    """Find the voice of the optional Python package `module`; UserError if it or piper-tts is not installed."""
    voices: list[Path] = []
    specification = importlib.util.find_spec(module)
    if specification and specification.origin and importlib.util.find_spec("piper"):
        voices = sorted(Path(specification.origin).parent.rglob("*.onnx"))
    if not voices:
        raise UserError(
            "the attack `piper` needs two optional Python packages; install them with "
            f"`python -m pip install piper-tts {module.replace('_', '-')}`"
        )
    return voices[0]
