"""CFAD, Chinese fake audio, in one of its versions: clean, noisy or codec."""

import re
from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import class_files, nested
from rawm.corpora.listing import Listing, utterance
from rawm.manifest import Row

SPLITS = {"train": "train", "dev": "dev", "test_seen": "eval", "test_unseen": "eval"}
WORDS = {"real": "genuine", "fake": "fake"}
SUFFIXES = {"clean": "clean", "noisy": "noise", "codec": "codec"}  # the noisy version's folders end in noise
_SPEAKER = re.compile(r"SSB\d{4}|(?<=BAC009)S\d{4}")  # names of AISHELL-3 and AISHELL-1


def read(corpus: OfficialCorpus) -> Listing:
    """Read all splits of one version.

    There is no protocol: the label is in the folder's name, <version>_version/<part>_<suffix>/<real or fake>_<suffix>,
    and the vocoder is the name of the folder in it (a file's own suffix can be wrong). Both tests are evaluation data;
    the condition is the part, train, dev, test_seen or test_unseen. File names occur in several folders, so the id is
    part, class, source and name. One recording lasts 97 minutes: see `max_seconds`.

    Source: doi:10.5281/zenodo.8122764.
    """
    root, suffix = Path(corpus.root), SUFFIXES[corpus.version]
    version = f"{corpus.version}_version"
    prefix = nested(root, "CFAD", version) + version
    rows: list[Row] = []
    problems: list[str] = []
    for part in SPLITS:
        for word in WORDS:
            folder = f"{prefix}/{part}_{suffix}/{word}_{suffix}"
            files = [path for path in class_files(root, folder) if path.count("/") == folder.count("/") + 2]
            if not files:
                problems.append(
                    f"corpus {corpus.name}: no recordings in the folders of {root / folder}; unpack that part"
                )
            rows += [_row(corpus, part, word, Path(path)) for path in files]
    return Listing(rows, problems)


def _row(corpus: OfficialCorpus, part: str, word: str, path: Path) -> Row:
    source, speaker = path.parent.name, _SPEAKER.search(path.name)
    return utterance(
        corpus.name,
        f"{part}/{word}/{source}/{path.stem}",
        path.as_posix(),
        WORDS[word],
        SPLITS[part],
        speaker=speaker[0] if speaker else "-",
        attack="-" if word == "real" else source,
        language="zh",
        condition=part,
        group=None if corpus.splits is None else path.stem.split("_")[0],  # official splits stay as they are
    )
