"""XSPF, version 1: a playlist as XML (xspf.org). The reason of a track is its annotation."""

from xml.etree import ElementTree as ET

from encore.data.writers.entries import Entry, Playlist, line, uri

NAMESPACE = "http://xspf.org/ns/0/"


def text(playlist: Playlist) -> str:
    """Return the playlist as XSPF."""
    root = ET.Element("playlist", {"version": "1", "xmlns": NAMESPACE})
    _add(root, "title", playlist.title)
    _add(root, "creator", playlist.creator)
    _add(root, "annotation", playlist.annotation)
    _add(root, "date", playlist.date.isoformat())
    tracks = ET.SubElement(root, "trackList")
    for entry in playlist.entries:
        _track(ET.SubElement(tracks, "track"), entry)
    ET.indent(root, " ")
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _track(track: ET.Element, entry: Entry) -> None:
    if entry.location:
        _add(track, "location", uri(entry.location))
    for identifier in entry.identifiers:
        _add(track, "identifier", uri(identifier))
    _add(track, "title", entry.title)
    _add(track, "creator", entry.artist)
    _add(track, "annotation", entry.reason)
    _add(track, "album", entry.album)
    if entry.duration_ms is not None:
        _add(track, "duration", str(entry.duration_ms))


def _add(parent: ET.Element, name: str, value: str | None) -> None:
    if value is not None and (told := line(value)):
        ET.SubElement(parent, name).text = told
