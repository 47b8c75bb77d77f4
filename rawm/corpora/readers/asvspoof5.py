"""ASVspoof 5, track 1: detection without speaker verification."""

from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, Protocol, utterance
from rawm.errors import UserError

FOLDERS = {"train": "flac_T", "dev": "flac_D", "eval": "flac_E_eval"}
#: The names of the protocols, the published ones first, then those of the challenge (which had none for eval).
PROTOCOLS = {
    "train": ("ASVspoof5.train.tsv", "ASVspoof5.train.metadata.txt", "ASVspoof5.train.metainfor.txt"),
    "dev": ("ASVspoof5.dev.track_1.tsv", "ASVspoof5.dev.metadata.txt", "ASVspoof5.dev.metainfor.txt"),
    "eval": ("ASVspoof5.eval.track_1.tsv",),
}
WORDS = {"bonafide": "genuine", "spoof": "fake"}


def read(corpus: OfficialCorpus) -> Listing:
    """Rows of all three splits; with `waive_counts: true` of those that have a protocol.

    A line is `speaker file gender codec quality seed tag attack key -`: ten fields between spaces, although the files
    are called .tsv and the official README says five, and no header. Files of the challenge have six, `speaker file
    gender codec attack key`. The condition is codec and quality (`C05/2`). `seed` is the recording of which a file is
    a coded copy, and their group. The folders hold the enrolment recordings of track 2 too (D_A0000000316.flac).

    Source: ASVspoof5_protocols.tar.gz, doi:10.5281/zenodo.14498691.
    """
    rows, problems = [], []
    for split, path in _protocols(corpus).items():
        protocol = Protocol(path, (10, 6), WORDS)
        for fields in protocol:
            if len(fields) == 10:
                speaker, file, _, codec, quality, seed, _, attack, key, _ = fields
            else:
                (speaker, file, _, codec, attack, key), quality, seed = fields, "-", "-"
            if label := protocol.label(key):
                row = utterance(
                    corpus.name,
                    file,
                    f"{FOLDERS[split]}/{file}.flac",
                    label,
                    split,
                    speaker=speaker,
                    attack="-" if label == "genuine" else attack,
                    language="en",
                    condition="nocodec" if codec == "-" else codec if quality == "-" else f"{codec}/{quality}",
                    group=file if seed == "-" else seed,
                )
                rows.append(row)
        problems += protocol.problems
    return Listing(rows, problems)


def _protocols(corpus: OfficialCorpus) -> dict[str, Path]:
    """Split -> protocol, under the root or in the folder that some copies of the corpus have for them."""
    root, found = Path(corpus.root), {}
    for split, names in PROTOCOLS.items():
        places = [folder / name for name in names for folder in (root, root / "ASVspoof5_protocols")]
        if path := next((place for place in places if place.is_file()), None):
            found[split] = path
    absent = [PROTOCOLS[split][0] for split in PROTOCOLS if split not in found]
    if absent and not (found and corpus.waive_counts):
        raise UserError(
            f"{root}: no {', '.join(absent)}; unpack ASVspoof5_protocols.tar.gz there, or go on with the splits "
            "that have a protocol by `waive_counts: true` in the corpus file"
        )
    return found
