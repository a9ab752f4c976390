"""The page of a dataset: whole, light, self-contained, and deaf to what titles say."""

import json
import re

import polars as pl

import encore
from encore.reports.inspection import render

EVIL = "<img src=x onerror=alert(1)>"


def test_the_page_needs_nothing_and_names_its_parts(small_world):
    page = render(encore.inspect(small_world), "small world")
    assert len(page) < 1_000_000
    assert "<script" not in page
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == 2
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert all(alt for alt in re.findall(r'<img [^>]*alt="([^"]*)"', page))
    assert page.count("<img") == 2
    assert "onerror" not in page
    for heading in ("In short", "What it allows", "How it is spread", "When it was listened to"):
        assert f"<h2>{heading}</h2>" in page
    assert page == render(encore.inspect(small_world), "small world")


def test_what_is_not_there_has_no_section(small_world):
    bare = small_world.with_tables(
        events=small_world.events.clear(),
        plays=small_world.plays.with_columns(
            first_played=pl.lit(None, pl.Datetime("us", "UTC")),
            last_played=pl.lit(None, pl.Datetime("us", "UTC")),
        ),
    )
    page = render(encore.inspect(bare), "bare")
    assert "When it was listened to" not in page
    assert "Missing: split by time" in page


def test_a_title_cannot_become_markup(small_world):
    tracks = small_world.tracks.with_columns(
        title=pl.lit(EVIL), artist=pl.lit(EVIL), genres=pl.lit([EVIL], pl.List(pl.String))
    )
    page = render(encore.inspect(small_world.with_tables(tracks=tracks)), EVIL)
    assert "<img src=x" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") > 10


def test_the_facts_of_the_command_are_those_of_the_library(small_world, tmp_path, capsys):
    from encore.cli.inspect import inspect

    small_world.save(tmp_path / "data")
    inspect(tmp_path / "data", out=tmp_path / "look", json_=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed == encore.inspect(small_world).to_json()
    assert json.loads((tmp_path / "look/inspection.json").read_text("utf-8")) == printed
    assert "What it allows" in (tmp_path / "look/inspection.html").read_text("utf-8")
    inspect(tmp_path / "data")
    shown = capsys.readouterr().out
    assert "what it allows" in shown
    assert f"{printed['counts']['total_plays']:,}" in shown
