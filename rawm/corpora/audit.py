"""Audit of a corpus on disk: one report with all problems."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rawm import audio, files, manifest, paths
from rawm.corpora import READERS, function_of, listing
from rawm.progress import track


@dataclass(frozen=True)
class Report:
    """What an audit found.

    Attributes:
        name: of what was audited.
        counts: (split, label) -> utterances.
        errors: what makes results wrong or stops a job, one sentence each.
        warnings: what deserves a look, one sentence each.
    """

    name: str
    counts: dict[tuple[str, str], int]
    errors: list[str]
    warnings: list[str]

    def lines(self) -> list[str]:
        """The report as text: counts by split, errors, warnings, and a summary."""
        lines = []
        found = {label for _, label in self.counts}
        labels = manifest.LABELS if found <= set(manifest.LABELS) else sorted(found)
        for split in paths.SPLITS if self.counts else ():
            counts = [f"{self.counts.get((split, label), 0)} {label}" for label in labels]
            lines.append(f"{self.name} {split:5} {', '.join(counts)}")
        lines += [f"error: {sentence}" for sentence in self.errors]
        lines += [f"warning: {sentence}" for sentence in self.warnings]
        return [*lines, f"{self.name}: {len(self.errors)} error(s), {len(self.warnings)} warning(s)"]


def check(corpus: Any, deep: bool = False, workers: int = 1) -> Report:
    """Audit a corpus: its protocol where it has one, else its manifest, against the files under its root.

    Errors: what a manifest may not hold (ids that are not unique, unknown words, a group in two splits), certain counts
    that differ from the published ones, missing files, and with `deep` audio that cannot be decoded and the same audio
    bytes in two splits or in both classes. Warnings: uncertain counts that differ, audio files that are not listed, and
    with `deep` the same bytes twice in one split and class.

    Args:
        corpus: settings of the corpus, `root` resolved.
        deep: read and decode every audio file; stored features are not looked at.
        workers: files decoded at a time.

    Raises:
        UserError: there is no protocol or manifest to audit.
    """
    if corpus.loader in READERS:
        rows, errors, warnings = listing.examined(corpus, function_of(corpus.loader))
    else:
        rows = manifest.read(paths.manifest(corpus.name)).rows()
        errors, warnings = listing.unexpected(corpus, rows)
    errors += manifest.problems(rows, corpus.classes)
    if corpus.has_audio:
        _check_audio(corpus, rows, deep, workers, errors, warnings)
    counts = Counter((row["split"], row["label"]) for row in rows)
    return Report(corpus.name, dict(counts), list(dict.fromkeys(errors)), warnings)


def _check_audio(corpus: Any, rows: list, deep: bool, workers: int, errors: list[str], warnings: list[str]) -> None:
    """Add what is wrong with the audio files to errors and warnings."""
    root = Path(corpus.root)
    there, absent = listing.present(root, rows)
    if absent:
        errors.append(listing.missing_sentence(root, rows, absent))
    warnings += _unlisted(root, rows)
    if deep:
        copies, repeats = same_bytes([(root, row) for row in there])
        errors += copies + _unreadable(corpus.name, root, there, workers)
        warnings += repeats


def _unlisted(root: Path, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Audio files under the root that no row names, as at most one sentence."""
    listed = {os.path.normpath(row["path"]) for row in rows}
    unlisted = [path for path in listing.audio_files(root) if path not in listed]
    return [f"{len(unlisted)} audio file(s) under {root} are not listed, first {unlisted[0]}"] if unlisted else []


def same_bytes(rows: Iterable[tuple[Path, Mapping[str, Any]]]) -> tuple[list[str], list[str]]:
    """(errors, warnings) about files with equal content, given (root, row) pairs; only files of equal size are read."""
    by_size = defaultdict(list)
    for root, row in rows:
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
    found = {
        kind: f"{len(groups)} recording(s) occur {kind} with equal bytes, first "
        + " = ".join(row["path"] for row in groups[0][:2])
        for kind, groups in kinds.items()
        if groups
    }
    warnings = [found.pop("in one split")] if "in one split" in found else []
    return list(found.values()), warnings


def _unreadable(name: str, root: Path, rows: list[Mapping[str, Any]], workers: int) -> list[str]:
    """Each file that cannot be decoded, with the reason."""

    def problem(path: str) -> str | None:
        try:
            audio.load(root / path, 16000)
        except audio.BadAudio as error:
            return str(error)
        return None

    names = sorted({row["path"] for row in rows})
    with ThreadPoolExecutor(workers) as pool:
        return [found for found in track(pool.map(problem, names), f"{name}: decoding", len(names)) if found]
