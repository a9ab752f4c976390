"""Each format of a listening history, with what is peculiar to it."""

import bz2
import gzip
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from encore.data.dataset import Dataset
from encore.data.readers import read
from encore.errors import InputError

MBID = "b1a9c0e9-d987-4042-ae91-78d6a3267d69"
OTHER_MBID = "5b11f4ce-a62d-471e-81fc-a69a8278c7da"
SPOTIFY_ID = "3n3Ppam7vgaVa1iaRUc9Lp"


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[misc]


def imported(path: Path, content: object, **options: Any) -> Dataset:
    """Write a file (text, bytes, or something as JSON) and read it."""
    if isinstance(content, list | dict):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
    data = read(path, **options)
    assert data.ledger.read == data.ledger.kept + sum(data.ledger.dropped.values())
    return data


def heard(data: Dataset) -> list[tuple[Any, ...]]:
    return data.events.select("user_id", "track_id", "listened_at").rows()


GHAN = "uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid\n"


def test_ghan_trusts_uts_and_drops_exact_duplicates(tmp_path: Path) -> None:
    row = f'"1579144381","17 May 2026, 12:54","Low, the","","Hey What","","White Horses","{MBID}"\n'
    bare = '"1579144999","x","Mum","","","","Green","no mbid"\n'
    data = imported(tmp_path / "x", GHAN + row + row + bare)
    assert heard(data) == [
        ("me", MBID, at(2020, 1, 16, 3, 13, 1)),
        ("me", "Mum – Green", at(2020, 1, 16, 3, 23, 19)),
    ]
    assert data.ledger.dropped == {"duplicate_listen": 1}
    known = data.tracks.select("title", "artist", "album", "recording_mbid").rows()
    assert known == [("White Horses", "Low, the", "Hey What", MBID), ("Green", "Mum", None, None)]


@pytest.mark.parametrize("header", ["", "Artist,Album,Title,Date\n"])
def test_benjaminbenben_with_and_without_a_header(tmp_path: Path, header: str) -> None:
    comma = "" if header else ","
    rows = (
        (
            f'Mum,,"Green, Grass",06 Sep 2020{comma} 14:23\n' * 2
            + "Low,Hey,Days,\n"
            + f"Low,Hey,Days,16 Jan 2020{comma} 03:13\n"
        )
        .replace("06 Sep 2020, 14:23", '"06 Sep 2020, 14:23"')
        .replace("16 Jan 2020, 03:13", '"16 Jan 2020, 03:13"')
    )
    data = imported(tmp_path / "x", header + rows, user="ann")
    assert heard(data) == [
        ("ann", "Mum – Green, Grass", at(2020, 9, 6, 14, 23)),
        ("ann", "Mum – Green, Grass", at(2020, 9, 6, 14, 23)),  # minutes do not tell duplicates
        ("ann", "Low – Days", at(2020, 1, 16, 3, 13)),
    ]
    assert data.ledger.dropped == {"missing_time": 1}  # what played while it was exported
    assert any("without a time zone were read as UTC" in note for note in data.ledger.notes)


def test_naive_times_are_of_the_zone_that_is_given(tmp_path: Path) -> None:
    rows = '"A",,"B","06 Sep 2020, 14:23"\nA,,B,"25 Oct 2020, 02:30"\nA,,B,"29 Mar 2020, 02:30"\n'
    data = imported(tmp_path / "x", rows, tz="Europe/Paris")
    assert [moment for _, _, moment in heard(data)] == [
        at(2020, 9, 6, 12, 23),
        at(2020, 10, 25, 0, 30),  # the first of two half past two
        at(2020, 3, 29, 1, 30),  # there was none: the clock had gone on an hour
    ]
    assert any("were read as Europe/Paris" in note for note in data.ledger.notes)


def test_lastfmstats_names_its_listener_in_the_header(tmp_path: Path) -> None:
    text = "\ufeffArtist;Album;AlbumId;Track;Date#Ann_1\n"
    text += 'Mum;"Yes; no";;Green;1579144381000\n'
    data = imported(tmp_path / "x", text, user="bob")
    assert heard(data) == [("Ann_1", "Mum – Green", at(2020, 1, 16, 3, 13, 1))]
    assert data.tracks["album"].to_list() == ["Yes; no"]
    assert any("'Ann_1'" in note and "'bob'" in note for note in data.ledger.notes)


@pytest.mark.parametrize("first", [True, False])
def test_lastfmstats_in_json(tmp_path: Path, first: bool) -> None:
    scrobble = {"track": "Green", "artist": "Mum", "album": "", "date": 1579144381000}
    whose, what = {"username": "Ann"}, {"scrobbles": [scrobble, 7]}
    data = imported(tmp_path / "x", whose | what if first else what | whose)
    assert heard(data) == [("Ann", "Mum – Green", at(2020, 1, 16, 3, 13, 1))]
    assert data.ledger.dropped == {"malformed_line": 1}


def test_lastfm_backup_is_in_utc(tmp_path: Path) -> None:
    data = imported(
        tmp_path / "x", '2020-01-16,03:13:01,Mum,"Green, too"\n2020-01-16,3', tz="Asia/Tokyo"
    )
    assert heard(data) == [("me", "Mum – Green, too", at(2020, 1, 16, 3, 13, 1))]
    assert data.ledger.dropped == {"malformed_line": 1}


def test_librefm_has_comments_and_columns_in_any_case_and_order(tmp_path: Path) -> None:
    text = "# Libre.fm\n#\nTrack,TIME,Artist,Loved,Album\nGreen,1579144381,Mum,0,Yes\n"
    data = imported(tmp_path / "x", text)
    assert heard(data) == [("me", "Mum – Green", at(2020, 1, 16, 3, 13, 1))]
    assert data.tracks["album"].to_list() == ["Yes"]


def test_a_table_with_such_columns_stays_a_table(tmp_path: Path) -> None:
    own = imported(
        tmp_path / "x", "time,artist,track,user_id,track_id\n1579144381,Mum,Green,ann,t1\n"
    )
    assert own.plays["track_id"].to_list() == ["t1"]
    named = imported(
        tmp_path / "y",
        "time,artist,track,who\n1579144381,Mum,Green,ann\n",
        columns={"user_id": "who", "track_id": "track", "listened_at": "time"},
    )
    assert heard(named) == [("ann", "Green", at(2020, 1, 16, 3, 13, 1))]


LOG = b"#AUDIOSCROBBLER/1.1\n%s\n#CLIENT/Rockbox\n"


@pytest.mark.parametrize(("zone", "hour"), [(b"#TZ/UTC", 3), (b"#TZ/UNKNOWN", 2), (b"", 2)])
def test_scrobbler_log_is_in_local_time_unless_it_says_utc(
    tmp_path: Path, zone: bytes, hour: int
) -> None:
    log = LOG % zone + b"Mum\tYes\tGreen\t3\t158\tL\t1579144381\t\n"
    data = imported(tmp_path / "x", log, tz="Europe/Paris")
    assert heard(data) == [("me", "Mum – Green", at(2020, 1, 16, hour, 13, 1))]
    assert data.tracks["duration_ms"].to_list() == [158_000]


def test_scrobbler_log_keeps_skips_as_skips(tmp_path: Path) -> None:
    log = (
        LOG % b"#TZ/UTC"
        + (
            b"Mum\tYes\tGreen\t3\t158\tS\t1579144381\t" + MBID.upper().encode() + b"\n"
            b"Caf\xe9\t\tSong\t\t100\tL\t1579144391\n"  # neither UTF-8 nor with an MBID
            b"<Untagged>\t\tSong\t\t100\tL\t1579144392\t\n"
            b"Mum\tYes\tGreen\t3\t158\tX\t1579144393\t\n"
            b"Mum\tYes\tGreen\t3\t158\tL\t0\t\n"  # a player whose clock was never set
        )
    )
    data = imported(tmp_path / "x", log)
    plays = data.plays.select("track_id", "plays", "skips").rows()
    assert plays == [(MBID, 0.0, 1), ("Café – Song", 1.0, 0)]
    assert data.ledger.dropped == {
        "missing_artist": 1,
        "malformed_line": 1,
        "impossible_time": 1,
    }
    assert any("1 line is not UTF-8" in note for note in data.ledger.notes)


def test_maloja_has_albums_or_none_and_several_artists(tmp_path: Path) -> None:
    track = {"title": "Green", "artists": ["Mum", "Low"], "length": 200, "album": None}
    other = {"title": "Red", "artists": ["Mum"], "album": {"albumtitle": "Yes", "artists": ["Mum"]}}
    scrobbles = [
        {"time": 1579144381, "duration": 150, "origin": "x", "track": track},
        {"time": 1579145381, "duration": 20, "origin": "x", "track": track},
        {"time": 1579146381, "duration": 60, "origin": "x", "track": track},
        {"time": 1579147381, "duration": None, "track": other},
        {"time": 1579147382, "track": None},
    ]
    data = imported(tmp_path / "x", {"maloja": {"v": 1}, "scrobbles": scrobbles})
    plays = data.plays.select("track_id", "plays", "skips").rows()
    assert plays == [("Mum, Low – Green", 1.0, 1), ("Mum – Red", 1.0, 0)]
    assert data.tracks["album"].to_list() == [None, "Yes"]
    assert data.ledger.dropped == {"missing_track": 1, "partial_listen": 1}


def test_panoscrobbler_may_lack_an_artist(tmp_path: Path) -> None:
    lines = [
        {"timeMs": 1579144381000, "track": "Green", "artist": "Mum", "durationMs": 200000},
        {"timeMs": 1579144382000, "track": "Green", "albumArtist": "Low"},
        {"timeMs": 1579144383000, "track": "Green"},
        {"timeMs": 1579144384000, "track": "Green", "artist": "Mum", "event": "love"},
        {"timeMs": 1579144385000, "track": "Red", "artist": "Mum", "event": "scrobble"},
    ]
    data = imported(tmp_path / "x", "\n".join(map(json.dumps, lines)) + "\nnot json\n")
    tracks = ["Mum – Green", "Low – Green", "Mum – Red"]
    assert [track for _, track, _ in heard(data)] == tracks
    assert data.ledger.dropped == {"missing_artist": 1, "malformed_line": 1, "not_a_listen": 1}
    assert data.tracks["duration_ms"].to_list() == [200_000, None, None]


def listen(second: int, title: str, mapped: object = None, **more: object) -> str:
    heard = {"track_name": title, "artist_name": "Mum", "additional_info": more}
    heard["mbid_mapping"] = mapped
    return json.dumps({"listened_at": 1579144381.0 + second, "track_metadata": heard}) + "\n"


def test_listenbrainz_reads_listens_and_feedback_only(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("user.json", '{"user_id": 3, "username": "ann"}')
        archive.writestr(
            "listens/2020/1.jsonl",
            listen(0, "Green", {"recording_mbid": MBID}, recording_mbid=OTHER_MBID, duration=200)
            + listen(1, "Red", spotify_id=f"https://open.spotify.com/track/{SPOTIFY_ID}")
            + listen(2, "Blue", {"recording_mbid": None}, recording_msid="m1", duration_ms=9000)
            + "[]\n",
        )
        archive.writestr("listens/2020/2.jsonl", listen(90_000, "Red", listened_at=None))
        archive.writestr("pinned_recording.jsonl", listen(7, "Pinned"))
        feedback = [
            {"recording_mbid": MBID, "recording_msid": None, "score": 1, "created": 1579144500},
            {"recording_mbid": None, "recording_msid": "m1", "score": -1, "created": 1579144500},
            {"recording_mbid": None, "recording_msid": "m9", "score": 1, "created": 1579144500},
            {"recording_mbid": OTHER_MBID, "score": 0, "created": 1579144500},
        ]
        archive.writestr("feedback.jsonl", "\n".join(map(json.dumps, feedback)))
    data = imported(path, path.read_bytes())
    assert heard(data) == [
        ("ann", MBID, at(2020, 1, 16, 3, 13, 1)),
        ("ann", SPOTIFY_ID, at(2020, 1, 16, 3, 13, 2)),
        ("ann", "Mum – Blue", at(2020, 1, 16, 3, 13, 3)),
        ("ann", "Mum – Red", at(2020, 1, 17, 4, 13, 1)),
    ]
    known = data.tracks.select("title", "recording_mbid", "spotify_id", "duration_ms").rows()
    assert known[:3] == [
        ("Green", MBID, None, 200_000),
        ("Red", None, SPOTIFY_ID, None),
        ("Blue", None, None, 9_000),
    ]
    liked = data.feedback.select("user_id", "track_id", "kind").rows()
    assert liked == [("ann", MBID, "like"), ("ann", "Mum – Blue", "dislike")]
    assert data.ledger.dropped == {"malformed_line": 1}
    assert data.ledger.table("feedback").dropped == {"missing_track": 1, "unknown_kind": 1}


def stream(end: str, title: str = "Green", ms: object = 200_000) -> dict[str, object]:
    return {"endTime": end, "artistName": "Mum", "trackName": title, "msPlayed": ms}


def test_spotify_times_are_ends_and_equal_rows_are_two_streams(tmp_path: Path) -> None:
    streams = [
        stream("2020-01-16 03:13"),
        stream("2020-01-16 03:13"),
        stream("2020-01-16 03:14", ms=4454),
        stream("2020-01-16 03:15", ms="?"),
        stream("soon"),
        stream("2020-01-16 03:16", "Unknown Track") | {"artistName": "Unknown Artist"},
        {"endTime": "2020-01-16 03:13", "podcastName": "P", "episodeName": "E", "msPlayed": 9},
    ]
    data = imported(tmp_path / "x", streams, tz="Asia/Tokyo")
    assert [moment for _, _, moment in heard(data)] == [
        at(2020, 1, 16, 3, 9, 40),
        at(2020, 1, 16, 3, 9, 40),
        datetime(2020, 1, 16, 3, 13, 55, 546_000, tzinfo=UTC),
        at(2020, 1, 16, 3, 15),
    ]
    assert data.plays.select("plays", "skips").rows() == [(3.0, 1)]
    assert data.ledger.dropped == {"podcast": 1, "bad_time": 1, "missing_artist": 1}


def extended(title: str | None = "Green", **more: object) -> dict[str, object]:
    return {
        "ts": "2020-01-16T03:13:00Z",
        "ms_played": 200_000,
        "ip_addr": "203.0.113.7",
        "user_agent_decrypted": "secret agent",
        "master_metadata_track_name": title,
        "master_metadata_album_artist_name": "Mum" if title else None,
        "master_metadata_album_album_name": "Yes",
        "spotify_track_uri": f"spotify:track:{SPOTIFY_ID}" if title else None,
        "reason_end": "trackdone",
        "skipped": None,
        "incognito_mode": False,
    } | more


def test_spotify_extended_drops_what_is_no_music_by_its_kind(tmp_path: Path) -> None:
    streams = [
        extended(),
        extended(),  # written twice
        extended(None, episode_name="E", spotify_episode_uri="spotify:episode:1"),
        extended(None, audiobook_title="B"),
        extended(None),
        extended(incognito_mode=True),
        extended(ts="2020-01-16T04:00:00Z", ms_played=9_000, reason_end="fwdbtn", skipped=False),
        extended(ts="2020-01-16T05:00:00Z", ms_played=9_000),  # an interlude, played to its end
        extended(ts="2020-01-16T06:00:00Z", ms_played=90_000, reason_end="logout", skipped=True),
    ]
    data = imported(tmp_path / "x", streams)
    assert heard(data)[0] == ("me", SPOTIFY_ID, at(2020, 1, 16, 3, 9, 40))
    assert data.plays.select("plays", "skips").rows() == [(3.0, 1)]
    assert data.tracks.select("title", "artist", "album", "spotify_id").rows() == [
        ("Green", "Mum", "Yes", SPOTIFY_ID)
    ]
    assert data.ledger.dropped == {
        "podcast": 1,
        "audiobook": 1,
        "no_track": 1,
        "incognito": 1,
        "duplicate_listen": 1,
    }


def test_addresses_and_devices_are_nowhere_in_what_is_read(tmp_path: Path) -> None:
    streams = [extended(ip_addr_decrypted="203.0.113.7"), extended(None), extended(ts="soon")]
    data = imported(tmp_path / "x", streams, rejects=tmp_path / "rejects")
    data.save(tmp_path / "d")
    shown = (tmp_path / "rejects").read_text()
    assert len(shown.splitlines()) == 2
    shown += json.dumps(data.ledger.to_json()) + (tmp_path / "d/manifest.json").read_text()
    shown += "".join(data.table(name).write_csv() for name in ("plays", "events", "listeners"))
    shown += data.tracks.drop("genres").write_csv()
    assert "203.0.113" not in shown
    assert "secret" not in shown


def test_a_track_with_an_id_may_be_by_nobody(tmp_path: Path) -> None:
    nobodys = extended(master_metadata_album_artist_name="Unknown Artist")
    data = imported(tmp_path / "x", [nobodys])
    assert data.tracks.select("track_id", "artist").rows() == [(SPOTIFY_ID, None)]


def test_older_spotify_exports_say_whose_they_are(tmp_path: Path) -> None:
    data = imported(tmp_path / "endsong_0.json", [extended(username="ann7")])
    assert heard(data)[0][0] == "ann7"


def test_an_archive_with_other_files_beside_gives_its_histories(tmp_path: Path) -> None:
    members = {
        "MyData/StreamingHistory_music_0.json": [stream("2020-01-16 03:13")],
        "MyData/StreamingHistory_music_1.json": [stream("2020-02-16 03:13", "Red")],
        "MyData/StreamingHistory_podcast_0.json": [],
        "MyData/Userdata.json": {"email": "ann@example.org"},
        "MyData/Playlist1.json": {"playlists": []},
        "__MACOSX/MyData/._StreamingHistory_music_0.json": "\0\5",
    }
    for name, content in members.items():
        file = tmp_path / "folder" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, json.dumps(content))
    for path in (tmp_path / "folder", tmp_path / "x.zip"):
        data = read(path)
        assert [track for _, track, _ in heard(data)] == ["Mum – Green", "Mum – Red"]
        assert (data.ledger.read, data.ledger.kept) == (2, 2)


def test_both_exports_of_spotify_count_each_stream_once(tmp_path: Path) -> None:
    whole = [extended(ts="2019-05-01T10:00:20Z"), extended(ts="2020-01-16T03:13:40Z")]
    last_year = [stream("2020-01-16 03:13"), stream("2020-01-16 03:14"), stream("2020-02-01 08:00")]
    (tmp_path / "StreamingHistory0.json").write_text(json.dumps(last_year))
    (tmp_path / "endsong_0.json").write_text(json.dumps(whole))
    for paths in (tmp_path, sorted(tmp_path.iterdir()), sorted(tmp_path.iterdir())[::-1]):
        data = read(paths)
        assert [moment for _, _, moment in heard(data)] == [
            at(2019, 5, 1, 9, 57),
            at(2020, 1, 16, 3, 10, 20),
            at(2020, 2, 1, 7, 56, 40),
        ]
        assert data.ledger.dropped == {"covered": 2}
        assert (data.ledger.read, data.ledger.kept) == (5, 3)
    (tmp_path / "endsong_0.json").write_text(
        json.dumps([one | {"username": "bo"} for one in whole])
    )
    assert read(tmp_path).ledger.dropped == {}  # another listener's


def test_videos_of_spotify_are_dropped(tmp_path: Path) -> None:
    for name in ("Streaming_History_Audio_2020.json", "Streaming_History_Video_2020.json"):
        (tmp_path / name).write_text(json.dumps([extended()]))
    ledger = read(tmp_path).ledger
    assert (ledger.read, ledger.dropped) == (2, {"video": 1})


def test_histories_of_several_formats_are_one_dataset(tmp_path: Path) -> None:
    (tmp_path / "spotify.json").write_text(json.dumps([stream("2020-01-16 03:13")]))
    (tmp_path / "lastfm.csv.gz").write_bytes(
        gzip.compress(GHAN.encode() + b"1579244381,,Mum,,,,Green,\n")
    )
    (tmp_path / "librefm.csv.bz2").write_bytes(
        bz2.compress(b"time,artist,track\n1579344381,Mum,Green\n")
    )
    (tmp_path / "table.csv").write_text("user_id,track_id,title\nbob,t1,One\n")
    together = read(tmp_path)
    assert together.plays.select("user_id", "track_id", "plays").rows() == [
        ("me", "Mum – Green", 3.0)
    ]
    with_table = read([tmp_path / name for name in ("spotify.json", "table.csv")], user="ann")
    assert with_table.plays.select("user_id", "plays").rows() == [("bob", 1.0), ("ann", 1.0)]
    assert with_table.events["user_id"].to_list() == ["ann"]


def test_a_format_that_is_named_is_insisted_on(tmp_path: Path) -> None:
    (tmp_path / "x").write_text(json.dumps([stream("2020-01-16 03:13")]))
    assert read(tmp_path / "x", format="spotify").ledger.kept == 1
    with pytest.raises(InputError, match="found spotify, expected maloja"):
        read(tmp_path / "x", format="maloja")
    with pytest.raises(InputError, match="found spotify, expected tables"):
        read(tmp_path / "x", format="tables")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (json.dumps([stream("x")])[:-1], "not whole JSON"),
        (json.dumps([stream("x")]) + "]", "more after its end"),
        (json.dumps([stream("x")])[:-1] + "," + "[" * 200_000, "nested too deeply"),
        (json.dumps([stream("x")])[:-1] + ", 1" + "0" * 5000 + "]", "Exceeds the limit"),
        ('{"username": "a", "scrobbles": [{"track": 1, "artist": 2, "date": 3}]', "it ends"),
    ],
)
def test_json_that_is_damaged_is_refused_by_name(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(InputError, match=f"x.json:1: not whole JSON.*{says}.*expected|{says}"):
        imported(tmp_path / "x.json", content)


@pytest.mark.parametrize("content", ['{"a": 1}', "[1, 2]", "[" * 100_000, '{"scrobbles": {}}'])
def test_json_that_is_no_history_is_refused_by_name(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError, match=r"x\.json"):
        imported(tmp_path / "x.json", content)


@pytest.mark.real
def test_the_real_account_data(shared_data: Path) -> None:
    data = read(shared_data / "spotify-streaming-history")
    ledger = data.ledger
    assert ledger.read == 6_866
    assert ledger.kept + sum(ledger.dropped.values()) == ledger.read
    assert ledger.dropped == {"missing_artist": 22}  # "Unknown Track" by "Unknown Artist"
    assert data.tracks.height == 2_961
    assert data.plays["plays"].sum() + data.plays["skips"].sum() == ledger.kept == 6_844
    short = (data.events["ms_played"] < 30_000).sum()
    assert data.plays["skips"].sum() == short > 1_000
