"""IEMOCAP: the folder IEMOCAP_full_release."""

from collections import Counter
from pathlib import Path

from rawm import files
from rawm.config.corpora import OfficialCorpus
from rawm.corpora.listing import Listing, utterance

WORDS = {"ang": "angry", "hap": "happy", "exc": "happy", "neu": "neutral", "sad": "sad"}
OTHERS = {"dis", "fea", "fru", "oth", "sur", "xxx"}  # not of the four usual classes; xxx = the listeners disagreed


def read(corpus: OfficialCorpus) -> Listing:
    """Read the four usual classes; excited speech counts as happy.

    There is no official split, but a usual one by sessions, each of which has two actors of its own: version foldN
    evaluates on session N, develops on the session before it (5 before 1) and trains on the other three. The session
    (Session1 to Session5) is the group and the condition.

    A turn is a tab-separated line `[start - end] turn emotion [valence, activation, dominance]`. The listeners' own
    lines below it are not read, nor the folders Categorical, Attribute and Self-evaluation beside the files, nor the
    ._* files of Apple archives. The name of a dialog tells who wore the markers; the last part of a turn's name tells
    who speaks: Ses01F_impro01_M002 is male.

    Source: Session*/dialog/EmoEvaluation/*.txt, doi:10.1007/s10579-008-9076-6.
    """
    rows, problems = [], []
    unknown: Counter[str] = Counter()  # emotions
    malformed = []  # files of the malformed turns
    for session in range(1, 6):
        name, split = f"Session{session}", _split(session, corpus.version)
        folder = Path(corpus.root) / name / "dialog/EmoEvaluation"
        dialogs = sorted(path for path in folder.glob("*.txt") if not path.name.startswith("._"))
        if not dialogs:
            problems.append(f"{folder}: holds no .txt file; `root` must be the folder that holds Session1 to Session5")
        for path in dialogs:
            for line in _turns(path):
                if len(line) != 4:
                    malformed.append(path)
                elif line[2] in WORDS:
                    turn, label = line[1], WORDS[line[2]]
                    file = f"{name}/sentences/wav/{path.stem}/{turn}.wav"
                    row = utterance(
                        corpus.name,
                        turn,
                        file,
                        label,
                        split,
                        speaker=f"Ses{session:02}{turn.rpartition('_')[2][:1]}",
                        language="en",
                        condition=name,
                        group=name,
                    )
                    rows.append(row)
                elif line[2] not in OTHERS:
                    unknown[line[2]] += 1
    words = ", ".join([*WORDS, *sorted(OTHERS)])
    problems += [f"{corpus.root}: emotion {word!r} of {n} turn(s) is not one of {words}" for word, n in unknown.items()]
    if malformed:
        problems.append(
            f"{len(malformed)} turn(s), first in {malformed[0]}, do not have 4 columns; restore the official files"
        )
    return Listing(rows, problems)


def _split(session: int, version: str) -> str:
    """Return the split of session 1 to 5 in version foldN."""
    fold = int(version.removeprefix("fold"))
    if session == fold:
        return "eval"
    return "dev" if session % 5 == fold - 1 else "train"


def _turns(path: Path) -> list[list[str]]:
    """Read the fields of each turn; listeners' remarks, in any encoding, are left out."""
    files.require_regular(path, "restore the official file")
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return [line.strip().split("\t") for line in lines if line.startswith("[")]
