"""Small valid files of each kind, and the readers that get spoilt versions of them."""

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from support import disk
from support.hostile import Target
from support.mutations import PIECES, reshaped, spoilt_bytes, spoilt_json, spoilt_safetensors, spoilt_table, spoilt_text

ROOT = Path(__file__).parents[2]


def yaml(folder: Path) -> list[Target]:
    """Every file of config/, read as its kind."""
    from rawm.config import guarded_yaml
    from rawm.config.reading import read_model
    from rawm.study.load import KINDS as MODELS

    def spoil(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
        kind = rng.random()
        if kind < 0.2:
            return spoilt_bytes(rng, content, others)
        if kind < 0.6:
            return spoilt_text(rng, content.decode(), PIECES).encode("latin-1" if kind < 0.22 else "utf-8", "replace")
        return json.dumps(reshaped(rng, json.loads(as_json[content])), ensure_ascii=False).encode()  # JSON is YAML

    targets, as_json = [], {}
    for kind, model in MODELS.items():
        read = partial(read_model, model=model, extra={"name": "x"} if kind == "corpora" else None)
        for path in sorted((ROOT / "config" / kind).glob("*.yaml")):
            targets.append(Target(folder / "file.yaml", content := path.read_bytes(), spoil, read))
            as_json[content] = json.dumps(guarded_yaml.read(path))
    return targets


ROWS = "utterance_id,path,label,split,speaker,duration_s,group\n" + "".join(
    f"u{n},u{n}.wav,{('genuine', 'fake')[n % 2]},{('train', 'dev', 'eval')[n // 2 % 3]},s{n % 4},0.3,g{n // 2}\n"
    for n in range(12)
)


def tables(folder: Path) -> list[Target]:
    """Lists of one's own recordings and of one's own features, in CSV, TSV and Parquet."""
    from rawm import manifest
    from rawm.corpora import listing, reader
    from rawm.corpora.importing import import_table

    def corpus(path: Path) -> None:
        rows = listing.make(disk.corpus("table", folder, table=path.name), reader("table"), 1)
        manifest.write(rows, folder / "made.parquet")

    def features(path: Path) -> None:
        import_table(path, folder / "imported", "mine", "none")

    for n in range(12):
        disk.write_audio(folder / f"u{n}.wav")
        np.save(folder / f"u{n}.npy", np.full(4, n, np.float32))
    tabbed = ROWS.replace(",", "\t")
    return [
        Target(folder / "table.csv", ROWS.encode(), spoilt_table, corpus),
        Target(folder / "table.tsv", tabbed.encode(), spoilt_table, corpus),
        Target(folder / "short.csv", ROWS.replace(",0.3,", ",,").encode(), spoilt_table, corpus),
        Target(folder / "features.csv", ROWS.replace(".wav", ".npy").encode(), spoilt_table, features),
    ]


#: Loader -> its protocols in the folder that `support.official` writes.
OFFICIAL = {
    "asvspoof2015": ("asvspoof2015", "ASVspoof2015", "CM_protocol/*"),
    "asvspoof2019_la": ("asvspoof2019_la", "LA", "*/*.txt"),
    "fmfcc_a": ("fmfcc_a", "", "**/*.txt"),
    "in_the_wild": ("in_the_wild", "", "**/*.csv"),
    "vcc2020": ("vcc2020", "", "**/*.*"),
    "had": ("had", "", "**/*.txt"),
    "add2022": ("add2022", "", "**/*.txt"),
    "iemocap": ("iemocap", "", "**/*.txt"),
    "msp_podcast": ("msp_podcast", "", "**/*.csv"),
}
AUDIO = (".wav", ".flac", ".mp3", ".ogg")


def protocols(folder: Path) -> list[Target]:
    """The lists of the research corpora that can be read."""
    from support import official
    from support.recent import RECENT

    from rawm.errors import UserError

    def target(loader: str, root: Path, given: dict[str, Any], path: Path) -> Target:
        def read(path: Path) -> None:
            if problems := disk.read(loader, root, **given).problems:
                raise UserError("\n".join(problems))

        return Target(path, path.read_bytes(), spoilt_table, read)

    targets = []
    for loader, recent in RECENT.items():
        if recent.protocols:
            recent.make(root := folder / loader)
            targets += [target(loader, root, dict(recent.given), path) for path in sorted(root.glob(recent.protocols))]
    for loader, (make, inside, glob) in OFFICIAL.items():
        getattr(official, make)(folder / loader, 2)
        paths = [path for path in sorted((folder / loader / inside).glob(glob)) if path.suffix not in AUDIO]
        root = folder / loader / inside
        root = root if inside else next(path for path in sorted(root.iterdir()) if path.is_dir())
        targets += [target(loader, root, {}, path) for path in paths if path.is_file()]
    line = "E_0001 {} F - - - AC1 A05 {} -"
    for split in ("train", "dev", "eval"):
        name = f"ASVspoof5.{split}{'' if split == 'train' else '.track_1'}.tsv"
        lines = [line.format(f"T_{n}", ("bonafide", "spoof")[n % 2]) for n in range(4)]
        path = disk.write_lines(folder / "asvspoof5" / name, lines)
        targets.append(target("asvspoof5", folder / "asvspoof5", {"waive_counts": True}, path))
    return targets


def scores(folder: Path) -> list[Target]:
    """Score files and keys of every format."""
    from rawm.score_files import formats
    from rawm.score_files.evaluate import evaluate

    names = [f"u{n}" for n in range(20)]
    values, labels = np.linspace(-2, 2, 20), ["fake", "genuine"] * 10
    targets = []
    for format in formats.COLUMNS:
        formats.write(path := folder / f"{format}.txt", format, names, values, labels)
        for read in (formats.read, partial(formats.read, format=format), formats.read_key):
            targets.append(Target(path, path.read_bytes(), spoilt_table, read))
    formats.write_arena_list(key := folder / "key.csv", names, labels)
    scored, asv = folder / "scored.txt", folder / "asv.txt"
    formats.write(scored, "asvspoof2021", names, values)
    rows = [f"s {kind} {value}" for kind in ("target", "nontarget", "spoof") for value in values]
    disk.write_lines(asv, rows)
    for path, read in {
        scored: lambda path: evaluate(path, key=key, asv=asv),
        key: lambda path: evaluate(scored, key=path),
        asv: lambda path: evaluate(scored, key=key, asv=path),
    }.items():
        targets.append(Target(path, path.read_bytes(), spoilt_table, read))
    return targets


def audio(folder: Path) -> list[Target]:
    """Recordings of every container, read whole, in pieces and for their length."""
    import torch  # noqa: F401 - resampling needs it, and the limit of memory is what the loaded modules leave
    from support import sounds

    from rawm import audio as reading

    def pieces(path: Path) -> None:
        for _ in reading.pieces(path, 16000, 0.05):
            pass

    targets = []
    for suffix in (*sounds.LIBSNDFILE, *sounds.FFMPEG):
        rate = {".amr": 8000, ".gsm": 8000, ".ulaw": 8000, ".alaw": 8000, ".sln": 8000}.get(suffix, 16000)
        try:
            path = sounds.write(folder / f"a{suffix}", rate, seconds=0.2)
        except Exception:  # FFmpeg was built without this encoder
            continue
        often = 6 if suffix in (".wav", ".flac", ".ogg") else 1
        for read in (partial(reading.load, sample_rate=16000), pieces, reading.duration, reading.check):
            targets += often * [Target(path, path.read_bytes(), spoilt_bytes, read)]
    return targets


def tensors(folder: Path) -> list[Target]:
    """Arrays and tensors of others, feature stores, detectors, memories, and weights of encoders."""
    import torch
    from safetensors.torch import save

    from rawm.config.detectors import MLP
    from rawm.detectors import build, checkpoint
    from rawm.features.store import FeatureStore, write_store
    from rawm.features.tensor_files import array, load
    from rawm.frontends import ssl_weights

    def read(path: Path) -> None:
        array(load(path), path)

    def store(path: Path) -> None:
        opened = FeatureStore(path)
        rows = opened.index(opened.ids)
        opened.vectors(rows) if opened.pooled else list(opened.table(rows))

    np.save(folder / "a.npy", np.arange(12, dtype=np.float32).reshape(3, 4))
    np.save(folder / "b.npy", np.asfortranarray(np.arange(12).reshape(3, 4)))
    torch.save(torch.arange(12.0).reshape(3, 4), folder / "a.pt")
    torch.save(torch.arange(12.0), folder / "old.pth", _use_new_zipfile_serialization=False)
    header = {"ids": ["a", "b"], "skipped": [], "corpus": "c", "split": "train", "manifest": "", "frontend": {}}
    for name, pooled, lengths, type in (("frames", False, [2, 3], np.float16), ("vectors", True, [1, 1], np.float32)):
        with open(folder / "spool", "w+b") as spool:
            spool.write(np.ones((sum(lengths), 4), type).tobytes())
            write_store(folder / f"{name}.safetensors", header, 4, pooled, lengths, spool)
    settings = MLP(type="mlp", hidden=[8])
    described = checkpoint.describe(settings, 4, True, ("fake", "genuine"))
    checkpoint.save_detector(folder / "detector.safetensors", build(settings, 4, True, 2), described)
    weights = {
        "feature_extractor.conv_layers.0.conv.weight": torch.ones(2, 1, 3),
        "encoder.layer_norm.bias": torch.ones(2),
    }
    (folder / "encoder.safetensors").write_bytes(save(weights))
    torch.save({"model": weights}, folder / "encoder.pt")
    readers: dict[str, tuple[Callable, list[Callable]]] = {
        "a.npy": (spoilt_bytes, [read]),
        "b.npy": (spoilt_bytes, [read]),
        "a.pt": (spoilt_bytes, [read, ssl_weights.read]),
        "old.pth": (spoilt_bytes, [read]),
        "frames.safetensors": (spoilt_safetensors, [store, store]),
        "vectors.safetensors": (spoilt_safetensors, [store]),
        "detector.safetensors": (spoilt_safetensors, [checkpoint.load_detector, checkpoint.load]),
        "encoder.safetensors": (spoilt_safetensors, [ssl_weights.read]),
        "encoder.pt": (spoilt_bytes, [ssl_weights.read]),
    }
    return [
        Target(folder / name, (folder / name).read_bytes(), spoil, reader)
        for name, (spoil, each) in readers.items()
        for reader in each
    ]


def parquet(folder: Path) -> list[Target]:
    """Manifests, scores of runs, tables and data sets in Parquet."""
    import pyarrow.parquet as pq
    from support.finished_runs import make_study

    from rawm import manifest, paths
    from rawm.corpora import maker
    from rawm.corpora.readers import table
    from rawm.runs.run import Run
    from rawm.score_files import formats

    study = make_study(folder, ("rawm",), seeds=(0,), tasks=2)
    run = Run(study, "rawm", 0)

    def read(path: Path) -> None:
        manifest.read(path).select("eval")
        manifest.digest(path)

    def arena(path: Path) -> None:
        maker("arena_parquet")(disk.corpus("arena_parquet", folder / "made", parquet=str(path.parent)), folder, 1)

    listed = paths.manifest("synthetic_buzz")
    columns = manifest.read(listed).rows()[:10]
    manifest.write(columns, small := folder / "small.parquet", None)
    pq.write_table(pq.read_table(small), uncompressed := folder / "table.parquet", compression="none")
    sound = disk.write_audio(folder / "a.wav", 0.1).read_bytes()
    rows = [{"path": f"{n}.wav", "audio": {"bytes": sound, "path": None}, "label": n % 2} for n in range(4)]
    (set_ := folder / "set").mkdir()
    import pyarrow as pa

    pq.write_table(pa.Table.from_pylist(rows), data := set_ / "test.parquet")
    return [
        Target(small, small.read_bytes(), spoilt_bytes, read),
        Target(uncompressed, uncompressed.read_bytes(), spoilt_bytes, read),
        Target(uncompressed, uncompressed.read_bytes(), spoilt_bytes, lambda path: list(table.records(path, True))),
        Target(small, small.read_bytes(), spoilt_bytes, formats.read_key),
        Target(run.scores_path, run.scores_path.read_bytes(), spoilt_bytes, lambda _: run.scores),
        Target(data, data.read_bytes(), spoilt_bytes, arena),
    ]


def documents(folder: Path) -> list[Target]:
    """Metrics, histories and intervals of runs, in JSON."""
    from support.finished_runs import make_study

    from rawm.runs import results, uncertainty
    from rawm.runs.run import Run

    study = make_study(folder, ("finetune", "rawm"), seeds=(0,), tasks=2)
    run = Run(study, "rawm", 0)
    uncertainty.make(study, 100, 0, 0.95, "group", 1)
    intervals = folder / "results" / study.name / "intervals.json"
    return [
        Target(path, path.read_bytes(), spoilt_json, read)
        for path, read in (
            (run.metrics_path, lambda _: results.load(study)),
            (run.history_path(1), lambda _: results.history(study)),
            (run.history_path(1), lambda _: run.seconds(1)),
            (intervals, lambda _: uncertainty.load(study)),
        )
    ]


KINDS: dict[str, Callable[[Path], list[Target]]] = {
    "YAML": yaml,
    "tables": tables,
    "protocols": protocols,
    "scores": scores,
    "audio": audio,
    "tensors": tensors,
    "Parquet": parquet,
    "documents": documents,
}
