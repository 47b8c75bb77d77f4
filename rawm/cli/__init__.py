"""The command `rawm`. Importing it is cheap: the verbs are loaded when no job server takes the command."""

import os
import sys

#: Verbs of the workflow that take much longer to import what they need than they need to compute.
SERVED = ("train", "evaluate", "extract", "tables", "figures", "export")


def main() -> None:
    """Give the command to the job server of the workflow, if there is one and it takes it; else run it here."""
    address = os.environ.get("RAWM_JOB_SERVER")
    if address and sys.argv[1:2] and sys.argv[1] in SERVED:
        from rawm.cli.job_client import hand_over

        hand_over(address)
    from rawm.cli.verbs import main as run

    run()
