"""Ways in which small valid files are spoilt: bytes, lines, and values inside JSON; a seed gives the same again."""

import json
import random
import struct
from typing import Any

#: Pieces that are put into text: values of every kind, syntax, and what has broken a reader somewhere.
PIECES = (
    *("null", "~", "true", "no", "0", "-1", "1.5", "1e400", ".nan", "-.inf", "0x_", "0b", "1_", "08", "1:2:3", "''"),
    *("[]", "{}", "[[]]", "{a: 1}", "[1, two, null]", "- x", "? x", "? [x]\n: y", "!!int x", "!x y", "!!set {a}"),
    *("&a", "*a", "&a [*a]", "<<: *a", "<<: {a: 1}", "%YAML 9.9", "---", "...", "|", ">-", "#", '"\\ud800"', "\t"),
    *("2024-13-45", "2024-01-01", "2024-01-01 25:61:61", "9" * 5000, "x" * 3000, "[" * 60, "{a: " * 60, "\x00", "\x07"),
    *("\ufeff", "\u2028", "\xff", "ä", "日本", "a`touch x`", "../../x", "<script>", "$(x)", "{x}", "%s", "a|b", "🎉"),
    *("algorithm: rawm", "loader: folder", "type: mlp", "name: x", "training: {epochs: x}", "classes: [a, a]"),
)
#: Pieces of tables, protocols and score files.
CELLS = (
    *("", " ", "-", "nan", "-inf", "1e999", "1_0", "٣", "0x10", "9" * 5000, '"', '""', "'", '"a', ",", ",,", "\t", ";"),
    *("\r", "\x00", "\x1c", "\x85", "\u2028", "\ufeff", "ä", "🎉", "../../x", "/etc/passwd", "C:\\x", "a/b", ".", ".."),
    *(
        "bonafide",
        "spoof",
        "genuine",
        "fake",
        "human",
        "target",
        "eval",
        "train",
        "progress",
        "x" * 5_000,
        "<b>",
        "%s",
    ),
)
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**36, 2**62, 2**63 - 1, 2**64 - 1)


def spoilt_bytes(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """One to four changes of bytes, most of them where a header is."""
    spoilt = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        size = len(spoilt)
        place = rng.randrange(min(size, 200) if rng.random() < 0.6 else size) if size else 0
        kind = rng.randrange(8)
        if kind == 0:
            spoilt = spoilt[:place]
        elif kind == 1:
            del spoilt[place : place + rng.choice((1, 4, 100))]
        elif kind == 2:
            spoilt[place:place] = rng.randbytes(rng.choice((1, 2, 8, 300)))
        elif kind == 3:
            other = rng.choice(others)
            spoilt[place:] = other[rng.randrange(len(other) + 1) :]
        elif kind in (4, 5):
            number = struct.pack(rng.choice("<>") + "Q", rng.choice(NUMBERS))
            width = rng.choice((1, 2, 4, 8))
            spoilt[place : place + width] = number[:width] if rng.random() < 0.5 else number[-width:]
        else:
            for index in range(place, min(size, place + rng.choice((1, 1, 16)))):
                spoilt[index] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def spoilt_text(rng: random.Random, text: str, pieces: tuple[str, ...]) -> str:
    """One to four changes of lines, values or characters."""
    for _ in range(rng.randint(1, 4)):
        lines = text.split("\n")
        place = rng.randrange(len(lines))
        key, colon, value = lines[place].partition(": ")
        kind = rng.randrange(7)
        if kind == 0 and colon:
            lines[place] = f"{key}: {rng.choice(pieces)}"
        elif kind == 1:
            lines[place] = rng.choice(pieces) + (f": {value}" if colon else "")
        elif kind == 2:
            lines.insert(place, rng.choice(lines))
        elif kind == 3:
            del lines[place]
        elif kind == 4:
            lines[place] = " " * rng.randint(0, 6) + lines[place].strip()
        elif kind == 5:
            lines.insert(place, rng.choice(("", "  ", "    ")) + rng.choice(pieces))
        text = "\n".join(lines)
        if kind == 6 and text:
            place = rng.randrange(len(text))
            text = text[:place] + chr(rng.choice((rng.randrange(128), rng.randrange(0x2100)))) + text[place + 1 :]
    return text


def spoilt_table(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """Changes of lines, of the cells of a line, or of bytes."""
    if rng.random() < 0.2:
        return spoilt_bytes(rng, content, others)
    text = spoilt_text(rng, content.decode(), CELLS) if rng.random() < 0.5 else content.decode()
    for _ in range(rng.randrange(3)):
        lines = text.split("\n")
        place, separator = rng.randrange(len(lines)), rng.choice((",", "\t", " "))
        cells = lines[place].split(separator)
        cells[rng.randrange(len(cells))] = rng.choice(CELLS)
        lines[place] = separator.join(cells)
        text = "\n".join(lines)
    return text.encode("utf-8" if rng.random() < 0.97 else "utf-16", "replace")


def made(rng: random.Random, depth: int = 0) -> Any:
    """A value of random shape."""
    kind = rng.randrange(8 if depth < 4 else 5)
    if kind < 5:
        return rng.choice((None, True, 0, -3, 0.5, float("inf"), "x", "rawm", "", "folder", 10**18, "<b>", "a b"))
    if kind == 5:
        return [made(rng, depth + 1) for _ in range(rng.randrange(4))]
    keys = ("a", "title", "name", "training", "methods", "by", "cases", "low", "high", 1, None, True)
    return {rng.choice(keys): made(rng, depth + 1) for _ in range(rng.randrange(4))}


def reshaped(rng: random.Random, content: Any) -> Any:
    """A file's content with the value of one key, at any depth, replaced by anything."""
    inside = content
    if not inside or not isinstance(inside, dict | list):
        return made(rng)
    while True:
        key = rng.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
        if rng.random() < 0.4 or not isinstance(inside[key], dict | list) or not inside[key]:
            inside[key] = made(rng)
            return content
        inside = inside[key]


def spoilt_json(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """Changes of values of JSON, each line of which is a document if the whole is none, or of bytes."""
    if rng.random() < 0.3:
        return spoilt_bytes(rng, content, others)
    try:
        return json.dumps(reshaped(rng, json.loads(content))).encode()
    except ValueError:
        lines = content.splitlines()
        place = rng.randrange(len(lines))
        lines[place] = json.dumps(reshaped(rng, json.loads(lines[place]))).encode()
        return b"\n".join(lines)


def spoilt_safetensors(rng: random.Random, content: bytes, others: list[bytes]) -> bytes:
    """Changes of bytes, of values of the header, or of the JSON inside its entries."""
    if rng.random() < 0.3:
        return spoilt_bytes(rng, content, others)
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    entries = header.get("__metadata__", {})
    if entries and rng.random() < 0.5:
        key = rng.choice(list(entries))
        entries[key] = (
            spoilt_json(rng, entries[key].encode(), others).decode("latin-1") if entries[key][:1] in "[{" else "x"
        )
    elif rng.random() < 0.3:
        del header[rng.choice(list(header))]
    else:
        header = reshaped(rng, header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[end:]
