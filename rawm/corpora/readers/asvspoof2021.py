"""ASVspoof 2021, logical access (LA) and deepfake (DF): evaluation recordings, and keys in separate archives."""

from collections import Counter
from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import ProtocolFile
from rawm.errors import UserError

WORDS = {"bonafide": "genuine", "spoof": "fake"}
#: The keys' words for the parts of the evaluation set -> version of the corpus.
SUBSETS = {"eval": "eval", "progress": "progress", "hidden": "hidden", "hidden_track": "hidden"}
ENGLISH = ("asvspoof", "vcc2018")  # the keys name the language of VCC 2020's target speakers, not the spoken one


def read_la(corpus: OfficialCorpus) -> Listing:
    """Read ASVspoof 2021 LA, all of split eval.

    A line is `speaker file codec transmission attack key trim subset`; the condition is e.g. `alaw/ita_tx`. Names begin
    with LA_E_ as in the evaluation set of 2019, but no name is in both.

    Source: keys/LA/CM/trial_metadata.txt of LA-keys-full.tar.gz, doi:10.5281/zenodo.4837263. See `_read`.
    """
    return _read(corpus, "LA", (8,))


def read_df(corpus: OfficialCorpus) -> Listing:
    """Read ASVspoof 2021 DF, all of split eval.

    A line is `speaker file codec source attack key trim subset` and five fields on the vocoder and the Voice Conversion
    Challenges; the condition is e.g. `low_mp3/vcc2020`. The sources are ASVspoof 2019's evaluation set and the
    challenges of 2018 and 2020: train on neither and evaluate on DF.

    Source: keys/DF/CM/trial_metadata.txt of DF-keys-full.tar.gz, doi:10.5281/zenodo.4835108. See `_read`.
    """
    return _read(corpus, "DF", (8, 13))


def _read(corpus: OfficialCorpus, track: str, columns: tuple[int, ...]) -> Listing:
    """Read the subset that `version` names.

    The keys that were published first ("stage 1", keys/CM) say `hidden_track` for `hidden` and have "-" in all fields
    but file, key and subset. No keys tell which files are the same recording after another codec, so your own `splits:`
    should divide by speaker. Trimmed recordings (those of `hidden`) have `/trim` in their condition.
    """
    root, rows = Path(corpus.root), []
    unknown: Counter[str] = Counter()  # subsets
    foreign = []  # files of the other track
    path = _keys(root, track)
    protocol = ProtocolFile(path, columns, WORDS)
    for speaker, file, codec, way, attack, key, trim, subset, *_ in protocol:
        label, version = protocol.label(key), SUBSETS.get(subset)
        if version is None:
            unknown[subset] += 1
        elif not file.startswith(f"{track}_"):
            foreign.append(file)
        elif label and corpus.version in ("all", version):
            conditions = [name for name in (codec, way, trim) if name not in ("-", "notrim")]
            row = utterance(
                corpus.name,
                file,
                f"ASVspoof2021_{track}_eval/flac/{file}.flac",
                label,
                "eval",
                speaker=speaker,
                attack="-" if label == "genuine" else attack,
                language="en" if track == "LA" or way in ENGLISH else "-",
                condition="/".join(conditions) or "-",
            )
            rows.append(row)
    problems = protocol.problems
    for word, times in unknown.items():
        problems.append(f"{path}: subset {word!r} in {times} line(s) is not one of {', '.join(SUBSETS)}")
    if foreign:
        problems.append(
            f"{path}: {len(foreign)} file(s), first {foreign[0]}, are not of {track}; "
            f"unpack {track}-keys-full.tar.gz in {root}"
        )
    return Listing(rows, problems)


def _keys(root: Path, track: str) -> Path:
    """Find the most complete keys; stage-1 keys have the same name in both tracks, so they may be of the other one."""
    folders = [root, root / f"ASVspoof2021_{track}_eval"]
    places = [folder / keys / "trial_metadata.txt" for keys in (f"keys/{track}/CM", "keys/CM") for folder in folders]
    for path in places:
        if path.is_file():
            return path
    raise UserError(
        f"{places[0]}: no such file; it has the labels, so fetch {track}-keys-full.tar.gz from "
        f"https://www.asvspoof.org/index2021.html and unpack it in {root}"
    )
