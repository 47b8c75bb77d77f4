"""SpeechFake: over three million fakes of 40 systems in 46 languages."""

import csv
from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import nested
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import HeadedProtocol
from rawm.errors import UserError
from rawm.manifest import Row

WORDS = {"bonafide": "genuine", "real": "genuine", "spoof": "fake", "fake": "fake"}
#: Version -> (experiment, its name in the names of training and development lists, tests).
EXPERIMENTS = {
    **{f"baseline_{part}": ("baseline", f"_{part}", f"test_{part}.csv") for part in ("all", "en", "zh")},
    **{f"cross_generator_{part}": ("cross_generator", f"_{part}", "test_*.csv") for part in ("TTS", "VC", "NV")},
    "cross_lingual": ("cross_lingual", "", "test_*.csv"),
    "cross_speaker": ("cross_speaker", "", "test_*.csv"),
}


def read(corpus: OfficialCorpus) -> Listing:
    """Read the lists of one experiment (`version`); the condition is the test, "-" for training and development data.

    A line has file and label, the file below the root; the first column may be a number without a name. Tests of one
    experiment share files, so ids of evaluation data begin with the test. cross_speaker has no development data.

    Source: metadata/experiments/<experiment>/<list>.csv, modelscope.cn/datasets/inclusionAI/SPEECHFAKE, ACL 2025.
    """
    experiment, name, tests = EXPERIMENTS[corpus.version]
    prefix = nested(Path(corpus.root), "SPEECHFAKE", "metadata")
    folder = Path(corpus.root) / prefix / "metadata/experiments" / experiment
    found = sorted(folder.glob(tests))
    if not found:
        raise UserError(f"{folder}: holds no {tests}; fetch the folder metadata of the corpus")
    lists = [(folder / f"train{name}.csv", "train"), (folder / f"dev{name}.csv", "dev"), *((p, "eval") for p in found)]
    if experiment == "cross_speaker":
        del lists[1]
    rows: list[Row] = []
    problems: list[str] = []
    for path, split in lists:
        condition = path.stem.removeprefix("test_") if split == "eval" else "-"
        table = HeadedProtocol(path, ("file", "label"), WORDS, ",", csv.QUOTE_MINIMAL)
        for line in table:
            if label := table.label(line["label"]):
                rows.append(_row(corpus, prefix, line["file"], label, split, condition))
        problems += table.problems
    return Listing(rows, problems)


def _row(corpus: OfficialCorpus, prefix: str, file: str, label: str, split: str, condition: str) -> Row:
    """Make the row of BD/<system>/..., MD/<system>/... (fakes) or Real/<source>/..."""
    parts = file.split("/")
    return utterance(
        corpus.name,
        f"{condition}/{file}" if split == "eval" else file,
        prefix + file,
        label,
        split,
        attack="-" if label == "genuine" else parts[1] if len(parts) > 2 else "-",
        condition=condition,
    )
