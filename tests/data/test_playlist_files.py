"""Playlist files read back: those that encore writes, those of others, and those that are none."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encore import InputError
from encore.data import playlist_files
from encore.data.writers import playlists
from encore.data.writers.entries import Entry, Playlist, line

MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"
SPOTIFY_ID = "5pKLZ0pRcrsb4TOjLF4Cci"
DATE = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)

SONG = Entry("t1", "Trust & <Love>", "Käptn Böhm", "One", 201_000, MBID, None, "/music/a b.flac")
OTHER = Entry("t2", "שיר של יום חולין", None, spotify_id=SPOTIFY_ID)


def read(path: Path, text: str | bytes, name: str = "list.m3u8") -> list[Entry]:
    file = path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return playlist_files.read(file)


def test_what_encore_writes_it_reads(tmp_path: Path) -> None:
    for suffix in playlists.FORMS:
        file = tmp_path / f"mine{suffix}"
        playlists.write(Playlist("Mine", [SONG, OTHER], DATE), file)
        first, second = playlist_files.read(file)
        assert second.spotify_id == SPOTIFY_ID, suffix
        assert first.duration_ms == SONG.duration_ms
        if suffix == ".m3u8":
            assert (first.artist, first.title) == (None, f"{SONG.artist} - {SONG.title}")
            continue
        assert (first.artist, first.title, first.album) == (SONG.artist, SONG.title, SONG.album)
        assert first.recording_mbid == MBID
        assert first.track_id == ("t1" if suffix == ".jspf" else "")


texts = st.text(max_size=9)
entries = st.builds(
    Entry,
    track_id=texts,
    title=texts.filter(line),
    artist=st.none() | texts,
    duration_ms=st.none() | st.integers(0, 10**8),
    recording_mbid=st.none() | st.just(MBID),
    location=st.none() | texts,
)


@given(st.lists(entries, max_size=5), st.sampled_from([".jspf", ".xspf"]))
def test_whatever_is_written_comes_back_in_order(tmp_path_factory, found, suffix) -> None:
    file = tmp_path_factory.mktemp("lists") / f"mine{suffix}"
    playlists.write(Playlist("Mine", found, DATE), file)
    again = playlist_files.read(file)
    assert [one.title for one in again] == [line(one.title) for one in found]
    assert [one.artist for one in again] == [line(one.artist or "") or None for one in found]
    assert [one.duration_ms for one in again] == [one.duration_ms for one in found]


def test_listenbrainz_and_the_specification_differ_and_both_are_read(tmp_path: Path) -> None:
    of_listenbrainz = {"identifier": [f"https://musicbrainz.org/recording/{MBID.upper()}"]}
    plain = {"title": "T", "creator": "A", "identifier": f"http://musicbrainz.org/recording/{MBID}"}
    odd = {"title": ["U"], "creator": None, "duration": "long", "extension": []}
    text = json.dumps({"playlist": {"track": [of_listenbrainz, plain, odd, {"title": " "}]}})
    found = read(tmp_path, text, "list.json")
    assert [one.recording_mbid for one in found] == [MBID, MBID, None]
    assert [(one.title, one.artist) for one in found] == [("", None), ("T", "A"), ("U", None)]


def test_xspf_of_others(tmp_path: Path) -> None:
    text = """<?xml version="1.0" encoding="ISO-8859-1"?>
    <playlist version="1"><title>Of the list</title><trackList>
      <track><creator>Bj\xf6rk</creator><title>J<![CDATA[\xf3g]]>a</title>
        <extension application="http://a.org"><x:y xmlns:x="u"><title>not this</title></x:y>
        </extension><meta rel="http://b.org">nor this</meta></track>
      <track><location>https://open.spotify.com/intl-de/track/5pKLZ0pRcrsb4TOjLF4Cci?si=x</location>
      </track></trackList></playlist>"""
    song, other = read(tmp_path, text.encode("latin-1"))
    assert (song.artist, song.title) == ("Björk", "Jóga")
    assert other.spotify_id == SPOTIFY_ID


def test_m3u_of_others(tmp_path: Path) -> None:
    text = (
        '#EXTM3U\r\n#EXTINF:201 tvg-id="x",A - T\r\n#EXTVLCOPT:x\r\nC:\\music\\1.mp3\r\n\r\n'
        "#EXTINF:-1,\r\nfile:///music/B%20-%20U.ogg\r\nmusic\\C - V.flac\r\nhttp://a.org/s.m3u8\r\n"
    )
    found = read(tmp_path, text)
    assert [(one.title, one.duration_ms) for one in found] == [
        ("A - T", 201_000),
        ("B - U", None),
        ("C - V", None),
    ]
    assert [one.title for one in read(tmp_path, b"caf\xe9 - x.mp3\n", "old.m3u")] == ["café - x"]


BOMB = """<!DOCTYPE p [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<playlist xmlns="http://xspf.org/ns/0/" version="1"><title>&b;</title></playlist>"""
FETCHED = '<!DOCTYPE playlist SYSTEM "file:///etc/hostname"><playlist><trackList/></playlist>'


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (BOMB, r"list:1: not XSPF: found a DTD.*remove it"),
        (FETCHED, r"list:1: not XSPF: found a DTD"),
        ("<playlist>\n<trackList>", r"list:2: not XML"),
        ("<rss/>", r"list:1: not XSPF: found the element 'rss', expected 'playlist'"),
        ('{"playlist": {}}', r"list: not JSPF: expected.*KeyError"),
        ('{"playlist": {"track": 3}}', r"list: not JSPF"),
        ('{"playlist"', r"list: not JSPF"),
        ('{"playlist":' * 100_000, r"list: not JSPF"),
        ("a,b\n1,2\n", r"list: no playlist: expected JSPF, XSPF, or M3U"),
        ("", r"list: no playlist"),
    ],
)
def test_what_is_no_playlist_is_refused_by_name(tmp_path: Path, content: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read(tmp_path, content, "list")


def test_a_file_that_is_absent_or_vast_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"absent.xspf: cannot be read: No such file"):
        playlist_files.read(tmp_path / "absent.xspf")
    monkeypatch.setattr(playlist_files, "MOST_BYTES", 9)
    with pytest.raises(InputError, match=r"list.m3u8: 10 bytes; a playlist has no more than 9"):
        read(tmp_path, "#" * 10)


@given(st.binary(max_size=200), st.sampled_from(["<", "{", "#EXTM3U\n", ""]))
def test_whatever_the_bytes_it_is_read_or_refused(tmp_path_factory, content, start) -> None:
    try:
        found = read(tmp_path_factory.mktemp("any"), start.encode() + content)
    except InputError as error:
        found, told = [], str(error)
    else:
        told = "list.m3u8"
    assert "list.m3u8" in told
    assert all(one.title or one.spotify_id or one.recording_mbid for one in found)
