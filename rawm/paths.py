"""Layout of `results/`; for the files of a run see `rawm.runs.run.Run`.

All paths are relative to the working directory, as Snakemake's are.
"""

from pathlib import Path

RESULTS = Path("results")
CONFIG = Path("config")
_HERE = Path(__file__).parent
_SHIPPED = _HERE / "shipped" if (_HERE / "shipped").is_dir() else _HERE.parent  # an installed package, or a clone
#: What comes with the package. A file of `CONFIG` hides the one of the same name in `SHIPPED_CONFIG`.
SHIPPED_CONFIG = _SHIPPED / "config"
SHIPPED_WORKFLOW = _SHIPPED / "workflow"
PACKAGES = RESULTS / "packages"
PAPER = RESULTS / "paper"
SPLITS = ("train", "dev", "eval")
#: What `results/` holds beside the folders of studies.
TAKEN = ("README.md", "benchmarks", "corpora", "features", "logs", "manifests", "packages", "paper", "tuning")


def corpus(name: str) -> Path:
    """Folder of a corpus that the pipeline makes itself."""
    return RESULTS / "corpora" / name


def manifest(corpus: str) -> Path:
    return RESULTS / "manifests" / f"{corpus}.parquet"


def card(corpus: str) -> Path:
    """Folder of a corpus' card."""
    return RESULTS / "cards" / corpus


def features(frontend: str, corpus: str, split: str) -> Path:
    return RESULTS / "features" / frontend / corpus / f"{split}.safetensors"


def feature_shard(frontend: str, corpus: str, split: str, shard: str) -> Path:
    """Features of one shard, e.g. 2of8."""
    return RESULTS / "features" / frontend / corpus / "shards" / shard / f"{split}.safetensors"


def augmented(frontend: str, corpus: str, recipe: str) -> Path:
    """Features of changed copies of the training data, by a recipe's `stored_name`."""
    return RESULTS / "features" / frontend / corpus / "augmented" / recipe / "train.safetensors"


def tuning(search: str) -> Path:
    """Trials and choices of a search for hyper-parameters."""
    return RESULTS / "tuning" / search


def study(name: str) -> Path:
    return RESULTS / name


def model(study: str) -> Path:
    """The detector that leaves a study, as a bundle."""
    return RESULTS / study / "model"


def intervals(study: str) -> Path:
    """Intervals, paired differences and ranks of a study's methods."""
    return RESULTS / study / "intervals.json"


def made_by(path: str | Path) -> str:
    """The command that makes a file under `results/`, e.g. `rawm corpora make open_en_tts`; "" of other files."""
    match Path(path).with_suffix("").parts:
        case ("results", "manifests", corpus):
            return f"rawm corpora make {corpus}"
        case ("results", "features", frontend, corpus, "shards", part, _):
            return f"rawm extract --frontend {frontend} --corpus {corpus} --shard {part}"
        case ("results", "features", frontend, corpus, "augmented", recipe, _):
            return f"rawm extract --frontend {frontend} --corpus {corpus} --augment {recipe.rpartition('-')[0]}"
        case ("results", "features", frontend, corpus, _):
            return f"rawm extract --frontend {frontend} --corpus {corpus}"
        case ("results", "corpora", corpus, *_):
            return f"rawm corpora make {corpus}"
        case ("results", "tuning", search, *_):
            return f"rawm tune {search}"
        case ("results", name, _, *_) if name not in TAKEN:
            return f"snakemake --cores 2 --config study={name}"
    return ""
