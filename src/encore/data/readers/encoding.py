"""Bytes of any encoding -> blocks of whole lines in UTF-8, so that no text is ever whole in memory.

What is neither UTF-8 nor UTF-16 is read as cp1252, or latin-1 where that has no such sign, and
noted. The choice is made for each block: one wrong byte spoils no other block.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from encore.data.ledger import Ledger
from encore.data.readers import sources
from encore.errors import InputError

BLOCK_BYTES = 16 << 20

_UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")

_NOT_UTF8 = "not UTF-8; read as"

#: A quoted cell may hold line breaks, but this many mean a stray quote that would eat the file.
MAX_LINES_IN_A_ROW = 50


def utf8_blocks(
    name: str, pieces: Iterable[bytes], ledger: Ledger, encoding: str | None = None
) -> Iterator[bytes]:
    """Yield a text as UTF-8 without a mark, in blocks of whole lines that end in a line feed.

    `pieces` cut the text anywhere. Without `encoding` it is found out.
    """
    line = 1
    for block in _whole_lines(name, pieces):
        text = as_utf8(name, block, ledger, encoding, first_line=line)
        line += lines_in(text)
        if text:
            yield text


def lines_in(block: bytes) -> int:
    """Return how many lines end in a block."""
    # Twice as fast as bytes.count, where lines are short.
    return int(np.count_nonzero(np.frombuffer(block, np.uint8) == ord("\n")))


def whole_cells(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield blocks of lines anew, so that none ends within a quoted cell.

    A quote that is not closed within `MAX_LINES_IN_A_ROW` lines is a stray one and opens nothing.
    """
    rest = b""
    for block in blocks:
        block = rest + block  # what was left over leads the next
        cut = _end_of_cells(block)
        rest = block[cut:]
        if cut:
            yield block[:cut]
    if rest:
        yield rest


def as_utf8(
    name: str,
    content: bytes,
    ledger: Ledger,
    encoding: str | None = None,
    first_line: int = 1,
) -> bytes:
    """Return text as UTF-8 without a mark; what is neither it nor UTF-16 is noted as cp1252."""
    if encoding:
        return content.decode(encoding).encode()
    try:
        if content.startswith(UTF16_MARKS):
            content = content.decode("utf-16").encode()
        else:
            content.decode()
    except UnicodeDecodeError as error:
        return _legacy(name, content, error.start, ledger, first_line)
    content = content.removeprefix(_UTF8_MARK)
    # Lines of the old Macintosh end in a lone carriage return.
    return content if b"\n" in content else content.replace(b"\r", b"\n")


def _legacy(name: str, content: bytes, position: int, ledger: Ledger, first_line: int) -> bytes:
    try:
        encoding = "cp1252"
        text = content.decode(encoding)
    except UnicodeDecodeError:
        encoding = "latin-1"
        text = content.decode(encoding)
    if not any(note.startswith(f"{name}:") and _NOT_UTF8 in note for note in ledger.notes):
        line = content.count(b"\n", 0, position) + first_line
        ledger.notes.append(f"{name}:{line}: {_NOT_UTF8} {encoding}")
    return text.encode()


def _whole_lines(name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest: list[bytes] = []
    held = 0
    wide = None
    for piece in pieces:
        if wide is None:
            # The two bytes of a sign tell no line's end by themselves: UTF-16 is taken whole.
            wide = piece.startswith(UTF16_MARKS)
        end = -1 if wide else piece.rfind(b"\n") + 1
        if end <= 0:
            rest.append(piece)
            held += len(piece)
            if wide or held <= sources.MAX_LINE_BYTES + BLOCK_BYTES:
                continue
            piece, rest = b"".join(rest), []  # all that is held
            end = piece.rfind(b"\r") + 1
            if not end:
                raise InputError(
                    f"{name}: a line of more than {sources.MAX_LINE_BYTES:,} bytes is no text; "
                    "expected a table or a listening history"
                )
        yield b"".join([*rest, piece[:end]])
        rest, held = [piece[end:]], len(piece) - end
    if held:
        yield b"".join(rest)


def _end_of_cells(block: bytes) -> int:
    """Return where the last line ends that leaves no quoted cell open."""
    if b'"' not in block or not block.count(b'"') % 2:
        return len(block)
    end = len(block)
    for _ in range(MAX_LINES_IN_A_ROW):
        start = block.rfind(b"\n", 0, end - 1) + 1
        if block.count(b'"', start, end) % 2 or not start:
            return start
        end = start
    return len(block)
