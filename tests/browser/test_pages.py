"""Each page that encore writes, in a real browser: it asks for nothing and all can read it."""

import pytest

# Fixtures of conftest.py, each of which writes a page: a line here, and it is held to all of this.
PAGES = ("run_report", "dataset_page", "interrupted_page", "comparison_page")


@pytest.fixture(params=PAGES)
def made(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
def test_nothing_is_wrong_with_it(visit, made, width, scheme):
    with visit(made.path, width=width, scheme=scheme) as seen:
        assert seen.faults() == []


def test_it_is_read_without_javascript(visit, made):
    assert made.says
    with visit(made.path, width=400, javascript=False) as seen:
        text = seen.text()
        assert [sentence for sentence in made.says if " ".join(sentence.split()) not in text] == []
        assert seen.faults() == []


def test_it_prints(visit, made):
    with visit(made.path, scheme="dark") as seen:
        assert seen.page.pdf().startswith(b"%PDF-")
