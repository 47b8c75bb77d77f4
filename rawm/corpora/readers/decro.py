"""DECRO: English and Chinese speech of the same systems."""

from itertools import product
from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import ProtocolFile
from rawm.errors import UserError

WORDS = {"bonafide": "genuine", "spoof": "fake"}
LANGUAGES = {"en": "en", "ch": "zh"}


def read(corpus: OfficialCorpus) -> Listing:
    """Read all splits of both languages; `where: {language: [en]}` in a task keeps one.

    A line is `speaker file - system label`, the system of genuine speech being its source; recordings are
    <part>/<file>.wav. Names are only unique in a part, so ids begin with it.

    Source: en_train.txt, ch_train.txt and so on, doi:10.5281/zenodo.7603208.
    """
    found = sorted(Path(corpus.root).glob("**/en_train.txt"))
    if not found:
        raise UserError(f"{corpus.root}: holds no en_train.txt, in any folder; unpack the archive of DECRO there")
    root, rows, problems = found[0].parent, [], []
    home = root.relative_to(corpus.root).as_posix()
    for (short, language), split in product(LANGUAGES.items(), ("train", "dev", "eval")):
        part = f"{short}_{split}"
        protocol = ProtocolFile(root / f"{part}.txt", (5,), WORDS)
        for speaker, file, _, system, word in protocol:
            if label := protocol.label(word):
                row = utterance(
                    corpus.name,
                    f"{part}/{file}",
                    f"{part}/{file}.wav" if home == "." else f"{home}/{part}/{file}.wav",
                    label,
                    split,
                    speaker="-" if speaker == "unknown" else speaker,
                    attack="-" if label == "genuine" else system,
                    language=language,
                )
                rows.append(row)
        problems += protocol.problems
    return Listing(rows, problems)
