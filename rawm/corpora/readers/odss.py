"""ODSS, an open dataset of synthetic speech: three languages, two systems."""

from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import audio_files, nested
from rawm.corpora.listing import Listing, utterance

FOLDERS = {"natural": "genuine", "vits": "fake", "fastpitch-hifigan": "fake"}
LANGUAGES = {"vctk": "en", "hifi-tts": "en", "hui-acg": "de", "openslr-es": "es"}


def read(corpus: OfficialCorpus) -> Listing:
    """Read the corpus, which has no official split.

    There is no protocol: recordings are <system>/<source>/<speaker>/<sentence>.wav, and the folder `natural` is
    genuine. Both systems read the sentences of `natural`, so source and sentence are the group.

    Source: the archive's folders, doi:10.5281/zenodo.8370669.
    """
    root, rows, problems = Path(corpus.root), [], []
    prefix = nested(root, "odss", "natural")
    for folder, label in FOLDERS.items():
        files = audio_files(root, f"{prefix}{folder}")
        if not files:
            problems.append(f"corpus {corpus.name}: no recordings in {root / prefix / folder}; unpack that part")
        for path in files:
            _, source, *inner = path.removeprefix(prefix).split("/")
            row = utterance(
                corpus.name,
                path.removeprefix(prefix).rpartition(".")[0],
                path,
                label,
                speaker=inner[0] if len(inner) > 1 else "-",
                attack="-" if label == "genuine" else folder,
                language=LANGUAGES.get(source, "-"),
                condition=source,
                group=f"{source}/{Path(path).stem}",
            )
            rows.append(row)
    return Listing(rows, problems)
