"""Fetch HetRec Last.fm from its publisher, verified, when the user asked for it.

The only place where encore reaches for a network, and only `encore demo` without `--data` calls it.
"""

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from encore.folder import replacing, sha256

HETREC_URL = "https://files.grouplens.org/datasets/hetrec2011/hetrec2011-lastfm-2k.zip"
HETREC_SHA256 = "6738f48195667ff03caaab4d32ca9a3133d8cc026b7c3cdaf6ce1010e913c59c"
HETREC_MAX_BYTES = 8_000_000  # it has 2,589,075; more is not it

TERMS = (
    "HetRec Last.fm 2K (Cantador, Brusilovsky, Kuflik, HetRec 2011; data from Last.fm): "
    "made available by its publisher for non-commercial use."
)
PATIENCE_SECONDS = 5.0  # for an answer; a silent network is no network


def hetrec(say: Callable[[str], None]) -> Path | None:
    """Return the archive, from the cache or freshly fetched; None where no network answers.

    What arrives is kept only if its checksum is the publisher's.
    """
    archive = cache_folder() / "hetrec2011-lastfm-2k.zip"
    if archive.is_file() and sha256(archive) == HETREC_SHA256:
        say(TERMS)
        return archive
    say(f"fetching {HETREC_URL}")
    try:
        with urllib.request.urlopen(HETREC_URL, timeout=PATIENCE_SECONDS) as answer:
            body = answer.read(HETREC_MAX_BYTES)
    except (OSError, urllib.error.URLError) as error:
        say(f"not to be had: {error}")
        return None
    if hashlib.sha256(body).hexdigest() != HETREC_SHA256:
        say("what arrived is not the publisher's file (its checksum differs): not used")
        return None
    with replacing(archive) as temporary:
        temporary.write_bytes(body)
    say(TERMS)
    return archive


def cache_folder() -> Path:
    """Return where fetched files are kept: ENCORE_CACHE, else the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("ENCORE_CACHE") or Path(base) / "encore")
