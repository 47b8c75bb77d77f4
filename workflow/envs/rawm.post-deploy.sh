#!/usr/bin/env bash
# Snakemake runs this once in the new environment of rawm.yaml. RAWM_SOURCE (rules/common.smk) is what planned the jobs:
# the folder of a checkout, whose edits count at once, or an installed version.
set -euo pipefail
if [ -d "$RAWM_SOURCE" ]; then
    python -m pip install --constraint "$RAWM_SOURCE/requirements.txt" --editable "$RAWM_SOURCE"
else
    python -m pip install "$RAWM_SOURCE"
fi
