"""Verbs about features: `rawm extract` and `rawm import ...`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from rawm import paths
from rawm.cli.options import Corpus, Device, Threads, example, use_torch
from rawm.errors import UserError
from rawm.study import load_augmentation, load_corpus, load_frontend, mismatch

app = typer.Typer()
imports = typer.Typer(no_args_is_help=True, help="Turn features that you already have into a corpus.")
app.add_typer(imports, name="import")


@app.command(
    epilog=example(
        "rawm extract --frontend lfcc_stats --corpus open_en_tts",
        "rawm extract --frontend xlsr_300m --corpus asvspoof2019_la --shard 2of8 --threads 4",
        "rawm extract --frontend xlsr_300m --corpus asvspoof2019_la --join 8",
        "rawm extract --frontend lfcc_stats --corpus open_en_tts --augment mixed",
    )
)
def extract(
    frontend: Annotated[str, typer.Option(help="Label of a file in config/frontends/.")],
    corpus: Corpus,
    split: Annotated[list[str], typer.Option(help="Only this split; can be repeated.")] = list(paths.SPLITS),  # noqa: B006
    shard: Annotated[str | None, typer.Option(help="Only this part of the corpus, e.g. 2of8.")] = None,
    augment: Annotated[
        str | None,
        typer.Option(help="Label of a file in config/augmentations/: make changed copies of the training split."),
    ] = None,
    join: Annotated[
        int | None, typer.Option(min=1, help="Join this number of parts, computed before with --shard.")
    ] = None,
    device: Device = "auto",
    threads: Threads = 1,
):
    """Make the features of a corpus, one file per split: compute them, or copy stored ones."""
    loaded, settings = load_corpus(corpus), load_frontend(frontend)
    if unknown := sorted(set(split) - set(paths.SPLITS)):
        raise UserError(f"--split {unknown[0]}: is not a split; use one of {', '.join(paths.SPLITS)}")
    if problem := mismatch(settings, loaded):
        raise UserError(f"--frontend {frontend}: {problem}")
    part = _parse_shard(shard)
    if augment is not None:
        if shard is not None or join is not None or split not in (list(paths.SPLITS), ["train"]):
            raise UserError("--augment: goes without --shard and --join, and with no other --split than train")
        _extract_augmented(loaded, frontend, settings, augment, use_torch(device, threads), threads)
        return
    if join is not None:
        from rawm.features.store import join as join_shards

        for name in split:
            shards = [paths.feature_shard(frontend, corpus, name, f"{number}of{join}") for number in range(1, join + 1)]
            join_shards(shards, paths.features(frontend, corpus, name))
        return
    from rawm.features.sources import make_features

    where = use_torch(device, threads)
    for name in split:
        output = paths.features(frontend, corpus, name)
        if shard is not None:
            output = paths.feature_shard(frontend, corpus, name, shard)
        make_features(loaded, settings, name, paths.manifest(corpus), output, part, where, threads)


def _extract_augmented(corpus, frontend: str, settings, label: str, device, threads: int) -> None:
    """Make the features of changed copies of the training split."""
    from rawm.augmentation.extract import extract_augmented
    from rawm.study.augmentations import stored_name

    if settings.type == "stored":
        raise UserError(f"--augment {label}: changes audio, but front-end {frontend} looks up stored features")
    recipe = load_augmentation(label)
    output = paths.augmented(frontend, corpus.name, stored_name(label, recipe))
    extract_augmented(corpus, settings, recipe, paths.manifest(corpus.name), output, device=device, threads=threads)


def _parse_shard(text: str | None) -> tuple[int, int]:
    """Parse a part, e.g. 2of8 -> (2, 8); without one, everything is one part."""
    if text is None:
        return 1, 1
    number, _, count = text.partition("of")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise UserError(f"--shard {text}: is not a part; write e.g. 2of8 for the second of eight")
    return int(number), int(count)


Output = Annotated[Path, typer.Option(help="Feature folder to write.")]


@imports.command(
    "features",
    epilog=example(
        "rawm import features protocol.csv --output /data/mine_wav2vec > config/corpora/mine_wav2vec.yaml",
        "rawm import features frames.parquet --output /data/mine --name xlsr --pool mean",
    ),
)
def import_features(
    table: Annotated[
        Path,
        typer.Argument(
            help="CSV, TSV or Parquet with the columns utterance_id, path (of a .npy, .pt or .pth file, relative to "
            "the table), label and, where known, split, speaker, attack, language, condition, group."
        ),
    ],
    output: Output,
    name: Annotated[str, typer.Option(help="Name of the feature set.")] = "features",
    pool: Annotated[Literal["none", "mean"], typer.Option(help="mean = average frames (T, d) over time.")] = "none",
):
    """Write a feature folder from a table of vectors (d,) or frames (T, d), and print the corpus file that uses it."""
    from rawm.corpora import importing

    _show_import(output, name, importing.import_table(table, output, name, pool))


@imports.command(
    "clear",
    epilog=example(
        "rawm import clear /data/clear100 --features moco_b0 --output /data/clear100_moco > config/corpora/mine.yaml"
    ),
)
def import_clear(
    root: Annotated[Path, typer.Argument(help="Folder of CLEAR-10 or CLEAR-100, in any of its layouts.")],
    output: Output,
    features: Annotated[str, typer.Option(help="Name of the feature set: moco_b0, imagenet, ...")] = "moco_b0",
):
    """Write a feature folder from CLEAR's stored features, and print the corpus file that uses it."""
    from rawm.config.corpora import ClearCorpus
    from rawm.config.labels import require
    from rawm.corpora.readers.clear import import_folder

    require(features, "--features")
    corpus = ClearCorpus(loader="clear", name=output.name, root=str(root), features=features)
    _show_import(output, features, import_folder(corpus, output))


def _show_import(folder: Path, name: str, rows: list) -> None:
    """Print the corpus file to stdout, and what to do with it to stderr."""
    from rawm.corpora.importing import corpus_file

    typer.echo(corpus_file(folder, rows), nl=False)
    typer.echo(f"{len(rows)} rows; use a front-end file with `type: stored` and `features: {name}`", err=True)
