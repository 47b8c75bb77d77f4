"""Three corpora of speech from neural codecs with nearly one name: Codecfake (Xie), CodecFake (Wu) and CodecFake+."""

import re
from pathlib import Path
from typing import Any

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, Protocol, nested, paths_by_name, utterance

TESTS = ("C1", "C2", "C3", "C4", "C5", "C6", "C7", "A1", "A2", "A3")
XIE_WORDS = {"real": "genuine", "fake": "fake"}
PLUS_WORDS = {"bonafide": "genuine", "spoof": "fake", "Spoof": "fake"}
SPLITS = {"p226": "dev", "p229": "dev", "p227": "eval", "p228": "eval"}  # speakers of VCTK; all others: train
_XIE = re.compile(r"(?:(?P<codec>F\d\d)_)?(?P<sentence>(?P<speaker>SSB\d{4}|[ps]\d+)?.*)")
_VCTK = r"(?P<sentence>(?P<speaker>[ps]\d+)_\d+)"
_WU = re.compile(rf"(?P<codec>[^+]+)\+{_VCTK}.*\.wav")
_CORS = re.compile(rf"{_VCTK}(?:_(?P<codec>.+))?\.wav")


def read_xie(corpus: OfficialCorpus) -> Listing:
    """Rows of Codecfake by Xie et al.; the test, C1 to C7 (codecs) or A1 to A3 (language models), is the condition.

    A line is `file word index`; the word counts, the index is 0 for real. Genuine recordings return in several tests,
    so ids begin with the part. Test C7 shares sentences with the training part, so a sentence is a group only where the
    corpus is divided anew. A test without a folder of recordings is left out.

    Source: label/<part>.txt, doi:10.5281/zenodo.13838106, arXiv:2405.04880.
    """
    root, rows, problems = Path(corpus.root), [], []
    labels = nested(root, "label", "train.txt")
    for part in ("train", "dev", *TESTS):
        folder = _folder(root, f"{part}/{part}", f"{part}_split/{part}", f"test/{part}", part)
        if part in TESTS and not folder:
            continue
        protocol = Protocol(root / f"{labels}{part}.txt", (2, 3), XIE_WORDS)
        for file, word, *_ in protocol:
            if label := protocol.label(word):
                name = _XIE.fullmatch(file.removesuffix(".wav"))
                speaker = name["speaker"] or "-"
                row = utterance(
                    corpus.name,
                    f"{part}/{name[0]}",
                    f"{folder or part}/{name[0]}.wav",
                    label,
                    "eval" if part in TESTS else part,
                    speaker=speaker,
                    attack="-" if label == "genuine" else name["codec"] or part,
                    language="zh" if speaker.startswith("SSB") else "-" if speaker == "-" else "en",
                    condition=part if part in TESTS else "-",
                    group=name["sentence"] if corpus.splits else None,
                )
                rows.append(row)
        problems += protocol.problems
    return Listing(rows, problems)


def read_wu(corpus: OfficialCorpus) -> Listing:
    """Rows of CodecFake by Wu, Tseng et al.: VCTK after 15 codecs. It has no genuine speech.

    There is no protocol: a file's name is <codec>+<speaker>_<sentence>.wav, in any folder below the root. The splits
    are those of the authors' code: speakers p226 and p229 dev, p227 and p228 eval. What is read are the unpacked
    archives of recordings (rogertseng/CodecFake_wavs), not the Parquet files of rogertseng/CodecFake.

    Source: huggingface.co/datasets/rogertseng/CodecFake_wavs, arXiv:2406.07237.
    """
    rows, strange = [], []
    for file, path in paths_by_name(Path(corpus.root)).items():
        if name := _WU.fullmatch(file):
            rows.append(_vctk(corpus, name, path, "fake"))
        elif file.endswith(".wav"):
            strange.append(path)
    problems = _misnamed(f"corpus {corpus.name}: {corpus.root}", strange, "<codec>+<speaker>_<sentence>.wav")
    if not rows:
        problems.append(f"corpus {corpus.name}: no recordings of it under {corpus.root}; unpack its archives there")
    return Listing(rows, problems)


def read_plus(corpus: OfficialCorpus) -> Listing:
    """Rows of CodecFake+: VCTK and its copies after codecs (condition CoRS), and speech of codec models (CoSG).

    Lines are `speaker file word` in CoRS_labels.txt and `model clip quantiser objective decoder word` in
    CoSG_labels.txt. Neither list says a split: CoRS is divided by speaker as in CodecFake by Wu, CoSG is evaluation
    data. One of the two may be missing.

    Source: huggingface.co/datasets/CodecFake/CodecFake_Plus_Dataset, arXiv:2501.08238.
    """
    root = Path(corpus.root)
    lists = {"CoRS_labels.txt": _cors, "CoSG_labels.txt": _cosg}
    there = [part for name, part in lists.items() if (root / name).is_file()]
    parts = [part(corpus, root) for part in there or [_cors]]
    return Listing([row for part in parts for row in part.rows], [line for part in parts for line in part.problems])


def _cors(corpus: OfficialCorpus, root: Path) -> Listing:
    labels = root / "CoRS_labels.txt"
    protocol, rows, strange = Protocol(labels, (3,), PLUS_WORDS), [], []
    folder = _folder(root, "all_data_16k", "Codecfake_plus_CoRS") or "CoRS"
    for _, file, word in protocol:
        if not (name := _CORS.fullmatch(file)):
            strange.append(file)
        elif label := protocol.label(word):
            rows.append(_vctk(corpus, name, f"{folder}/{file}", label, "CoRS"))
    return Listing(rows, protocol.problems + _misnamed(str(labels), strange, "<speaker>_<sentence>_<codec>.wav"))


def _cosg(corpus: OfficialCorpus, root: Path) -> Listing:
    protocol, rows = Protocol(root / "CoSG_labels.txt", (6,), PLUS_WORDS), []
    folder = _folder(root, "SLMdemos_16k") or "CoSG"
    paths = paths_by_name(root, folder)
    for model, clip, _, _, _, word in protocol:
        if label := protocol.label(word):
            path = paths.get(f"{clip}.wav", f"{folder}/{clip}.wav")
            attack = "-" if label == "genuine" else model
            rows.append(utterance(corpus.name, clip, path, label, "eval", attack=attack, condition="CoSG"))
    return Listing(rows, protocol.problems)


def _misnamed(where: str, files: list[str], pattern: str) -> list[str]:
    if not files:
        return []
    return [
        f"{where}: {len(files)} recording(s), first {files[0]}, are not named {pattern}; restore the official files"
    ]


def _folder(root: Path, *names: str) -> str | None:
    """The first of the folders that is under the root."""
    return next((name for name in names if (root / name).is_dir()), None)


def _vctk(corpus: OfficialCorpus, name: re.Match[str], path: str, label: str, condition: str = "-") -> dict[str, Any]:
    """A row of a recording whose name says speaker, sentence and codec."""
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
