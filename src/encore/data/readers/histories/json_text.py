"""JSON item by item, so that a large export is never whole in memory as objects.

A history in JSON is a list of listens, at the top or under a key. Whatever is wrong with the text,
nesting without end included, is one `InputError` that names the file and what was expected. A
history in JSON lines loses a bad line, no more.
"""

import json
import re
from collections.abc import Generator, Iterator
from typing import Any

from encore.data.ledger import Ledger
from encore.data.readers.gather import MALFORMED, Malformed, count_malformed
from encore.data.readers.histories.files import File, Head
from encore.data.readers.histories.listens import pass_over
from encore.errors import InputError

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()

#: What bad JSON raises: nesting beyond Python's stack, and numbers of thousands of digits, too.
_FAULTS = (ValueError, RecursionError)

Object = dict[str, Any]
Walk = Generator[tuple[int, Any], None, int]  # items with their lines; returns where it ended


class Listing:
    """A list of objects in JSON text; under `key` of an object, whose other values are `facts`."""

    def __init__(self, text: str, key: str = "") -> None:
        self.facts: Object = {}
        self._text, self._key = text, key
        self._line, self._counted = 1, 0

    def items(self) -> Iterator[tuple[int, Any]]:
        """Yield each item with its line; `facts` are complete when all are taken.

        Raises `ValueError` or `RecursionError` where the text is not such a list.
        """
        at = self._space(0)
        if self._key:
            at = yield from self._members(at)
        else:
            at = yield from self._listed(at)
        if at != len(self._text):
            raise ValueError("more after its end")

    @property
    def line(self) -> int:
        """The line that was reached."""
        return self._line

    def _members(self, at: int) -> Walk:
        at = self._expect("{", at)
        found = False
        while not self._text.startswith("}", at):
            name, at = self._value(at)
            at = self._expect(":", at)
            if name == self._key and not found:
                found = True
                at = yield from self._listed(at)
            else:
                self.facts[str(name)], at = self._value(at)
            at = self._comma(at, "}")
        if not found:
            raise ValueError(f"no {self._key!r} in it")
        return self._space(at + 1)

    def _listed(self, at: int) -> Walk:
        at = self._expect("[", at)
        while not self._text.startswith("]", at):
            self._line += self._text.count("\n", self._counted, at)
            self._counted = at
            item, at = self._value(at)
            yield self._line, item
            at = self._comma(at, "]")
        return self._space(at + 1)

    def _value(self, at: int) -> tuple[Any, int]:
        value, end = _DECODER.raw_decode(self._text, at)
        return value, self._space(end)

    def _comma(self, at: int, end: str) -> int:
        return at if self._text.startswith(end, at) else self._expect(",", at)

    def _expect(self, sign: str, at: int) -> int:
        if not self._text.startswith(sign, at):
            raise ValueError(
                f"expected {sign!r}" + ("" if at < len(self._text) else ", but it ends")
            )
        return self._space(at + 1)

    def _space(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at


def first(head: Head, key: str = "") -> Object:
    """Return the first object of the list that a file begins with; an empty one for no such."""
    begins = "{" if key else "["
    if not head.text.lstrip().startswith(begins):
        return {}
    try:
        _, item = next(Listing(head.text, key).items(), (0, None))
    except _FAULTS:
        return {}
    return item if isinstance(item, dict) else {}


def first_line(head: Head) -> Object:
    """Return the first object of JSON lines; an empty one for no such."""
    for line in head.lines[:1]:
        try:
            item = json.loads(line)
        except _FAULTS:
            return {}
        return item if isinstance(item, dict) else {}
    return {}


def objects(
    file: File, ledger: Ledger, expected: str, key: str = "", facts: Object | None = None
) -> Iterator[tuple[int, Object]]:
    """Yield each object of a file's list with its line; into `facts` go the values beside it.

    Items that are no objects are dropped as malformed_line.
    Raises `InputError` naming the file and what was `expected` where the text is no such list.
    """
    listing = Listing(file.content(ledger).decode(), key)
    try:
        for line, item in listing.items():
            if isinstance(item, dict):
                yield line, item
            else:
                pass_over(ledger, MALFORMED, file.name, line, json.dumps(item), "no object")
    except _FAULTS as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else _why(error)
        raise InputError(
            f"{file.place}:{listing.line}: not whole JSON ({why}); expected {expected}; "
            "export or download it again"
        ) from error
    if facts is not None:
        facts |= listing.facts


def lines(file: File, ledger: Ledger, table: str = "events") -> Iterator[tuple[int, Object]]:
    """Yield the object of each JSON line with its number; what is none is a malformed_line."""
    for number, line in file.lines():
        text = line.removeprefix(b"\xef\xbb\xbf").strip()
        if not text:
            continue
        try:
            item = json.loads(text)
        except _FAULTS:
            item = None
        if isinstance(item, dict):
            yield number, item
        else:
            place = f"{file.name}:{number}: no JSON object"
            malformed = Malformed(((number, line.decode(errors="replace")),), (place,))
            count_malformed(malformed, file.name, table, ledger)


def nested(item: Object, *keys: str) -> Object:
    """Return the object within objects; an empty one where there is none.

    >>> nested({"track": {"album": None}}, "track", "album")
    {}
    """
    for key in keys:
        inner = item.get(key)
        if not isinstance(inner, dict):
            return {}
        item = inner
    return item


def _why(error: BaseException) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)[:60]
