"""One recording: its genuine utterance, its fakes, and their rows of the manifest."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rawm import audio
from rawm.corpora.made.open_speech import channel, clean, piper, programs, texts, vocoders
from rawm.corpora.made.open_speech.prompts import number

#: attack type -> (original, attack) -> speech, (n,) at 16 kHz: copies as long as the original, readings of any length
SYNTHESISERS: dict[str, Callable] = {
    "world": vocoders.world,
    "griffin_lim": vocoders.griffin_lim,
    "codec2": programs.codec2,
    "espeak": programs.espeak,
    "flite": programs.flite,
    "piper": piper.piper,
}
_READERS = {"espeak", "flite", "piper"}
_FADE_S = 0.01  # at both ends, so that no click tells where a vocoder's first frame began


def is_spoken(attack: Any) -> bool:
    """Whether an attack reads a text; others copy a recording."""
    return attack.type in _READERS


def make_utterances(job: Any) -> list[dict[str, Any]]:
    """Make what is missing of one recording; returns rows of the manifest, none if the recording is not usable.

    Silence, tones, recordings that are too short, and files that cannot be decoded are not usable.
    """
    recipe, prompt, root = job.corpus.recipe, job.prompt, Path(job.corpus.root)
    source = recipe.sources[prompt.source]
    stem = f"{source.speaker}_{prompt.name.replace('/', '_')}"
    band = source.band_hz

    waveform = _usable(prompt.path, recipe)
    if waveform is None:
        return []
    text = texts.as_long_as(job.texts, len(waveform) / clean.RATE) if job.texts else ""
    original = vocoders.Original(waveform, number(f"{source.speaker} {prompt.name}"), text, job.packages_dir)
    row = partial(_row, job, stem)
    length = _keep_or_write(root / f"genuine/{stem}.flac", lambda: waveform, recipe, band)
    rows = [row("genuine", "-", source.speaker, length)]
    for attack in recipe.attacks:
        length = _keep_or_write(
            root / f"fake/{stem}_{attack.name}.flac", partial(_fake, original, attack, recipe), recipe, band
        )
        if length:
            rows.append(row("fake", attack.name, _speaker_of(attack, original, source), length))
    return rows


def _speaker_of(attack: Any, original: vocoders.Original, source: Any) -> str:
    """Who speaks in a fake: the speaker of its source in a copy, else the synthesiser's voice."""
    if not is_spoken(attack):
        return source.speaker
    return f"{attack.type}-{attack.module if attack.type == 'piper' else original.pick(attack.voices)}"


def _usable(path: Path, recipe: Any) -> np.ndarray | None:
    """The recording, clean, (n,) at 16 kHz; None if it cannot be used."""
    try:
        recording = clean.read(path)
    except audio.BadAudio:
        return None
    abrupt = not any(is_spoken(attack) for attack in recipe.attacks)  # no synthesiser starts in the middle of a sound
    return clean.clean(recording, recipe.min_s, recipe.max_s, recipe.level_db, abrupt)


def _fake(original: vocoders.Original, attack: Any, recipe: Any) -> np.ndarray | None:
    """Speech of one attack, (n,) at 16 kHz; None if a synthesiser said less than the shortest utterance."""
    speech = SYNTHESISERS[attack.type](original, attack)
    if not is_spoken(attack):
        return speech
    return clean.clean(speech, recipe.min_s, recipe.max_s, recipe.level_db, abrupt=False)


def _keep_or_write(path: Path, produce: Callable, recipe: Any, band_hz: float | None) -> int:
    """Samples of the utterance at `path`, made if it is not there or not whole; 0 if there is nothing to make."""
    if path.is_file():
        try:
            return len(audio.load(path, clean.RATE))
        except audio.BadAudio:
            path.unlink()
    speech = produce()
    if speech is None:
        return 0
    levelled = clean.set_level(speech, recipe.level_db)
    speech = channel.transmit(levelled, recipe.channel, band_hz, seed=number(path.stem))
    audio.save_flac(path, _finish(speech, recipe.level_db), clean.RATE)
    return len(speech)


def _finish(speech: np.ndarray, level_db: float) -> np.ndarray:
    """Fade both ends, take out any offset, and set the level."""
    fade = np.ones(len(speech))
    ramp = int(_FADE_S * clean.RATE)
    fade[:ramp] = np.linspace(0, 1, ramp)
    fade[-ramp:] = fade[:ramp][::-1]
    return clean.set_level((speech - speech.mean()) * fade, level_db)


def _row(job: Any, stem: str, label: str, attack: str, speaker: str, length: int) -> dict[str, Any]:
    """One row of the manifest."""
    name = stem if label == "genuine" else f"{stem}_{attack}"
    return {
        "utterance_id": f"{job.corpus.name}_{name}",
        "path": f"{label}/{name}.flac",
        "label": label,
        "split": job.prompt.split,
        "corpus": job.corpus.name,
        "speaker": speaker,
        "attack": attack,
        "language": job.corpus.recipe.language,
        "condition": "-",
        "duration_s": length / clean.RATE,
        "group": job.prompt.group,
    }
