"""Check every file of config/ at once."""

from pathlib import Path

from rawm import paths
from rawm.config.reading import ConfigError
from rawm.study.load import KINDS, labels, load_file, load_main, load_study
from rawm.study.published import load_published
from rawm.study.searches import load_search


def check_all(config: Path = paths.CONFIG) -> list[str]:
    """Problems of every file under `config`, whether a study uses it or not."""
    problems: list[str] = []
    for load, label in [(load_main, None)] + [
        (lambda label, kind=kind: load_file(kind, label, config), label)
        for kind in KINDS
        for label in labels(kind, config)
    ]:
        try:
            load(config) if label is None else load(label)
        except ConfigError as error:
            problems.extend(error.problems)
    for name in [] if problems else labels("studies", config):
        try:
            load_study(name, config, on_disk=False)
        except ConfigError as error:
            problems.extend(error.problems)
    checks = [] if problems else [(load_search, name) for name in labels("searches", config)]
    checks += [] if problems else [(load_published, name) for name in labels("published", config)]
    for load, name in checks:
        try:
            load(name, config)
        except ConfigError as error:
            problems.extend(error.problems)
    return list(dict.fromkeys(problems))
