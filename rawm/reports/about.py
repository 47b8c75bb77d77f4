"""What a report says about a study: its stream, methods and training, and which code and versions made it."""

import platform
import re
from importlib.metadata import version
from typing import Any

from rawm.provenance import git_state
from rawm.study import Study

PACKAGES = ("rawm", "numpy", "torch", "torchaudio", "scikit-learn", "snakemake")


def about(study: Study) -> dict[str, Any]:
    """Texts and numbers for workflow/report/workflow.rst; names from files are safe in reStructuredText."""
    settings, measure = study.settings, study.measure
    commit, changed = git_state()
    return {
        "title": plain(settings.title),
        "description": plain(settings.description.strip()),
        "detects_fakes": study.detects_fakes,
        "measure": measure.title,
        "direction": measure.direction,
        "worse": measure.worse,
        "better": measure.better,
        "stream": plain(study.stream.title),
        "tasks": [(plain(task.title or task.name), plain(", ".join(task.corpora))) for task in study.tasks],
        "shuffled": settings.task_order == "shuffled",
        "methods": plain(", ".join(study.title(method) for method in settings.methods)),
        "runs": len(settings.methods) * len(settings.seeds),
        "seeds": ", ".join(map(str, settings.seeds)),
        "made_of": plain(f"front-end {settings.frontend}, detector {settings.detector}"),
        "training": plain(", ".join(f"{key} {value}" for key, value in settings.training if value is not None)),
        "commit": (commit[:12] + " and changes that are not committed" * changed) if commit else "unknown",
        "versions": ", ".join(
            [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)]
        ),
    }


def seed_count(study: Study) -> str:
    """The number of seeds in words, for captions."""
    count = len(study.settings.seeds)
    return "one seed" if count == 1 else f"{count} seeds"


def plain(text: str) -> str:
    """Text with a backslash before each character that reStructuredText would take for markup."""
    return re.sub(r"([\\*`|_])", r"\\\1", text)
