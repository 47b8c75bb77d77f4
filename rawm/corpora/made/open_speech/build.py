"""Building a corpus: every recording of the recipe, its fakes, and the rows of the manifest."""

import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rawm import files
from rawm.corpora.made.open_speech.prompts import Prompt, list_prompts
from rawm.progress import track

_SOUNDING = ("channel", "clean", "piper", "programs", "prompts", "texts", "utterance", "vocoders")
_CHUNK = 8  # recordings that a process takes at a time


@dataclass(frozen=True)
class Job:
    """One recording and what is to be made of it; `texts` are what a synthesiser may read, the prompt's own first."""

    corpus: Any
    packages_dir: Path
    prompt: Prompt
    texts: list[str] = field(default_factory=list)


def make(corpus: Any, packages_dir: Path, workers: int = 1) -> list[dict[str, Any]]:
    """Write a corpus below its root as `genuine/*.flac` and `fake/*.flac` (16 kHz, mono, 16 bit).

    The same packages and recipe give the same bytes. A second call keeps the utterances that are whole, unless the
    recipe, the packages or this code changed since.

    Args:
        corpus: settings of the corpus (`rawm.config.corpora.OpenSpeechCorpus`).
        packages_dir: where `fetch` unpacked the packages.
        workers: processes; the result does not depend on it.

    Returns:
        Rows of the manifest, sorted by utterance_id.

    Raises:
        UserError: recordings or programs are not there.
    """
    root = Path(corpus.root)
    jobs = _jobs(corpus, packages_dir)
    _start_afresh_if_changed(root, _fingerprint(corpus.recipe, packages_dir))
    done = track(_run(jobs, workers), f"recordings of {corpus.name}", total=len(jobs))
    rows = [row for rows_of_one in done for row in rows_of_one]
    _remove_unlisted(root, {row["path"] for row in rows})
    return sorted(rows, key=lambda row: row["utterance_id"])


def _jobs(corpus: Any, packages_dir: Path) -> list[Job]:
    from rawm.corpora.made.open_speech.texts import text_of
    from rawm.corpora.made.open_speech.utterance import is_spoken

    prompts = list_prompts(corpus.recipe, packages_dir)
    if not any(is_spoken(attack) for attack in corpus.recipe.attacks):
        return [Job(corpus, packages_dir, prompt) for prompt in prompts]
    jobs = []
    for place, prompt in enumerate(prompts):  # a fake may go on with the next sentences of its own split
        following = [other for other in prompts[place:] + prompts[:place] if other.split == prompt.split]
        jobs.append(Job(corpus, packages_dir, prompt, [text_of(other.name) for other in following[:40]]))
    return jobs


def _run(jobs: list[Job], workers: int) -> Iterator[list[dict[str, Any]]]:
    """Rows of each job, in order."""
    from rawm.corpora.made.open_speech.utterance import make_utterances

    if workers <= 1:
        yield from map(make_utterances, jobs)
        return
    # a fresh interpreter each: torch's threads do not survive a fork; and one thread each: N processes use N cores
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
        yield from pool.map(make_utterances, jobs, chunksize=_CHUNK)


def _one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"


def _fingerprint(recipe: Any, packages_dir: Path) -> str:
    """What decides the bytes of a corpus: recipe, package versions, and the modules that make sound."""
    from rawm.corpora.made.open_speech.packages import recordings_and_programs

    notes = [packages_dir / f"{package}.json" for package in recordings_and_programs(recipe)]
    versions = {note.stem: json.loads(note.read_text(encoding="utf-8")) for note in notes if note.is_file()}
    digest = hashlib.sha256(json.dumps([recipe.model_dump(mode="json"), versions], sort_keys=True).encode())
    for module in _SOUNDING:
        digest.update(Path(__file__).with_name(f"{module}.py").read_bytes())
    return digest.hexdigest()


def _start_afresh_if_changed(root: Path, fingerprint: str) -> None:
    """Remove utterances that another recipe made."""
    note = root / "recipe.sha256"
    if not note.is_file() or note.read_text(encoding="utf-8").strip() != fingerprint:
        for folder in ("genuine", "fake"):
            shutil.rmtree(root / folder, ignore_errors=True)
        files.write_text(note, fingerprint + "\n")


def _remove_unlisted(root: Path, listed: set[str]) -> None:
    for path in root.glob("*/*.flac"):
        if path.relative_to(root).as_posix() not in listed:
            path.unlink()
