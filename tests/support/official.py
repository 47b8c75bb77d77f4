"""Every corpus that the papers' studies need, a few utterances each, in its official layout under one folder."""

import csv
import json
from itertools import product
from pathlib import Path

import torch
from support.disk import write_audio, write_lines

SPLITS = ("train", "dev", "eval")
CLEAR10 = (
    "BACKGROUND", "baseball", "bus", "camera", "cosplay", "dress", "hockey", "laptop", "racing", "soccer", "sweater",
)  # fmt: skip


def asvspoof2015(root: Path, n: int) -> None:
    """ASVspoof2015/CM_protocol and wav."""
    names = {"train": ("cm_train.trn", "T1"), "dev": ("cm_develop.ndx", "D1"), "eval": ("cm_evaluation.ndx", "E1")}
    for name, speaker in names.values():
        files = [f"{speaker}_{number:07d}" for number in range(2 * n)]
        keys = ["human human", "S1 spoof"] * n
        lines = [f"{speaker} {file} {key}" for file, key in zip(files, keys, strict=True)]
        write_lines(root / f"ASVspoof2015/CM_protocol/{name}", lines)
        for file in files:
            write_audio(root / f"ASVspoof2015/wav/{speaker}/{file}.wav")


def asvspoof2019_la(root: Path, n: int) -> None:
    """LA of 2019."""
    for split, name in {"train": "train.trn", "dev": "dev.trl", "eval": "eval.trl"}.items():
        files = [f"LA_{split[0].upper()}_{number:07d}" for number in range(2 * n)]
        lines = [f"LA_00{i % 7} {file} - {('- bonafide', 'A01 spoof')[i % 2]}" for i, file in enumerate(files)]
        write_lines(root / f"LA/ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{name}.txt", lines)
        for file in files:
            write_audio(root / f"LA/ASVspoof2019_LA_{split}/flac/{file}.flac")


def asvspoof2021_la(root: Path, n: int) -> None:
    """The evaluation set and its keys."""
    lines = []
    for number, key in product(range(n), ("- bonafide", "A07 spoof")):
        file = f"LA_E_{2 * number + (key[0] == 'A'):07d}"
        attack, word = key.split()
        lines.append(f"LA_{number:04d} {file} alaw ita_tx {attack} {word} notrim eval")
        write_audio(root / f"ASVspoof2021/ASVspoof2021_LA_eval/flac/{file}.flac")
    write_lines(root / "ASVspoof2021/keys/LA/CM/trial_metadata.txt", lines)


def vcc2020(root: Path, n: int) -> None:
    """Natural clips of the database and copies and conversions of them in the listening test."""
    sources = ("SEF1", "SEF2", "SEM1", "SEM2")
    for speaker, sentence in product(sources, range(1, 6)):
        clip = f"E3000{sentence}"
        write_audio(root / f"VCC2020/vcc2020_database_evaluation/{speaker}/{clip}.wav", rate=24000)
        write_audio(root / f"VCC2020/SOU/team34_intra-TEF1_{speaker}_{clip}.wav", rate=24000)
        write_audio(root / f"VCC2020/T10/task1/team10_intra-TEF1_{speaker}_{clip}.wav", rate=24000)


def in_the_wild(root: Path, n: int) -> None:
    """meta.csv with names that have spaces."""
    lines = ["file,speaker,label"]
    for number in range(8 * n):
        lines.append(f"{number}.wav,Alec Guinness,{('bona-fide', 'spoof')[number % 2]}")
        write_audio(root / f"release_in_the_wild/{number}.wav")
    write_lines(root / "release_in_the_wild/meta.csv", lines)


def fmfcc_a(root: Path, n: int) -> None:
    """AllUtteranceInfo.txt without a last newline."""
    lines = []
    for start, number in product((20000001, 20010001, 20030001), range(4 * n)):
        lines.append(f"{start + number}.wav,{number % 2},{('A01', 'N01')[number % 2]}")
        write_audio(root / f"FMFCC-A/{start + number}.wav")
    write_lines(root / "FMFCC-A/AllUtteranceInfo.txt", lines, last=False)


def add2022(root: Path, n: int) -> None:
    """Training and development part."""
    for split, letter in (("train", "T"), ("dev", "D")):
        files = [f"ADD_{letter}_{number:08d}.wav" for number in range(6 * n)]
        lines = [f"{file} {('genuine', 'fake')[i % 2]}" for i, file in enumerate(files)]
        write_lines(root / f"ADD2022/ADD_train_dev/label/{split}_label.txt", lines)
        for file in files:
            write_audio(root / f"ADD2022/ADD_train_dev/{split}/{file}")


def had(root: Path, n: int) -> None:
    """Recordings one folder deeper than their labels."""
    for name in ("train", "dev", "test"):
        files = [f"HAD_{name}_{number:08d}" for number in range(6 * n)]
        lines = [f"{file} 0.00-0.30-{'FT'[i % 2]} {i % 2}" for i, file in enumerate(files)]
        write_lines(root / f"HAD/HAD_{name}/HAD_{name}_label.txt", lines)
        for file in files:
            write_audio(root / f"HAD/HAD_{name}/conbine/{file}.wav", rate=44100)


def fake_or_real(root: Path, n: int) -> None:
    """The re-recorded version, with equal names in both classes."""
    parts = product(("training", "validation", "testing"), ("real", "fake"), range(4 * n))
    for part, word, number in parts:
        write_audio(root / f"for-rerecorded/{part}/{word}/recording{number}.wav_norm_mono.wav", seed=len(word + part))


def cfad(root: Path, n: int) -> None:
    """The clean version."""
    folders = {"real": "aishell3", "fake": "lpcnet"}
    for part, word, number in product(("train", "dev", "test_seen", "test_unseen"), folders, range(n)):
        name = f"SSB{number:08d}{'_lpcnet' if word == 'fake' else ''}.wav"
        write_audio(root / f"CFAD/clean_version/{part}_clean/{word}_clean/{folders[word]}/{name}")


def openai_ljspeech(root: Path, n: int) -> None:
    """RAIS' lists with transcripts, whose genuine lines have no speaker."""
    folder = root / "OpenAI-LJSpeech"
    for split in SPLITS:
        lines = ["id|label|vocoder|language|speaker|script"]
        for number in range(n):
            name = f"LJ00{SPLITS.index(split)}-{number:04d}"
            lines += [
                f'/LJSpeech/{split}/wav/{name}.wav|real|real|English|He said "no"|',
                f"/GPT/wav/{name}_tts.wav|fake|tts-1|English|alloy|He said no",
            ]
            write_audio(folder / f"LJSpeech/{split}/wav/{name}.wav")
            write_audio(folder / f"GPT/wav/{name}_tts.wav")
        write_lines(folder / f"{split}_meta.txt", lines)


def iemocap(root: Path, n: int) -> None:
    """Five sessions, each with every class."""
    for session in range(1, 6):
        dialog = f"Ses0{session}F_impro01"
        lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
        for number, emotion in enumerate(("neu", "hap", "ang", "sad", "exc", "xxx") * n):
            turn = f"{dialog}_F{number:03d}"
            lines.append(f"[{number}.0 - {number}.9]\t{turn}\t{emotion}\t[2.5, 2.5, 2.5]")
            folder = root / f"IEMOCAP_full_release/Session{session}"
            write_audio(folder / f"sentences/wav/{dialog}/{turn}.wav")
        write_lines(folder / f"dialog/EmoEvaluation/{dialog}.txt", lines)


def msp_podcast(root: Path, n: int) -> None:
    """Consensus labels, with classes that are left out."""
    folder = root / "MSP-Podcast"
    (folder / "Labels").mkdir(parents=True)
    with open(folder / "Labels/labels_consensus.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set"])
        parts = product(("Train", "Development", "Test1"), range(n), "NHASU")
        for place, (part, _, emotion) in enumerate(parts):
            name = f"MSP-PODCAST_0001_{place:04d}.wav"
            writer.writerow([name, emotion, 2.2, 4.0, 2.6, 30 + place % 3, "Male", part])
            write_audio(folder / f"Audios/{name}")


def clear(folder: Path, features: str, classes: tuple[str, ...], n: int, d: int = 16) -> None:
    """The train_test layout: a file of image -> vector for each class of each bucket."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(len(classes), d, generator=generator)
    for part in ("train", "test"):
        index = {}
        for bucket, (number, label) in product(range(11), enumerate(classes)):
            path = f"features/{features}/{bucket}/{label}.pth"
            (folder / part / path).parent.mkdir(parents=True, exist_ok=True)
            vectors = 2 * centres[number] + torch.randn(n, d, generator=generator)
            torch.save({f"{part}{bucket}{number}{i}": vector for i, vector in enumerate(vectors)}, folder / part / path)
            index.setdefault(str(bucket), {})[label] = path
        (folder / part / f"features/{features}/features.json").write_text(json.dumps(index))
        write_lines(folder / part / "class_names.txt", list(classes))


def write_all(root: Path, n: int = 5) -> Path:
    """All corpora under `root`, which RAWM_CORPORA may name; at least `n` utterances of a class in each split."""
    for make in (
        asvspoof2015, asvspoof2019_la, asvspoof2021_la, vcc2020, in_the_wild, fmfcc_a, add2022, had, fake_or_real, cfad,
        openai_ljspeech, iemocap, msp_podcast,
    ):  # fmt: skip
        make(root, n)
    clear(root / "clear10", "imagenet", CLEAR10, n)
    clear(root / "clear100", "moco_b0", tuple(f"concept{number:03d}" for number in range(100)), 2)
    return root
