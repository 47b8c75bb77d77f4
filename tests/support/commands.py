"""Running Snakemake and rawm as a user does, in a folder of their own."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
ENVIRONMENT.pop("MLFLOW_TRACKING_URI", None)


def run(*command, folder, check=True, variables=None):
    """Run a command in a folder; its exit status, and its standard output and error together."""
    environment = ENVIRONMENT | (variables or {})
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1800)
    text = done.stdout + done.stderr
    assert not check or done.returncode == 0, text[-5000:]
    return done.returncode, text


def snakemake(folder, *options, study="synthetic", code=ROOT, check=True, variables=None):
    """Run the workflow on a study in a folder.

    Args:
        options: of Snakemake; those without dashes directly behind the study are more `key=value` of --config.
        code: folder with the workflow and the package.
    """
    command = ["snakemake", "--snakefile", str(code / "workflow" / "Snakefile"), "--config", f"study={study}"]
    return run(*command, *options, folder=folder, check=check, variables=variables)


def planned(folder, *options, **keywords):
    """rule -> jobs that a dry run plans; for rules of runs "rule method" -> jobs. {} if there is nothing to do."""
    _, text = snakemake(folder, *options, "--dry-run", **keywords)
    jobs = Counter()
    for block in re.findall(r"^(?:local)?rule (\w+:\n(?:    .*\n)*)", text, re.M):
        rule, method = block.split(":")[0], re.search(r"wildcards: .*\bmethod=(\w+)", block)
        jobs[f"{rule} {method[1]}" if method else rule] += 1
    assert jobs or "Nothing to be done" in text, text[-3000:]
    del jobs["all"]
    return jobs


def edit(folder, file, old, new):
    """Replace a text in a file of config/."""
    path = folder / "config" / file
    text = path.read_text()
    assert old in text, f"{file}: {old}"
    path.write_text(text.replace(old, new))
