"""WaveFake: the folder generated_audio of its archive."""

from pathlib import Path

from rawm.config.corpora import OfficialCorpus
from rawm.corpora.disk import class_files
from rawm.corpora.listing import Listing, utterance

LJSPEECH = (
    "melgan",
    "melgan_large",
    "multi_band_melgan",
    "full_band_melgan",
    "parallel_wavegan",
    "waveglow",
    "hifiGAN",
)
#: Folder -> (vocoder, speaker, language).
FOLDERS = {
    **{f"ljspeech_{vocoder}": (vocoder, "ljspeech", "en") for vocoder in LJSPEECH},
    **{f"jsut_{vocoder}": (vocoder, "jsut", "ja") for vocoder in ("multi_band_melgan", "parallel_wavegan")},
    "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech": ("conformer_fastspeech2_pwg", "ljspeech", "en"),
}


def read(corpus: OfficialCorpus) -> Listing:
    """Read the corpus, which has no official split; all utterances are fakes.

    `ljspeech_melgan/LJ001-0001_gen.wav` is a copy of LJSpeech's `LJ001-0001.wav`, and so are the files of that name in
    the other folders: their group is LJ001-0001, as in a `folder` corpus of LJSpeech. Genuine speech must come from
    there and from JSUT's basic5000. The folder of Common Voice prompts has its files a second time in a folder
    `generated`, which is not read.

    Source: the archive's folders, doi:10.5281/zenodo.5642694.
    """
    root, rows, problems = Path(corpus.root), [], []
    for folder, (vocoder, speaker, language) in FOLDERS.items():
        files = [path for path in class_files(root, folder) if path.count("/") == 1]
        if not files and not corpus.waive_counts:
            problems.append(
                f"corpus {corpus.name}: no audio in {root / folder}; unpack all of generated_audio.zip, or write "
                "`waive_counts: true` in its corpus file"
            )
        for path in files:
            name = path.rpartition(".")[0]
            sentence = Path(path).stem.removesuffix("_gen")
            group = name if sentence.startswith("gen_") else sentence
            rows.append(
                utterance(
                    corpus.name, name, path, "fake", speaker=speaker, attack=vocoder, language=language, group=group
                )
            )
    return Listing(rows, problems)
