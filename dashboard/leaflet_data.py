"""The patients' leaflet: what the registry tells of it, and its words in the language it is in.

The language is the leaflet's own, whatever its maker reads: everything of it is put into words
within :func:`registry.language.speaking`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from dashboard import report_data, state
from dashboard.figures import Figure
from dashboard.figures.icon_arrays import icon_array
from dashboard.report_data import Table, say
from dashboard.take_away import File
from dashboard.text import _
from registry.analysis import leaflet, leaflet_wording, wording
from registry.analysis.cohort import CohortFilter
from registry.analysis.leaflet import LeafletItem, LeafletReport, Seen, Signs
from registry.language import OWN_NAMES, speaking
from registry.messages import N_
from registry.vocabulary import Language

LANGUAGES: Final = {language.value: name for language, name in OWN_NAMES.items()}

WHY: Final = {
    Seen.COUNTED: N_("Own number."),
    Seen.NONE: N_("None is recorded: told in words, with the published number."),
    Seen.FEWER: N_("Too few patients had it for a number that leaves the registry."),
    Seen.NEARLY_ALL: N_("Too few patients were without it for a number that leaves the registry."),
    Seen.NOT_FOLLOWED_UP: N_("Fewer were followed up than this clinic asks for."),
    Seen.WITHHELD: N_("No own numbers on this leaflet."),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One outcome of a leaflet: its frequency in ``number``, and paragraphs about that.

    ``signs`` and ``figure`` are None where there is no number to draw.
    """

    code: str
    label: str
    explanation: str
    number: str
    about: tuple[str, ...]
    signs: Signs | None
    figure: Figure | None
    source: str

    @property
    def standing_alone(self) -> Figure | None:
        """The picture with all that is said of it, for a place without the words around it."""
        if self.figure is None:
            return None
        words = (self.figure.key, self.number, *self.about, self.source)
        return replace(self.figure, key=" ".join(word for word in words if word))


@dataclass(frozen=True, slots=True)
class LeafletText:
    """A leaflet in one language: own numbers first, published ones apart; each of ``of``."""

    language: Language
    of: int
    title: str
    subtitle: str
    introduction: tuple[str, ...]
    own_heading: str
    own: tuple[Part, ...]
    published_heading: str
    published: tuple[Part, ...]
    closing: str
    sources_heading: str
    sources: tuple[str, ...]


def report() -> LeafletReport:
    """The numbers of the leaflet of the clinic being looked at."""
    return leaflet.leaflet(
        state.reading_engine(),
        state.actor(),
        CohortFilter(levels={"clinic": (str(state.clinic()),)}),
        today=state.today(),
    )


def text_of(report: LeafletReport, language: Language) -> LeafletText:
    """The leaflet as it is read and printed."""
    with speaking(language):
        return LeafletText(
            language=language,
            of=report.of,
            title=say(leaflet_wording.title()),
            subtitle=say(leaflet_wording.subtitle(report)),
            introduction=tuple(map(say, leaflet_wording.introduction(report))),
            own_heading=say(leaflet_wording.own_heading()),
            own=tuple(_part(report, item) for item in leaflet_wording.own_items(report)),
            published_heading=say(leaflet_wording.published_heading()),
            published=tuple(_part(report, item) for item in leaflet_wording.other_items(report)),
            closing=say(leaflet_wording.closing()),
            sources_heading=_("Where the published numbers come from"),
            sources=report.citations,
        )


def _part(report: LeafletReport, item: LeafletItem) -> Part:
    signs = leaflet_wording.shown(item)
    is_own = item.seen is Seen.COUNTED
    label = say(item.label)
    return Part(
        code=item.code,
        label=label,
        explanation=say(item.explanation),
        number=say(leaflet_wording.number(report, item)),
        about=tuple(
            " ".join(map(say, sentences))
            for sentences in (
                leaflet_wording.published_details(report, item),
                leaflet_wording.own_details(report, item),
            )
            if sentences
        ),
        signs=signs,
        figure=None
        if signs is None
        else icon_array(
            signs,
            report.of,
            title=label if is_own else f"{label}. {say(leaflet_wording.published_heading())}",
            description=say(leaflet_wording.in_words(report, item)),
            key=say(leaflet_wording.key(item)),
        ),
        source=item.published.citation if item.published else "",
    )


def table(report: LeafletReport) -> Table:
    """For whoever hands the leaflet out: what it tells of each outcome, and why."""
    return [
        {
            _("Outcome"): say(item.label),
            _("Days"): wording.count(item.window_days),
            _("Followed up"): wording.DASH
            if item.followed_up is None
            else wording.whole_percent(item.followed_up / 100),
            _("On the leaflet"): _(WHY[item.seen]),
        }
        for item in report.items
    ]


def offer(report: LeafletReport, language: Language, kind: File, drawn: Figure | None) -> str:
    """Path under which the leaflet, or one of its pictures, can be fetched once."""
    with speaking(language):
        return report_data.offer_file(kind, report, drawn)
