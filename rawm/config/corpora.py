"""Corpora: `config/corpora/*.yaml`."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from rawm.config.base import Model
from rawm.config.open_speech import OpenSpeechRecipe

Split = Annotated[str, Field(pattern=r"^(train|dev|eval)$")]
SPEECH_CLASSES = ("fake", "genuine")  # in the order of the class indices
EMOTIONS = ("angry", "happy", "neutral", "sad")


class Counts(Model):
    """Published numbers of utterances; null is not checked."""

    genuine: int | None = Field(None, ge=0)
    fake: int | None = Field(None, ge=0)
    total: int | None = Field(None, ge=0, description="Of all classes together.")
    certain: bool = Field(
        False, description="Counted from the official lists: a difference is an error, else it is a warning."
    )


class Division(Model):
    """A split of our own. A group (a sentence, a recording and its copies) falls on one side, in every corpus alike."""

    train: float = Field(ge=0, le=1, description="Share of the groups.")
    dev: float = Field(0.0, ge=0, le=1, description="Share of the groups.")
    eval: float = Field(ge=0, le=1, description="Share of the groups.")
    of: list[Split] | None = Field(
        None, description="Official splits that are divided, the others are left out; null = the whole corpus."
    )
    by: Literal["group", "speaker", "utterance"] = Field("group", description="What may not be on two sides.")
    seed: int = Field(0, ge=0, description="Another seed divides in another way.")

    @model_validator(mode="after")
    def _whole(self) -> "Division":
        if abs(self.train + self.dev + self.eval - 1) > 1e-9:
            raise ValueError(f"train, dev and eval must add up to 1, not to {self.train + self.dev + self.eval:g}")
        return self


class CorpusBase(Model):
    """What every corpus file has."""

    #: Labels that its manifest may hold; None = whatever the data say.
    classes: ClassVar[tuple[str, ...] | None] = SPEECH_CLASSES
    #: Whether its utterances are sound files; else they are vectors in a feature folder.
    has_audio: ClassVar[bool] = True

    name: str = Field(description="The file's own name; set on loading, never written in the file.")
    title: str = ""
    homepage: str = ""
    licence: str = ""
    download: str = Field("", description="What to fetch and unpack, and how big it is; for docs/corpora.md.")
    verified: str = Field("", description="How the reader was checked, and what is uncertain; for docs/corpora.md.")
    root: str = Field("", description="Folder on disk; ~ and ${VARIABLES} are expanded. Empty: results/corpora/<name>.")
    bad_audio: Literal["stop", "skip"] = Field(
        "stop", description="On unreadable or too short audio: stop with its name, or name it and go on without it."
    )
    max_seconds: float | None = Field(
        None, gt=0, description="Features are computed of so many seconds from a recording's start; null = all of it."
    )
    expected: dict[Split, Counts] = Field(default_factory=dict, description="Published counts by official split.")
    waive_counts: bool = Field(False, description="Go on although certain counts differ, e.g. with a part of a corpus.")


class ListedCorpus(CorpusBase):
    """Recordings that lie on disk, with a protocol that says what they are."""

    splits: Division | None = Field(None, description="Divide the corpus ourselves; null keeps its official splits.")
    missing_allowed: float = Field(
        0.0, ge=0, le=1, description="Share of the listed files that may be missing; they are named and left out."
    )


class TableCorpus(ListedCorpus):
    """Recordings of your own, listed in a CSV, TSV or Parquet table."""

    loader: Literal["table"]
    table: str = Field(
        description="File with the columns utterance_id, path, label, split (others of the manifest are optional); "
        "paths are relative to root."
    )
    labels: dict[str, Literal["genuine", "fake"]] = Field(
        default_factory=lambda: {"genuine": "genuine", "fake": "fake"},
        description="The table's words for the classes -> genuine | fake; other words are refused.",
    )

    @property
    def table_path(self) -> Path:
        """The table's file: under root, or as written where there is none."""
        inside = Path(self.root) / self.table
        return inside if inside.is_file() else Path(self.table)


class FolderCorpus(ListedCorpus):
    """Recordings of your own in folders: what lies under a folder of `genuine` is genuine, of `fake` fake."""

    loader: Literal["folder"]
    genuine: list[str] = Field(["genuine"], description="Folders under root, searched to any depth.")
    fake: list[str] = Field(
        ["fake"], description="Folders under root, searched to any depth; [] for a source of genuine speech only."
    )
    split_folders: bool = Field(
        False, description="The folders lie in train/, dev/ and eval/ under root (else `splits` divides the corpus)."
    )
    language: str = Field("-", description="BCP 47 tag of all recordings.")

    @property
    def classes(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(label for label in SPEECH_CLASSES if getattr(self, label))


class PublishedList(ListedCorpus):
    """The utterance lists that a benchmark published: EVDA's (path, class index, task) or RAIS's (id, label, ...)."""

    loader: Literal["evda_list", "rais_list"]
    lists: dict[Split, str] = Field(min_length=1, description="Split -> list file, under root or elsewhere.")


#: loader of a research corpus -> its versions; the first one is the default.
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
}
#: Corpora without genuine speech: a task needs another corpus beside them.
FAKE_ONLY = ("wavefake", "mlaad", "codecfake_wu")


class OfficialCorpus(ListedCorpus):
    """A research corpus as its makers publish it."""

    loader: Literal[tuple(OFFICIAL)]  # type: ignore[valid-type]
    version: str = Field("", description="Which of its versions, for corpora that have several.")

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
    """Speech-like signals made by a formula: for tests and for machines without network."""

    loader: Literal["synthetic"]
    utterances: int = Field(120, ge=8, description="Genuine utterances; as many fakes are made.")
    duration_s: float = Field(1.0, gt=0.1, description="Mean length.")
    pitch_hz: float = Field(120.0, gt=40, lt=400, description="Mean pitch of the genuine speaker.")
    tilt: float = Field(1.0, description="Spectral tilt of the channel (both classes).")
    noise_db: float = Field(-30.0, description="Channel noise relative to the signal (both classes).")
    attack: Literal["buzz", "quantised", "smooth", "notch"] = Field(
        "buzz", description="What betrays the fake: constant pitch, coarse levels, smeared spectrum or a missing band."
    )
    seed: int = 0


class OpenSpeechCorpus(CorpusBase):
    """Human voice prompts and synthesisers that Debian distributes, fetched without root."""

    loader: Literal["open_speech"]
    recipe: OpenSpeechRecipe


class FeaturesCorpus(ListedCorpus):
    """Vectors computed elsewhere: a feature folder as `rawm import` writes it, for the front-end `stored`."""

    classes: ClassVar[None] = None
    has_audio: ClassVar[bool] = False

    loader: Literal["features"]
    labels: dict[str, str] = Field(
        default_factory=dict, description="Its words for the classes -> classes, others are refused; {} keeps them."
    )


class ClearCorpus(ListedCorpus):
    """CLEAR-10 or CLEAR-100: stored features of images of ten years, in the folders of its makers or of RAWM's code."""

    classes: ClassVar[None] = None
    has_audio: ClassVar[bool] = False

    loader: Literal["clear"]
    features: str = Field("moco_b0", description="Name of the feature set: moco_b0, imagenet, ...")
    layout: Literal["auto", "train_test", "training_folder", "per_image"] = Field(
        "auto",
        description="Folders train/ and test/ (current archives), training_folder/ (first archives), or one .pth file "
        "an image in features/<name>/<bucket>/<class>/ (RAWM's code).",
    )
    split: int = Field(0, ge=0, le=4, description="Which of the five official divisions of training_folder.")


class DigitsCorpus(CorpusBase):
    """scikit-learn's handwritten digits as ten buckets that drift away from the first; features `pixels` (64,)."""

    classes: ClassVar[tuple[str, ...]] = tuple("0123456789")
    has_audio: ClassVar[bool] = False

    loader: Literal["digits"]
    drift: Literal["rotation", "brightness"] = Field("rotation", description="What grows from bucket to bucket.")
    amount: float = Field(
        90.0, ge=0, le=360, description="Drift of the last bucket: degrees, or brightness added (0 to 1, 1 = white)."
    )
    seed: int = Field(0, ge=0, description="Chooses bucket and split of each image.")

    @model_validator(mode="after")
    def _possible(self) -> "DigitsCorpus":
        if self.drift == "brightness" and self.amount > 1:
            raise ValueError("amount of drift brightness must be at most 1, e.g. 0.8")
        return self


Corpus = (
    TableCorpus
    | FolderCorpus
    | PublishedList
    | OfficialCorpus
    | FeaturesCorpus
    | ClearCorpus
    | SyntheticCorpus
    | OpenSpeechCorpus
    | DigitsCorpus
)
CorpusFile = Annotated[Corpus, Field(discriminator="loader")]
