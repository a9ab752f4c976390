"""Text as identity: keys for artist names and titles, tokens for genres.

The tables keep the raw text; two rows whose keys are equal mean the same artist, title or genre.
Every function takes a Polars expression or Series and gives one, fast enough for millions of rows;
most take a plain `str` too and give a `str`. A null stays null. Where nothing would be left ("!!!"
is a band), the lower-cased text itself is the key, so that no two such names become one.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

import polars as pl

from encore.data.values import stripped

Text = TypeVar("Text", str, pl.Series, pl.Expr)

# What Unicode does not decompose, and casefolding beyond lower case.
_FOLDED = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d"}
_FOLDED |= {"\N{GREEK SMALL LETTER FINAL SIGMA}": "\N{GREEK SMALL LETTER SIGMA}"}
_FOLDED |= {"\N{LATIN SMALL LETTER DOTLESS I}": "i"}

_SPELLED_OUT = {"&": " and ", " + ": " and ", **dict.fromkeys("'`.\u2019\u00b4", "")}

# Only these accents: the marks of Indic, Thai and Japanese scripts are letters, not ornament.
_ACCENTS = r"[\x{0300}-\x{036F}]"

_NOT_A_LETTER = r"[^\p{L}\p{M}\p{N}]+"

_YEAR = r"(?:19|20)\d\d"
# As releases say it in English, Spanish, Portuguese and French.
_REMASTERED = r"r[eé]mast[eé]r(?:ed|i[sz]ad[oa]|isée?)?"
_IN_CONCERT = r"(?:live|en\s+vivo|ao\s+vivo|en\s+directo)"
#: What a title may carry without becoming another performance.
_SAME_PERFORMANCE = "|".join(
    (
        rf"(?:{_YEAR}\s+)?(?:digital(?:ly)?\s+)?{_REMASTERED}(?:\s+version)?(?:\s+{_YEAR})?",
        r"(?:mono|stereo)(?:\s+(?:version|mix))?",
        r"(?:album|single|original|explicit|clean)\s+version",
        r"explicit",
        r"radio\s+edit",
        r"bonus\s+track",
        r"(?:deluxe|expanded)(?:\s+(?:edition|version))?",
        r"official\s+(?:music\s+)?(?:video|audio)",
    )
)
_SUFFIXES = rf"(?:{_SAME_PERFORMANCE})(?:\s*[/;,]\s*(?:{_SAME_PERFORMANCE}))*"
_BRACKETED_SUFFIX = rf"(?i)\s*[(\[]\s*(?:{_SUFFIXES})\s*[)\]]"
_DASHED_SUFFIX = rf"(?i)(?:\s+[-\x{2013}\x{2014}]\s+(?:{_SUFFIXES}))+\s*$"
_GUEST = r"(?:feat\.?|ft\.?|featuring)\s"
_BRACKETED_GUEST = rf"(?i)\s*[(\[]\s*{_GUEST}(?:[^()\[\]]|\([^()]*\))*[)\]]"
_TRAILING_GUEST = rf"(?i)\s+{_GUEST}.+?(\s+[-\x{2013}\x{2014}(\[]|$)"
_GUESTS_OF_ARTIST = rf"(?i)\s+[(\[]?{_GUEST}.+$"
#: A guest bracket that also names another performance is left whole: "(feat. X - Live)".
_OTHER_PERFORMANCE = rf"(?i)[(\[]\s*{_GUEST}[^)\]]*\b(?:{_IN_CONCERT}|remix|acoustic|demo)\b"

# Only where a bracket or a dash sets it off: "Live and Let Die" is no live take.
_LIVE = (
    rf"(?i)\s*[(\[]\s*(?:recorded\s+)?{_IN_CONCERT}\b[^)\]]*[)\]]"
    rf"|\s+[-\x{{2013}}\x{{2014}}]\s+(?:recorded\s+)?{_IN_CONCERT}\b.*$"
)

#: How players and taggers write that they do not know (as keys); no two such are one song.
_UNKNOWN_ARTISTS = ("unknown", "unknown artist", "various", "various artists", "va", "n a")
_UNKNOWN_TITLE = r"^(?:unknown|unknown title|unknown track|untitled|track \d+|n a)$"


#: Between artist and title, where readers make an id of them for want of a better one.
NAMED_BY = " \N{EN DASH} "


class _OnText(Protocol):
    def __call__(self, text: Text, /) -> Text: ...


def _also_on_str(function: Callable[[pl.Expr], pl.Expr]) -> _OnText:
    """Let a function of expressions take a Series or a plain `str` too."""

    def wrapped(text: Text, /) -> Text:
        if isinstance(text, str):
            answer: str = pl.select(function(pl.lit(text))).item()
            return answer
        if isinstance(text, pl.Series):
            return text.to_frame().select(function(pl.col(text.name))).to_series()
        return function(text)

    wrapped.__doc__, wrapped.__name__ = function.__doc__, function.__name__
    return wrapped


@_also_on_str
def normalise_artist(text: pl.Expr) -> pl.Expr:
    """Return the key of an artist's name: case, accents, punctuation, "the" and "&" no matter.

    >>> normalise_artist("The Beatles"), normalise_artist("Beatles, The")
    ('beatles', 'beatles')
    >>> [normalise_artist(name) for name in ("Simon & Garfunkel", "Sigur Rós", "R.E.M.")]
    ['simon and garfunkel', 'sigur ros', 'rem']
    >>> normalise_artist("Jay-Z"), normalise_artist("!!!"), normalise_artist("The The")
    ('jay z', '!!!', 'the')
    """
    forward = _folded(text).str.replace(r"^(.+),\s*the\s*$", "$1")
    return _or_itself(_letters(forward).str.replace(r"^the (.+)$", "$1"), text)


@_also_on_str
def clean_title(text: pl.Expr) -> pl.Expr:
    """Return a title without what does not make it another performance; its letters stay.

    Remasters, mono and stereo, edits, "explicit" and guests go. Live takes, remixes, demos and
    acoustic versions are other performances and stay apart.

    >>> clean_title("Heroes - Remastered 2011"), clean_title("Stan (feat. Dido) [Explicit]")
    ('Heroes', 'Stan')
    >>> clean_title("Heroes - Live / Remastered"), clean_title("Heroes (Live) [2017 Remaster]")
    ('Heroes - Live / Remastered', 'Heroes (Live)')
    """
    other = text.str.contains(_OTHER_PERFORMANCE)
    alone = pl.when(other).then(text).otherwise(text.str.replace_all(_BRACKETED_GUEST, ""))
    title = alone.str.replace(_TRAILING_GUEST, "$1")
    title = title.str.replace_all(_BRACKETED_SUFFIX, "").str.replace(_DASHED_SUFFIX, "")
    title = title.str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.coalesce(_unless_empty(title), text.str.strip_chars())


@_also_on_str
def normalise_title(text: pl.Expr) -> pl.Expr:
    """Return the key of a title: cleaned, then case, accents and punctuation no matter.

    >>> normalise_title("Déjà Vu (feat. JAY-Z)"), normalise_title("deja  vu!")
    ('deja vu', 'deja vu')
    """
    return _or_itself(_letters(_folded(clean_title(text))), text)


def artist_keys(names: pl.Series) -> pl.Series:
    """Return the key of each artist's name, guests aside; null where none or no name is known.

    >>> artist_keys(pl.Series(["The Beatles", "Eminem feat. Dido", "Unknown Artist"])).to_list()
    ['beatles', 'eminem', None]
    """

    def key(name: pl.Expr) -> pl.Expr:
        found = normalise_artist(name.str.replace(_GUESTS_OF_ARTIST, ""))
        return pl.when(~found.is_in(_UNKNOWN_ARTISTS)).then(found)

    return of_each(names, key)


def title_keys(titles: pl.Series, *, live_apart: bool = True) -> pl.Series:
    """Return the key of each title; null where none is known ("Untitled", "Track 3").

    Live takes have keys of their own, unless `live_apart` is false.

    >>> takes = pl.Series(["Live and Let Die", "Heroes (Live) [Mono]", "Heroes - En Vivo"])
    >>> title_keys(takes).to_list()
    ['live and let die', 'heroes live', 'heroes en vivo']
    >>> title_keys(takes, live_apart=False).to_list()
    ['live and let die', 'heroes', 'heroes']
    """

    def key(title: pl.Expr) -> pl.Expr:
        found = normalise_title(title if live_apart else title.str.replace_all(_LIVE, ""))
        return pl.when(~found.str.contains(_UNKNOWN_TITLE)).then(found)

    return of_each(titles, key)


def of_each(texts: pl.Series, key: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    """Return the key of each text, computed once for those that repeat; null where blank."""
    once = texts.drop_nulls().unique().alias("text").to_frame()
    blank = pl.col("text").str.strip_chars() == ""
    known = once.filter(~blank).with_columns(key(pl.col("text")).alias("key"))
    wanted = texts.alias("text").to_frame()
    return wanted.join(known, on="text", how="left", maintain_order="left")["key"]


@_also_on_str
def tokenise_genre(text: pl.Expr) -> pl.Expr:
    """Return the token of one genre: its spellings with hyphens, spaces and "and" are one.

    >>> [tokenise_genre(genre) for genre in ("hip-hop", "Hip Hop", "hiphop")]
    ['hiphop', 'hiphop', 'hiphop']
    >>> [tokenise_genre(genre) for genre in ("R&B", "r and b", "rock 'n' roll", "Rock and Roll")]
    ['rnb', 'rnb', 'rocknroll', 'rocknroll']
    """
    token = _folded(text).str.replace_all(r"&|\band\b", "n").str.replace_all(_NOT_A_LETTER, "")
    return _or_itself(token, text)


def split_genres(text: pl.Expr) -> pl.Expr:
    """Return the list of genres in a cell: separated by `;`, else `|`, else `,`; null where none.

    A list as Python prints it (``['rock', 'pop']``) is understood too. Spelling is left alone.

    >>> cells = pl.DataFrame({"genres": ["rock; pop", "folk,rock,folk", "['soul', 'funk']", " "]})
    >>> cells.select(split_genres(pl.col("genres")))["genres"].to_list()
    [['rock', 'pop'], ['folk', 'rock'], ['soul', 'funk'], None]
    """
    printed_list = text.str.contains(r"^\s*\[.*\]\s*$")
    bare = pl.when(printed_list).then(text.str.replace_all(r"[\[\]'\x22]", "")).otherwise(text)
    separator = (
        pl.when(bare.str.contains(";", literal=True))
        .then(pl.lit(";"))
        .when(bare.str.contains("|", literal=True))
        .then(pl.lit("|"))
        .otherwise(pl.lit(","))
    )
    return tidy_genres(bare.str.split(separator))


def tidy_genres(genres: pl.Expr) -> pl.Expr:
    """Return lists of genres stripped, without empty or repeated ones; null where none is left."""
    stripped = genres.list.eval(pl.element().str.strip_chars())
    present = stripped.list.eval(pl.element().filter(pl.element() != ""))
    tidy = present.list.unique(maintain_order=True)
    return pl.when(tidy.list.len() > 0).then(tidy)


def _folded(text: pl.Expr) -> pl.Expr:
    """Lower case, compatibility forms and accents away."""
    bare = text.str.normalize("NFKD").str.to_lowercase().str.replace_all(_ACCENTS, "")
    return bare.str.replace_many(_FOLDED).str.normalize("NFC")


def _letters(folded: pl.Expr) -> pl.Expr:
    """Words of letters and digits, one space between; dots and apostrophes join what they part."""
    return (
        folded.str.replace_many(_SPELLED_OUT).str.replace_all(_NOT_A_LETTER, " ").str.strip_chars()
    )


def _or_itself(key: pl.Expr, text: pl.Expr) -> pl.Expr:
    return pl.coalesce(_unless_empty(key), text.str.strip_chars().str.to_lowercase())


def _unless_empty(text: pl.Expr) -> pl.Expr:
    # Not when/then: that would compute `text`, a long chain, twice.
    return text.str.extract(r"(?s)^(.+)$")


def named_track() -> pl.Expr:
    """Return the id of a track that has none: artist and title as they are spelled.

    Null where either is unknown.
    """
    return stripped("artist") + pl.lit(NAMED_BY) + stripped("title")


def one_artist() -> pl.Expr:
    """Return what a track's artist is told from others by: the id, else the key of the name."""
    return pl.coalesce("artist_id", normalise_artist(pl.col("artist")))
