"""Three corpora of speech from neural codecs: Codecfake (Xie), CodecFake (Wu) and CodecFake+."""

import re
from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import nested, paths_by_name
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import ProtocolFile
from rawm.manifest import Row

TESTS = ("C1", "C2", "C3", "C4", "C5", "C6", "C7", "A1", "A2", "A3")
XIE_WORDS = {"real": "genuine", "fake": "fake"}
PLUS_WORDS = {"bonafide": "genuine", "spoof": "fake", "Spoof": "fake"}
SPLITS = {"p226": "dev", "p229": "dev", "p227": "eval", "p228": "eval"}  # speakers of VCTK; all others: train
_XIE_NAME = re.compile(r"^(?:(F\d\d)_)?((SSB\d{4}|[ps]\d+)?.*)$")  # codec, sentence, speaker
_VCTK = r"(?P<sentence>(?P<speaker>[ps]\d+)_\d+)"
_WU = re.compile(rf"(?P<codec>[^+]+)\+{_VCTK}.*\.wav")
_CORS = re.compile(rf"{_VCTK}(?:_(?P<codec>.+))?\.wav")


def read_xie(corpus: OfficialCorpus) -> Listing:
    """Read Codecfake by Xie et al.; the test, C1 to C7 (codecs) or A1 to A3 (language models), is the condition.

    A line is `file word index`; the label is the word, and the index (0 for real) is not used. Genuine recordings occur
    in several tests, so ids begin with the part. Test C7 shares sentences with the training part, so a sentence is a
    group only if the corpus file divides the corpus. A test without a folder of recordings is left out.

    Source: label/<part>.txt, doi:10.5281/zenodo.13838106, arXiv:2405.04880.
    """
    root = Path(corpus.root)
    rows: list[Row] = []
    problems: list[str] = []
    labels = nested(root, "label", "train.txt")
    for part in ("train", "dev", *TESTS):
        folder = _folder(root, f"{part}/{part}", f"{part}_split/{part}", f"test/{part}", part)
        if part in TESTS and not folder:
            continue
        protocol = ProtocolFile(root / f"{labels}{part}.txt", (2, 3), XIE_WORDS)
        for file, word, *_ in protocol:
            if label := protocol.label(word):
                rows.append(_xie_row(corpus, part, folder or part, file.removesuffix(".wav"), label))
        problems += protocol.problems
    return Listing(rows, problems)


def _xie_row(corpus: OfficialCorpus, part: str, folder: str, name: str, label: str) -> Row:
    codec, sentence, speaker = _XIE_NAME.findall(name)[0]
    language = "-"
    if speaker:
        language = "zh" if speaker.startswith("SSB") else "en"
    return utterance(
        corpus.name,
        f"{part}/{name}",
        f"{folder}/{name}.wav",
        label,
        "eval" if part in TESTS else part,
        speaker=speaker or "-",
        attack="-" if label == "genuine" else codec or part,
        language=language,
        condition=part if part in TESTS else "-",
        group=None if corpus.splits is None else sentence,
    )


def read_wu(corpus: OfficialCorpus) -> Listing:
    """Read CodecFake by Wu, Tseng et al.: VCTK after 15 codecs. It has no genuine speech.

    There is no protocol: a file's name is <codec>+<speaker>_<sentence>.wav, in any folder below the root. The splits
    are those of the authors' code: speakers p226 and p229 dev, p227 and p228 eval. The root holds the unpacked archives
    of recordings (rogertseng/CodecFake_wavs), not the Parquet files of rogertseng/CodecFake.

    Source: huggingface.co/datasets/rogertseng/CodecFake_wavs, arXiv:2406.07237.
    """
    rows, misnamed = [], []
    for file, path in paths_by_name(Path(corpus.root)).items():
        if name := _WU.fullmatch(file):
            rows.append(_vctk_row(corpus, name, path, "fake"))
        elif file.endswith(".wav"):
            misnamed.append(path)
    problems = _name_problems(f"corpus {corpus.name}: {corpus.root}", misnamed, "<codec>+<speaker>_<sentence>.wav")
    if not rows:
        problems.append(f"corpus {corpus.name}: no recordings of it under {corpus.root}; unpack its archives there")
    return Listing(rows, problems)


def read_plus(corpus: OfficialCorpus) -> Listing:
    """Read CodecFake+: VCTK and its copies after codecs (condition CoRS), and speech of codec models (CoSG).

    Lines are `speaker file word` in CoRS_labels.txt and `model clip quantiser objective decoder word` in
    CoSG_labels.txt. Neither list has splits: CoRS is divided by speaker as in CodecFake by Wu, CoSG is evaluation data.
    One of the two may be missing.

    Source: huggingface.co/datasets/CodecFake/CodecFake_Plus_Dataset, arXiv:2501.08238.
    """
    root = Path(corpus.root)
    readers = {"CoRS_labels.txt": _read_cors, "CoSG_labels.txt": _read_cosg}
    available = [read for name, read in readers.items() if (root / name).is_file()]
    parts = [read(corpus, root) for read in available or [_read_cors]]  # which reports the missing list
    return Listing([row for part in parts for row in part.rows], [line for part in parts for line in part.problems])


def _read_cors(corpus: OfficialCorpus, root: Path) -> Listing:
    labels = root / "CoRS_labels.txt"
    protocol, rows, misnamed = ProtocolFile(labels, (3,), PLUS_WORDS), [], []
    folder = _folder(root, "all_data_16k", "Codecfake_plus_CoRS") or "CoRS"
    for _, file, word in protocol:
        if not (name := _CORS.fullmatch(file)):
            misnamed.append(file)
        elif label := protocol.label(word):
            rows.append(_vctk_row(corpus, name, f"{folder}/{file}", label, "CoRS"))
    return Listing(rows, protocol.problems + _name_problems(str(labels), misnamed, "<speaker>_<sentence>_<codec>.wav"))


def _read_cosg(corpus: OfficialCorpus, root: Path) -> Listing:
    protocol, rows = ProtocolFile(root / "CoSG_labels.txt", (6,), PLUS_WORDS), []
    folder = _folder(root, "SLMdemos_16k") or "CoSG"
    paths = paths_by_name(root, folder)
    for model, clip, _, _, _, word in protocol:
        if label := protocol.label(word):
            path = paths.get(f"{clip}.wav", f"{folder}/{clip}.wav")
            attack = "-" if label == "genuine" else model
            rows.append(utterance(corpus.name, clip, path, label, "eval", attack=attack, condition="CoSG"))
    return Listing(rows, protocol.problems)


def _name_problems(where: str, files: list[str], pattern: str) -> list[str]:
    """Report files that are not named as they should be, in at most one sentence."""
    if not files:
        return []
    return [
        f"{where}: {len(files)} recording(s), first {files[0]}, are not named {pattern}; restore the official files"
    ]


def _folder(root: Path, *names: str) -> str | None:
    """Return the first of the folders that the root has."""
    return next((name for name in names if (root / name).is_dir()), None)


def _vctk_row(corpus: OfficialCorpus, name: re.Match[str], path: str, label: str, condition: str = "-") -> Row:
    """Make the row of a recording whose name tells speaker, sentence and codec."""
    return utterance(
        corpus.name,
        name[0].removesuffix(".wav"),
        path,
        label,
        SPLITS.get(name["speaker"], "train"),
        speaker=name["speaker"],
        attack="-" if label == "genuine" else name["codec"] or "-",
        language="en",
        condition=condition,
        group=name["sentence"],
    )
