"""Playlist files, read back by parsers that are not ours."""

import dataclasses
import json
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

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


TEXTS = ("title", "creator", "annotation", "info", "image", "album", "date", "license")
LISTS = ("identifier", "location")  # a playlist has one of each as text, a track lists


def jspf_checked(text: str) -> dict:
    """Parse a JSPF and hold it to its specification and to what ListenBrainz takes."""
    told = json.loads(text)
    assert told.keys() == {"playlist"}
    playlist = told["playlist"]
    assert playlist.keys() <= {*TEXTS, *LISTS, "attribution", "link", "meta", "extension", "track"}
    assert isinstance(playlist["extension"][jspf.PLAYLIST]["public"], bool)
    assert playlist["title"] is not None
    assert isinstance(playlist["track"], list)
    for track in playlist["track"]:
        assert track.keys() <= {*TEXTS, *LISTS, "link", "meta", "extension", "trackNum", "duration"}
        assert all(isinstance(track[name], str) for name in TEXTS if name in track)
        for name in LISTS:
            assert isinstance(track.get(name, []), list)
            assert all(isinstance(one, str) and one for one in track.get(name, []))
        for name in ("duration", "trackNum"):
            assert isinstance(track.get(name, 0), int)
            assert track.get(name, 0) >= 0
        assert all(urlsplit(key).scheme for key in track["extension"])
        assert isinstance(track["extension"][jspf.TRACK]["additional_metadata"], dict)
    return playlist


# XSPF, by the rules of its specification (version 1), in tests/data/xspf.rng

SCHEMA = etree.RelaxNG(file=str(Path(__file__).with_name("xspf.rng")))


def checked(text: str) -> ET.Element:
    """Parse an XSPF and hold it to the schema; URIs to their characters, dates to a zone."""
    SCHEMA.assertValid(etree.fromstring(text.encode()))
    root = ET.fromstring(text)  # noqa: S314  # our own text
    for name in ("location", "identifier"):
        for element in root.iter(f"{{{NS['x']}}}{name}"):
            assert element.text.isascii()
            assert not set(element.text) & set(' "<>\\^`{|}')
            urlsplit(element.text)
    assert datetime.fromisoformat(root.findtext("x:date", namespaces=NS)).tzinfo
    return root


@pytest.mark.parametrize(
    ("found", "broken"),
    [
        ('version="1"', 'version="2"'),
        ('version="1" ', ""),
        ("http://xspf.org/ns/0/", "http://xspf.org/ns/9/"),
        ("<title>Mine</title>", "<title>Mine</title><title>Twice</title>"),
        ("<duration>201499<", "<duration>201.5<"),
        ("<duration>201499<", "<duration>-1<"),
        ("<album>", "<trackNum>0</trackNum><album>"),
        ("<album>", "<genre>rock</genre><album>"),
        ("<album>", "<album>One</album><album>"),
        ("<date>2026-03-01T", "<date>1 March "),
        ("trackList>", "tracks>"),
    ],
)
def test_the_schema_refuses_what_the_specification_does(found: str, broken: str) -> None:
    text = xspf.text(made(FULL, BARE))
    assert SCHEMA.validate(etree.fromstring(text.encode()))
    assert found in text
    assert not SCHEMA.validate(etree.fromstring(text.replace(found, broken).encode()))


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


def test_a_parser_that_is_not_ours_reads_the_entries_in_order() -> None:
    parser = pytest.importorskip("m3u8")
    several = [
        dataclasses.replace(
            FULL, title=f"Song, {n} - live", duration_ms=n * 1000, location=location
        )
        for n, location in enumerate(["/music/100% #1.flac", "b c.ogg", "https://a.org/d?e=f"], 1)
    ]
    found = parser.loads(m3u8.text(made(*several, BARE))).segments
    assert [(one.title, one.duration, one.uri) for one in found] == [
        (f"{FULL.artist} - {one.title}", one.duration_ms / 1000, one.location) for one in several
    ]


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
    read = jspf_checked(jspf.text(playlist))
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
