"""Build a corpus: every recording of the recipe, its fakes, and the rows of the manifest."""

import hashlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rawm import files
from rawm.code_hash import code_hash
from rawm.config.corpora import OpenSpeechCorpus
from rawm.config.open_speech import OpenSpeechRecipe
from rawm.corpora.made.open_speech.prompts import Job, list_prompts
from rawm.manifest import Row
from rawm.progress import track

_HERE = "rawm.corpora.made.open_speech"
#: The code that decides which utterances there are, and how they sound.
_SOUND_CODE = (f"{_HERE}.prompts:list_prompts", f"{_HERE}.texts:text_of", f"{_HERE}.utterance:make_utterances")
_CHUNK = 8  # recordings that a process takes at a time
_TEXTS = 40  # texts that a fake may continue with


def make(corpus: OpenSpeechCorpus, packages_dir: Path, workers: int = 1) -> list[Row]:
    """Write a corpus below its root as `genuine/*.flac` and `fake/*.flac` (16 kHz, mono, 16 bit).

    The same packages and recipe give the same bytes. A second call keeps the utterances that are complete, unless the
    recipe, the packages or this code changed since.

    Args:
        corpus: settings of the corpus, `root` resolved.
        packages_dir: where `fetch` unpacked the packages.
        workers: processes; the result does not depend on it.

    Returns:
        rows of the manifest, sorted by utterance_id.

    Raises:
        UserError: recordings or programs are missing.
    """
    root = Path(corpus.root)
    jobs = _jobs(corpus, packages_dir)
    _start_afresh_if_changed(root, _fingerprint(corpus.recipe, packages_dir))
    rows_by_job = track(_run(jobs, workers), f"recordings of {corpus.name}", total=len(jobs))
    rows = [row for rows_of_one in rows_by_job for row in rows_of_one]
    _remove_unlisted(root, {row["path"] for row in rows})
    return sorted(rows, key=lambda row: row["utterance_id"])


def _jobs(corpus: OpenSpeechCorpus, packages_dir: Path) -> list[Job]:
    """List the jobs of a corpus; synthesisers that read get texts of the same split."""
    from rawm.corpora.made.open_speech.texts import text_of
    from rawm.corpora.made.open_speech.utterance import is_spoken

    prompts = list_prompts(corpus.recipe, packages_dir)
    if not any(is_spoken(attack) for attack in corpus.recipe.attacks):
        return [Job(corpus, packages_dir, prompt) for prompt in prompts]
    jobs = []
    for position, prompt in enumerate(prompts):
        following = [other for other in prompts[position:] + prompts[:position] if other.split == prompt.split]
        jobs.append(Job(corpus, packages_dir, prompt, [text_of(other.name) for other in following[:_TEXTS]]))
    return jobs


def _run(jobs: list[Job], workers: int) -> Iterator[list[Row]]:
    """Yield the rows of each job, in order."""
    from rawm.corpora.made.open_speech.utterance import make_utterances

    if workers <= 1:
        yield from map(make_utterances, jobs)
        return
    # A fresh interpreter each: torch's threads do not survive a fork. One thread each: N processes use N cores.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
        yield from pool.map(make_utterances, jobs, chunksize=_CHUNK)


def _one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"


def _fingerprint(recipe: OpenSpeechRecipe, packages_dir: Path) -> str:
    """Hash everything that the bytes of a corpus depend on: recipe, package versions, code."""
    from rawm.corpora.made.open_speech.packages import recordings_and_programs

    notes = [packages_dir / f"{package}.json" for package in recordings_and_programs(recipe)]
    versions = {note.stem: files.read_json(note) for note in notes if note.is_file()}
    digest = hashlib.sha256(json.dumps([recipe.model_dump(mode="json"), versions], sort_keys=True).encode())
    digest.update(code_hash(*_SOUND_CODE).encode())
    return digest.hexdigest()


def _start_afresh_if_changed(root: Path, fingerprint: str) -> None:
    """Remove the utterances of another recipe, of other packages or of other code."""
    note = root / "recipe.sha256"
    if not note.is_file() or note.read_text(encoding="utf-8").strip() != fingerprint:
        for folder in ("genuine", "fake"):
            shutil.rmtree(root / folder, ignore_errors=True)
        files.write_text(note, fingerprint + "\n")


def _remove_unlisted(root: Path, listed: set[str]) -> None:
    """Remove recordings that the manifest does not list."""
    for path in root.glob("*/*.flac"):
        if path.relative_to(root).as_posix() not in listed:
            path.unlink()
