"""Lists of Speech DF Arena: `file_name,label`."""

import csv
from pathlib import Path

from rawm.config.corpora import PublishedList
from rawm.config.reading import find_file
from rawm.corpora.disk import audio_files
from rawm.corpora.listing import Listing, utterance
from rawm.corpora.protocol import HeadedProtocol
from rawm.manifest import Row

WORDS = {"bonafide": "genuine", "spoof": "fake"}


def read(corpus: PublishedList) -> Listing:
    """Read a list of Speech DF Arena for each split.

    A file is an absolute path, as its toolkit needs them, or, as in the lists of its leaderboard, a path or a name
    without suffix (`PromptTTS2/audio49`, `LA_E_2834763`), which is looked for below the root. The name is the id, so
    that scores exported with `--format arena` fit the list.

    Source: github.com/Speech-Arena/speech_df_arena, arXiv:2509.02859.
    """
    root = Path(corpus.root)
    rows: list[Row] = []
    problems: list[str] = []
    paths: dict[str, str] = {}
    for split, name in corpus.lists.items():
        table = HeadedProtocol(find_file(corpus.root, name), ("file_name", "label"), WORDS, ",", csv.QUOTE_MINIMAL)
        for line in table:
            if label := table.label(line["label"]):
                file = line["file_name"].replace("\\", "/")
                if not file.startswith("/"):
                    paths = paths or _by_name(root)
                    file = paths.get(file, file)
                rows.append(utterance(corpus.name, line["file_name"], file, label, split))
        problems += table.problems
    return Listing(rows, problems)


def _by_name(root: Path) -> dict[str, str]:
    """Path and name, each with and without suffix, -> path under the root; names of several files are left out."""
    paths: dict[str, str] = {}
    names: dict[str, str | None] = {}
    for path in audio_files(root):
        paths[path] = paths[path.rpartition(".")[0]] = path
        name = path.rpartition("/")[2]
        for key in (name, name.rpartition(".")[0]):
            names[key] = None if key in names else path
    return {name: path for name, path in names.items() if path} | paths
