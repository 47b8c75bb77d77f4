"""What can be decoded: suffixes of sound files, and the lengths that their headers announce."""

import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

#: Suffix of headerless files -> (FFmpeg format, sample rate in Hz). These are Asterisk's names.
RAW_FORMATS = {
    ".g722": ("g722", 16000),
    ".gsm": ("gsm", 8000),
    ".ulaw": ("mulaw", 8000),
    ".alaw": ("alaw", 8000),
    ".sln": ("s16le", 8000),
    ".sln16": ("s16le", 16000),
}
_LIBSNDFILE = ".aif,.aifc,.aiff,.au,.caf,.flac,.mp3,.nist,.oga,.ogg,.opus,.rf64,.snd,.sph,.w64,.wav,.wave"
_FFMPEG = ".3gp,.aac,.amr,.m4a,.m4b,.mka,.mkv,.mov,.mp2,.mp4,.weba,.webm,.wma,.wv"
#: Suffixes of the files that count as recordings where folders are searched. The decoder itself looks at the content.
SUFFIXES = frozenset({*_LIBSNDFILE.split(","), *_FFMPEG.split(","), *RAW_FORMATS})


class _Layout(NamedTuple):
    """Where the chunks of a container begin.

    Attributes:
        first: offset of the first chunk.
        header: `struct` format of a chunk's name and length.
        audio: name of the chunk with the audio.
        align: chunks begin at multiples of it, counted from the first.
        own: bytes of a chunk's header that its length includes.
    """

    first: int
    header: str
    audio: bytes
    align: int = 2
    own: int = 0


_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"
#: First four bytes of a file -> layout.
_LAYOUTS = {
    b"RIFF": _Layout(12, "<4sI", b"data"),
    b"RIFX": _Layout(12, ">4sI", b"data"),
    b"RF64": _Layout(12, "<4sI", b"data"),
    b"BW64": _Layout(12, "<4sI", b"data"),
    b"FORM": _Layout(12, ">4sI", b"SSND"),
    b"riff": _Layout(40, "<16sQ", _W64_DATA, align=8, own=24),
    b"caff": _Layout(8, ">4sq", b"data", align=1),
}
#: Lengths that programs write which cannot know them: sox (AIFF), GStreamer, sox, espeak-ng, ALSA, FFmpeg; 64 bit.
_PLACEHOLDERS = (
    range(0x7F000000, 0x7F000010),
    range(0x7FFF0000, 0x80000001),
    range(0xFFFF0000, 0x100000000),
    range(2**62, 2**64),
)
_OGG_PAGE = 27 + 255 + 255 * 255  # bytes of the largest page


def missing_bytes(path: Path) -> int:
    """Count the bytes of audio that a file's header announces and the file lacks.

    WAV (RIFF, RIFX, RF64, BW64), AIFF, Wave64, CAF, AU and NIST Sphere announce a length; that of a file which was
    written into a pipe is a placeholder and means: until the end. Of Ogg the last page is looked at. 0 for all others.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        if file.read(4) == b"OggS":
            return _missing_ogg_bytes(file, size)
        chunk = _audio_chunk(file)
    if chunk is None or any(chunk[1] in lengths for lengths in _PLACEHOLDERS):
        return 0
    return max(0, sum(chunk) - size)


def has_no_length(path: Path) -> bool:
    """Whether a file's header announces 0 bytes of audio, and audio follows; some programs write that into a pipe."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        chunk = _audio_chunk(file)
        if chunk is None or chunk[1] != 0 or chunk[0] >= size:
            return False
        file.seek(chunk[0])
        name, length = struct.unpack("<4sI", file.read(8).ljust(8, b"\xff"))
    is_chunk = name.isalnum() and length <= size - chunk[0] - 8  # e.g. the text behind an empty recording
    return not is_chunk


def _audio_chunk(file: BinaryIO) -> tuple[int, int] | None:
    """Offset and length in bytes of the audio, as the header says; None for formats without."""
    file.seek(0)
    start = file.read(12)
    if start[:4] in _LAYOUTS:
        return _find_chunk(file, _LAYOUTS[start[:4]])
    if start[:4] == b".snd" and len(start) == 12:
        offset, length = struct.unpack(">II", start[4:])
        return offset, length
    return _sphere(file) if start[:7] == b"NIST_1A" else None


def _find_chunk(file: BinaryIO, layout: _Layout) -> tuple[int, int] | None:
    file.seek(layout.first)
    header_size, long_length = struct.calcsize(layout.header), None
    while len(header := file.read(header_size)) == header_size:
        name, length = struct.unpack(layout.header, header)
        start, length = file.tell(), length - layout.own
        if name == layout.audio:
            return start, long_length if long_length is not None and length == 0xFFFFFFFF else length % 2**64
        if name == b"ds64":
            long_length = struct.unpack("<8xQ", file.read(16).ljust(16, b"\xff"))[0]
        if not 0 <= length < 2**62:
            return None
        file.seek(layout.first + -(-(start + length - layout.first) // layout.align) * layout.align)
    return None


def _sphere(file: BinaryIO) -> tuple[int, int] | None:
    """NIST Sphere: a text header with the number of samples; None where they are compressed."""
    file.seek(0)
    lines = [line.split() for line in file.read(1024).split(b"\n")]
    fields = {line[0]: line[2] for line in lines if len(line) == 3}
    sizes = [fields.get(key, b"") for key in (b"sample_count", b"sample_n_bytes", b"channel_count")]
    is_plain = fields.get(b"sample_coding", b"pcm") in (b"pcm", b"ulaw", b"mu-law", b"alaw")
    if not is_plain or not all(size.isdigit() for size in sizes) or not lines[1] or not lines[1][0].isdigit():
        return None
    count, width, channels = map(int, sizes)
    return int(lines[1][0]), count * width * channels


def _missing_ogg_bytes(file: BinaryIO, size: int) -> int:
    file.seek(max(0, size - _OGG_PAGE))
    end = file.read()
    page = end[max(0, end.rfind(b"OggS")) :]
    segments = page[26] if len(page) > 26 else 0
    table = page[27 : 27 + segments]
    return max(0, 27 + segments + sum(table) - len(page))
