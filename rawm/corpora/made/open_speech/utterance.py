"""Make the genuine utterance of one recording, its fakes, and their rows of the manifest."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from rawm import audio
from rawm.config.open_speech import Attack, Espeak, Flite, OpenSpeechRecipe, Piper, Source
from rawm.corpora.made.open_speech import channel, clean, piper, programs, texts, vocoders
from rawm.corpora.made.open_speech.prompts import Job, number
from rawm.errors import UserError
from rawm.manifest import Row

#: attack type -> function (original, attack) -> speech (n,) at 16 kHz; copies are as long as the original, readings not
SYNTHESISERS: dict[str, Callable] = {
    "world": vocoders.world,
    "griffin_lim": vocoders.griffin_lim,
    "codec2": programs.codec2,
    "espeak": programs.espeak,
    "flite": programs.flite,
    "piper": piper.piper,
}
_READERS = {"espeak", "flite", "piper"}
_FADE_S = 0.01  # at both ends, so that no click gives away a vocoder's first frame


def is_spoken(attack: Attack) -> bool:
    """Whether an attack reads a text; others copy a recording."""
    return attack.type in _READERS


def make_utterances(job: Job) -> list[Row]:
    """Make the utterances of one recording that are missing; return rows of the manifest.

    There are none for silence, tones, recordings that are too short, and files that cannot be decoded.
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


def _speaker_of(attack: Attack, original: vocoders.Original, source: Source) -> str:
    """Name the speaker of a fake: in a copy the speaker of its source, else the synthesiser's voice."""
    if isinstance(attack, Espeak | Flite):
        return f"{attack.type}-{original.pick(attack.voices)}"
    return piper.folder_of(attack.voice) if isinstance(attack, Piper) else source.speaker


def _usable(path: Path, recipe: OpenSpeechRecipe) -> np.ndarray | None:
    """Read and clean a recording, (n,) at 16 kHz; None if it cannot be used."""
    if not path.is_file():
        raise UserError(f"{path}: this recording is gone; run `rawm corpora fetch` for the corpus again")
    try:
        recording = clean.read(path)
    except audio.BadAudio:
        return None
    abrupt = not any(is_spoken(attack) for attack in recipe.attacks)  # no synthesiser starts in the middle of a sound
    return clean.clean(recording, recipe.min_s, recipe.max_s, recipe.level_db, abrupt)


def _fake(original: vocoders.Original, attack: Attack, recipe: OpenSpeechRecipe) -> np.ndarray | None:
    """Make the speech of one attack, (n,) at 16 kHz; None if it is shorter than the shortest utterance."""
    speech = SYNTHESISERS[attack.type](original, attack)
    if not is_spoken(attack):
        return speech
    return clean.clean(speech, recipe.min_s, recipe.max_s, recipe.level_db, abrupt=False)


def _keep_or_write(
    path: Path, produce: Callable[[], np.ndarray | None], recipe: OpenSpeechRecipe, band_hz: float | None
) -> int:
    """Write the utterance `path` unless it is there and complete; return its samples, 0 if nothing was produced."""
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
    """Fade both ends, remove the offset, and set the level."""
    fade = np.ones(len(speech))
    ramp = int(_FADE_S * clean.RATE)
    fade[:ramp] = np.linspace(0, 1, ramp)
    fade[-ramp:] = fade[:ramp][::-1]
    return clean.set_level((speech - speech.mean()) * fade, level_db)


def _row(job: Job, stem: str, label: str, attack: str, speaker: str, length: int) -> Row:
    """Make one row of the manifest."""
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
