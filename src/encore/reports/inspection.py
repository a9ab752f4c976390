"""The page of a dataset: what `encore inspect` found, self-contained."""

from pathlib import Path

from encore import folder
from encore.data.inspection import Inspection
from encore.reports import listening
from encore.reports.naming import number, percent
from encore.reports.page import fill, svg
from encore.wording import counted, noun

SPREADS = {
    "plays_per_pair": "plays of a pair",
    "tracks_per_listener": "{}s of a listener",
    "listeners_per_track": "listeners of {a}",
    "plays_per_track": "plays of {a}",
}
QUANTILES = ("min", "p25", "median", "p75", "p90", "p99", "max")
STATES = {"no": "○", "partly": "◐", "yes": "●"}  # missing first: that is what one must know


def write_page(found: Inspection, title: str, page: Path) -> Path:
    """Write the page of `found`, headed `title`, to the file `page` and return its path."""
    with folder.replacing(page) as temporary:
        temporary.write_text(render(found, title), encoding="utf-8")
    return page


def render(found: Inspection, title: str) -> str:
    """Return the page as text. A part of which nothing is known has no section."""
    spreads = {
        spread_name(name, found.item_kind): spread
        for name, spread in found.spreads.items()
        if spread["n"]
    }
    return fill(
        "inspection.html.j2",
        title=title,
        kind=found.item_kind,
        summary=summary(found),
        states=STATES,
        capabilities=sorted(found.capabilities, key=lambda one: list(STATES).index(one.state)),
        counts=counts(found),
        quantiles=QUANTILES,
        spreads=spreads,
        spread_figure=spreads and svg(listening.plot_spreads(spreads)),
        activity=found.activity,
        activity_figure=found.activity and svg(listening.plot_activity(found.activity)),
        coverage=[row for row in found.coverage if row["known"]],
        unknown=[row["column"] for row in found.coverage if not row["known"]],
        ranges=ranges(found),
        leaders=found.leaders,
        duplicates=found.duplicates,
        ledger=found.ledger,
        percent=percent,
        plain=plain,
        day=day,
    )


def summary(found: Inspection) -> list[str]:
    """Return what one should know first, in sentences."""
    counts, kind = found.counts, found.item_kind
    if not counts["pairs"]:
        return ["Nobody has played anything in this dataset."]
    tracks, heard = found.spreads["plays_per_track"], found.spreads["tracks_per_listener"]
    each = found.spreads["plays_per_pair"]
    sentences = [
        f"{counted(counts['listeners'], 'listener')} and {counted(counts['tracks'], kind)}, "
        f"{counted(counts['pairs'], 'pair')} with plays: {percent(found.sparsity, 2)} of all are "
        "empty.",
        f"A typical listener has played {plain(heard['median'])} {noun(heard['median'], kind)}; a "
        f"typical pair has {plain(each['median'])} {noun(each['median'], 'play')}, none more than "
        f"{plain(each['max'])}.",
        f"The most played 1 % of {kind}s have {percent(tracks['top_1_percent'])} of all plays, "
        f"10 % have {percent(tracks['top_10_percent'])}.",
    ]
    if found.activity:
        when, by_day = found.activity, day(found.activity["first"])
        sentences.append(
            f"{when['timed']:,} {when['of']} have times, from {by_day} to {day(when['last'])}."
        )
    missing = [one.name for one in found.capabilities if one.state == "no"]
    if missing:
        sentences.append(f"Missing: {', '.join(missing)}.")
    return sentences


def counts(found: Inspection) -> list[tuple[str, int]]:
    """Return the counts worth a line, named for people."""
    kind = found.item_kind
    names = {
        "listeners": "listeners",
        "silent_listeners": "of them without plays",
        "tracks": f"{kind}s",
        "unheard_tracks": "of them without plays",
        "artists": "artists" if kind == "track" else "",
        "plays_rows": "rows of plays",
        "pairs": "of them played, not only skipped",
        "total_plays": "plays in all",
        "listens": "single listens",
        "tag_rows": "tags given",
        "tags": "different tags",
        "friend_rows": "friendships, one way",
        "feedback_rows": "likes, dislikes and bans",
    }
    always = ("listeners", "tracks", "plays_rows")
    return [
        (label, found.counts[name])
        for name, label in names.items()
        if label and (found.counts[name] or name in always)
    ]


def spread_name(name: str, kind: str) -> str:
    """Return what a spread is of, for people.

    >>> spread_name("listeners_per_track", "artist")
    'listeners of an artist'
    """
    article = "an" if kind == "artist" else "a"
    return SPREADS[name].format(kind, a=f"{article} {kind}")


def ranges(found: Inspection) -> list[tuple[str, list[str]]]:
    """Return the ranges that are known, as rows of text: min, median, max."""
    rows = []
    for name, row in found.ranges.items():
        if row["known"]:
            write = {"year": "{:.0f}".format, "duration_ms": _minutes}.get(name, number)
            rows.append((name, [write(row[end]) for end in ("min", "median", "max")]))
    return rows


def plain(value: float | None) -> str:
    """Return a count or a quantile of counts with no digits that say nothing.

    >>> plain(50.0), plain(1.5), plain(7228.01)
    ('50', '1.5', '7,228')
    """
    if value is None:
        return "—"
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.1f}"


def day(moment: str) -> str:
    """Return the day of a time in ISO 8601."""
    return moment[:10]


def _minutes(milliseconds: float) -> str:
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes}:{seconds:02d}"
