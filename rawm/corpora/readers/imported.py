"""Features that others computed: feature folders, as `rawm import` writes them."""

from collections import Counter
from pathlib import Path

from rawm import manifest
from rawm.config.corpora import FeaturesCorpus
from rawm.corpora.listing import Listing
from rawm.errors import UserError
from rawm.features import folder as feature_folder


def read(corpus: FeaturesCorpus) -> Listing:
    """Read the folder's table; the split "-" means that there is no official one.

    Labels are mapped by the corpus file's `labels`, if it has any; rows with other words are reported and left out.

    Raises:
        UserError: the folder has no table.
    """
    table = feature_folder.table(Path(corpus.root))
    if not table.is_file():
        raise UserError(f"{table}: no such file; make the folder with `rawm import features` or `rawm import clear`")
    rows = []
    unknown: Counter[str] = Counter()  # label words
    for row in manifest.read(table).rows():
        label = corpus.labels.get(row["label"]) if corpus.labels else row["label"]
        if label is None:
            unknown[row["label"]] += 1
            continue
        split = "" if row["split"] == "-" else row["split"]
        rows.append(row | {"label": label, "split": split, "corpus": corpus.name})
    words = ", ".join(corpus.labels)
    problems = [
        f"{table}: label {word!r} in {times} row(s) is not one of {words}; map it under `labels` of the corpus file"
        for word, times in unknown.items()
    ]
    return Listing(rows, problems)
