"""Time and memory to read protocols of full size and to write their manifests; the end of `make bench`.

The protocols are made up, in a temporary folder: ASVspoof 5 with its 1,004,081 rows, and 100,000 rows in the layout of
ASVspoof 2019. Each measurement is a process of its own, whose peak memory includes Python and its libraries. On Linux
it is also at least that of the process that starts it: so this module runs by itself, and imports little.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import typer
from measured import Measured, report

ASVSPOOF5 = {"T": ("train", 182_357), "D": ("dev.track_1", 140_950), "E": ("eval.track_1", 680_774)}
ASVSPOOF2019 = {"T": ("train.trn", 25_000), "D": ("dev.trl", 25_000), "E": ("eval.trl", 50_000)}


class Job(NamedTuple):
    """What is measured, and its targets."""

    title: str
    loader: str
    step: str
    seconds: float
    gigabytes: float


JOBS = (
    Job("read 100,000 rows of ASVspoof 2019", "asvspoof2019_la", "read", 2, 2),
    Job("read 1,004,081 rows of ASVspoof 5", "asvspoof5", "read", 15, 2),
    Job("check and write the manifest of ASVspoof 5", "asvspoof5", "write", 60, 1.5),
)


def asvspoof5_lines(letter: str, n: int) -> Iterator[str]:
    """Lines of a protocol of ASVspoof 5; in the evaluation set three of four are coded copies of the one before."""
    for i in range(n):
        file, speaker, sex = f"{letter}_{7 * i:010}", f"{letter}_{i // 4 * 7919 % 5000:04}", "FM"[i // 4 % 2]
        coded = letter == "E" and i % 4
        codec = f"C{i % 11 + 1:02} {i % 5 + 1} {letter}_{7 * (i - i % 4):010}" if coded else "- - -"
        made = f"AC{i % 3 + 1} A{i // 4 % 32 + 1:02} spoof" if i // 4 % 5 else "- bonafide bonafide"
        yield f"{speaker} {file} {sex} {codec} {made} -\n"


def asvspoof2019_lines(letter: str, n: int) -> Iterator[str]:
    """Lines of a protocol of ASVspoof 2019 LA."""
    for i in range(n):
        made = f"A{i % 19 + 1:02} spoof" if i % 10 else "- bonafide"
        yield f"LA_{i % 67:04} LA_{letter}_{1000000 + 7 * i} - {made}\n"


def write_protocols(root: Path) -> None:
    """Both corpora's protocols, under root/<loader>."""
    for letter, (name, n) in ASVSPOOF5.items():
        path = root / f"asvspoof5/ASVspoof5.{name}.tsv"
        _write(path, asvspoof5_lines(letter, n))
    for letter, (name, n) in ASVSPOOF2019.items():
        path = root / f"asvspoof2019_la/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{name}.txt"
        _write(path, asvspoof2019_lines(letter, n))


def _write(path: Path, lines: Iterator[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        file.writelines(lines)


def measure(loader: str, step: str, root: str) -> None:
    """Print seconds of a step and the process' peak memory in GB, as JSON."""
    from rawm import manifest
    from rawm.config.corpora import OfficialCorpus
    from rawm.corpora import reader

    read = reader(loader)
    start = time.perf_counter()
    rows, problems = read(OfficialCorpus(name=loader, loader=loader, root=root))
    if step == "write":
        start = time.perf_counter()
        manifest.write(rows, Path(root) / "manifest.parquet")
    seconds = time.perf_counter() - start
    assert rows and not problems
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage counts in bytes there, in kilobytes on Linux
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9]))


def main(output: Path | None = None) -> None:
    """Measure, print and write everything."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        write_protocols(Path(folder))
        for job in JOBS:
            call = f"measure({job.loader!r}, {job.step!r}, {str(Path(folder) / job.loader)!r})"
            code = f"from protocols import measure; {call}"
            command = [sys.executable, "-c", code]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parent)
            seconds, gigabytes = json.loads(done.stdout)
            rows.append(Measured(job.title, seconds, "s", f"< {job.seconds}"))
            rows.append(Measured(f"{job.title}: peak memory", gigabytes, "GB", f"< {job.gigabytes}"))
    report("Protocols and manifests", rows, output)


if __name__ == "__main__":
    typer.run(main)
