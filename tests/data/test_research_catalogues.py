import zipfile
from pathlib import Path

import polars as pl
import pytest

from encore.data.readers import read
from encore.errors import InputError

ACOUSTICS = (
    "danceability,energy,key,loudness,mode,speechiness,acousticness,instrumentalness,liveness,"
    "valence,tempo"
)
VALUES = "0.5,0.25,-1,-6.5,1,0.1,0.2,0.3,0.4,0.6,0"

BIG = (
    f",track_id,artists,album_name,track_name,popularity,duration_ms,explicit,{ACOUSTICS},"
    "time_signature,track_genre\n"
    f"0,id1,Dan + Shay;Justin Bieber,Album,10,1,1000,False,{VALUES},4,country\n"
    f"1,id1,Dan + Shay;Justin Bieber,Album,10,1,1000,False,{VALUES},4,pop\n"
    f'2,id2,Eve,"Album, The",Loud,1,2000,True,{VALUES},0,pop\n'
    f"3,id3,,,,0,0,False,{VALUES},4,k-pop\n"
)
PLAYLISTS = (
    "track_id,track_name,track_artist,track_popularity,track_album_id,track_album_name,"
    "track_album_release_date,playlist_name,playlist_id,playlist_genre,playlist_subgenre,"
    f"{ACOUSTICS},duration_ms\n"
    f"id1,One,Ann,66,a,Album,2019-06-14,Mix,p,pop,dance pop,{VALUES},1000\n"
    f"id1,One,Ann,66,a,Album,2019-06-14,Mix,p,rock,album rock,{VALUES},1000\n"
    f"id2,Two,Bob,66,a,Album,1969,Mix,p,pop,dance pop,{VALUES},1000\n"
)
HITS = (
    f"artist,song,duration_ms,explicit,year,popularity,{ACOUSTICS},genre\n"
    f'Ann,Hello,1000,True,2001,5,{VALUES},"rock, pop"\n'
    f"Ann,Hello,1000,False,2001,5,{VALUES},set()\n"
    f"Bob,Bye,1000,False,2002,5,{VALUES},set()\n"
)
INFO = (
    "track_id,name,artist,spotify_preview_url,spotify_id,tags,genre,year,duration_ms,"
    f"{ACOUSTICS},time_signature\n"
    f'TR1,Wonderwall,Oasis,url,sp1,"rock, alternative, rock",,1995,1000,{VALUES},4\n'
    f"TR2,Sober,Tool,url,sp2,,Metal,2004,1000,{VALUES},4\n"
    f"TR3,Unheard,Tool,url,sp3,,,2004,1000,{VALUES},4\n"
)
LISTENING = "track_id,user_id,playcount\nTR1,ann,3\nTR2,ann,1\nTR1,bob,2\nTR1,bob,x\n"


def at(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_rows_of_the_114k_form_are_united_by_track(tmp_path: Path) -> None:
    data = read(at(tmp_path / "dataset.csv", BIG))
    shown = data.tracks.select("track_id", "title", "artist", "album", "genres", "explicit")
    assert shown.rows() == [
        ("id1", "10", "Dan + Shay", "Album", ["country", "pop"], None),
        ("id2", "Loud", "Eve", "Album, The", ["pop"], True),
        ("id3", "id3", None, None, ["k-pop"], None),
    ]
    assert data.tracks["spotify_id"].to_list() == ["id1", "id2", "id3"]
    assert data.tracks.select("energy", "key", "tempo", "time_signature").row(1) == (
        0.25,
        None,
        None,
        None,
    )
    counts = data.ledger.table("tracks")
    assert (counts.read, counts.kept, counts.dropped) == (4, 3, {"duplicate_track": 1})
    notes = "\n".join(data.ledger.notes)
    assert "dataset.csv: 2 rows name several artists" in notes
    assert "dataset.csv: 3 rows say not explicit, which may mean not known" in notes


def test_a_catalogue_alone_is_tracks_and_says_so(tmp_path: Path) -> None:
    data = read(at(tmp_path / "c.csv", BIG + "4,short\n"))
    assert (data.plays.height, data.listeners.height, data.tracks.height) == (0, 0, 3)
    assert any("no listening was given" in note for note in data.ledger.notes)
    assert "catalogue" not in data.ledger.tables
    assert data.ledger.table("tracks").dropped == {"malformed_line": 1, "duplicate_track": 1}


def test_playlists_tell_genres_and_the_year(tmp_path: Path) -> None:
    data = read(at(tmp_path / "c.csv", PLAYLISTS))
    assert data.tracks.select("track_id", "genres", "year").rows() == [
        ("id1", ["pop", "dance pop", "rock", "album rock"], 2019),
        ("id2", ["pop", "dance pop"], 1969),
    ]


def test_hits_are_known_by_artist_and_title(tmp_path: Path) -> None:
    data = read(at(tmp_path / "c.csv", HITS))
    assert data.tracks.select("track_id", "title", "genres", "explicit").rows() == [
        ("Ann \N{EN DASH} Hello", "Hello", ["rock", "pop"], True),
        ("Bob \N{EN DASH} Bye", "Bye", None, None),
    ]


@pytest.mark.parametrize("form", ["folder", "zip", "two files"])
def test_music_info_and_its_history(tmp_path: Path, form: str) -> None:
    files = {"Music Info.csv": INFO, "User Listening History.csv": LISTENING}
    if form == "zip":
        with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        data = read(tmp_path / "archive.zip")
    else:
        paths = [at(tmp_path / name, text) for name, text in files.items()]
        data = read(tmp_path if form == "folder" else paths)
    assert data.plays.select("user_id", "track_id", "plays").rows() == [
        ("ann", "TR1", 3.0),
        ("ann", "TR2", 1.0),
        ("bob", "TR1", 2.0),
    ]
    shown = data.tracks.select("track_id", "title", "artist", "genres", "spotify_id", "explicit")
    assert shown.rows() == [
        ("TR1", "Wonderwall", "Oasis", ["rock", "alternative"], "sp1", None),
        ("TR2", "Sober", "Tool", ["Metal"], "sp2", None),
        ("TR3", "Unheard", "Tool", None, "sp3", None),
    ]
    assert data.ledger.dropped == {"not_a_number": 1}
    assert not any("no listening" in note for note in data.ledger.notes)


def test_music_info_beside_a_history_of_others_fills_what_was_heard(tmp_path: Path) -> None:
    heard = at(tmp_path / "h.csv", "user_id,track_id,plays,title,artist\nme,1,4,Sober,TOOL\n")
    data = read([heard, at(tmp_path / "Music Info.csv", INFO)])
    assert data.tracks.select("track_id", "title", "genres", "energy").rows() == [
        ("1", "Sober", ["Metal"], 0.25)
    ]
    assert data.ledger.table("catalogue").kept == 3


def test_a_set_is_no_other_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found music-info, expected lastfm-1k"):
        read(at(tmp_path / "i.csv", INFO), format="lastfm-1k")


@pytest.mark.real
@pytest.mark.parametrize(
    ("folder", "read_rows", "kept"),
    [
        ("spotify-songs-32k", 32_833, 28_356),
        ("spotify-by-genre-6k", 6_000, 5_849),
        ("spotify-top-hits-2000", 2_000, 1_926),
    ],
)
def test_the_real_catalogues(shared_data: Path, folder: str, read_rows: int, kept: int) -> None:
    data = read(shared_data / folder)
    counts = data.ledger.table("tracks")
    assert (counts.read, counts.kept) == (read_rows, kept)
    assert counts.dropped == {"duplicate_track": read_rows - kept}
    assert data.tracks.height == kept
    assert data.tracks["energy"].count() == kept
    assert not (data.tracks["explicit"] == False).any()  # noqa: E712  # null is no answer


@pytest.mark.real
def test_real_catalogues_tell_of_a_real_history(shared_data: Path) -> None:
    history = shared_data / "spotify-streaming-history" / "StreamingHistory0.json"
    alone = read(history)
    data = read([history, shared_data / "spotify-songs-32k", shared_data / "spotify-top-hits-2000"])
    # Where the catalogues tell a length, a listen of less than half of it does not count.
    partial = data.ledger.dropped["partial_listen"]
    assert 0 < partial == alone.plays["plays"].sum() - data.plays["plays"].sum()
    assert data.tracks["track_id"].equals(alone.tracks["track_id"])
    counts = data.ledger.table("catalogue")
    assert (counts.read, counts.kept) == (34_833, 28_356 + 1_926)
    found = data.tracks["energy"].count()
    known = {
        (row["track_artist"], row["track_name"])
        for row in pl.read_csv(
            shared_data / "spotify-songs-32k" / "spotify_songs.csv.gz", infer_schema=False
        ).iter_rows(named=True)
    }
    spelled_alike = sum(pair in known for pair in data.tracks.select("artist", "title").rows())
    assert 100 < spelled_alike < found < data.tracks.height
    assert alone.tracks["energy"].count() == 0
    heard = f"catalogue: {found:,} of {data.tracks.height:,} tracks found"
    assert any(note.startswith(heard) for note in data.ledger.notes)


def test_a_small_history_all_of_it_in_the_catalogue_adds_no_tracks(tmp_path: Path) -> None:
    for heard, catalogue in (("id2", BIG), ("Bob \N{EN DASH} Bye", HITS)):
        history = at(tmp_path / "h.csv", f"user_id,track_id,plays\nme,{heard},4\n")
        data = read([history, at(tmp_path / "c.csv", catalogue)])
        assert data.tracks["track_id"].to_list() == [heard]
        assert data.tracks["title"].to_list() == ["Loud" if heard == "id2" else "Bye"]
        assert data.tracks["energy"].to_list() == [0.25]
