"""One history in the forms of two services gives one list."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import encore
from encore import Dataset, Recommender, TrainConfig

START = datetime(2024, 5, 1, tzinfo=UTC)
LONG_MS = 200_000


def write_spotify(path: Path, listens: pl.DataFrame) -> Path:
    """Write (artist, title, listened_at) as Spotify's account data, the end of each to a minute."""
    streams = [
        {
            "endTime": f"{at + timedelta(milliseconds=LONG_MS):%Y-%m-%d %H:%M}",
            "artistName": artist,
            "trackName": title,
            "msPlayed": LONG_MS,
        }
        for artist, title, at in listens.iter_rows()
    ]
    path.write_text(json.dumps(streams), "utf-8")
    return path


def write_lastfm(path: Path, listens: pl.DataFrame) -> Path:
    """Write (artist, title, listened_at) as mainstream.ghan.nl exports Last.fm."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        file.write("uts,utc_time,artist,artist_mbid,album,album_mbid,track,track_mbid\n")
        for artist, title, at in listens.iter_rows():
            uts = int(at.timestamp())
            writer.writerow([uts, f"{at:%d %b %Y, %H:%M}", artist, "", "", "", title, ""])
    return path


def same_lists(model: Recommender, *histories: Dataset) -> None:
    found = [model.fold_in(history).recommend(15) for history in histories]
    assert found[0].slots == found[1].slots
    one, other = (listed.match["rates"]["all"]["plays"] for listed in found)
    assert one == other > 0
    assert found[0].answer == "history folded in"


@pytest.mark.parametrize("kind", ["track", "artist"])
def test_a_spotify_and_a_lastfm_export_give_the_same_list(
    kind: str,
    small_model: Recommender,
    artist_model: Recommender,
    small_world: Dataset,
    tmp_path: Path,
) -> None:
    played = small_world.tracks.select("artist", "title")[::7]
    unknown = pl.DataFrame({"artist": ["Nobody", "Slow Rivers"], "title": ["No", "Never recorded"]})
    often = pl.concat([played, unknown, played[:5], played[:2], unknown[:1]])
    listens = often.with_columns(
        listened_at=pl.Series([START + timedelta(hours=at) for at in range(often.height)])
    )
    one = encore.read(write_spotify(tmp_path / "StreamingHistory0.json", listens))
    other = encore.read(write_lastfm(tmp_path / "lastfm.csv", listens))
    same_lists(small_model if kind == "track" else artist_model, one, other)


@pytest.mark.real
def test_a_real_spotify_export_as_lastfm_gives_the_same_list(
    shared_data: Path, tmp_path: Path, small_config: TrainConfig
) -> None:
    export = encore.read(shared_data / "spotify-streaming-history" / "StreamingHistory0.json")
    heard = export.events.filter(~pl.col("skipped").fill_null(False))
    listens = heard.join(export.tracks, on="track_id", maintain_order="left").select(
        "artist",
        "title",
        # Scrobbles of one second would be one: each gets a second of its own.
        listened_at=pl.lit(START) + pl.duration(seconds=pl.int_range(pl.len())),
    )
    lastfm = encore.read(write_lastfm(tmp_path / "lastfm.csv", listens))
    hetrec = encore.read(shared_data / "hetrec2011-lastfm-2k" / "hetrec2011-lastfm-2k.zip")
    some = hetrec.listeners["user_id"][:150]
    data = hetrec.with_tables(plays=hetrec.plays.filter(pl.col("user_id").is_in(some.implode())))
    model = encore.train(
        data, small_config.replaced(max_epochs=1, channels=("item-knn", "content"))
    )
    same_lists(model, export, lastfm)
