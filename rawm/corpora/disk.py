"""Find folders and audio files of a corpus on disk."""

import os
from pathlib import Path

from rawm import audio
from rawm.errors import UserError


def nested(root: Path, name: str, inside: str) -> str:
    """Find the folder that holds `inside`: the root, or `name` or `name/name` under it, as archives are unpacked.

    Returns:
        its path under the root, with a last slash; "" for the root itself.

    Raises:
        UserError: none of them holds `inside`.
    """
    for prefix in ("", f"{name}/", f"{name}/{name}/"):
        if (root / prefix / inside).exists():
            return prefix
    raise UserError(f"{root}: holds no {inside}, nor does a folder {name} in it; set `root` to the folder that does")


def audio_files(root: Path, folder: str = "") -> list[str]:
    """List the audio files under a folder, to any depth, as sorted paths relative to the root.

    Hidden files are left out: archives made on a Mac hold one with the name of each recording (`._a.wav`).
    """
    paths = []
    for where, _, names in os.walk(root / folder, followlinks=True):
        here = Path(where).relative_to(root).as_posix()
        for name in names:
            if os.path.splitext(name)[1].lower() in audio.SUFFIXES and not name.startswith("."):
                paths.append(name if here == "." else f"{here}/{name}")
    return sorted(paths)


def paths_by_name(root: Path, folder: str = "") -> dict[str, str]:
    """File name -> path under the root, of every audio file under a folder; of equal names the first path in order."""
    paths: dict[str, str] = {}
    for path in audio_files(root, folder):
        paths.setdefault(path.rpartition("/")[2], path)
    return paths
