"""The command line as its users meet it: results, exit codes, and errors that tell the remedy."""

import json
import shutil
import sys

import numpy as np
import polars as pl
import pytest

from encore import Recommender, TrainConfig
from encore.cli import main
from encore.cli.evaluate import print_boards
from encore.cli.recommend import write_frame
from encore.data import world
from encore.data.dataset import Dataset
from encore.evaluation.boards import Board
from encore.folder import MANIFEST, sha256
from encore.metrics import Interval
from encore.reports.verdict import verdict

QUICK = ["--recipe", "quick", "--epochs", "1"]


def exit_code(*arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["encore", *map(str, arguments)])
        patch.setenv("COLUMNS", "200")
        try:
            main()
        except SystemExit as leaving:
            return leaving.code or 0
    return 0


@pytest.fixture
def encore(capsys):
    """Run the command line; return (exit code, standard output, standard error)."""

    def run(*arguments):
        code = exit_code(*arguments)
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err + shown.out
        return code, shown.out, shown.err

    return run


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A small world as a Dataset folder, and a bundle trained on it by the command line."""
    place = tmp_path_factory.mktemp("cli")
    world.make(listeners=60, tracks=120, seed=4).save(place / "data")
    assert (
        exit_code("train", place / "data", "--out", place / "bundle", "--tensorboard", *QUICK) == 0
    )
    return place


@pytest.fixture
def plays(tmp_path):
    file = tmp_path / "plays.csv"
    file.write_text(
        "who,what,count\nann,t1,3\nann,t2,x\nbob,t1,-1\nbob,t2,5\n9223372036854775808,t1,1\n"
    )
    return file


COLUMNS = "user_id=who,track_id=what,plays=count"


def test_import_reports_what_it_kept_and_dropped(encore, plays, tmp_path):
    code, out, _ = encore("import", plays, "--out", tmp_path / "d", "--columns", COLUMNS, "--json")
    report = json.loads(out)
    assert code == 0
    assert (report["read"], report["kept"]) == (5, 3)
    assert report["dropped"] == {"not_a_number": 1, "negative_plays": 1}
    assert (report["listeners"], report["tracks"], report["plays"]) == (3, 2, 3)
    assert "9223372036854775808" in Dataset.load(tmp_path / "d").listeners["user_id"]


@pytest.fixture
def spellings(tmp_path):
    file = tmp_path / "spellings.csv"
    header = "user_id,track_id,artist,title,plays\n"
    rows = ["Bowie,Heroes,2", "bowie,Heroes - 2017 Remaster,3", "Bowie,Changes,x"]
    ids = [" \N{EN DASH} ".join(row.split(",")[:2]) for row in rows]
    file.write_text(header + "".join(f"ann,{i},{row}\n" for i, row in zip(ids, rows, strict=True)))
    return file


def test_a_csv_runs_no_formula_and_other_forms_keep_the_text(tmp_path):
    frame = pl.DataFrame({"title": ["=1+1", "@x", "-", "A = B"], "score": [-1.5, 0.0, 1.0, 2.0]})
    for suffix in ("csv", "jsonl"):
        write_frame(frame, tmp_path / f"list.{suffix}")
    written = pl.read_csv(tmp_path / "list.csv")
    assert written["title"].to_list() == ["'=1+1", "'@x", "'-", "A = B"]
    assert written["score"].to_list() == [-1.5, 0.0, 1.0, 2.0]
    assert pl.read_ndjson(tmp_path / "list.jsonl").equals(frame)


def test_import_merges_spellings_unless_told_not_to(encore, spellings, tmp_path):
    told = ("--out", tmp_path / "d", "--merges", tmp_path / "m.csv", "--json")
    code, out, _ = encore("import", spellings, *told)
    report = json.loads(out)
    assert (code, report["tracks"], report["plays"], report["merged"]) == (0, 2, 1, 1)
    assert "merging: 3 tracks into 2" in report["notes"][-1]
    pairs = pl.read_csv(tmp_path / "m.csv")
    assert pairs["kept_title"].to_list() == ["Heroes - 2017 Remaster"]
    out = encore("import", spellings, "--out", tmp_path / "d", "--keep-spellings", "--json")[1]
    assert json.loads(out)["tracks"] == 3


def test_import_refuses_too_many_bad_rows_and_writes_nothing(encore, spellings, tmp_path):
    code, _, err = encore("import", spellings, "--out", tmp_path / "d", "--max-bad", "0.3")
    assert (code, "not_a_number 1" in err, "--max-bad 0.3" in err) == (1, True, True)
    assert not (tmp_path / "d").exists()
    assert encore("import", spellings, "--out", tmp_path / "d", "--max-bad", "0.34")[0] == 0


def test_import_keeps_the_core_and_a_dry_run_writes_nothing(encore, plays, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    core = ("--min-listeners-per-track", 2, "--min-tracks-per-listener", 1, "--dry-run", "--json")
    code, out, _ = encore("import", plays, "--columns", COLUMNS, *core)
    report = json.loads(out)
    assert (code, report["listeners"], report["tracks"]) == (0, 2, 1)
    assert "k-core: removed 1 track with" in report["notes"][-1]
    assert sorted(tmp_path.rglob("*")) == before
    days = ("--max-listens-per-day", 5, "--dry-run")
    assert "no listen has a time" in encore("import", plays, "--columns", COLUMNS, *days)[2]


def test_import_appends_and_keeps_what_it_drops(encore, plays, tmp_path):
    out, kept = tmp_path / "d", tmp_path / "rejects.jsonl"
    again = ("import", plays, "--columns", COLUMNS, "--out", out, "--append", "--json")
    first = json.loads(encore(*again, "--rejects", kept)[1])
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert len(lines) == sum(first["dropped"].values()) > 0
    before = {file.name: file.read_bytes() for file in out.glob("*.parquet")}
    tried = json.loads(encore(*again, "--dry-run")[1])
    assert before == {file.name: file.read_bytes() for file in out.glob("*.parquet")}
    second = json.loads(encore(*again)[1])
    assert before == {file.name: file.read_bytes() for file in out.glob("*.parquet")}
    assert second["kept"] == tried["kept"] == 0
    assert second["dropped"] == first["dropped"] | {"already_imported": first["kept"]}
    assert second["plays"] == first["plays"]


def test_import_names_the_line_of_a_bad_value(encore, plays, tmp_path):
    code, out, _ = encore("import", plays, "--out", tmp_path / "d", "--columns", COLUMNS)
    assert code == 0
    assert "plays.csv:3" in out
    assert "plays.csv:4" in out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "plays.csv"),
        ("", "plays.csv"),
        ("who,what,count\n", "plays.csv"),
        ("a,b,c\n1,2,3\n", "plays.csv"),
    ],
)
def test_import_of_nothing_usable_is_an_error_that_names_the_file(encore, tmp_path, content, told):
    file = tmp_path / "plays.csv"
    if content is not None:
        file.write_text(content)
    code, _, err = encore("import", file, "--out", tmp_path / "d")
    assert code == 1
    assert told in err
    assert not (tmp_path / "d").exists()


def test_import_of_a_history_takes_its_listener_and_its_zone(encore, tmp_path):
    file = tmp_path / "scrobbles.csv"
    file.write_text('A,,B,"06 Sep 2020, 14:23"\n')
    code, out, _ = encore(
        "import", file, "--out", tmp_path / "d", "--user", "ann", "--tz", "Europe/Paris", "--json"
    )
    assert (code, json.loads(out)["kept"]) == (0, 1)
    listens = Dataset.load(tmp_path / "d").events
    assert listens["user_id"].to_list() == ["ann"]
    assert listens["listened_at"].dt.hour().to_list() == [12]
    code, _, err = encore("import", file, "--out", tmp_path / "d", "--tz", "Mars/Olympus")
    assert code == 2
    assert "Mars/Olympus" in err


def test_import_refuses_to_replace_a_folder_that_is_not_its_own(encore, plays, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/diary.txt").write_text("dear diary")
    code, _, err = encore("import", plays, "--out", tmp_path / "mine", "--columns", COLUMNS)
    assert code == 1
    assert "not an encore dataset" in err
    assert (tmp_path / "mine/diary.txt").read_text() == "dear diary"


def test_train_leaves_a_history_and_no_checkpoint(folders):
    lines = (folders / "bundle.training/history.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["epoch"] == 1
    assert not (folders / "bundle.training/checkpoint").exists()
    assert "Training" in (folders / "bundle.training/report.html").read_text()
    assert {file.name for file in (folders / "bundle.training/tensorboard").iterdir()} == {
        "try-out",
        "refit",
    }


def test_recommend_gives_a_list_with_reasons(encore, folders):
    user = Dataset.load(folders / "data").plays["user_id"][0]
    code, out, _ = encore("recommend", folders / "bundle", user, "-n", 5, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["answer"] == "known listener"
    assert [slot["rank"] for slot in found["slots"]] == [1, 2, 3, 4, 5]
    assert all(slot["reason"] for slot in found["slots"])
    code, out, _ = encore("recommend", folders / "bundle", user, "-n", 5)
    assert found["slots"][0]["title"] in out


def test_recommend_obeys_rules_from_flags(encore, folders):
    user = Dataset.load(folders / "data").plays["user_id"][0]
    ask = ["recommend", folders / "bundle", user, "-n", 20, "--json"]
    _, out, _ = encore(*ask, "--per-artist", 1, "--explicit", "exclude")
    slots = json.loads(out)["slots"]
    tracks = Dataset.load(folders / "data").tracks
    listed = tracks.filter(pl.col("track_id").is_in([slot["track_id"] for slot in slots]))
    assert len(slots) == listed.height > 0
    assert listed["explicit"].to_list() == [False] * listed.height
    assert listed["artist"].n_unique() == listed.height


def test_rules_come_from_a_file_and_flags_stand_in_their_place(encore, folders, tmp_path):
    data = Dataset.load(folders / "data")
    user, artist = data.plays["user_id"][0], data.tracks["artist"][0]
    file = tmp_path / "rules.toml"
    file.write_text(f'per_artist = 1\nban_artists = ["{artist}", "Nobody"]\nlambda_div = 0\n')
    ask = ["recommend", folders / "bundle", user, "-n", 20, "--rules", file]
    _, out, _ = encore(*ask, "--json")
    found = json.loads(out)
    artists = [slot["artist"] for slot in found["slots"]]
    assert len(artists) == len(set(artists)) > 0
    assert artist not in artists
    assert found["notes"] == ["ban_artists: the catalogue has no 'Nobody'"]
    assert set(found["prices"]) == {"per_artist", "ban_artists"}
    _, out, _ = encore(*ask)
    assert "'Nobody'" in out
    _, out, _ = encore(*ask, "--json", "--per-artist", 2, "--only-artist", artist)
    assert json.loads(out)["slots"] == []
    _, plain, _ = encore(*ask[:5], "--plain", "--json")
    assert json.loads(plain)["prices"] == {}


def test_every_rule_has_a_flag(encore, folders):
    user = Dataset.load(folders / "data").plays["user_id"][0]
    given = {
        **{"explicit": "allow", "discovery": 0.5, "relisten-after": 30, "per-artist": 3},
        **{"recent": "t00001", "no-repeat-window": 1, "artist-spacing": 1, "per-album": 3},
        **{"ban-track": "t00002", "ban-artist": "nobody", "ban-genre": "polka"},
        **{"year": "..2030", "duration": "1..9999", "listeners": "1..", "acoustic": "energy=0..1"},
        **{"target": "energy=0.5", "target-weight": 0.5, "genre-balance": 0.5},
        **{"popularity-weight": 0.1, "diversity": "mmr", "lambda-div": 0.5},
        **{"similarity": "content"},
    }
    flags = [part for name, value in given.items() for part in (f"--{name}", value)]
    code, out, _ = encore("recommend", folders / "bundle", user, "--json", *flags)
    assert code == 0
    found = json.loads(out)
    assert {"lambda_div", "targets", "popularity_weight"} <= set(found["prices"])
    assert [note.split(":")[0] for note in found["notes"]] == ["ban_artists", "ban_genres"]
    for wrong, told in (
        (("--acoustic", "energy"), "NAME=VALUE"),
        (("--year", "x"), "year.min"),
        (("--plain", "--per-artist", 1), "--plain takes no rule"),
    ):
        code, _, err = encore("recommend", folders / "bundle", user, *wrong)
        assert (code, told in err) == (2, True)


def test_recommend_for_a_history_brought_along(encore, folders, tmp_path):
    track = Dataset.load(folders / "data").plays["track_id"][0]
    mine = tmp_path / "mine.csv"
    mine.write_text(f"user_id,track_id,plays\nme,{track},9\nme,not-in-there,2\n")
    code, out, _ = encore("recommend", folders / "bundle", "--history", mine, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["answer"] == "history folded in"
    assert found["unmatched"] == ["not-in-there"]
    assert track not in [slot["track_id"] for slot in found["slots"]]


def test_a_history_is_matched_against_a_dataset_and_a_bundle(encore, folders, tmp_path):
    known = Dataset.load(folders / "data").tracks["track_id"][0]
    file = tmp_path / "mine.csv"
    file.write_text(f"user_id,track_id,plays\nme,{known},3\nme,zzz,1\n")
    for target in ("data", "bundle"):
        code, out, _ = encore("match", file, folders / target, "--json")
        report = json.loads(out)
        assert (code, report["rates"]["track_id"]["plays"]) == (0, 0.75)
        assert [row["track_id"] for row in report["unmatched"]] == ["zzz"]
    code, out, _ = encore("match", file, folders / "data")
    assert (code, "75.0 %" in out, "1 play   zzz" in out) == (0, True, True)


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv", ".parquet"])
def test_a_list_is_written_in_each_form(encore, folders, tmp_path, suffix):
    file = tmp_path / f"list{suffix}"
    code, _, _ = encore("recommend", folders / "bundle", "nobody", "-n", 3, "-o", file)
    assert code == 0
    readers = {".jsonl": pl.read_ndjson, ".csv": pl.read_csv, ".parquet": pl.read_parquet}
    if suffix == ".json":
        assert len(json.loads(file.read_text())["slots"]) == 3
    else:
        assert readers[suffix](file)["rank"].to_list() == [1, 2, 3]


@pytest.mark.parametrize("suffix", [".jspf", ".xspf", ".m3u8"])
def test_a_list_is_written_as_a_playlist(encore, folders, tmp_path, suffix):
    _, out, _ = encore("recommend", folders / "bundle", "nobody", "-n", 3, "--json")
    slots = json.loads(out)["slots"]
    paths, file = tmp_path / "paths.csv", tmp_path / f"list{suffix}"
    paths.write_text(
        "track_id,path\n" + "".join(f"{s['track_id']},{s['rank']}.ogg\n" for s in slots)
    )
    ask = ["recommend", folders / "bundle", "nobody", "-n", 3, "-o", file, "--paths", paths]
    assert encore(*ask)[0] == 0
    written = file.read_text("utf-8")
    places = [written.index(slot["title"]) for slot in slots]
    assert places == sorted(places)
    assert all(f"{rank}.ogg" in written for rank in (1, 2, 3))
    paths.write_text("id,file\n")
    code, _, err = encore(*ask)
    assert (code, "expected a CSV with the columns track_id and path" in err) == (1, True)
    code, _, err = encore(*ask[:-3], tmp_path / "list.csv", "--paths", paths)
    assert (code, "--paths is for players" in err) == (2, True)
    code, _, err = encore("recommend", folders / "bundle", "--all", "-o", file, "--paths", paths)
    assert (code, "no --paths" in err) == (2, True)
    code, _, err = encore(*ask[:-3], tmp_path / "list.pls")
    assert (code, ".parquet, .csv, .jsonl, .json, .jspf, .xspf, .m3u8" in err) == (2, True)


def test_seeds_are_named_on_the_command_line(encore, folders, tmp_path):
    track = Dataset.load(folders / "data").tracks.row(0, named=True)
    bundle = folders / "bundle"
    code, out, _ = encore("recommend", bundle, "--like-track", track["track_id"], "--json")
    assert (code, json.loads(out)["answer"]) == (0, "from the seeds given")
    code, out, _ = encore(
        "recommend", bundle, "--like-artist", track["artist"], "--genre", track["genres"][0]
    )
    assert (code, "from the seeds given" in out, "close to" in out) == (0, True, True)
    code, _, err = encore("recommend", bundle, "--like-artist", track["artist"] + "zz")
    assert (code, "not found; the nearest:" in err) == (1, True)
    for more in (["--history", "x.csv"], ["--all", "-o", "x.csv"]):
        code, _, err = encore("recommend", bundle, "--genre", "rock", *more)
        assert (code, "seeds" in err) == (2, True)


def test_what_is_not_known_of_a_history_is_told_and_written(encore, folders, tmp_path):
    known = Dataset.load(folders / "data").tracks.row(0, named=True)
    mine, rest = tmp_path / "mine.csv", tmp_path / "rest.csv"
    rows = [f"me,x1,{known['artist']},{known['title']},3", "me,x2,Nobody,=1+1,1"]
    mine.write_text("user_id,track_id,artist,title,plays\n" + "\n".join(rows) + "\n")
    code, _, err = encore("recommend", folders / "bundle", "--history", mine, "--unmatched", rest)
    told = "known of the history: 1 of 2 tracks, 75% of plays (by name 75%)"
    assert (code, told in " ".join(err.split())) == (0, True)
    assert pl.read_csv(rest).select("track_id", "title").rows() == [("x2", "'=1+1")]
    code, _, err = encore("recommend", folders / "bundle", "someone", "--unmatched", rest)
    assert (code, "--history" in err) == (2, True)


def test_a_score_is_explained_as_a_table_that_adds_up_and_as_json(encore, folders):
    code, out, _ = encore("recommend", folders / "bundle", "l00001", "-n", 3, "--json")
    slot = json.loads(out)["slots"][1]
    asked = ("explain", folders / "bundle", "l00001", slot["track_id"], "-n", 3)
    code, out, _ = encore(*asked, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["score"] == pytest.approx(slot["score"], abs=1e-5)
    assert (told["slot"], told["reason"]) == (2, slot["reason"])
    code, out, _ = encore(*asked)
    assert code == 0
    assert out.startswith(f"{slot['title']} by {slot['artist']}, for l00001 (known listener)\n")
    for line in (slot["reason"], "place ", "slot 2 of 3", f"{told['score']:.3f}"):
        assert line in out
    for one in told["contributions"]:
        assert (f"{one['scorer']} " in out) == bool(one["score"])
        assert not one["score"] or f"{one['score']:+.3f}" in out
    assert "the rest: the mean track, taken off" in out


def test_explain_takes_a_history_and_a_file_of_rules(encore, folders, tmp_path):
    history, rules = tmp_path / "h.csv", tmp_path / "rules.toml"
    history.write_text("user_id,track_id,plays\nme,t00001,3\nme,t00002,1\n")
    rules.write_text('ban_tracks = ["t00005"]\n')
    asked = ("explain", folders / "bundle", "me", "t00005", "--history", history)
    code, out, _ = encore(*asked, "--rules", rules)
    assert code == 0
    assert "for me (history folded in)" in out
    assert "kept out by ban_tracks" in out
    code, out, _ = encore(*asked, "--plain", "--json")
    assert (code, json.loads(out)["removed_by"]) == (0, {})
    code, _, err = encore(*asked, "--plain", "--rules", rules)
    assert code == 2
    assert "--plain takes no rule" in err
    code, _, err = encore("explain", folders / "bundle", "l00001", "no such song")
    assert code == 1
    assert "track 'no such song': not found" in err


def test_similar_tracks_and_artists_are_shown_and_written(encore, folders, tmp_path):
    track = Dataset.load(folders / "data").plays["track_id"].mode()[0]
    code, out, _ = encore("similar", folders / "bundle", track, "-n", 4, "--json")
    found = json.loads(out)
    assert (code, len(found)) == (0, 4)
    file = tmp_path / "like.csv"
    assert encore("similar", folders / "bundle", track, "-n", 4, "-o", file)[0] == 0
    assert pl.read_csv(file)["id"].to_list() == [one["id"] for one in found]
    artist = Dataset.load(folders / "data").tracks["artist"][0]
    code, out, _ = encore("similar", folders / "bundle", artist, "--kind", "artist", "-n", 3)
    assert (code, len(out.splitlines()) > 3) == (0, True)
    code, _, err = encore("similar", folders / "bundle", track, "--by", "taste")
    assert (code, "expected one of content, listening, both" in err) == (2, True)


def test_a_playlist_goes_on_from_a_track(encore, folders, tmp_path):
    track = Dataset.load(folders / "data").plays["track_id"].mode()[0]
    ask = ["playlist", folders / "bundle", "--from", track, "-n", 12, "--per-artist", 3]
    code, out, _ = encore(*ask, "--arc", "rise", "--json")
    slots = json.loads(out)["slots"]
    assert (code, len(slots), [s["rank"] for s in slots]) == (0, 12, [*range(1, 13)])
    assert track not in [slot["track_id"] for slot in slots]
    artists = [slot["artist"] for slot in slots]
    assert all(artists[at] not in artists[max(0, at - 2) : at] for at in range(12))
    file = tmp_path / "on.xspf"
    assert encore(*ask, "-o", file)[0] == 0
    assert file.read_text("utf-8").count("<track>") == 12
    for wrong, told in ((["--arc", "up"], "rise, fall, peak"), (["--spacing", -1], "spacing = -1")):
        code, _, err = encore(*ask, *wrong)
        assert (code, told in err) == (2, True)
    assert encore("playlist", folders / "bundle")[0] == 2


def test_a_playlist_goes_on_from_a_file(encore, folders, tmp_path):
    tracks = Dataset.load(folders / "data").tracks.to_dicts()[:3]
    lines = [f"#EXTINF:9,{t['artist']} - {t['title']}\n{t['track_id']}.ogg\n" for t in tracks]
    file = tmp_path / "mine.m3u8"
    file.write_text("#EXTM3U\n" + "".join(lines) + "#EXTINF:9,Nobody - Nothing\nx.ogg\n")
    code, out, err = encore("playlist", folders / "bundle", "--from-file", file, "-n", 5, "--json")
    found = json.loads(out)
    assert (code, found["unmatched"], len(found["slots"])) == (0, ["Nobody - Nothing"], 5)
    assert "1 of 4 tracks of mine.m3u8 are not known: Nobody - Nothing" in err
    listed = {slot["track_id"] for slot in found["slots"]}
    assert not listed & {track["track_id"] for track in tracks}
    named = [flag for t in tracks for flag in ("--from", t["track_id"])]
    _, out, _ = encore("playlist", folders / "bundle", *named, "-n", 5, "--json")
    assert json.loads(out)["slots"] == found["slots"]
    file.write_text("#EXTM3U\n#EXTINF:9,Nobody - Nothing\nx.ogg\n")
    code, _, err = encore("playlist", folders / "bundle", "--from-file", file)
    assert (code, "of 1 track the model knows none" in err) == (1, True)


@pytest.fixture
def growing(folders, tmp_path):
    """A bundle, and a table of four rows: new, without id, there and the same, new again."""
    shutil.copytree(folders / "bundle", tmp_path / "bundle")
    there = Dataset.load(folders / "data").tracks["track_id"][0]
    table = tmp_path / "new.csv"
    rows = ["n1,First Light,Nobody Yet,drill", ",No Id,Nobody Yet,", f"{there},,,"]
    lines = ["track_id,title,artist,genres", *rows, "n1,First Light,Nobody Yet,rock"]
    table.write_text("".join(f"{line}\n" for line in lines))
    return tmp_path / "bundle", table


def test_adding_tracks_counts_what_becomes_of_each_row(encore, growing, tmp_path):
    bundle, table = growing
    before, out = (bundle / MANIFEST).read_bytes(), tmp_path / "grown"
    code, shown, _ = encore("models", "add-tracks", bundle, table, "--out", out, "--json")
    record = json.loads(shown)
    assert (code, (bundle / MANIFEST).read_bytes() == before) == (0, True)
    assert (record["added"], record["updated"], record["unchanged"]) == (1, 0, 1)
    assert record["refused"] == {"missing_track": 1, "duplicate_track": 1}
    assert record["examples"]["missing_track"] == ["new.csv:3: (empty)"]
    assert record["sources"] == [{"name": "new.csv", "sha256": sha256(table)}]
    grown = Recommender.load(out).bundle
    assert json.loads((out / MANIFEST).read_text("utf-8"))["added"] == [record]
    assert grown.facts["added"] == [record]
    assert grown.card.startswith((bundle / "MODEL_CARD.md").read_text("utf-8"))
    assert f"1 track added, 0 updated (sha256 {sha256(table)})" in grown.card
    assert grown.tracks["genres"][-1].to_list() == ["drill", "rock"]


def test_a_bundle_is_added_to_in_its_place_and_stays_without_listeners(encore, growing):
    bundle, table = growing
    shutil.rmtree(bundle / "listeners")
    code, shown, _ = encore("models", "add-tracks", bundle, table)
    assert code == 0
    assert "1 track added, 1 unchanged" in shown
    assert "1 row was refused: missing_track (new.csv:3: (empty))" in shown
    assert Recommender.load(bundle).bundle.tracks["track_id"][-1] == "n1"
    assert not (bundle / "listeners").exists()
    assert sorted(file.name for file in bundle.parent.iterdir()) == ["bundle", "new.csv"]


def test_plays_of_what_is_added_are_passed_over_with_a_word(encore, growing, folders, tmp_path):
    code, _, told = encore("models", "add-tracks", growing[0], folders / "data")
    assert (code, "rows of plays passed over" in told) == (0, True)
    code, _, told = encore("models", "add-tracks", growing[0], tmp_path / "absent.csv")
    assert (code, "absent.csv" in told) == (1, True)


def test_lists_of_all_equal_the_single_ones(encore, folders, tmp_path):
    code, _, _ = encore(
        "recommend", folders / "bundle", "--all", "-n", 4, "-o", tmp_path / "a.parquet"
    )
    everybody = pl.read_parquet(tmp_path / "a.parquet")
    assert code == 0
    assert everybody.columns == ["user_id", "rank", "track_id", "score"]
    user = everybody["user_id"][0]
    _, out, _ = encore("recommend", folders / "bundle", user, "-n", 4, "--plain", "--json")
    single = [slot["track_id"] for slot in json.loads(out)["slots"]]
    assert everybody.filter(pl.col("user_id") == user)["track_id"].to_list() == single
    rules = ["-n", 4, "--per-artist", 1, "--discovery", 0.5]
    encore("recommend", folders / "bundle", "--all", *rules, "-o", tmp_path / "b.parquet")
    everybody = pl.read_parquet(tmp_path / "b.parquet")
    for user in everybody["user_id"].unique(maintain_order=True)[:5]:
        _, out, _ = encore("recommend", folders / "bundle", user, *rules, "--json")
        single = [slot["track_id"] for slot in json.loads(out)["slots"]]
        assert everybody.filter(pl.col("user_id") == user)["track_id"].to_list() == single


def test_evaluate_prints_the_boards_and_leaves_everything_behind(encore, folders, tmp_path):
    code, out, _ = encore(
        "evaluate",
        folders / "data",
        "--out",
        tmp_path / "run",
        "--seed",
        3,
        "--json",
        *QUICK,
        "--tensorboard",
    )
    boards = json.loads(out)["boards"]
    assert code == 0
    assert set(boards["discovery"]) == {
        *TrainConfig().channels,
        "network-rank",
        "network-plays",
        "chance",
        "encore",
        "encore-list",
    }
    assert set(boards) >= {"discovery", "plays", "cold_track", "cold_track_full"}
    assert set(boards["plays"]["encore"]["r2"]) == {"mean", "low", "high"}
    run = tmp_path / "run/3"
    assert Dataset.load(run / "train").plays.height + Dataset.load(run / "test").plays.height == (
        Dataset.load(folders / "data").plays.height
    )
    assert json.loads((run / "split.json").read_text())["seed"] == 3
    assert json.loads((tmp_path / "run/boards.json").read_text())["boards"] == boards
    cold = run / "cold-tracks"
    assert Dataset.load(cold / "test").plays.height
    assert (cold / "bundle/manifest.json").is_file()
    assert (run / "tensorboard/try-out").is_dir()
    assert (cold / "tensorboard/refit").is_dir()
    for asked in (run, tmp_path / "run"):  # a seed's own folder, or that of the run
        (run / "report.html").unlink()
        code, out, _ = encore("report", asked)
        assert (code, out.strip()) == (0, str(run / "report.html"))
        assert (run / "report.html").is_file()


@pytest.mark.filterwarnings("ignore:unsafe cast from uint64")  # ranx, when numba compiles it
def test_lists_of_all_recounted_by_others_score_what_the_board_says(encore, folders, tmp_path):
    ranx = pytest.importorskip("ranx")
    run = tmp_path / "run"
    encore("evaluate", folders / "data", "--out", run, "--seed", 5, "--board", "discovery", *QUICK)
    code, _, _ = encore(
        "recommend", run / "5/bundle", "--all", "-n", 10, "-o", tmp_path / "recs.parquet"
    )
    assert code == 0
    listed = pl.read_parquet(tmp_path / "recs.parquet")
    held_out = pl.read_parquet(run / "5/test/plays.parquet").filter(pl.col("plays") > 0)

    def of_listeners(frame, value):
        return {
            user_id: dict(zip(rows["track_id"], value(rows), strict=True))
            for (user_id,), rows in frame.group_by("user_id", maintain_order=True)
        }

    right = of_listeners(held_out, lambda rows: [1] * rows.height)
    lists = of_listeners(listed, lambda rows: (1 / rows["rank"]).to_list())
    lists = {user_id: lists.get(user_id, {"none": 1.0}) for user_id in right}
    found = ranx.evaluate(right, lists, ["ndcg@10", "map@10", "mrr@10"])
    told = json.loads((run / "boards.json").read_text())["boards"]["discovery"]["encore"]
    for metric, value in found.items():
        assert told[metric]["mean"] == pytest.approx(value, abs=1e-6), metric


def test_several_seeds_are_averaged(encore, folders, tmp_path):
    run = tmp_path / "run"
    code, out, _ = encore(
        *("evaluate", folders / "data", "--out", run, "--seed", 1, "--seeds", 2),
        *("--board", "plays", "--json", *QUICK),
    )
    assert code == 0
    found = json.loads(out)["boards"]
    assert found.keys() == {"plays"}
    each = [json.loads((run / seed / "results.json").read_text())["boards"] for seed in "12"]
    r2 = [boards["plays"]["encore"]["r2"]["mean"] for boards in each]
    assert found["plays"]["encore"]["r2"]["mean"] == pytest.approx(sum(r2) / 2)
    assert r2[0] != r2[1]
    whole = json.loads((run / "results.json").read_text())
    assert whole["boards"]["plays"] == found["plays"]
    assert "2 seeds" in (run / "report.html").read_text()
    assert json.loads((run / "report.json").read_text())["verdict"] == verdict(whole)


def test_the_ladder_is_printed_with_its_intervals(capsys):
    row = {"ndcg@10": Interval(0.25, 0.2, 0.3)}
    rungs = {
        f"cold_listener_{k}": Board("", {"encore": row}, {}, np.array([])) for k in (0, 1, 3, 20)
    }
    print_boards(rungs)
    printed = capsys.readouterr().out
    assert printed.count("0.250 ±.050") == 4
    assert all(name in printed for name in ("0 rows", "1 row", "3 rows", "20 rows"))
    assert max(map(len, printed.splitlines())) <= 80


def test_a_split_by_time_asks_for_familiar_tracks(encore, folders, tmp_path):
    code, out, _ = encore(
        *("evaluate", folders / "data", "--out", tmp_path / "run", "--by", "time"),
        *("--board", "familiar", "--json", *QUICK),
    )
    assert code == 0
    assert json.loads(out)["boards"].keys() == {"familiar"}


def test_the_last_rows_of_each_listener_can_be_held_out(encore, folders, tmp_path):
    run = tmp_path / "run"
    arguments = ("--by", "last", "--last", 2, "--board", "discovery")
    code, out, _ = encore("evaluate", folders / "data", "--out", run, *arguments, *QUICK)
    assert code == 0
    told = json.loads((run / "0/report.json").read_text())
    assert told["verdict"]
    assert told["findings"]
    for sentence in told["verdict"] + told["findings"]:
        assert sentence in out
    rows = Dataset.load(run / "0/test").plays.group_by("user_id").len()["len"]
    assert set(rows) == {2}


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["recommend", "BUNDLE"], 2, "name a USER"),
        (["evaluate", "DATA", "--out", "RUN", "--board", "cold"], 2, "board 'cold': expected one"),
        (["evaluate", "DATA", "--out", "RUN", "--seeds", "0"], 2, "seeds 0"),
        (["recommend", "BUNDLE", "ann", "--all"], 2, "--all takes no USER"),
        (["recommend", "BUNDLE", "ann", "-n", "0"], 2, "n = 0"),
        (["recommend", "BUNDLE", "ann", "--explicit", "maybe"], 2, "explicit = 'maybe'"),
        (["recommend", "BUNDLE", "ann", "-o", "list.exe"], 2, ".parquet"),
        (["recommend", "NOWHERE", "ann"], 1, "no such folder"),
        (["train", "NOWHERE", "--out", "b"], 1, "no such folder"),
        (["train", "DATA", "--out", "b", "--recipe", "slow"], 2, "recipe 'slow'"),
        (["train", "DATA", "--out", "b", "--resume"], 1, "no interrupted training"),
        (["train", "DATA", "--out", "b", "--batch-size", "0"], 1, "batch_size = 0"),
        (["train", "BUNDLE", "--out", "b"], 1, "expected a dataset"),
        (["evaluate", "DATA", "--out", "r", "--by", "moon"], 1, "split by 'moon'"),
        (["import", "x.csv", "--out", "d", "--columns", "who"], 2, "--columns"),
        (["import", "x.csv", "--out", "d", "--format", "odd"], None, "odd"),
        (["import", "x.csv"], 2, "--out"),
        (["import", "x.csv", "--out", "d", "--dry-run"], 2, "--dry-run"),
        (["import", "x.csv", "--dry-run", "--merges", "m.csv"], 2, "leave --merges out"),
        (["import", "x.csv", "--dry-run", "--rejects", "r.jsonl"], 2, "leave --rejects out"),
        (["import", "x.csv", "--append"], 2, "--append adds to a Dataset"),
        (["import", "x.csv", "--out", "d", "--keep-spellings", "--merge-live"], 2, "--keep"),
        (["import", "x.csv", "--out", "d", "--max-bad", "2"], 2, "--max-bad 2"),
        (["nonsense"], 2, "nonsense"),
        (["report", "NOWHERE"], 1, "NOWHERE"),
        (["inspect", "NOWHERE"], 1, "no such folder"),
        (["inspect", "DATA", "--open"], 2, "add --out FOLDER"),
    ],
)
def test_a_wrong_call_tells_what_and_exits(
    encore, folders, monkeypatch, tmp_path, arguments, code, told
):
    monkeypatch.chdir(tmp_path)
    places = {"BUNDLE": folders / "bundle", "DATA": folders / "data"}
    found, _, err = encore(*[places.get(word, word) for word in arguments])
    assert found == code if code is not None else found in (1, 2)
    assert told in err


def test_a_damaged_bundle_is_refused_by_name(encore, folders, tmp_path):
    shutil.copytree(folders / "bundle", tmp_path / "b")
    weights = tmp_path / "b/network.safetensors"
    body = bytearray(weights.read_bytes())
    body[len(body) // 2] ^= 1
    weights.write_bytes(body)
    code, _, err = encore("recommend", tmp_path / "b", "nobody")
    assert code == 1
    assert "network.safetensors: damaged" in err
