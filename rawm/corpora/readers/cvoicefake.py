"""CVoiceFake: Common Voice in five languages, and its copies by vocoders."""

import re
from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import audio_files
from rawm.corpora.listing import Listing, utterance

GENUINE, FAKE = "Bonafide", "_generated"
_LANGUAGES = {"cn": "zh", "zh-cn": "zh"}  # folder in lower case -> tag, where they differ


def read(corpus: OfficialCorpus) -> Listing:
    """Read the corpus, which has no official split.

    There is no protocol: recordings are <language>/Bonafide/<clip>.mp3 and
    <language>/<vocoder>_generated/<clip>_Gen.mp3, in the root or one folder below it. A clip and its copies are a
    group. Folders of other names are refused.

    Source: doi:10.5281/zenodo.14062964, arXiv:2409.09272.
    """
    root, rows, problems = Path(corpus.root), [], []
    genuine = sorted([*root.glob(f"*/{GENUINE}"), *root.glob(f"*/*/{GENUINE}")])
    if not genuine:
        problems.append(f"corpus {corpus.name}: no folder <language>/{GENUINE} under {root}; unpack its archives there")
    for folder in sorted(path for home in genuine for path in home.parent.iterdir() if path.is_dir()):
        system, language = folder.name, folder.parent.name.lower()
        if system != GENUINE and not system.endswith(FAKE):
            problems.append(f"{folder}: is neither {GENUINE} nor <vocoder>{FAKE}; move it elsewhere")
            continue
        for path in audio_files(root, folder.relative_to(root).as_posix()):
            row = utterance(
                corpus.name,
                f"{folder.parent.name}/{system}/{Path(path).stem}",
                path,
                "genuine" if system == GENUINE else "fake",
                attack="-" if system == GENUINE else system.removesuffix(FAKE),
                language=_LANGUAGES.get(language, language),
                group=re.sub(r"_Gen$", "", Path(path).stem),
            )
            rows.append(row)
    return Listing(rows, problems)
