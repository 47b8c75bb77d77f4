"""Voice Conversion Challenge 2020: its database and the recordings of its listening test."""

import re
from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import class_files
from rawm.corpora.listing import Listing, utterance
from rawm.manifest import Row

NATURAL = (
    "source",
    "target_task1",
    "target_task2",
    "vcc2020_database_evaluation",
    "vcc2020_database_groundtruth",
    "SOU",
    "TAR",
)
TEAMS = tuple(f"T{team:02}" for team in range(1, 34))
LANGUAGES = {"E": "en", "F": "fi", "G": "de", "M": "zh"}
#: SEM1/E10001.wav, ref-TEM1_E30021.wav, team14_intra-TEM1_SEM1_E30001.wav -> speaker and sentence of a natural clip
CLIP = re.compile(r"([ST][EFGM][FM][12])[/_](([EFGM])\d{5})\.wav")
TARGET = re.compile(r"-(T[EFGM][FM][12])_S")


def read(corpus: OfficialCorpus) -> Listing:
    """Read the corpus, which has no official split and no protocol: the folder tells whether speech is natural.

    The listening test has natural speech too: SOU has each source clip once for every target, called
    `team34_intra-TEF1_SEF1_E30001.wav` as if a team 34 had made it, and TAR has clips of the targets, called
    `ref-TEF1_E30021.wav`. They are genuine. A clip, its copies and all its conversions are a group. A conversion's
    speaker is its target. The utterance id is the path with underscores.

    Source: the READMEs of VCC2020-database and VCC2020-listeningtest, doi:10.21437/VCC_BC.2020-14.
    """
    root, rows, absent, misnamed = Path(corpus.root), [], [], []
    for part in (*NATURAL, *TEAMS):
        files = class_files(root, _folder(root, part))
        if not files and not corpus.waive_counts:
            absent.append(part)
        for path in files:
            row = _row(corpus.name, part, path)
            if row is None:
                misnamed.append(path)
            else:
                rows.append(row)
    problems = []
    if absent:
        problems.append(
            f"corpus {corpus.name}: no audio in {', '.join(absent)} under {root}; unpack all archives of "
            "VCC2020-database and VCC2020-listeningtest, or write `waive_counts: true` in its corpus file"
        )
    if misnamed:
        problems.append(
            f"corpus {corpus.name}: {len(misnamed)} file(s), first {misnamed[0]}, are not named after speaker and "
            "sentence as in SEM1/E10001.wav or team14_intra-TEM1_SEM1_E30001.wav; restore the official names"
        )
    return Listing(rows, problems)


def _row(corpus: str, part: str, path: str) -> Row | None:
    """Make the row of a file; None if its name does not tell speaker and sentence, and target of a conversion."""
    clip, fake = CLIP.search(path), part in TEAMS
    target = TARGET.search(path) if fake else None
    if clip is None or (fake and target is None):
        return None
    speaker, sentence, letter = clip.groups()
    return utterance(
        corpus,
        path[path.index(f"{part}/") :].removesuffix(".wav").replace("/", "_"),
        path,
        "fake" if fake else "genuine",
        speaker=speaker if target is None else target[1],
        attack=part if fake else "-",
        language=LANGUAGES[letter],
        group=f"{speaker}_{sentence}",
    )


def _folder(root: Path, part: str) -> str:
    """Find a part's folder: under the root, or under a copy of one of the two repositories there."""
    copies = (path.name for path in sorted(root.glob("*VCC2020-*")))
    return next((f"{name}/{part}" for name in copies if (root / name / part).is_dir()), part)
