"""Playlist files, read back by parsers that are not ours."""

import json
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore import UsageError
from encore.data.writers import jspf, m3u8, playlists, xspf
from encore.data.writers.entries import RECORDING, SPOTIFY, Entry, Playlist, line, uri

DATE = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"
HEBREW = "שיר של יום חולין"  # right to left, as it is

FULL = Entry(
    track_id="t1",
    title='Rock & <Roll> "live"',
    artist="Käptn Böhm",
    album="One ]]> two",
    duration_ms=201_499,
    recording_mbid=MBID,
    spotify_id="5pKLZ0pRcrsb4TOjLF4Cci",
    location="/music/100% & more #1.flac",
    score=1.5,
    reason="because you play X",
)
BARE = Entry(track_id="t2", title=HEBREW)
NS = {"x": "http://xspf.org/ns/0/"}


def made(*entries: Entry, title: str = "Mine") -> Playlist:
    return Playlist(title, list(entries), DATE, annotation="history folded in")


# JSPF, as ListenBrainz writes and takes it


def test_jspf_has_the_form_of_listenbrainz() -> None:
    told = json.loads(jspf.text(made(FULL, BARE)))["playlist"]
    assert told == {
        "title": "Mine",
        "creator": "encore",
        "annotation": "history folded in",
        "date": "2026-03-01T12:30:00+00:00",
        "extension": {"https://musicbrainz.org/doc/jspf#playlist": {"public": False}},
        "track": [
            {
                "title": 'Rock & <Roll> "live"',
                "creator": "Käptn Böhm",
                "album": "One ]]> two",
                "duration": 201499,
                "identifier": [f"https://musicbrainz.org/recording/{MBID}"],
                "location": ["file:///music/100%25%20&%20more%20%231.flac"],
                "extension": {
                    "https://musicbrainz.org/doc/jspf#track": {
                        "additional_metadata": {
                            "track_id": "t1",
                            "score": 1.5,
                            "reason": "because you play X",
                        }
                    }
                },
            },
            {
                "title": HEBREW,
                "extension": {
                    "https://musicbrainz.org/doc/jspf#track": {
                        "additional_metadata": {"track_id": "t2"}
                    }
                },
            },
        ],
    }


# XSPF, by the rules of its specification (version 1)

#: The elements of a playlist and of a track, and which may stand more than once.
OF_PLAYLIST = {"title", "creator", "annotation", "date", "trackList"}
OF_TRACK = {"location", "identifier", "title", "creator", "annotation", "album", "duration"}
SEVERAL = {"location", "identifier"}


def checked(text: str) -> ET.Element:
    """Parse an XSPF and hold it to the rules of the specification's RELAX NG schema."""
    root = ET.fromstring(text)  # noqa: S314  # our own text
    assert root.tag == f"{{{NS['x']}}}playlist"
    assert root.attrib == {"version": "1"}
    assert len(root.findall("x:trackList", NS)) == 1
    for parent, allowed in [
        (root, OF_PLAYLIST),
        *((track, OF_TRACK) for track in root.find("x:trackList", NS)),
    ]:
        names = [child.tag.removeprefix(f"{{{NS['x']}}}") for child in parent]
        assert set(names) <= allowed
        assert all(names.count(name) == 1 for name in set(names) - SEVERAL)
    for name in ("location", "identifier"):
        for element in root.iter(f"{{{NS['x']}}}{name}"):
            assert element.text.isascii()
            assert not set(element.text) & set(' "<>\\^`{|}')
            urlsplit(element.text)
    for element in root.iter(f"{{{NS['x']}}}duration"):
        assert int(element.text) >= 0
    assert datetime.fromisoformat(root.findtext("x:date", namespaces=NS)).tzinfo
    return root


def test_xspf_holds_to_its_specification() -> None:
    root = checked(xspf.text(made(FULL, BARE)))
    assert root.findtext("x:title", namespaces=NS) == "Mine"
    first, second = root.find("x:trackList", NS)
    told = {child.tag.split("}")[1]: child.text for child in first}
    assert told == {
        "location": "file:///music/100%25%20&%20more%20%231.flac",
        "identifier": RECORDING + MBID,
        "title": FULL.title,
        "creator": FULL.artist,
        "annotation": FULL.reason,
        "album": FULL.album,
        "duration": "201499",
    }
    assert [child.text for child in second] == [HEBREW]


def test_an_empty_playlist_is_one_in_each_form() -> None:
    assert len(checked(xspf.text(made())).find("x:trackList", NS)) == 0
    assert json.loads(jspf.text(made()))["playlist"]["track"] == []
    assert m3u8.text(made()) == "#EXTM3U\n#PLAYLIST:Mine\n"


# M3U8


def read_m3u8(text: str) -> list[tuple[int, str, str]]:
    """Read (seconds, name, location) as a player does: what #EXTINF says is of the next line."""
    lines = text.split("\n")
    assert lines[0] == "#EXTM3U"
    found, pending = [], None
    for told in lines[1:]:
        if told.startswith("#EXTINF:"):
            seconds, name = told.removeprefix("#EXTINF:").split(",", 1)
            pending = (int(seconds), name)
        elif told and not told.startswith("#"):
            found.append((*pending, told))
            pending = None
    assert pending is None
    return found


def test_m3u8_plays_in_order_and_passes_over_what_has_no_location() -> None:
    by_spotify = Entry(track_id="t3", title="T", artist="A", spotify_id="abc", duration_ms=1500)
    odd = Entry(track_id="t4", title="U", location="#1 hits/u.ogg")
    broken = Entry(track_id="t5", title="V", location="two\nlines.mp3")
    text = m3u8.text(made(FULL, BARE, by_spotify, odd, broken))
    assert read_m3u8(text) == [
        (201, 'Käptn Böhm - Rock & <Roll> "live"', "/music/100% & more #1.flac"),
        (2, "A - T", "spotify:track:abc"),
        (-1, "U", "./#1 hits/u.ogg"),
    ]
    assert f"# no location known: {HEBREW}" in text


# Whatever the text


texts = st.text(st.characters(exclude_categories=[]), max_size=12)  # lone surrogates too
entries = st.builds(
    Entry,
    track_id=texts,
    title=texts,
    artist=st.none() | texts,
    album=st.none() | texts,
    duration_ms=st.none() | st.integers(0, 10**8),
    recording_mbid=st.none() | st.just(MBID),
    spotify_id=st.none() | st.just("5pKLZ0pRcrsb4TOjLF4Cci"),
    location=st.none() | texts,
    score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    reason=st.none() | texts,
)


@given(st.lists(entries, max_size=5), texts)
def test_whatever_the_text_each_form_holds_it_in_order(found: list[Entry], title: str) -> None:
    playlist = made(*found, title=title)
    for text in (form(playlist) for form in playlists.FORMS.values()):
        text.encode()  # no half of a character is left
        assert {c for c in text if unicodedata.category(c) == "Cc"} <= {"\n"}
    read = json.loads(jspf.text(playlist))["playlist"]
    assert read["title"] == line(title)
    assert [track["title"] for track in read["track"]] == [line(one.title) for one in found]
    root = checked(xspf.text(playlist))
    for track, one in zip(root.find("x:trackList", NS), found, strict=True):
        for name, value in (("title", one.title), ("creator", one.artist), ("album", one.album)):
            assert (track.findtext(f"x:{name}", namespaces=NS) or "") == line(value or "")
    playable = [one for one in found if one.spotify_id or (one.location or "").strip()]
    assert len(read_m3u8(m3u8.text(playlist))) <= len(playable)


@given(texts)
def test_a_line_stays_itself_and_a_uri_says_the_path(text: str) -> None:
    assert line(line(text)) == line(text)
    path = f"/{line(text)}"
    assert unquote(uri(path).removeprefix("file://")) == line(path)


def test_the_suffix_names_the_form_and_another_is_refused(tmp_path: Path) -> None:
    for suffix in playlists.FORMS:
        playlists.write(made(FULL), tmp_path / f"mine{suffix}")
        assert FULL.title.split()[0] in (tmp_path / f"mine{suffix}").read_text("utf-8")
    with pytest.raises(UsageError, match=r"mine.pls: expected one of .jspf, .xspf, .m3u8"):
        playlists.write(made(FULL), tmp_path / "mine.pls")


def test_without_a_recording_a_track_goes_by_spotifys_id() -> None:
    assert Entry("t", "T", spotify_id="abc").identifiers == [f"{SPOTIFY}abc"]
    assert FULL.identifiers == [f"{RECORDING}{MBID}"]
