"""Find the files of config/: those of the working directory first, then those that come with the package."""

from pathlib import Path

from rawm import paths
from rawm.config.labels import problem
from rawm.config.reading import ConfigError
from rawm.config.shown import shown


def labels(kind: str, config: Path = paths.CONFIG) -> list[str]:
    """List the labels of one kind ("studies", "methods", ...), sorted and without those of hidden files.

    Raises:
        ConfigError: files whose names cannot be labels.
    """
    places = {folder: [path.stem for path in _listed(folder / kind)] for folder in _folders(config)}
    wrong = [
        f"{folder}/{kind}: {shown(stem)} {said}"
        for folder, stems in places.items()
        for stem in sorted(stems)
        if (said := problem(stem, kind))
    ]
    if wrong:
        raise ConfigError(wrong)
    return sorted({stem for stems in places.values() for stem in stems})


def file_of(kind: str, label: str, config: Path = paths.CONFIG) -> Path:
    """Return the path of the file that a label names, or the one it would have in `config`.

    Raises:
        ConfigError: it is no label, so that the path could lead elsewhere.
    """
    if wrong := problem(label, kind):
        raise ConfigError([f"{config}/{kind}: {shown(label)} {wrong}"])
    candidates = [folder / kind / f"{label}.yaml" for folder in _folders(config)]
    return next((path for path in candidates if path.exists()), candidates[0])


def _folders(config: Path) -> list[Path]:
    return [config, paths.SHIPPED_CONFIG]


def _listed(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.yaml") if not path.name.startswith(".")]
