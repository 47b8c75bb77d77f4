"""ASVspoof 5, track 1: detection without speaker verification."""

from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import ProtocolFile
from rawm.errors import UserError

FOLDERS = {"train": "flac_T", "dev": "flac_D", "eval": "flac_E_eval"}
#: Names of the protocols: the published ones first, then those of the challenge (which had none for eval).
PROTOCOLS = {
    "train": ("ASVspoof5.train.tsv", "ASVspoof5.train.metadata.txt", "ASVspoof5.train.metainfor.txt"),
    "dev": ("ASVspoof5.dev.track_1.tsv", "ASVspoof5.dev.metadata.txt", "ASVspoof5.dev.metainfor.txt"),
    "eval": ("ASVspoof5.eval.track_1.tsv",),
}
WORDS = {"bonafide": "genuine", "spoof": "fake"}


def read(corpus: OfficialCorpus) -> Listing:
    """Read all three splits; with `waive_counts: true` those that have a protocol.

    A line is `speaker file gender codec quality seed tag attack key -`: no header, ten fields between spaces, although
    the files are called .tsv and the official README says five. The challenge's own files have six fields, `speaker
    file gender codec attack key`. The condition is codec and quality (`C05/2`). `seed` is the recording of which a file
    is a coded copy; it is their group. The folders also hold the enrolment recordings of track 2 (D_A0000000316.flac).

    Source: ASVspoof5_protocols.tar.gz, doi:10.5281/zenodo.14498691.
    """
    rows, problems = [], []
    for split, path in _protocols(corpus).items():
        protocol = ProtocolFile(path, (10, 6), WORDS)
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
                    condition=_condition(codec, quality),
                    group=file if seed == "-" else seed,
                )
                rows.append(row)
        problems += protocol.problems
    return Listing(rows, problems)


def _condition(codec: str, quality: str) -> str:
    if codec == "-":
        return "nocodec"
    return codec if quality == "-" else f"{codec}/{quality}"


def _protocols(corpus: OfficialCorpus) -> dict[str, Path]:
    """Split -> protocol, under the root or in its folder ASVspoof5_protocols."""
    root, protocols = Path(corpus.root), {}
    for split, names in PROTOCOLS.items():
        places = [folder / name for name in names for folder in (root, root / "ASVspoof5_protocols")]
        if path := next((place for place in places if place.is_file()), None):
            protocols[split] = path
    absent = [PROTOCOLS[split][0] for split in PROTOCOLS if split not in protocols]
    if absent and not (protocols and corpus.waive_counts):
        raise UserError(
            f"{root}: no {', '.join(absent)}; unpack ASVspoof5_protocols.tar.gz there, or write "
            "`waive_counts: true` in the corpus file to use only the splits that have a protocol"
        )
    return protocols
