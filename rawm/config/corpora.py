"""Corpora: `config/corpora/*.yaml`."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from rawm.config.base import Model
from rawm.config.models import Split
from rawm.config.open_speech import OpenSpeechRecipe


class Counts(Model):
    """Utterances of each class; null is not checked."""

    genuine: int | None = Field(None, ge=0)
    fake: int | None = Field(None, ge=0)


class CorpusBase(Model):
    """What every corpus file has."""

    name: str = Field(description="The file's own name; set on loading, never written in the file.")
    title: str = ""
    homepage: str = ""
    licence: str = ""
    root: str = Field("", description="Folder on disk; ~ and ${VARIABLES} are expanded. Empty: results/corpora/<name>.")
    bad_audio: Literal["stop", "skip"] = Field(
        "stop", description="On unreadable or too short audio: stop with its name, or name it and go on without it."
    )
    expected: dict[Split, Counts] = Field(default_factory=dict, description="Published counts by split, for auditing.")


class TableCorpus(CorpusBase):
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


CorpusFile = Annotated[TableCorpus | SyntheticCorpus | OpenSpeechCorpus, Field(discriminator="loader")]
Corpus = TableCorpus | SyntheticCorpus | OpenSpeechCorpus
