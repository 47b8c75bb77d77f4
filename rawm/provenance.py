"""Which commit made a result."""

import subprocess


def git_state() -> tuple[str, bool]:
    """Commit of the working directory and whether files differ from it; ("", False) outside of a repository."""
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changes = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "", False
    return commit, bool(changes.strip())
