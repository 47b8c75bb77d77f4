"""Find folders and audio files of a corpus on disk."""

import os
from pathlib import Path

from rawm import audio, files
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

    Hidden files are left out: archives made on a Mac hold one with the name of each recording (`._a.wav`). Links to
    files and folders are followed; a file is listed once, whatever links lead to it.

    Raises:
        UserError: a link that leads back to a folder above it, a folder that cannot be read, or a name that is not
            UTF-8; all of them together.
    """
    return _Walk(root, folder, confined=False).files()


def class_files(root: Path, folder: str) -> list[str]:
    """List the audio files under a folder that tells their class; as `audio_files`, but for links.

    Raises:
        UserError: also a link to a folder outside of this one, or to a file elsewhere under the root, since the
            recordings there may be of another class. The folder itself may be a link.
    """
    return _Walk(root, folder, confined=True).files()


class _Walk:
    """One search for audio files; real files and folders come before links, so that a file keeps its own name."""

    def __init__(self, root: Path, folder: str, confined: bool):
        self._root, self._top, self._confined = root, root / folder, confined
        self._real_root = self._real_top = ""
        self._found: dict[str, str] = {}  # real path -> path
        self._folders: set[str] = set()  # real paths
        self._links: list[tuple[str, str]] = []  # path, real path of its folder
        self._problems: list[str] = []

    def files(self) -> list[str]:
        """Sorted paths; raises UserError with all problems."""
        if os.path.isdir(self._top):
            self._real_root, self._real_top = os.path.realpath(self._root), os.path.realpath(self._top)
            self._search(str(self._top), self._real_top)
        while self._links:
            links, self._links = sorted(self._links), []
            for path, parent in links:
                self._follow(path, parent)
        if self._problems:
            raise UserError("\n".join(self._problems))
        return sorted(Path(path).relative_to(self._root).as_posix() for path in self._found.values())

    def _search(self, folder: str, real: str) -> None:
        if real in self._folders:
            return
        self._folders.add(real)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self._problems.append(
                f"{files.printable(folder)}: cannot be read ({error.strerror}); correct its permissions"
            )
            return
        for entry in entries:
            if entry.is_symlink():
                self._links.append((entry.path, real))
            elif entry.is_dir():
                self._search(entry.path, f"{real}/{entry.name}")
            else:
                self._add(entry.path, f"{real}/{entry.name}")

    def _follow(self, link: str, parent: str) -> None:
        target = os.path.realpath(link)
        if os.path.isdir(target):
            if _inside(parent, target):
                self._problems.append(f"{link}: is a link back to {target}; remove it")
            elif self._confined and not _inside(target, self._real_top):
                self._problems.append(
                    f"{link}: is a link out of {self._top}, to {target}; remove it, or name it as a folder of its class"
                )
            else:
                self._search(link, target)
        elif self._confined and _inside(target, self._real_root) and not _inside(target, self._real_top):
            if _is_audio(link):
                self._problems.append(f"{link}: is a link out of {self._top}, to {target}; remove it")
        else:
            self._add(link, target)

    def _add(self, path: str, real: str) -> None:
        if not _is_audio(path):
            return
        if not files.is_utf8(path):
            self._problems.append(
                f"{files.printable(path)}: has a name that is not UTF-8; rename the file, or its folder"
            )
        else:
            self._found.setdefault(real, path)


def _is_audio(path: str) -> bool:
    name = os.path.basename(path)
    return os.path.splitext(name)[1].lower() in audio.SUFFIXES and not name.startswith(".")


def _inside(path: str, folder: str) -> bool:
    """Whether a real path is a folder or under it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def paths_by_name(root: Path, folder: str = "") -> dict[str, str]:
    """File name -> path under the root, of every audio file under a folder; of equal names the first path in order."""
    paths: dict[str, str] = {}
    for path in audio_files(root, folder):
        paths.setdefault(path.rpartition("/")[2], path)
    return paths
