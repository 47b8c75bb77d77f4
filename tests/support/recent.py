"""Corpora of 2023 to 2026, a few utterances each, in their official layouts: what the table of their tests runs over.

A maker writes the recordings and lists of a corpus below a folder, and an audio file that no list names. It returns the
rows that a reader must find, (split, label, utterance_id).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from support.disk import write_audio, write_lines

Rows = set[tuple[str, str, str]]


def spoofceleb(root: Path) -> Rows:
    rows = set()
    for part, split in (("train", "train"), ("development", "dev"), ("evaluation", "eval")):
        lines = ["file,speaker,attack"]
        for attack, label in (("a00", "genuine"), ("a06", "fake"), ("a23", "fake")):
            file = f"{attack}/id10318/{part}-00002-006.flac"
            lines.append(f"{file},id10318,{attack}")
            write_audio(root / f"flac/{part}/{file}")
            rows.add((split, label, file.removesuffix(".flac")))
        write_lines(root / f"metadata/{part}.csv", lines)
    write_audio(root / "flac/train/a00/id10318/unlisted.flac")
    return rows


def deepfake_eval_2024(root: Path) -> Rows:
    lines = ["Filename,Finetuning Set,Ground Truth,Language"]
    rows = set()
    for file, part, word in (
        ("a.mp3", "Train", "Real"), ("b.wav", "Train", "Fake"), ("c d.mp3", "Test", "Real"), ("e.wav", "Test", "Fake"),
        ("u.mp3", "Test", "Unknown"), ("n.mp3", "", "Fake"),
    ):  # fmt: skip
        lines.append(f"{file},{part},{word},en")
        write_audio(root / "audio-data" / file)
        if word != "Unknown" and part:
            rows.add(({"Train": "train", "Test": "eval"}[part], {"Real": "genuine", "Fake": "fake"}[word], file))
    write_lines(root / "audio-metadata-publish.csv", lines)
    return rows


def dfadd(root: Path) -> Rows:
    rows = set()
    for part, split in (("train", "train"), ("valid", "dev"), ("test", "eval")):
        for system, name in (("VCTK_BONAFIDE", "p227_164"), ("GradTTS", "p227_164_GradTTS")):
            suffix = "wav" if "BONAFIDE" in system else "flac"
            write_audio(root / f"DATASET_{system}/{part}/{name}.{suffix}")
            rows.add((split, "genuine" if suffix == "wav" else "fake", f"{system}/{part}/{name}"))
    write_audio(root / "elsewhere/p227_164.wav")
    return rows


def ctrsvdd(root: Path) -> Rows:
    rows = set()
    for part, split in (("train", "train"), ("dev", "dev"), ("test", "eval")):
        names = [f"CtrSVDD_{part}_{number:04d}" for number in range(2)]
        lines = [f"m4singer m4singer_Alto-1 {names[0]} - - bonafide", f"opencpop opencpop_1 {names[1]} - A09 deepfake"]
        write_lines(root / f"{part}.txt", lines)
        for name, label in zip(names, ("genuine", "fake"), strict=True):
            write_audio(root / f"{part}_set/{name}.flac")
            rows.add((split, label, name))
    write_audio(root / "test_set/unlisted.flac")
    return rows


def partialspoof(root: Path) -> Rows:
    rows = set()
    for split in ("train", "dev", "eval"):
        genuine, fake = f"LA_{split[0].upper()}_1000137", f"CON_{split[0].upper()}_0000029"
        lines = [f"LA_0079 {genuine} - - bonafide", f"LA_0079 {fake} - CON spoof"]
        write_lines(
            root / f"protocols/PartialSpoof_LA_cm_protocols/PartialSpoof.LA.cm.{split}.trl.txt",
            lines,
        )
        for name in (genuine, fake, "unlisted"):
            write_audio(root / f"{split}/con_wav/{name}.wav")
        rows |= {(split, "genuine", genuine), (split, "fake", fake)}
    return rows


def llamapartialspoof(root: Path) -> Rows:
    lines = {
        "a": ["10_0001 2.10 bonafide 0.0000-2.1000-bonafide", "10_0002 1.40 spoof 0.0000-1.4000-spoof"],
        "b": ["10_0003 2.00 spoof 0.0000-1.0000-bonafide 1.0000-1.5000-spoof 1.5000-2.0000-bonafide"],
    }
    rows = set()
    for part, listed in lines.items():
        write_lines(root / f"label_R01TTS.0.{part}.txt", listed)
        for line in listed:
            name, _, word, *_ = line.split()
            write_audio(root / f"R01TTS.0.{part}/{name}.wav")
            rows.add(("", {"bonafide": "genuine", "spoof": "fake"}[word], name))
    write_audio(root / "R01TTS.0.a/unlisted.wav")
    return rows


def diffssd(root: Path) -> Rows:
    lines = ["filename,method_name,category,source,set,target"]
    rows = set()
    on_disk = {"ljspeech": "real_speech/LJSpeech-1.1/wavs", "librispeech": "LibriSpeech"}
    for file, part, target in (
        ("ljspeech/LJ001-0001.wav", "train", 0), ("generated_speech/grad_tts/sentence_0.wav", "train", 1),
        ("librispeech/dev-clean/84/121123/84-121123-0000.flac", "val", 0),
        ("generated_speech/your_tts/speaker_1487/sentence_449.wav", "val", 1),
        ("ljspeech/LJ002-0001.wav", "test", 0), ("generated_speech/playht/speaker_100/sentence_1.mp3", "test", 1),
    ):  # fmt: skip
        first, _, rest = file.partition("/")
        lines.append(f"{file},{file.split('/')[1]},,,{part},{target}")
        write_audio(root / on_disk.get(first, first) / rest)
        split = {"train": "train", "val": "dev", "test": "eval"}[part]
        rows.add((split, ("genuine", "fake")[target], file.rpartition(".")[0]))
    write_lines(root / "train_val_test_splits.csv", lines)
    write_audio(root / "LibriSpeech/dev-clean/84/unlisted.flac")
    return rows


def cvoicefake(root: Path) -> Rows:
    rows = set()
    for language in ("EN", "ZH-CN"):
        for folder, name in (
            ("Bonafide", "common_voice_1"), ("griffin_lim_generated", "common_voice_1_Gen"),
            ("vctk_parallel_wavegan.v1_generated", "common_voice_1_Gen"),
        ):  # fmt: skip
            write_audio(root / f"CVoiceFake_Large/{language}/{folder}/{name}.mp3")
            rows.add(("", "genuine" if folder == "Bonafide" else "fake", f"{language}/{folder}/{name}"))
    write_audio(root / "elsewhere.mp3")
    return rows


def decro(root: Path) -> Rows:
    rows = set()
    home = root / "petrichorwq-DECRO-dataset-6fc9884"
    for part in ("en_train", "en_dev", "en_eval", "ch_train", "ch_dev", "ch_eval"):
        lines = ["G0019 T0055G0019S0420 - aidatatang bonafide", "unknown 20032123 - baidu spoof "]  # a last space
        write_lines(home / f"{part}.txt", lines)
        for name in ("T0055G0019S0420", "20032123", "unlisted"):
            write_audio(home / part / f"{name}.wav")
        split = part.partition("_")[2]
        rows |= {(split, "genuine", f"{part}/T0055G0019S0420"), (split, "fake", f"{part}/20032123")}
    return rows


def speechfake(root: Path) -> Rows:
    rows = set()
    for name, split in (("train_all", "train"), ("dev_all", "dev"), ("test_all", "eval")):
        lines = [",file,label"]
        files = (("Real/VCTK-Corpus/p225_001.wav", "bonafide"), (f"BD/VITS/VCTK/{name}.wav", "spoof"))
        for number, (file, word) in enumerate(files):
            lines.append(f"{number},{file},{word}")
            write_audio(root / file)
            label = {"bonafide": "genuine", "spoof": "fake"}[word]
            if split == "train" or word == "spoof":  # the genuine file is in one list
                rows.add((split, label, f"all/{file}" if split == "eval" else file))
        write_lines(
            root / f"metadata/experiments/baseline/{name}.csv", lines if split == "train" else lines[:1] + lines[2:]
        )
    write_lines(root / "metadata/experiments/baseline/test_en.csv", [",file,label"])
    write_audio(root / "MD/EdgeTTS/unlisted.wav")
    return rows


def odss(root: Path) -> Rows:
    rows = set()
    for folder, label in (("natural", "genuine"), ("vits", "fake"), ("fastpitch-hifigan", "fake")):
        for inner in ("hui-acg/Bernd/sentence_1", "openslr-es/arf_00295/arf_00295_1"):
            write_audio(root / f"{folder}/{inner}.wav")
            rows.add(("", label, f"{folder}/{inner}"))
    write_audio(root / "other/a.wav")
    return rows


def arena_list(root: Path) -> Rows:
    lines = [
        "file_name,label",
        "OpenAI/audio49,spoof",
        "real_samples/121_1,bonafide",
        "LA_E_2834763,spoof",
        "x.y.0,bonafide",
    ]
    for path in (
        "OpenAI/audio49.wav",
        "real_samples/121_1.flac",
        "deep/LA_E_2834763.flac",
        "x.y.0.wav",
        "unlisted.wav",
    ):
        write_audio(root / path)
    write_lines(root / "SONAR.csv", lines)
    label = {"spoof": "fake", "bonafide": "genuine"}
    return {("eval", label[word], name) for name, word in (line.split(",") for line in lines[1:])}


def antideepfake(root: Path) -> Rows:
    lines = [
        "ID,Label,Duration,SampleRate,Path,Attack,Speaker,Proportion,AudioChannel,AudioEncoding,AudioBitSample,Language"
    ]
    rows = set()
    for part, split in (("train", "train"), ("valid", "dev"), ("test", "eval")):
        for label, word in (("genuine", "real"), ("fake", "fake")):
            path = f"DFADD/{part}/{word}.wav"
            write_audio(root / path)
            attack = "-" if word == "real" else "VITS"
            lines.append(f"D-{part}-{word},{word},0.3,16000,$ROOT/{path},{attack},p225,{part},1,PCM_S,16,EN")
            rows.add((split, label, f"D-{part}-{word}"))
    write_lines(root / "DFADD.csv", lines)
    write_audio(root / "DFADD/unlisted.wav")
    return rows


class Recent(NamedTuple):
    """One corpus.

    Attributes:
        make: writes it.
        protocols: glob of its lists; "" where folders are the labels.
        given: further settings.
        line: one more line of a list, by number; "" where folders are the labels.
        wrong: text in the first list that is a class word, and one that no reader may accept.
    """

    make: Callable[[Path], Rows]
    protocols: str = ""
    given: Mapping[str, Any] = MappingProxyType({})
    line: str = ""
    wrong: tuple[str, str] = ("", "")


RECENT = {
    "spoofceleb": Recent(spoofceleb, "metadata/*.csv", {}, "a01/id1/{}.flac,id1,a01", (",a06", ",b06")),
    "deepfake_eval_2024": Recent(deepfake_eval_2024, "*.csv", {}, "{}.mp3,Train,Fake,en"),
    "dfadd": Recent(dfadd),
    "ctrsvdd": Recent(ctrsvdd, "*.txt", {}, "kising s1 C_{} - A02 deepfake", ("deepfake", "spoof")),
    "partialspoof": Recent(partialspoof, "protocols/*/*.txt", {}, "LA_0001 C_{} - CON spoof", (" spoof", " fake")),
    "llamapartialspoof": Recent(
        llamapartialspoof, "*.txt", {}, "{} 1.0 spoof 0.0-0.5-spoof 0.5-1.0-bonafide", (" spoof ", " fake ")
    ),
    "diffssd": Recent(diffssd, "*.csv", {}, "generated_speech/x/{}.wav,x,,,train,1", (",1", ",2")),
    "cvoicefake": Recent(cvoicefake),
    "decro": Recent(decro, "*/*.txt", {}, "unknown {} - baidu spoof", ("spoof", "fake")),
    "speechfake": Recent(speechfake, "metadata/*/*/*.csv", {}, "9,BD/VITS/{}.wav,spoof", (",spoof", ",synthetic")),
    "odss": Recent(odss),
    "arena_list": Recent(
        arena_list, "*.csv", {"lists": {"eval": "SONAR.csv"}}, "OpenAI/n{},spoof", (",spoof", ",fake")
    ),
    "antideepfake": Recent(
        antideepfake,
        "*.csv",
        {"table": "DFADD.csv"},
        "n{},fake,1.0,16000,$ROOT/DFADD/{}.wav,VITS,-,train,1,PCM_S,16,EN",
        (",fake,", ",spoof,"),
    ),
}
