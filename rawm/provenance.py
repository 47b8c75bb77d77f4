"""Which commit and packages made a result, and where this package is from."""

import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def package_source() -> str:
    """Return what pip needs to install this package again: the folder of its checkout, or e.g. rawm==0.1.0."""
    checkout = Path(__file__).parents[1]
    return str(checkout) if (checkout / "pyproject.toml").is_file() else f"rawm=={version('rawm')}"


def git_state() -> tuple[str, bool]:
    """Commit of the working directory and whether files differ from it; ("", False) outside of a repository."""
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changes = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "", False
    return commit, bool(changes.strip())


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
