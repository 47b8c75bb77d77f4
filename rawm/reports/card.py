"""The card of a corpus: one picture and one page."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rawm import paths
from rawm.corpora import card as numbers
from rawm.corpora import cues
from rawm.corpora.card import Card
from rawm.files import write_text
from rawm.reports.figures.style import COLOURS, GREEN, GREY, MUTED, TWO_COLUMNS, VERMILLION, save, styled, wrap
from rawm.reports.tables.formats import Cell, Table, markdown

PICTURE, PAGE = "card.png", "card.md"
ATTACKS = 12  # most attacks, languages or conditions that are shown
SUSPICIOUS = 35.0  # EER in %; three standard deviations below chance with 50 recordings of each class
#: Column of the sample -> (title, unit, decimals).
SOUND: dict[str, tuple[str, str, int]] = {
    "duration": ("duration", "s", 1),
    "sample rate": ("sample rate", "Hz", 0),
    "bandwidth": ("bandwidth", "Hz", 0),
    "level": ("level", "dB", 0),
    "peak": ("peak", "of full scale", 2),
    "lead": ("leading silence", "s", 2),
    "trail": ("trailing silence", "s", 2),
}
#: Histograms that are drawn -> the least width of their axes.
HISTOGRAMS = {"duration": 0.5, "level": 6.0, "bandwidth": 2000.0, "lead": 0.2}


def write(card: Card) -> Path:
    """Write the picture and the page of a card; return the page."""
    folder = paths.card(card.corpus.name)
    save(picture(card), folder / PICTURE)
    write_text(folder / PAGE, page(card))
    return folder / PAGE


def page(card: Card) -> str:
    """The page as Markdown."""
    title = card.corpus.title or card.corpus.name
    parts = [f"# {title}\n", f"Corpus `{card.corpus.name}`, {_count(len(card.rows), 'utterance')}.\n"]
    parts += [f"![Counts, sound and cues of {card.corpus.name}]({PICTURE})\n", "## What is in it\n", _counts(card)]
    for column in ("attack", "language", "condition"):
        if len(named := card.rows[card.rows[column] != "-"]):
            parts.append(_values(named, column))
    if not card.corpus.has_audio:
        return "\n".join([*parts, "The corpus holds features, so there is no sound to measure.\n"])
    parts += ["## How it sounds\n", _sound(card), "## Does it give itself away?\n", _cues(card)]
    if card.unreadable:
        parts += ["## Recordings that could not be read\n", _unreadable(card.unreadable)]
    return "\n".join(parts)


def _unreadable(sentences: list[str]) -> str:
    more = "" if len(sentences) <= ATTACKS else f", the first {ATTACKS} of them"
    lines = "\n".join(f"- {sentence}" for sentence in sentences[:ATTACKS])
    return f"{len(sentences)} of the sample{more}:\n\n{lines}\n"


def _counts(card: Card) -> str:
    rows = []
    for split in [name for name in paths.SPLITS if name in set(card.rows["split"])]:
        for label in sorted(set(card.rows["label"])):
            some = card.rows[(card.rows["split"] == split) & (card.rows["label"] == label)]
            rows.append([split, label, *_size(some)])
    return _table(["split", "class", "utterances", "hours", "speakers", "groups"], rows, 2)


def _size(rows: pd.DataFrame) -> list[str]:
    """Utterances, hours, speakers and groups."""
    speakers = rows.loc[rows["speaker"] != "-", "speaker"].nunique()
    return [
        f"{len(rows):,}",
        f"{rows['duration_s'].sum() / 3600:.2f}",
        str(speakers or "-"),
        str(rows["group"].nunique()),
    ]


def _values(rows: pd.DataFrame, column: str) -> str:
    names = rows[column].value_counts().index.tolist()
    shown = [[name, *_size(rows[rows[column] == name])] for name in names[:ATTACKS]]
    rest = f"\n{_count(len(names) - ATTACKS, column)} more.\n" if len(names) > ATTACKS else ""
    return _table([column, "utterances", "hours", "speakers", "groups"], shown, 1) + rest


def _sound(card: Card) -> str:
    if card.sample.empty:
        return "None of the sampled recordings could be read.\n"
    labels = sorted(set(card.sample["label"]))
    rows = [
        [
            f"{title}, {unit}",
            *(_spread(card.sample.loc[card.sample["label"] == label, column], decimals) for label in labels),
        ]
        for column, (title, unit, decimals) in SOUND.items()
    ]
    suffixes = [card.sample.loc[card.sample["label"] == label, "suffix"].value_counts() for label in labels]
    rows.append(["file", *(", ".join(f"{name} {count}" for name, count in counts.items()) for counts in suffixes)])
    note = (
        f"Median, and in brackets the range of the middle 90 %, of {len(card.sample)} recordings, of each at most the "
        f"first {numbers.SECONDS:g} s. Bandwidth: the highest frequency within {numbers.BAND_DB:g} dB of the maximum. "
        f"Silence: more than {cues.SILENCE_DB:g} dB below the loudest 20 ms."
    )
    return _table(["", *labels], rows, 1, note)


def _spread(values: pd.Series, decimals: int) -> str:
    low, middle, high = (f"{value:.{decimals}f}" for value in values.quantile([0.05, 0.5, 0.95]))
    return middle if low == high else f"{middle} [{low}, {high}]"


def _cues(card: Card) -> str:
    if card.together is None:
        return "Too few recordings of both classes, genuine and fake, were measured to say.\n"
    ranked = sorted(card.errors.items(), key=lambda item: item[1])
    rows = [[_title(name), f"{value:.0f}"] for name, value in ranked]
    rows.append(["all but the pitch together", f"{card.together:.0f}"])
    note = (
        f"EER in % of gradient boosting on this cue alone, in five-fold cross-validation over groups of the "
        f"{len(card.sample)} measured recordings; 50 is chance. High band: energy above "
        f"{numbers.HIGH_HZ / 1000:g} kHz. A detector may reach such an error without hearing the synthesiser. "
        "Pitch differs where the fakes have other speakers. What is no cue here may still be one: a speaker's voice, "
        "a room, a sentence."
    )
    return f"{_verdict(ranked, card.together)}\n\n" + _table(["cue", "EER"], rows, 1, note)


def _title(cue: str) -> str:
    return SOUND[cue][0] if cue in SOUND else cue


def _verdict(ranked: list[tuple[str, float]], together: float) -> str:
    telling = [_title(name) for name, value in ranked if value < SUSPICIOUS]
    if telling:
        return f"**Yes.** Below {SUSPICIOUS:g} % alone: {', '.join(telling)}."
    if together < SUSPICIOUS:
        return f"**Yes.** No single cue is below {SUSPICIOUS:g} %, but all of them together are."
    return f"Not by the cues below: all are at {SUSPICIOUS:g} % or above."


def _table(headers: list[str], rows: list[list[str]], names: int, note: str = "") -> str:
    table = Table(headers, headers, [[Cell(cell) for cell in row] for row in rows], names, note)
    return markdown(table).rstrip() + "\n"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


@styled
def picture(card: Card) -> Figure:
    """Counts, attacks and cues above; durations, levels, bandwidths and leading silence below, by class."""
    has_sound = not card.sample.empty
    figure = Figure(figsize=(TWO_COLUMNS, 4.2 if has_sound else 2.3), layout="constrained")
    figure.suptitle(wrap(card.corpus.title or card.corpus.name, 90))
    grid = figure.add_gridspec(2 if has_sound else 1, 4)
    colours = _colours(sorted(set(card.rows["label"])))
    _draw_counts(figure.add_subplot(grid[0, 0]), card.rows, colours)
    _draw_attacks(figure.add_subplot(grid[0, 1]), card.rows)
    _draw_cues(figure.add_subplot(grid[0, 2:]), card)
    for number, column in enumerate(HISTOGRAMS if has_sound else ()):
        _draw_histogram(figure.add_subplot(grid[1, number]), card.sample, column, colours)
    return figure


def _colours(labels: list[str]) -> dict[str, str]:
    if set(labels) <= {"fake", "genuine"}:
        return {label: {"fake": VERMILLION, "genuine": GREEN}[label] for label in labels}
    return {label: COLOURS[number % len(COLOURS)] for number, label in enumerate(labels)}


def _draw_counts(axes: Axes, rows: pd.DataFrame, colours: dict[str, str]) -> None:
    splits = [name for name in paths.SPLITS if name in set(rows["split"])]
    bottom = np.zeros(len(splits))
    for label, colour in colours.items():
        counts = np.array([((rows["split"] == split) & (rows["label"] == label)).sum() for split in splits])
        axes.bar(splits, counts, bottom=bottom, color=colour, label=label, width=0.6)
        bottom += counts
    axes.set_title("Utterances")
    axes.set_ylim(0, bottom.max() * (1.35 if len(colours) <= 4 else 1.05))
    if len(colours) <= 4:
        axes.legend(loc="upper right", handlelength=1)


def _draw_attacks(axes: Axes, rows: pd.DataFrame) -> None:
    counts = rows.loc[rows["attack"] != "-", "attack"].value_counts()
    axes.set_title("Attacks" if len(counts) <= ATTACKS else f"{ATTACKS} of {len(counts)} attacks")
    if counts.empty:
        _empty(axes, "not named")
        return
    counts = counts.iloc[:ATTACKS][::-1]
    axes.barh(range(len(counts)), counts.to_numpy(), color=GREY, height=0.6)
    axes.set_yticks(range(len(counts)), [_short(str(name)) for name in counts.index])
    axes.tick_params(axis="y", length=0)


def _short(name: str) -> str:
    """Leave out the middle of a long name, since names of attacks often differ at the end."""
    return name if len(name) <= 20 else f"{name[:9]}…{name[-10:]}"


def _draw_cues(axes: Axes, card: Card) -> None:
    axes.set_title("EER of single cues (%)")
    if not card.errors:
        _empty(axes, "not measured: too few recordings\nof both classes")
        return
    ranked = sorted(card.errors.items(), key=lambda item: -item[1])
    colours = [VERMILLION if value < SUSPICIOUS else GREY for _, value in ranked]
    axes.barh([_title(name) for name, _ in ranked], [value for _, value in ranked], color=colours, height=0.6)
    axes.axvline(50, color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)))
    axes.text(50.8, len(ranked) - 1, "chance", color=MUTED, fontsize=7, va="center")
    axes.set_xlim(0, 62)
    axes.tick_params(axis="y", length=0)


def _draw_histogram(axes: Axes, sample: pd.DataFrame, column: str, colours: dict[str, str]) -> None:
    title, unit, _ = SOUND[column]
    low, high = sample[column].quantile([0.005, 0.995])
    missing = max(0.0, HISTOGRAMS[column] - (high - low)) / 2
    edges = np.linspace(low - missing, high + missing, 25)
    for label, colour in colours.items():
        values = np.clip(sample.loc[sample["label"] == label, column], edges[0], edges[-1])
        shares = 100 * np.histogram(values, edges)[0] / max(1, len(values))
        axes.stairs(shares, edges, color=colour, fill=True, alpha=0.25)
        axes.stairs(shares, edges, color=colour, linewidth=0.9)
    axes.set_title(f"{title.capitalize()} ({unit})")
    axes.set_ylabel("% of recordings" if column == "duration" else "")


def _empty(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED)
    axes.set_axis_off()
