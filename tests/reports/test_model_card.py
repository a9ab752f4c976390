"""The model card has the Hub's form, says what the verdict says, and stays whole without facts."""

import re

import yaml

from encore.reports.model_card import model_card
from encore.reports.verdict import verdict


def front_matter(card: str) -> str:
    found = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    assert found
    return found[1]


def test_the_card_has_front_matter_sections_and_the_verdict(results) -> None:
    card = model_card(results)
    head = front_matter(card)
    assert "library_name: encore" in head
    (index,) = yaml.safe_load(head)["model-index"]
    assert [one["task"]["name"] for one in index["results"]] == ["discovery", "plays"]
    first = index["results"][0]
    assert first["metrics"][0] == {"type": "ndcg@10", "name": "NDCG@10", "value": 0.231}
    assert first["dataset"] == {"name": "HetRec Last.fm", "type": "listening"}
    for section in ("Use", "Intended use", "Limits", "Privacy", "Training data", "Made with"):
        assert f"\n## {section}\n" in card
    for sentence in verdict(results):
        assert f"- {sentence}" in card
    assert "| encore | **0.231** (0.224 to 0.238) |" in card


def test_the_card_stands_without_facts() -> None:
    card = model_card({})
    assert "model-index" not in front_matter(card)
    assert "\n# An encore model\n" in card
    assert "## Evaluation" not in card


def test_a_title_cannot_break_the_card(results) -> None:
    results["title"] = 'A "title"\n---\nlicense: <b>mine</b> | yours'
    card = model_card(results)
    assert "\nlicense:" not in card
    assert "<b>" not in card.partition("\n---\n")[2]
    assert yaml.safe_load(front_matter(card))["model-index"][0]["name"] == results["title"]
