"""The recordings of another corpus through a lower sample rate: narrow-band speech that is otherwise the same."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from rawm import audio, manifest, paths
from rawm.config.corpora import ResampledCorpus
from rawm.manifest import Row
from rawm.study import load_corpus


def make(corpus: ResampledCorpus, packages_dir: Path, workers: int) -> list[Row]:
    """Write 16 bit FLAC files under the corpus' root; a `corpora.Maker`, which needs no packages.

    Utterances keep their ids, splits and everything else that the other manifest says.

    Raises:
        UserError: the other corpus has no manifest, or a recording cannot be used.
    """
    other = load_corpus(corpus.of)
    rows = manifest.read(paths.manifest(other.name)).rows()

    def write(number: int, row: Row) -> Row:
        samples = audio.load(Path(other.root) / row["path"], corpus.sample_rate)
        path = f"{number:06d}.flac"  # other corpora may have paths outside of their folder
        audio.save_flac(Path(corpus.root) / path, samples, corpus.sample_rate)
        return row | {"path": path, "corpus": corpus.name, "duration_s": len(samples) / corpus.sample_rate}

    # The last bits of a resampled signal may depend on the number of torch's threads.
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return list(pool.map(write, range(len(rows)), rows))
