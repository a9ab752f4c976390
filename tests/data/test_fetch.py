"""Fetching: only what the publisher published is kept, and a silent network is no network."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from encore.data import fetch

BODY = b"the publisher's archive"


@pytest.fixture
def publisher(monkeypatch, tmp_path):
    class Handler(BaseHTTPRequestHandler):
        answers = 0

        def do_GET(self):
            type(self).answers += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(BODY)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(fetch, "HETREC_URL", f"http://127.0.0.1:{server.server_port}/it.zip")
    monkeypatch.setattr(fetch, "HETREC_SHA256", hashlib.sha256(BODY).hexdigest())
    monkeypatch.setenv("ENCORE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield Handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_archive_is_kept_and_its_terms_are_told(publisher):
    told = []
    archive = fetch.hetrec(told.append)
    assert archive.read_bytes() == BODY
    assert "non-commercial" in told[-1]
    assert fetch.hetrec(told.append) == archive
    assert publisher.answers == 1


def test_another_file_is_not_used(publisher, monkeypatch):
    monkeypatch.setattr(fetch, "HETREC_SHA256", "0" * 64)
    told = []
    assert fetch.hetrec(told.append) is None
    assert "checksum differs" in told[-1]
    assert not fetch.cache_folder().exists()


def test_no_network_is_told_and_not_an_error(publisher, monkeypatch):
    monkeypatch.setattr(fetch, "HETREC_URL", "http://127.0.0.1:9/nobody-listens")
    told = []
    assert fetch.hetrec(told.append) is None
    assert told[-1].startswith("not to be had")
