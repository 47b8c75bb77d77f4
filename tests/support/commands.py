"""Running Snakemake and rawm as a user does, in a folder of their own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SNAKEFILE = ROOT / "workflow" / "Snakefile"
ENVIRONMENT = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
ENVIRONMENT.pop("MLFLOW_TRACKING_URI", None)


def run(*command, folder, check=True):
    """Run a command in a folder; its standard output and error together."""
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=900)
    text = done.stdout + done.stderr
    assert not check or done.returncode == 0, text[-5000:]
    return done.returncode, text
