"""Text for the workflow's report: stream, methods, training, code and versions of a study."""

import platform
from typing import Any

from rawm.provenance import git_state, versions
from rawm.reports.escaping import rst
from rawm.study import Study

PACKAGES = ("rawm", "numpy", "torch", "torchaudio", "scikit-learn", "snakemake")


def about(study: Study) -> dict[str, Any]:
    """Return the variables of workflow/report/workflow.rst; names from files are escaped for reStructuredText."""
    settings, measure = study.settings, study.measure
    commit, changed = git_state()
    return {
        "title": rst(settings.title) or rst(study.name),
        "description": rst(settings.description),
        "detects_fakes": study.detects_fakes,
        "measure": measure.title,
        "direction": measure.direction,
        "worse": measure.worse,
        "better": measure.better,
        "stream": rst(study.stream.title),
        "tasks": [(rst(task.title or task.name), rst(", ".join(task.corpora))) for task in study.tasks],
        "watched": rst(", ".join(task.title or task.name for task in study.stream.watch)),
        "shuffled": settings.task_order == "shuffled",
        "methods": rst(", ".join(study.title(method) for method in settings.methods)),
        "runs": len(settings.methods) * len(settings.seeds),
        "seeds": ", ".join(map(str, settings.seeds)),
        "made_of": rst(f"front-end {settings.frontend}, detector {settings.detector}"),
        "training": rst(", ".join(f"{key} {value}" for key, value in settings.training if value is not None)),
        "commit": _commit_text(commit, changed),
        "versions": ", ".join([f"Python {platform.python_version()}", *map(" ".join, versions(PACKAGES).items())]),
    }


def _commit_text(commit: str, changed: bool) -> str:
    if not commit:
        return "unknown"
    return f"{commit[:12]} and changes that are not committed" if changed else commit[:12]


def seed_count(study: Study) -> str:
    """The number of seeds in words, for captions."""
    count = len(study.settings.seeds)
    return "one seed" if count == 1 else f"{count} seeds"
