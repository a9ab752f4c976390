"""Whatever bytes come: every listen read is kept or dropped, or there is one InputError."""

import json
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from encore.data import assembly
from encore.data.ledger import Ledger
from encore.data.readers import READERS, containers, read
from encore.data.readers.contract import Options, Reader
from encore.data.readers.histories import HISTORIES
from encore.errors import InputError

STREAM = {"endTime": "2020-01-16 03:13", "artistName": "A", "trackName": "B", "msPlayed": 4000}
EXTENDED = {
    "ts": "2020-01-16T03:13:00Z",
    "ms_played": 4000,
    "master_metadata_track_name": "B",
    "master_metadata_album_artist_name": "A",
}
LISTEN = {"listened_at": 1579144381, "track_metadata": {"track_name": "B", "artist_name": "A"}}
MALOJA = {"scrobbles": [{"time": 1579144381, "track": {"title": "B", "artists": ["A"]}}]}

#: A small whole file of each format.
WHOLE: dict[str, list[bytes]] = {
    "lastfm-ghan": [b"uts,utc_time,artist,album,track\n1579144381,x,A,,B\n1579144382,x,A,,C\n"],
    "lastfm-benjaminbenben": [
        b'A,,B,"06 Sep 2020, 14:23"\nA,,C,"06 Sep 2020, 14:23"\n',
        b"Artist,Album,Title,Date\nA,,B,06 Sep 2020 14:23\n",
    ],
    "lastfmstats": [
        b"\xef\xbb\xbfArtist;Album;AlbumId;Track;Date#ann\nA;;;B;1579144381000\n",
        json.dumps(
            {"username": "a", "scrobbles": [{"track": "B", "artist": "A", "date": 1579144381000}]}
        ).encode(),
    ],
    "lastfm-backup": [b"2020-01-16,03:13:01,A,B\n2020-01-16,03:14:01,A,C\n"],
    "librefm": [b"# c\ntime,artist,track,album\n1579144381,A,B,\n"],
    "scrobbler-log": [b"#AUDIOSCROBBLER/1.1\n#TZ/UTC\nA\t\tB\t\t100\tL\t1579144381\t\n"],
    "maloja": [json.dumps(MALOJA, indent=1).encode()],
    "panoscrobbler": [b'{"timeMs": 1579144381000, "track": "B", "artist": "A"}\n'],
    "listenbrainz": [json.dumps(LISTEN).encode() + b"\n"],
    "spotify": [json.dumps([STREAM, STREAM], indent=1).encode()],
    "spotify-extended": [json.dumps([EXTENDED]).encode()],
}
CASES = [(reader, whole) for reader in HISTORIES for whole in WHOLE[reader.name]]

PIECES = st.sampled_from(
    [
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\r\n",
        b"\r",
        b"\n",
        b"\0",
        b'"',
        b"'",
        b",",
        b";",
        b"\t",
        b"{",
        b"}",
        b"[",
        b"]",
        b"\\ud800",
        b"1e999",
        b"-1",
        b"null",
        b"true",
        b"#",
        "\u202eعربي".encode(),
        "e\u0301".encode(),
        b"x" * 70_000,
        b"[" * 2_000,
    ]
)
EDIT = st.tuples(st.floats(0, 1), st.integers(0, 6), PIECES | st.binary(max_size=5))


def mutated(whole: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Each edit takes some bytes out somewhere, and puts others in their place."""
    for where, gone, piece in edits:
        at = round(where * len(whole))
        whole = whole[:at] + piece + whole[at + gone :]
    return whole


def check(path: Path, content: bytes, reader: Reader) -> None:
    path.write_bytes(content)
    for way in (lambda: read(path).ledger, lambda: alone(path, reader)):
        ledger, refusal = Ledger(), ""
        try:
            ledger = way()
        except InputError as error:
            refusal = str(error)
        assert not refusal or path.name in refusal
        assert ledger.read == ledger.kept + sum(ledger.dropped.values())


def alone(path: Path, reader: Reader) -> Ledger:
    """Read with one reader, whether or not another would have been asked before it."""
    ledger = Ledger()
    with containers.opened(path) as container:
        assembly.assemble(reader.read(container, ledger, Options()).parts, ledger)
    return ledger


def test_every_reader_has_a_name_a_line_and_a_whole_file() -> None:
    assert len({reader.name for reader in READERS}) == len(READERS)
    assert set(WHOLE) == {reader.name for reader in HISTORIES}
    assert all(reader.title and "\n" not in reader.title for reader in READERS)


@pytest.mark.parametrize(("reader", "whole"), CASES)
def test_each_file_is_of_one_format_only(tmp_path: Path, reader: Reader, whole: bytes) -> None:
    (tmp_path / "x").write_bytes(whole)
    with containers.opened(tmp_path / "x") as container:
        assert [one.name for one in HISTORIES if one.recognises(container)] == [reader.name]
    assert alone(tmp_path / "x", reader).kept >= 1


@pytest.mark.parametrize(("reader", "whole"), CASES)
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(edits=st.lists(EDIT, min_size=1, max_size=4))
@example(edits=[(0.9, 0, b"[" * 200_000)])
@example(edits=[(1.0, 0, b"\n" + b"[" * 200_000)])
@example(edits=[(0.5, 0, b"9" * 5_000)])
def test_files_that_were_tampered_with(
    tmp_path: Path, reader: Reader, whole: bytes, edits: list[tuple[float, int, bytes]]
) -> None:
    check(tmp_path / "x.any", mutated(whole, edits), reader)


@pytest.mark.parametrize(("reader", "whole"), CASES)
def test_files_that_were_cut(tmp_path: Path, reader: Reader, whole: bytes) -> None:
    for cut in range(0, len(whole), 3):
        check(tmp_path / "x.any", whole[:cut], reader)


@given(content=st.binary(max_size=300), at=st.integers(0, len(HISTORIES) - 1))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes(tmp_path: Path, content: bytes, at: int) -> None:
    check(tmp_path / "x.any", content, HISTORIES[at])


@given(edits=st.lists(EDIT, min_size=1, max_size=4))
@example(edits=[(0.75, 4, b"1e999"), (0.875, 3, b"\xff\xfe")])  # a member without a name
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_archives_that_were_tampered_with(
    tmp_path: Path, edits: list[tuple[float, int, bytes]]
) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("listens/2020/1.jsonl", WHOLE["listenbrainz"][0] * 5)
        archive.writestr("feedback.jsonl", '{"recording_msid": "m", "score": 1, "created": 1}\n')
        archive.writestr("user.json", '{"username": "ann"}')
    check(tmp_path / "x.any", mutated(packed.getvalue(), edits), HISTORIES[8])


@pytest.mark.parametrize("field", ["trackName", "artistName", "msPlayed", "endTime"])
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
        max_leaves=4,
    )
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_values_of_any_kind(tmp_path: Path, field: str, value: object) -> None:
    content = json.dumps([STREAM, STREAM | {field: value}]).encode()
    check(tmp_path / "x.any", content, HISTORIES[9])
    assert read(tmp_path / "x.any").ledger.read == 2
