"""Utterance lists that continual-learning benchmarks published: EVDA's and RAIS'."""

import csv
import functools
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from rawm.config.corpora import PublishedList
from rawm.config.reading import find_file
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import HeadedProtocol, ProtocolFile
from rawm.manifest import Row

EVDA_WORDS = {"0": "genuine", "1": "fake"}
EVDA_FOLDERS = {"real": "genuine", "fake": "fake"}
RAIS_COLUMNS = ("id", "label", "vocoder", "language", "speaker")
RAIS_WORDS = {"real": "genuine", "fake": "fake"}
RAIS_LANGUAGES = {"English": "en", "Chinese": "zh"}


def read_evda(corpus: PublishedList) -> Listing:
    """Read lists of the EVDA benchmark (arXiv:2405.08596): `file class_index timestamp`, real 0, fake 1.

    The listed files are features on the authors' machine, `.../train_fadcl_wav2vec/<task>/<real or fake>/<name>.npy`.
    Here the recordings must be under the root as `<task>/<real or fake>/<name>` with any suffix. (A name that had .wav
    within it, as in Fake-or-Real, has .npy there too.) The task's number becomes the condition. The authors took the
    indices from an unsorted folder, so they are compared with the folder's name.

        loader: evda_list
        root: /data/evda
        lists: {train: data_train_path.txt, eval: data_test_path.txt}
    """
    rows, problems = [], []
    names = functools.cache(lambda folder: _by_stem(Path(corpus.root) / folder))
    for split, path in _lists(corpus):
        protocol, swapped = ProtocolFile(path, (3,), EVDA_WORDS), []
        for listed, index, task in protocol:
            if index == "class_index" or not (label := protocol.label(index)):
                continue
            *_, kind, name = parts = ("", *listed.split("/"))[-4:]
            if EVDA_FOLDERS.get(kind) != label:
                swapped.append(listed)
            folder = "/".join(filter(None, parts[:-1]))
            stem = os.path.splitext(name)[0].replace(".npy", ".wav")
            recording = f"{folder}/{names(folder).get(stem, name)}"
            rows.append(utterance(corpus.name, f"{folder}/{stem}", recording, label, split, condition=task))
        problems += protocol.problems
        if swapped:
            problems.append(
                f"{path}: the class index of {len(swapped)} file(s), first {swapped[0]}, is not that of its folder; "
                "real must be 0 and fake 1"
            )
    return Listing(rows, problems)


def read_rais(corpus: PublishedList) -> Listing:
    """Read lists of RAIS (arXiv:2505.24486): `id|label|vocoder|language|speaker`, and a transcript in one of them.

    An id is a path that begins with a slash, under the root of RAIS. In the list with transcripts (OpenAI's voices and
    LJSpeech) genuine lines have the transcript in place of the speaker, and end with a `|`. Quotation marks are only
    text. A sentence's recording and its fake may be in different lists; they are a group only where the corpus file
    divides the lists.

        loader: rais_list
        root: /data/rais
        lists: {train: datasets/GPT/train_meta.txt, dev: datasets/GPT/dev_meta.txt, eval: datasets/GPT/eval_meta.txt}
    """
    rows, problems = [], []
    for split, path in _lists(corpus):
        table = HeadedProtocol(path, RAIS_COLUMNS, RAIS_WORDS, separator="|", quoting=csv.QUOTE_NONE)
        for line in table:
            if label := table.label(line["label"]):
                rows.append(_rais_row(corpus, line, label, split))
        problems += table.problems
    return Listing(rows, problems)


def _rais_row(corpus: PublishedList, line: dict[str, str], label: str, split: str) -> Row:
    file = line["id"].lstrip("/")
    shifted = label == "genuine" and line.get("script") == ""
    return utterance(
        corpus.name,
        file.rpartition(".")[0],
        file,
        label,
        split,
        speaker="-" if shifted else _or_dash(line["speaker"]),
        attack="-" if label == "genuine" else _or_dash(line["vocoder"]),
        language=RAIS_LANGUAGES.get(line["language"], "-"),
        group=PurePosixPath(file).stem if corpus.splits else None,
    )


def _lists(corpus: PublishedList) -> Iterator[tuple[str, Path]]:
    """Yield (split, list file), under the root or where its path says."""
    for split, name in corpus.lists.items():
        yield split, find_file(corpus.root, name)


def _or_dash(word: str) -> str:
    """Replace an unknown value by "-"."""
    return "-" if word in ("", "unknown") else word


def _by_stem(folder: Path) -> dict[str, str]:
    """Stem -> name of the files in a folder, without hidden ones."""
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    return {os.path.splitext(name)[0]: name for name in names if not name.startswith(".")}
