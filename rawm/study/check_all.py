"""Check every file of config/ at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rawm import paths
from rawm.config.files import labels
from rawm.config.reading import ConfigError
from rawm.study.load import KINDS, load_file, load_main, load_study
from rawm.study.published import load_published
from rawm.study.searches import load_search


def check_all(config: Path = paths.CONFIG) -> list[str]:
    """Problems of every file under `config`, whether a study uses it or not."""
    problems: list[str] = []

    def attempt(load: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return load(*arguments)
        except ConfigError as error:
            problems.extend(error.problems)
            return []

    attempt(load_main, config)
    for kind in KINDS:
        for label in attempt(labels, kind, config):
            attempt(load_file, kind, label, config)
    for name in [] if problems else labels("studies", config):
        attempt(load_study, name, config, False)
    checks = [] if problems else [(load_search, name) for name in labels("searches", config)]
    checks += [] if problems else [(load_published, name) for name in labels("published", config)]
    for load, name in checks:
        attempt(load, name, config)
    return list(dict.fromkeys(problems))
