"""The files that the rows of a corpus name: which are the same, and which lie beside them and are not read."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rawm import audio

#: Suffixes of files that lie beside recordings without being any.
_BESIDE = (
    ".bz2 .cfg .csv .ctm .db .doc .docx .gz .htm .html .ini .jpeg .jpg .json .jsonl .lab .log .lst .m3u .md .md5 .ndx "
    ".npy .npz .parquet .pdf .phn .pkl .png .pt .pth .py .rar .rst .safetensors .sh .sha1 .sha256 .srt .svg .tar "
    ".textgrid .tgz .trl .trn .tsv .txt .url .vtt .wrd .xls .xlsx .xml .xz .yaml .yml .zip"
)


def real_paths(root: Path, paths: Iterable[str]) -> list[str]:
    """The real path of each file: equal for `a.wav`, `./a.wav`, its absolute path and links to it.

    Each folder is listed once, which is much faster on network disks than asking for each file.
    """
    folders: dict[str, tuple[str, set[str]]] = {}  # folder -> real path, names of links in it
    real = []
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in folders:
            folders[folder] = (os.path.realpath(root / folder), _links(root / folder))
        real_folder, links = folders[folder]
        is_plain = name not in links and name not in (".", "..")
        real.append(f"{real_folder}/{name}" if is_plain else os.path.realpath(root / path))
    return real


def _links(folder: Path) -> set[str]:
    try:
        return {entry.name for entry in os.scandir(folder) if entry.is_symlink()}
    except (OSError, ValueError):
        return set()


def repeated(root: Path, rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Report files that several rows name.

    Returns:
        errors (in several splits, or of several classes), warnings (twice in one split and class).
    """
    by_file = defaultdict(list)
    for row, path in zip(rows, real_paths(root, (row["path"] for row in rows)), strict=True):
        by_file[path].append(row)
    kinds: dict[str, list[list]] = {"in several classes": [], "in several splits": [], "twice": []}
    for same in by_file.values():
        if len({row["label"] for row in same}) > 1:
            kinds["in several classes"].append(same)
        elif len({row["split"] for row in same}) > 1:
            kinds["in several splits"].append(same)
        elif len(same) > 1:
            kinds["twice"].append(same)
    sentences = {kind: _repeated_message(kind, files) for kind, files in kinds.items() if files}
    warnings = [sentences.pop("twice")] if "twice" in sentences else []
    return list(sentences.values()), warnings


def _repeated_message(kind: str, recordings: list[list[Mapping[str, Any]]]) -> str:
    first = ", ".join(
        f"{row['utterance_id']} ({row['label']}, {row['split'] or 'no split'})" for row in recordings[0][:2]
    )
    return f"{len(recordings)} recording(s) are listed {kind}, first {recordings[0][0]['path']}: {first}"


def unread(root: Path, folders: Iterable[str]) -> list[str]:
    """Report files directly in folders that may be recordings and have a suffix that is not read, in one sentence."""
    suffixes: Counter[str] = Counter()
    for folder in sorted(set(folders)):
        if os.path.isdir(root / folder):
            names = [entry.name for entry in os.scandir(root / folder) if not entry.is_dir()]
            suffixes.update(os.path.splitext(name)[1].lower() for name in names if not name.startswith("."))
    others = {
        suffix: n for suffix, n in suffixes.items() if suffix and suffix not in audio.SUFFIXES.union(_BESIDE.split())
    }
    if not others:
        return []
    kinds = ", ".join(f"{suffix} ({n})" for suffix, n in sorted(others.items(), key=lambda item: (-item[1], item[0])))
    what = f"{sum(others.values())} file(s) beside the recordings under {root} have suffixes that are not read: {kinds}"
    return [f"{what}; if they are recordings, convert them, e.g. to FLAC"]
