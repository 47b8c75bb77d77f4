"""The command `rawm`. Importing it is cheap: the verbs are loaded when no job server takes the command."""

import os
import sys


def main() -> None:
    """Give the command to the job server of the workflow, if there is one and it takes it; else run it here."""
    address = os.environ.get("RAWM_JOB_SERVER")
    if address and sys.argv[1:2] in (["train"], ["evaluate"]):
        from rawm.cli.job_client import hand_over

        hand_over(address)
    from rawm.cli.verbs import main as run

    run()
