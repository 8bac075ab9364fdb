"""One patient over time: sessions by volume, reactions, visits and how the sites did."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import altair as alt

from dashboard import sentences, words
from dashboard.figures.marks import INK, chart_of, day_format
from dashboard.text import _, ngettext
from registry.analysis.site_history import Site, SiteLook, is_success
from registry.analysis.timeline import Timeline, agent_totals, is_open, is_overdue
from registry.vocabulary import FollowUpStatus

LANE_HEIGHT: Final = 34
SMALLEST, LARGEST, USUAL = 45, 420, 110
"""Areas of the marks: of the smallest and largest volume, and of what has none."""


@dataclass(frozen=True, slots=True)
class Strip:
    """The chart, and what it shows in a sentence."""

    chart: alt.LayerChart | alt.FacetChart
    sentence: str


def strip(shown: Timeline, looks: Mapping[Site, Sequence[SiteLook]], today: dt.date) -> Strip:
    """Everything recorded over time, a lane for each kind; the list of records says it in full."""
    lanes = {
        "session": _("Sessions"),
        "event": _("Reactions"),
        "visit": _("Visits"),
        "look": _("Sites"),
    }
    marks = [*_sessions(shown), *_events(shown), *_visits(shown, today), *_looks(looks)]
    present = [lane for lane in lanes if any(mark["lane"] == lane for mark in marks)]
    for mark in marks:
        mark["row"] = present.index(mark["lane"])
    days = [mark["day"] for mark in marks]
    span = dt.date.fromisoformat(max(days)) - dt.date.fromisoformat(min(days))
    written = day_format() if span < dt.timedelta(days=180) else "%b %Y"
    x = alt.X(
        "day:T",
        title=None,
        scale=alt.Scale(padding=18),
        axis=alt.Axis(
            format=written, labelOverlap=True, labelColor=INK, tickCount=4, labelFlush=False
        ),
    )
    y = alt.Y(
        "row:O",
        axis=alt.Axis(
            title=None,
            labelExpr=f"{[lanes[lane] for lane in present]}[datum.value]",
            labelColor=INK,
            labelPadding=8,
            grid=True,
            domain=False,
            ticks=False,
        ),
    )
    tooltip = [
        alt.Tooltip("when:N", title=_("Day")),
        alt.Tooltip("said:N", title=_("In short")),
    ]
    base = chart_of(marks).encode(x=x, y=y, tooltip=tooltip)
    now = chart_of([{"day": today.isoformat()}]).mark_rule(
        color=INK, opacity=0.4, strokeDash=[2, 3]
    )
    layers: list[alt.Chart] = []
    if min(days) <= today.isoformat() <= max(days):
        layers.append(now.encode(x=x))
    for sign in dict.fromkeys((mark["shape"], mark["filled"]) for mark in marks):
        shape, filled = sign
        layers.append(
            base.transform_filter((alt.datum.shape == shape) & (alt.datum.filled == filled))
            .mark_point(shape=shape, filled=filled, opacity=0.7, strokeWidth=2)
            .encode(
                size=alt.Size("size:Q", scale=None, legend=None),
                color=alt.Color("lane:N", legend=None, scale=alt.Scale(domain=list(lanes))),
            )
        )
    chart = alt.layer(*layers).properties(height=alt.Step(LANE_HEIGHT))
    return Strip(chart, _in_words(shown, looks, today))


def key(looks: Mapping[Site, Sequence[SiteLook]]) -> str:
    """What the signs mean."""
    parts = [
        _("A session's mark is larger the more was injected; hollow marks are open or planned.")
    ]
    if looks:
        parts.append(_("Sites: ● cleared or occluded, ○ not yet, ▲ came back."))
    return " ".join(parts)


def _mark(lane: str, day: dt.date, said: str, **more: Any) -> dict[str, Any]:
    plain = {"shape": "circle", "filled": True, "size": USUAL}
    when = {"day": day.isoformat(), "when": words.day(day)}
    return {"lane": lane, "said": said, **plain, **when, **more}


def _sessions(shown: Timeline) -> Iterable[dict[str, Any]]:
    volumes = {stored.entry.id: _volume(stored.entry.all_injections()) for stored in shown.sessions}
    largest = max(volumes.values(), default=Decimal(0)) or Decimal(1)
    for entry in (stored.entry for stored in shown.sessions):
        share = float(volumes[entry.id] / largest)
        size = SMALLEST + share * (LARGEST - SMALLEST)
        said = sentences.session_in_short(entry)
        yield _mark("session", entry.treated_on, said, size=size)


def _events(shown: Timeline) -> Iterable[dict[str, Any]]:
    for entry in (stored.entry for stored in shown.events):
        said = words.event_term(entry.event_term_code)
        yield _mark("event", entry.onset_on, said, shape="triangle-up", filled=not is_open(entry))


def _visits(shown: Timeline, today: dt.date) -> Iterable[dict[str, Any]]:
    for entry in (stored.entry for stored in shown.follow_ups):
        day = entry.seen_on or entry.due_on
        if day is None:
            continue
        state = words.inline(entry.status)
        if is_overdue(entry, today):
            state = _("overdue")
        said = f"{words.visit(entry.visit_code)}, {state}"
        held = entry.status is FollowUpStatus.SEEN
        yield _mark("visit", day, said, shape="square", filled=held)


def _looks(looks: Mapping[Site, Sequence[SiteLook]]) -> Iterable[dict[str, Any]]:
    for look in (look for of_site in looks.values() for look in of_site):
        yield _mark(
            "look",
            look.day,
            sentences.look(look),
            shape="triangle-up" if look.came_back else "circle",
            filled=look.came_back or is_success(look.outcome),
        )


def _volume(injections: Iterable[Any]) -> Decimal:
    return sum((total.liquid_ml for total in agent_totals(injections)), Decimal(0))


def _in_words(shown: Timeline, looks: Mapping[Site, Sequence[SiteLook]], today: dt.date) -> str:
    parts = []
    if shown.sessions:
        count = len(shown.sessions)
        volume = sum(
            (_volume(stored.entry.all_injections()) for stored in shown.sessions), Decimal(0)
        )
        parts.append(
            ngettext(
                "{count} session since {day}, {ml} mL liquid in all",
                "{count} sessions since {day}, {ml} mL liquid in all",
                count,
            ).format(
                count=count,
                day=words.day(shown.sessions[0].entry.treated_on),
                ml=words.number(volume),
            )
        )
    if shown.events:
        still = sum(is_open(stored.entry) for stored in shown.events)
        text = ngettext("{count} reaction", "{count} reactions", len(shown.events))
        if still:
            text += _(" ({open} still open)")
        parts.append(text.format(count=len(shown.events), open=still))
    due = [
        stored.entry
        for stored in shown.follow_ups
        if stored.entry.seen_on is not None
        or (stored.entry.due_on is not None and stored.entry.due_on <= today)
    ]
    if due:
        held = sum(visit.status is FollowUpStatus.SEEN for visit in due)
        parts.append(
            ngettext("{held} of {due} visit held", "{held} of {due} visits held", len(due)).format(
                held=held, due=len(due)
            )
        )
    back = sum(any(look.came_back for look in of_site) for of_site in looks.values())
    if back:
        parts.append(
            ngettext("{count} site came back", "{count} sites came back", back).format(count=back)
        )
    return "; ".join(parts) + "." if parts else _("Nothing is recorded yet.")
