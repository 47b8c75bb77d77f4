"""Attacks by programs of Debian: eSpeak NG, Flite and Codec 2."""

import os
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from rawm.config.open_speech import Codec2, Espeak, Flite
from rawm.corpora.made.open_speech.clean import RATE, read, resample
from rawm.corpora.made.open_speech.vocoders import Original, fit
from rawm.errors import UserError

_CODEC2_DELAY = 160  # samples at 8 kHz by which decoded speech lags behind, at every bit rate


@lru_cache
def environment(packages_dir: Path) -> dict[str, str]:
    """Environment variables by which programs unpacked below `packages_dir` find their libraries and data."""
    root = packages_dir.resolve()
    libraries = [file for pattern in ("*/usr/lib/**/*.so*", "*/lib/**/*.so*") for file in root.glob(pattern)]
    folders = sorted({str(file.parent) for file in libraries})
    data = sorted(root.glob("espeak-ng-data/usr/lib/*/espeak-ng-data"))
    paths = {"LD_LIBRARY_PATH": os.pathsep.join([*folders, os.environ.get("LD_LIBRARY_PATH", "")]).rstrip(os.pathsep)}
    return os.environ | paths | ({"ESPEAK_DATA_PATH": str(data[0].parent)} if data else {})


def espeak(original: Original, attack: Espeak) -> np.ndarray:
    """Read the prompt's text with eSpeak NG; returns speech (n,) at 16 kHz."""
    voice = original.pick(attack.voices)
    program = original.packages_dir / "espeak-ng/usr/bin/espeak-ng"
    return _spoken([program, "-v", voice, "-w", "{wav}", original.text], original.packages_dir)


def flite(original: Original, attack: Flite) -> np.ndarray:
    """Read the prompt's text with Flite; returns speech (n,) at 16 kHz."""
    voice = original.pick(attack.voices)
    program = original.packages_dir / "flite/usr/bin/flite"
    return _spoken([program, "-voice", voice, "-t", original.text, "-o", "{wav}"], original.packages_dir)


def codec2(original: Original, attack: Codec2) -> np.ndarray:
    """Code and decode with Codec 2, as long as the original."""
    pcm = np.round(np.clip(resample(original.waveform, RATE, 8000), -1, 1) * 32767).astype("<i2")
    rate, folder = str(attack.bit_rate), original.packages_dir / "codec2/usr/bin"
    pcm = np.pad(pcm, (0, 960))  # the coder drops an unfinished block
    encoded = _run([folder / "c2enc", rate, "-", "-"], original.packages_dir, pcm.tobytes())
    decoded = np.frombuffer(_run([folder / "c2dec", rate, "-", "-"], original.packages_dir, encoded), "<i2") / 32768
    return fit(resample(decoded[_CODEC2_DELAY:], 8000, RATE), len(original.waveform))


def _spoken(command: list[str | Path], packages_dir: Path) -> np.ndarray:
    """Run a program that writes speech to `{wav}`; returns it, (n,) at 16 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        _run([wav if part == "{wav}" else part for part in command], packages_dir)
        return read(wav)


def _run(command: list[str | Path], packages_dir: Path, stdin: bytes = b"") -> bytes:
    """Run a program and return its output; UserError with its last line if it fails."""
    words = [str(word) for word in command]
    try:
        process = subprocess.run(words, input=stdin, capture_output=True, env=environment(packages_dir), timeout=120)
    except FileNotFoundError:
        raise UserError(f"{words[0]}: no such program; fetch the packages of the corpus again") from None
    if process.returncode:
        errors = process.stderr.decode(errors="replace").strip().splitlines()
        raise UserError(
            f"{words[0]}: failed with status {process.returncode}: {errors[-1] if errors else 'no message'}"
        )
    return process.stdout
