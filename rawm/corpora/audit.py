"""Audit a corpus on disk; report all problems together."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rawm import audio, files, manifest, paths
from rawm.config.corpora import SPEECH_CLASSES, Corpus, FolderCorpus, ListedCorpus
from rawm.corpora import READERS, listing, reader
from rawm.corpora.disk import audio_files
from rawm.corpora.recordings import real_paths, repeated, unread
from rawm.errors import UserError
from rawm.manifest import Row
from rawm.progress import track


@dataclass(frozen=True)
class Report:
    """Results of an audit.

    Attributes:
        name: label of the corpus or stream.
        counts: (split, label) -> utterances.
        errors: problems that make results wrong or stop a job, one sentence each.
        warnings: problems that may be harmless, one sentence each.
    """

    name: str
    counts: dict[tuple[str, str], int]
    errors: list[str]
    warnings: list[str]

    def lines(self) -> list[str]:
        """Return the report as text: counts by split, errors, warnings, and a summary."""
        lines = []
        counted = {label for _, label in self.counts}
        labels = manifest.LABELS if counted <= set(manifest.LABELS) else sorted(counted)
        for split in paths.SPLITS if self.counts else ():
            counts = [f"{self.counts.get((split, label), 0)} {label}" for label in labels]
            lines.append(f"{self.name} {split:5} {', '.join(counts)}")
        lines += [f"error: {sentence}" for sentence in self.errors]
        lines += [f"warning: {sentence}" for sentence in self.warnings]
        return [*lines, f"{self.name}: {len(self.errors)} error(s), {len(self.warnings)} warning(s)"]


def check(corpus: Corpus, deep: bool = False, workers: int = 1) -> Report:
    """Audit a corpus: compare its protocol, or its manifest where it has no protocol, with the files under its root.

    Errors: ids that are not unique, unknown labels, a group in two splits, certain counts that differ from the
    published ones, a recording listed in several classes or splits, missing files, and with `deep` audio that cannot
    be decoded and the same audio bytes in two splits or in both classes. Warnings: uncertain counts that differ, a
    recording listed twice, an official split without genuine or without fake speech, audio files that are not listed,
    files whose suffix is not read, and with `deep` the same bytes twice in one split and class.

    Args:
        corpus: settings of the corpus, `root` resolved.
        deep: read and decode every audio file; stored features are not checked.
        workers: files decoded at a time.

    Raises:
        UserError: the corpus has neither protocol nor manifest.
    """
    if isinstance(corpus, ListedCorpus) and corpus.loader in READERS:
        rows, errors, warnings = listing.examine(corpus, reader(corpus.loader))
    else:
        rows = manifest.read(paths.manifest(corpus.name)).rows()
        errors, warnings = listing.count_problems(corpus, rows)
    errors += manifest.problems(rows, corpus.classes)
    warnings += _class_problems(corpus, rows)
    if corpus.has_audio:
        _check_audio(corpus, rows, deep, workers, errors, warnings)
    counts = Counter((row["split"], row["label"]) for row in rows)
    warnings = [sentence for sentence in warnings if sentence not in errors]
    return Report(corpus.name, dict(counts), list(dict.fromkeys(errors)), warnings)


def _class_problems(corpus: Corpus, rows: list[Row]) -> list[str]:
    """Report splits that lack one of the two classes of speech; `divide`d ones have been looked at."""
    if set(corpus.classes or ()) != set(SPEECH_CLASSES) or getattr(corpus, "splits", None) is not None:
        return []
    counts = Counter((row["split"], row["label"]) for row in rows)
    return [
        f"corpus {corpus.name}: {split} has no {label} utterance; a task with it needs another corpus that has some"
        for split in dict.fromkeys(split for split, _ in counts)
        for label in SPEECH_CLASSES
        if split and not counts[split, label]
    ]


def _check_audio(
    corpus: Corpus, rows: list[Row], deep: bool, workers: int, errors: list[str], warnings: list[str]
) -> None:
    """Append problems of the audio files to errors and warnings."""
    root = Path(corpus.root)
    existing, absent = listing.present(root, rows)
    if absent:
        errors.append(listing.missing_message(root, len(rows), absent))
    for messages, sentences in zip((errors, warnings), repeated(root, rows), strict=True):
        messages += sentences
    warnings += _unlisted_problems(root, rows) + unread(root, _searched_folders(corpus, rows))
    if deep:
        copies, repeats = same_bytes([(root, row) for row in existing])
        errors += copies + _decoding_problems(corpus.name, root, existing, workers)
        warnings += repeats


def _unlisted_problems(root: Path, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Report audio files under the root that no row names, in at most one sentence."""
    try:
        paths = audio_files(root)
    except UserError as error:
        return str(error).splitlines()
    listed = set(real_paths(root, (row["path"] for row in rows)))
    unlisted = [path for path, real in zip(paths, real_paths(root, paths), strict=True) if real not in listed]
    return [f"{len(unlisted)} audio file(s) under {root} are not listed, first {unlisted[0]}"] if unlisted else []


def _searched_folders(corpus: Corpus, rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Folders in which recordings are expected: those of the listed files, and all under a folder of a class."""
    folders = {os.path.dirname(row["path"]) for row in rows}
    if isinstance(corpus, FolderCorpus):
        tops = [os.path.join(split, name) for split in ("", *paths.SPLITS) for name in corpus.genuine + corpus.fake]
        tops = [top for top in tops if os.path.isdir(Path(corpus.root) / top)]
        walks = (os.walk(Path(corpus.root) / top) for top in tops)
        folders |= {os.path.relpath(where, corpus.root) for walk in walks for where, _, _ in walk}
    return {os.path.normpath(folder) for folder in folders}


def same_bytes(rows: Iterable[tuple[Path, Mapping[str, Any]]]) -> tuple[list[str], list[str]]:
    """Report files with equal content; only files of equal size are read.

    Args:
        rows: (root of the corpus, row of its manifest).

    Returns:
        errors, warnings.
    """
    by_size = defaultdict(list)
    for root, row in rows:
        if files.irregular(root / row["path"]):
            continue
        by_size[(root / row["path"]).stat().st_size].append((root, row))
    by_content = defaultdict(list)
    suspects = [pair for same in by_size.values() if len(same) > 1 for pair in same]
    for root, row in track(suspects, "comparing files of equal size"):
        by_content[files.sha256(root / row["path"])].append(row)
    kinds: dict[str, list] = {"in several splits": [], "both as genuine and as fake": [], "in one split": []}
    for same in by_content.values():
        if len({row["split"] for row in same}) > 1:
            kinds["in several splits"].append(same)
        elif len({row["label"] for row in same}) > 1:
            kinds["both as genuine and as fake"].append(same)
        elif len(same) > 1:
            kinds["in one split"].append(same)
    problems = {
        kind: f"{len(groups)} recording(s) occur {kind} with equal bytes, first "
        + " = ".join(row["path"] for row in groups[0][:2])
        for kind, groups in kinds.items()
        if groups
    }
    warnings = [problems.pop("in one split")] if "in one split" in problems else []
    return list(problems.values()), warnings


def _decoding_problems(name: str, root: Path, rows: Iterable[Mapping[str, Any]], workers: int) -> list[str]:
    """Report each file that cannot be decoded, with the reason."""

    def problem(path: str) -> str | None:
        try:
            audio.check(root / path)
        except audio.BadAudio as error:
            return str(error)
        return None

    names = sorted({row["path"] for row in rows})
    with ThreadPoolExecutor(workers) as pool:
        sentences = track(pool.map(problem, names), f"{name}: decoding", len(names))
        return [sentence for sentence in sentences if sentence is not None]
