"""The text that a synthesiser reads: the prompt's file name, spelled out."""

import re

#: abbreviations in the names of the prompts -> words
WORDS = {
    "vm": "voicemail", "conf": "conference", "confbridge": "conference", "pls": "please", "num": "number",
    "msg": "message", "msgs": "messages", "rec": "record", "dir": "directory", "fn": "first name", "pbx": "switchboard",
    "fwd": "forward", "ans": "answer", "rmv": "remove", "blklist": "blacklist", "entr": "enter", "priv": "private",
    "opts": "options", "advopts": "advanced options", "diffnum": "a different number", "inc": "increase",
    "dec": "decrease", "vol": "volume", "talk": "talking", "auth": "authentication", "demo": "demonstration",
    "intro": "introduction", "instr": "instructions", "instruct": "instructions", "spy": "listening to",
    "loginok": "login accepted", "alreadyon": "already on", "loggedoff": "logged off", "newlocation": "new location",
    "nomatch": "no match", "nomore": "no more", "pls-try": "please try", "prev": "previous", "temp": "temporary",
    "tempgreeting": "temporary greeting", "toreply": "to reply", "tocancel": "to cancel", "toforward": "to forward",
    "torerecord": "to record again", "tocallback": "to call back", "tomakecall": "to make a call",
    "youhave": "you have", "youhaveno": "you have no", "youarenext": "you are next", "thereare": "there are",
    "hasjoined": "has joined", "hasleft": "has left", "isonphone": "is on the phone", "isunavail": "is unavailable",
    "unavail": "unavailable", "leavemsg": "leave a message", "whichbox": "which mailbox", "reachoper": "operator",
    "holdtime": "hold time", "callswaiting": "calls waiting", "usingkeypad": "using the keypad", "tt": "tell",
    "ss": "service", "noservice": "no service", "allbusy": "all are busy", "waitforleader": "wait for the leader",
    "astcc": "calling card", "otherinparty": "others in the party", "thankyou": "thank you", "enteringno": "number",
}  # fmt: skip
_PER_SECOND = 14.0  # characters that the synthesisers speak in a second


def text_of(name: str) -> str:
    """Spell a prompt's path without suffix as English words: `vm-forwardoptions` -> `voicemail forwardoptions`.

    `digits/h-20` reads `20th`, `letters/a` reads `letter a`, `phonetic/b_p` reads `phonetic b`.
    """
    folder, _, base = name.rpartition("/")
    if folder == "digits" and (ordinal := re.fullmatch(r"h-(\d+)", base)):
        return f"{ordinal[1]}th"
    folder_word = {"letters": "letter ", "phonetic": "phonetic "}.get(folder, "")
    parts = re.split(r"[-_ ]+", base.removesuffix("_p") if folder == "phonetic" else base)
    return folder_word + " ".join(WORDS.get(part.lower(), part) for part in parts if part)


def as_long_as(texts: list[str], seconds: float) -> str:
    """Join the first few `texts` until they take about `seconds` to say, so that length does not betray a fake."""
    joined = texts[0]
    for text in texts[1:]:
        if len(joined) + len(text) / 2 > seconds * _PER_SECOND:
            break
        joined += f", {text}"
    return joined
