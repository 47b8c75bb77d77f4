"""Small corpora on disk in their official layouts, with real audio bytes, for the tests of the readers."""

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from pydantic import TypeAdapter

from rawm import manifest
from rawm.config.corpora import CorpusFile
from rawm.corpora import listing, reader
from rawm.corpora.division import divide


def write_audio(path: Path, seconds: float = 0.3, rate: int = 16000, seed: int = 0) -> Path:
    """A real sound file of the kind that its suffix says (wav, flac, ogg, mp3): a tone in noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    n, rng = int(seconds * rate), np.random.default_rng([seed, *path.name.encode()])
    tone = np.sin(2 * np.pi * rng.uniform(100, 1000) * np.arange(n) / rate)
    soundfile.write(path, 0.1 * tone + 0.02 * rng.standard_normal(n), rate)
    return path


def write_lines(path: Path, lines: list[str], end: str = "\n", last: bool = True) -> Path:
    """A protocol file; `last=False` leaves the last newline out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((end.join(lines) + (end if last else "")).encode())
    return path


def corpus(loader: str, root: Path, **given: Any) -> Any:
    """Settings of a corpus named after its loader."""
    return TypeAdapter(CorpusFile).validate_python({"loader": loader, "name": loader, "root": str(root)} | given)


def read(loader: str, root: Path, **given: Any) -> listing.Listing:
    """What the loader's reader finds."""
    return reader(loader)(corpus(loader, root, **given))


def make(loader: str, root: Path, **given: Any) -> list[dict[str, Any]]:
    """Rows of the manifest, as `rawm corpora make` would write them; they are checked to be a manifest."""
    settings = corpus(loader, root, **given)
    rows = listing.make(settings, reader(loader), workers=1)
    assert manifest.problems(rows, settings.classes) == []
    return rows


def divided(loader: str, root: Path, **given: Any) -> list[dict[str, Any]]:
    """Rows with splits of our own, of a corpus that may be too small for every class to be in every split."""
    settings = corpus(loader, root, **given)
    return divide(reader(loader)(settings).rows, settings.splits)


def summary(rows: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """(split, label, utterance_id) of all rows."""
    return {(row["split"], row["label"], row["utterance_id"]) for row in rows}
