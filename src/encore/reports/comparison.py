"""The page of a comparison: what `encore compare` says, drawn, with what differs between the runs.

Made of the same sections as a run's report, and as whole in itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from encore import folder
from encore.evaluation.gains import Gains
from encore.evaluation.setups import Difference
from encore.evaluation.significance import Comparison
from encore.reports.page import fill
from encore.reports.parts import Section
from encore.reports.sections.comparison import (
    asked_section,
    gains_section,
    means_section,
    ratios_section,
    setup_section,
)
from encore.reports.sentences import sentence, summary

Means = Mapping[str, Mapping[str, Mapping[str, float]]]  # board -> model -> run -> mean

FEW = 4  # comparisons whose sentences are the verdict; more are summed up by board


@dataclass(frozen=True)
class Compared:
    """All that a comparison found: of runs, by the model `model`; else of the models of one run.

    - `found`, `gains`: an answer and its listeners for each question, in the same order.
    - `means`: between two runs, the mean by board, model and run.
    - `differences`: by the other run, what differs from the first; None where it is not known.
    """

    title: str
    found: Sequence[Comparison]
    gains: Sequence[Gains]
    model: str | None = None
    means: Means = field(default_factory=dict)
    differences: Mapping[str, Sequence[Difference] | None] = field(default_factory=dict)


def write_comparison(compared: Compared, page: Path) -> None:
    """Write the page of a comparison; it replaces a file of that name in one step."""
    with folder.replacing(page) as temporary:
        temporary.write_text(render(compared), encoding="utf-8")


def render(compared: Compared) -> str:
    """Return the page as text."""
    few = len(compared.found) <= FEW
    return fill(
        "comparison.html.j2",
        title=compared.title,
        model=compared.model,
        verdict=[sentence(found) for found in compared.found] if few else summary(compared.found),
        sections=sections_of(compared),
    )


def sections_of(compared: Compared) -> list[Section]:
    """Return the sections of the page, in their order."""
    found, one_run = compared.found, compared.model is None
    words = Section("In words", [], [sentence(each) for each in found])
    return [
        ratios_section(found, one_run=one_run),
        gains_section(found, compared.gains, one_run=one_run),
        *([means_section(compared.means)] if compared.means else []),
        *(
            setup_section(found[0].one, other, differences)
            for other, differences in compared.differences.items()
        ),
        *([words] if len(found) > FEW else []),
        asked_section(found),
    ]
