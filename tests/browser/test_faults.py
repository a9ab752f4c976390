"""The browser finds what is wrong: a sound page has no faults, and each that is planted is told."""

import pytest

SOUND = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A page</title></head>
<body><main><h1>A page</h1><p>It says what it says.</p>{}</main></body></html>"""
PICTURE = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


@pytest.fixture
def planted(tmp_path):
    def write(html):
        page = tmp_path / "page.html"
        page.write_text(SOUND.format(html), "utf-8")
        return page

    return write


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("width", [400, 1600])
def test_a_sound_page_has_none(visit, planted, width, javascript):
    picture = f'<img src="{PICTURE}" alt="a dot"><a href="#there" id="there">there</a>'
    with visit(planted(picture), width=width, javascript=javascript) as seen:
        assert seen.faults() == []
        assert "It says what it says." in seen.text()


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ("<script>console.error('it broke')</script>", "console: it broke"),
        ("<script>nothing.at.all</script>", "page error: nothing is not defined"),
        ('<img src="http://elsewhere.invalid/a.gif" alt="a">', "asks for http://elsewhere.inv"),
        ('<img src="beside.gif" alt="a">', "asks for file://"),
        ("<script>new WebSocket('ws://127.0.0.1:9')</script>", "asks for ws://127.0.0.1:9"),
        ('<img src="data:image/gif;base64,AAAA" alt="a dot">', "image without a picture: a dot"),
        (f'<img src="{PICTURE}">', "image-alt: Images must have alternative text"),
        ('<p style="color: #aaa">faint</p>', "color-contrast:"),
        ('<div style="width: 700px; background: #000">.</div>', "wider than the window: 7"),
    ],
)
def test_what_is_planted_is_told(visit, planted, html, told):
    with visit(planted(html), width=400) as seen:
        assert [fault for fault in seen.faults() if fault.startswith(told)]


def test_low_contrast_is_found_in_the_scheme_that_has_it(visit, planted):
    page = planted(
        "<style>@media (prefers-color-scheme: dark) { p { color: #555; background: #111 } }</style>"
    )
    for scheme, found in (("light", False), ("dark", True)):
        with visit(page, scheme=scheme) as seen:
            assert bool(seen.faults()) is found, scheme


def test_text_that_needs_javascript_is_not_seen_without_it(visit, planted):
    page = planted(
        "<p hidden>A verdict.</p><script>document.querySelector('[hidden]').hidden = 0</script>"
    )
    for javascript in (True, False):
        with visit(page, javascript=javascript) as seen:
            assert ("A verdict." in seen.text()) is javascript
