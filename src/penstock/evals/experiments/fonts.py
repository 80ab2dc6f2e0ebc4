"""Fonts of PDF reports: each character is set in the first font that has it.

A report holds text of any language, and no single font has all of it. The order: a font file that the user names,
fonts of the system, Bitstream Vera (Latin, inside reportlab's wheel), and for Chinese, Japanese and Korean the fonts
that readers of PDF bring themselves. Right-to-left scripts and those whose letters join are not shaped.
"""

import os
from collections.abc import Iterator
from functools import cache
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Final

from reportlab.lib.fonts import addMapping
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from penstock.core.errors import InvalidInput

__all__ = ["MISSING", "Typeface", "typeface"]

MISSING: Final = "\N{WHITE SQUARE}"
"""Stands for a character that no font has."""
LAST: Final = 0xFFFF
"""The last character that reportlab can name in a document; without its name a character cannot be copied or found."""
FOLDERS: Final = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "C:/Windows/Fonts",
)
FAMILIES: Final = (
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
    ("arial.ttf", "arialbd.ttf"),
    ("Arial.ttf", "Arial Bold.ttf"),
    ("Arial Unicode.ttf", None),
    ("wqy-microhei.ttc", None),
    ("wqy-zenhei.ttc", None),
    ("DroidSansFallbackFull.ttf", None),
    ("msyh.ttc", "msyhbd.ttc"),
    ("msgothic.ttc", None),
    ("malgun.ttf", "malgunbd.ttf"),
)
"""Files of system fonts with TrueType outlines, regular and bold; the first that is there is the main one."""
MAX_FAMILIES: Final = 4
"""Fonts of the system that are read; each takes a few megabytes."""
KANA: Final = (range(0x3040, 0x3100), range(0x31F0, 0x3200), range(0xFF66, 0xFFA0))
HANGUL: Final = (range(0x1100, 0x1200), range(0x3130, 0x3190), range(0xAC00, 0xD7A4))
HAN: Final = (range(0x3000, 0x3040), range(0x3400, 0x4DC0), range(0x4E00, 0xA000), range(0xF900, 0xFB00),
              range(0xFF00, 0xFF66))  # fmt: skip


class _Face:
    """A registered font, with its bold."""

    def __init__(self, name: str, characters: frozenset[int]) -> None:
        self.name = name
        self.bold = f"{name}-Bold"
        self._characters = characters

    def has(self, code: int) -> bool:
        return code in self._characters


class Typeface:
    """Fonts in their order.

    Args:
        faces: The first is what ordinary text is set in.
    """

    def __init__(self, faces: list[_Face]) -> None:
        self._faces = faces
        self.name = faces[0].name
        self.bold = faces[0].bold

    def markup(self, text: str, *, bold: bool = False) -> tuple[str, int]:
        """Text for a reportlab paragraph, escaped and on one line, and how many of its characters no font has."""
        text = " ".join(text.split())
        asian = _asian(text)
        parts: list[str] = []
        missing = 0
        for name, run in groupby(text, key=lambda one: self._font(ord(one), asian, bold=bold)):
            piece = "".join(run)
            if name == MISSING:
                missing += len(piece)
                parts.append(MISSING if self._faces[0].has(ord(MISSING)) else "?")
            elif name == (self.bold if bold else self.name):
                parts.append(escape(piece))
            else:
                parts.append(f'<font name="{name}">{escape(piece)}</font>')
        return "".join(parts), missing

    def _font(self, code: int, asian: str, *, bold: bool) -> str:
        if code > LAST:
            return MISSING
        for face in self._faces:
            if face.has(code):
                return face.bold if bold else face.name
        if any(code in block for block in HANGUL):
            return _reader_font("HYSMyeongJo-Medium")
        if any(code in block for block in (*KANA, *HAN)):
            return _reader_font(asian)
        return MISSING


@cache
def typeface(file: Path | None = None) -> Typeface:
    """The fonts there are; read once.

    Args:
        file: A TrueType font that goes first.

    Raises:
        InvalidInput: it cannot be read, or has PostScript outlines (`.otf`).
    """
    faces = [] if file is None else [_given(file)]
    faces += [_registered(regular, bold) for regular, bold in _installed()]
    vera = _registered("Vera.ttf", "VeraBd.ttf")
    return Typeface([*faces, vera])


def _given(file: Path) -> _Face:
    try:
        return _registered(str(file.absolute()), None)
    except (TTFError, OSError) as error:
        raise InvalidInput(
            f"The font {file} cannot be used: {error}.",
            hint="Name a TrueType font (.ttf or .ttc): one with PostScript outlines (.otf) cannot be embedded.",
            code="font_unusable",
        ) from error


def _installed() -> Iterator[tuple[str, str | None]]:
    """Files of fonts of the system, that can be read."""
    wanted = {name for pair in FAMILIES for name in pair if name is not None}
    there: dict[str, str] = {}
    for folder in FOLDERS:
        for path, _, names in os.walk(Path(folder).expanduser()):
            there.update({name: str(Path(path) / name) for name in names if name in wanted and name not in there})
    usable = ((there[name], there.get(bold or "")) for name, bold in FAMILIES if name in there)
    for count, pair in enumerate(usable):
        if count < MAX_FAMILIES and _loads(pair[0]):
            yield pair


def _loads(file: str) -> bool:
    try:
        TTFont("tried", file)
    except (TTFError, OSError):
        return False
    return True


def _registered(regular: str, bold: str | None) -> _Face:
    """Both under names of their own, as paragraphs refer to them."""
    name = f"report-{Path(regular).stem}".replace(" ", "-").lower()
    font = TTFont(name, regular)
    face = _Face(name, frozenset(font.face.charToGlyph))
    _register(font)
    _register(TTFont(face.bold, bold or regular))
    for heavy in (0, 1):
        addMapping(name, heavy, 0, face.bold if heavy else name)
        addMapping(face.bold, heavy, 0, face.bold)
    return face


def _register(font: TTFont | UnicodeCIDFont) -> None:
    pdfmetrics.registerFont(font)  # pyright: ignore[reportUnknownMemberType] - its stub names no type


@cache
def _reader_font(name: str) -> str:
    """One of the fonts that readers of PDF bring for a language; it is not embedded."""
    _register(UnicodeCIDFont(name))
    for heavy in (0, 1):
        addMapping(name, heavy, 0, name)
    return name


def _asian(text: str) -> str:
    """Which reader's font Chinese characters of a text are set in: Japanese ones where kana stand beside them."""
    japanese = any(ord(one) in block for one in text if one >= "\u3040" for block in KANA)
    return "HeiseiMin-W3" if japanese else "STSong-Light"
