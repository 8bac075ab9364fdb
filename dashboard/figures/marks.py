"""What pictures are made of: estimates with their intervals, the axis of rates and its signs."""

from __future__ import annotations

import functools
import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt
from altair.utils.schemapi import disable_debug_mode
from babel import Locale

from dashboard.text import _
from registry.language import NARROW_SPACE, current, months
from registry.messages import Message, message, render
from registry.statistics import display_rules
from registry.statistics.result import Estimate
from registry.vocabulary import Language

LINE_HEIGHT: Final = 15
LONGEST_LINE: Final = 26
MOST_ROWS_IN_WORDS: Final = 8
MOST_ROWS: Final = 15
"""With more rows those of which nothing can be drawn are left out."""
RATE_FORMAT: Final = "~%"
GROUP: Final = "group"
"""Column of a chart that holds the code of the row a point stands for."""
# An SVG takes the colour of the text around it, so words in a picture follow light and dark.
INK: Final = "currentColor"


@alt.theme.register("registry", enable=True)
def theme() -> alt.theme.ThemeConfig:
    """How axes and tooltips of every chart write numbers and months: as its reader's language."""
    return {"config": {"locale": _locale(current())}} if current() is not Language.ENGLISH else {}


@functools.cache
def _locale(language: Language) -> Any:
    """A language as Vega knows it; its own is English."""
    said = Locale(language.value)
    symbols, names = said.number_symbols["latn"], said.days["format"]
    weekdays = (6, 0, 1, 2, 3, 4, 5)  # Vega begins its week on Sunday
    return {
        "number": {
            "decimal": symbols["decimal"],
            "thousands": symbols["group"],
            "grouping": [3],
            "currency": ["", ""],
            "percent": f"{NARROW_SPACE}%",
        },
        "time": {
            "dateTime": "%d.%m.%Y %H:%M",
            "date": "%d.%m.%Y",
            "time": "%H:%M",
            "periods": ["", ""],
            "days": [names["wide"][day] for day in weekdays],
            "shortDays": [names["abbreviated"][day] for day in weekdays],
            "months": [said.months["format"]["wide"][month] for month in range(1, 13)],
            "shortMonths": list(months(language)),
        },
    }


def day_format() -> str:
    """How an axis writes a day: 23 Nov 2026."""
    return "%-d. %b %Y" if current() is Language.GERMAN else "%-d %b %Y"


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart, what is drawn in it, and its content in a sentence for whoever does not see it.

    ``title`` stands above the chart: an axis title wider than a phone would squeeze the plot.
    ``key`` explains the signs that occur in it. ``is_by_group`` says that its points carry the code
    of their row of the report.
    """

    chart: alt.LayerChart | alt.FacetChart
    title: str
    description: str
    key: str = ""
    is_by_group: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """One estimate to be drawn: its words, and where point and interval go.

    ``group`` is the code of the row of the report that it stands for, by which a click on it is
    known. ``extremes`` are its best and worst case where there is no rate.
    """

    label: str
    counts: str
    shown: str
    estimate: Estimate
    is_too_small: bool
    has_interval: bool = True
    is_kaplan_meier: bool = False
    details: tuple[tuple[str, str], ...] = ()
    group: str = ""
    extremes: tuple[float, float] | None = None


def dots(
    marks: Sequence[Mark], title: str, about: str, whole: float | None = None
) -> Figure | None:
    """Point and interval of each mark in a row of its own; ``whole`` is a line through all rows.

    Of many rows those of which nothing can be drawn are left to the table. None with no other.
    """
    drawn = [mark for mark in marks if _is_drawn(mark)]
    if not drawn:
        return None
    left = len(marks) - len(drawn) if len(marks) > MOST_ROWS else 0
    marks = drawn if left else marks
    top = end_of_axis(marks, display_rules.MINIMUM_DENOMINATOR_FOR_PERCENTAGE)
    values = [
        drawable(mark, top) | {"row": i, **dict(mark.details)} for i, mark in enumerate(marks)
    ]
    labels = [[*textwrap.wrap(mark.label, LONGEST_LINE), _counts_and_rate(mark)] for mark in marks]
    lines = max(len(label) for label in labels)
    y = alt.Y(
        "row:O",
        # Also the rows of which nothing can be drawn: their words stand beside an empty row.
        scale=alt.Scale(domain=list(range(len(marks)))),
        axis=row_labels(labels),
    )
    names = dict(marks[0].details)
    base = chart_of(values).encode(y=y, tooltip=[alt.Tooltip(f"{name}:N") for name in names])
    x = alt.X("value:Q", scale=rate_scale(top), axis=rate_axis())
    layers = [*reference_line(whole, alt.X("whole:Q", scale=rate_scale(top), axis=rate_axis()))]
    for sides, dash in (("two", [1, 0]), ("one", [5, 4]), ("extremes", [2, 2])):
        interval = _where(values, base, "sides", sides)
        if interval is not None:
            layers.append(
                interval.mark_rule(strokeWidth=3, opacity=0.5, strokeDash=dash, color=INK).encode(
                    alt.X("lower:Q", scale=rate_scale(top), axis=rate_axis()), alt.X2("upper:Q")
                )
            )
    layers += points(values, base, x)
    end = alt.X("upper:Q", scale=rate_scale(top), axis=rate_axis())
    layers += cut_marks(values, base, "triangle-right", end)
    return Figure(
        alt.layer(*layers).properties(height=alt.Step(LINE_HEIGHT * (lines + 0.7))),
        title if whole is None else _("{title}; dotted line: all together").format(title=title),
        _dots_in_words(marks, about),
        " ".join(part for part in (key_of(values), _left_to_the_table(left)) if part),
        is_by_group=all(mark.group for mark in marks),
    )


def row_labels(labels: Sequence[Sequence[str]]) -> alt.Axis:
    """The axis of numbered rows, each named by several lines."""
    lines = max(len(label) for label in labels)
    return alt.Axis(
        title=None,
        labelExpr=f"{json.dumps(labels)}[datum.value]",
        labelColor=INK,
        # Otherwise the first line would stand in the middle of the row.
        labelOffset=-(lines - 1) * LINE_HEIGHT / 2,
        labelLimit=230,
        labelLineHeight=LINE_HEIGHT,
        labelPadding=10,
        labelOverlap=False,
    )


def reference_line(whole: float | None, position: alt.X | alt.Y) -> Iterator[alt.Chart]:
    """The rate of all together, for the eye to compare with."""
    if whole is not None:
        line = chart_of([{"whole": whole}]).mark_rule(color=INK, opacity=0.5, strokeDash=[2, 3])
        yield line.encode(position)


def points(
    values: Sequence[Mapping[str, Any]], base: alt.Chart, position: alt.X | alt.Y
) -> Iterator[alt.Chart]:
    """Full for a rate, hollow for no event, a diamond for a Kaplan-Meier estimate."""
    for sign, shape, filled in (
        ("hollow", "circle", False),
        ("full", "circle", True),
        ("diamond", "diamond", True),
    ):
        layer = _where(values, base, "sign", sign)
        if layer is not None:
            yield (
                layer.mark_point(
                    shape=shape, filled=filled, size=95, strokeWidth=2, opacity=1
                ).encode(position)
            )


def cut_marks(
    values: Sequence[Mapping[str, Any]], base: alt.Chart, shape: str, position: alt.X | alt.Y
) -> Iterator[alt.Chart]:
    """An interval that leaves the picture says so."""
    layer = _where(values, base, "is_cut", True)
    if layer is not None:
        yield (
            layer.mark_point(shape=shape, filled=True, size=70, opacity=0.8, color=INK).encode(
                position
            )
        )


def _where(
    values: Sequence[Mapping[str, Any]], base: alt.Chart, name: str, wanted: str | bool
) -> alt.Chart | None:
    """The rows with that value; None for no row: an empty layer has no name to be read out."""
    if not _shown(values, name, wanted):
        return None
    kept: alt.Chart = base.transform_filter(f"datum.{name} === {json.dumps(wanted)}")
    return kept


def _counts_and_rate(mark: Mark) -> str:
    if mark.is_too_small or mark.shown.startswith("0 "):
        return mark.counts
    return f"{mark.counts} · {mark.shown}"


def _is_drawn(mark: Mark) -> bool:
    return _reach(mark) is not None and mark.has_interval


def _reach(mark: Mark) -> float | None:
    """The highest value of a mark; None where there is nothing to draw."""
    if mark.extremes is not None:
        return mark.extremes[1]
    if mark.estimate.value is None:
        return None
    return mark.estimate.interval.upper or mark.estimate.value


def drawable(mark: Mark, top: float) -> dict[str, Any]:
    """What of a mark is drawn on an axis that ends at ``top``, and by which sign."""
    estimate = mark.estimate
    limits = estimate.interval
    drawn = _is_drawn(mark)
    lower, upper = (mark.extremes or (limits.lower, limits.upper)) if drawn else (None, None)
    sign = "diamond" if mark.is_kaplan_meier else "full"
    return {
        GROUP: mark.group,
        "value": estimate.value,
        "lower": lower,
        "upper": None if upper is None else min(upper, top),
        "sides": None
        if upper is None
        else "extremes"
        if mark.extremes
        else "one"
        if limits.one_sided
        else "two",
        "is_cut": upper is not None and upper > top,
        "is_too_small": mark.is_too_small,
        "sign": None
        if estimate.value is None or mark.is_too_small
        else "hollow"
        if estimate.value == 0
        else sign,
    }


def key_of(values: Sequence[Mapping[str, Any]]) -> str:
    """What the signs in a picture mean, those that occur in it."""
    signs = (
        (_shown(values, "sign", "hollow"), _("○ none seen; its interval is one-sided.")),
        (
            _shown(values, "sign", "diamond"),
            _("◆ Kaplan-Meier, because more than 5 % were not assessed."),
        ),
        (
            any(value["is_too_small"] and value["sides"] in ("one", "two") for value in values),
            _("Interval without a point: fewer than ten, too few for a percentage."),
        ),
        (
            _shown(values, "sides", "extremes"),
            _("Dotted: from the best to the worst case, because more than 5 % were not assessed."),
        ),
        (_shown(values, "is_cut", True), _("▸ or ▴: the interval reaches farther.")),
    )
    return " ".join(words for occurs, words in signs if occurs)


def _shown(values: Sequence[Mapping[str, Any]], name: str, wanted: str | bool) -> bool:
    return any(value[name] == wanted for value in values)


def end_of_axis(marks: Sequence[Mark], fewest: int) -> float:
    """End of the axis of rates: the widest interval of groups that are not tiny."""
    seen = [mark for mark in marks if _is_drawn(mark)]
    large = [mark for mark in seen if mark.estimate.denominator >= fewest] or seen
    reach = [_reach(mark) or 0.0 for mark in large]
    points = [mark.estimate.value or 0.0 for mark in seen if not mark.is_too_small]
    return min(1.0, 1.05 * max([0.001, *reach, *points]))


def rate_scale(top: float) -> alt.Scale:
    """Rates from 0 to ``top``."""
    return alt.Scale(domain=[0, top], nice=False, zero=True, clamp=True)


def rate_axis() -> alt.Axis:
    """The axis of rates, in per cent; its title stands above the picture."""
    return alt.Axis(title=None, format=RATE_FORMAT, tickCount=5, labelFlush=False, labelColor=INK)


def _left_to_the_table(rows: int) -> str:
    if not rows:
        return ""
    return say(message("Too few for a figure, in the table only: {count}.", count=rows))


def _dots_in_words(marks: Sequence[Mark], about: str) -> str:
    told = [f"{mark.label}: {mark.counts} ({mark.shown})" for mark in marks[:MOST_ROWS_IN_WORDS]]
    more = len(marks) - len(told)
    rest = say(message("more groups, all in the table: {count}", count=more)) if more > 0 else ""
    return f"{about}. " + "; ".join([*told, rest] if rest else told) + "."


# Checked whole in the tests, and not part by part whenever one is drawn for a reader.
disable_debug_mode()


def ended(steps: Sequence[Mapping[str, Any]], last: int) -> list[dict[str, Any]]:
    """Steps of a curve as far as day ``last``, where it is level.

    A rise on the last day would last no day, so no band could stand beside it.
    """
    if len(steps) > 1 and steps[-1]["day"] >= last:
        steps = steps[:-1]
    return [*map(dict, steps), {**steps[-1], "day": last}]


def drawing_of(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """A chart as the browser draws it.

    Checking each against the whole of Vega-Lite would take longer than making it, and the sizes of
    Altair's theme are not wanted: a chart takes the room that it has.
    """
    drawing: dict[str, Any] = chart.to_dict(validate=False)
    for side in ("continuousWidth", "continuousHeight"):
        drawing.get("config", {}).get("view", {}).pop(side, None)
    return drawing


def chart_of(values: Sequence[dict[str, Any]]) -> alt.Chart:
    """A chart of rows that travel inside it."""
    return alt.Chart(alt.InlineData(values=list(values)))


def say(given: Message) -> str:
    """A message in words."""
    return render(given)
