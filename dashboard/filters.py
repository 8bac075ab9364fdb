"""Which sessions a page is about: one bar for all reading pages, and the address that repeats it.

The address is the truth. It is read through the codec of :class:`CohortFilter` when a link is
opened or the browser goes back; afterwards the widgets rule and the address follows them. A page
reached without an address of its own takes up the filter of the page before.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st

from dashboard import report_data, state
from dashboard.report_data import CLINIC
from dashboard.text import _, plain
from registry.analysis import wording
from registry.analysis.cohort import DIMENSION_LABELS, FROM, TO, CohortFilter

ADDRESS: Final = "report_address"
"""Key in ``st.session_state``: page and query of the address when the page was last drawn."""
COHORT: Final = "report_cohort"
"""Key in ``st.session_state``: the filter in use as a query, shared by the reading pages."""
CLINIC_CHOSEN: Final = "report_clinic"
"""Key in ``st.session_state``: the sidebar's clinic when the filter was last set to it."""
TOUCHED: Final = "report_touched"
"""Key in ``st.session_state``: the click of this run was on a filter or choice."""
PERIOD: Final = "filter_period"
DAY_FORMAT: Final = "DD.MM.YYYY"

ALL, CUSTOM = "all", "custom"
IN_BAR: Final = ("sclerosant", "form", "vessel_class")
IN_MORE: Final = (
    "concentration",
    "product",
    "gas",
    "guidance",
    "modality",
    "intent",
    "indication",
    "skin_type",
    "sex",
    "clinician",
)

Span = tuple[dt.date | None, dt.date | None]
Levels = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class View:
    """What a page shows: its sessions, the levels to choose from, and the address it came by.

    ``told`` is the address to be obeyed; None while the widgets rule.
    """

    page: str
    cohort: CohortFilter
    offered: Levels
    asked: Mapping[str, str]
    told: Mapping[str, str] | None


def presets(today: dt.date) -> dict[str, Span]:
    """First and last day of the periods offered by name."""
    month = today.replace(day=1)
    quarter = today.replace(month=3 * ((today.month - 1) // 3) + 1, day=1)
    year = today.replace(month=1, day=1)
    return {
        ALL: (None, None),
        "last_12_months": (_months_before(month, 12), _day_before(month)),
        "this_month": (month, _month_end(month)),
        "last_month": (_months_before(month, 1), _day_before(month)),
        "this_quarter": (quarter, _month_end(_months_before(quarter, -2))),
        "last_quarter": (_months_before(quarter, 3), _day_before(quarter)),
        "this_year": (year, year.replace(month=12, day=31)),
        "last_year": (_months_before(year, 12), _day_before(year)),
    }


def period_names() -> dict[str, str]:
    """Periods as the bar calls them."""
    return {
        ALL: _("All time"),
        "last_12_months": _("Last 12 full months"),
        "this_month": _("This month"),
        "last_month": _("Last month"),
        "this_quarter": _("This quarter"),
        "last_quarter": _("Last quarter"),
        "this_year": _("This year"),
        "last_year": _("Last year"),
        CUSTOM: _("From … to …"),
    }


def open_view(page: str, *names: str) -> View:
    """Draw the bar, say what of the address was ignored, and return what is to be shown.

    ``names`` are the words of the address that the page itself reads with :func:`choice`.
    """
    today = state.today()
    offered = report_data.levels()
    asked = st.query_params.to_dict()
    earlier = st.session_state.get(ADDRESS)
    # Clicks can overtake the address they lead to: what was just clicked is newer than it.
    is_stale = st.session_state.pop(TOUCHED, False) and earlier is not None and earlier[0] == page
    is_new = earlier != (page, asked) and not is_stale
    has_own_address = bool(asked) or (earlier is not None and earlier[0] == page)
    query = asked if has_own_address else st.session_state.get(COHORT, {})
    if is_new:
        known = {
            name: levels if name in (*IN_BAR, *IN_MORE, CLINIC) else {}
            for name, levels in offered.items()
        }
        cohort, ignored = report_data.cohort_of(query, known)
        strange = asked.keys() - {FROM, TO, *offered, *names}
        if strange:
            ignored = (*ignored, _("The address holds words that no page uses; ignored."))
        if ignored:
            st.warning("  \n".join(plain(line) for line in ignored))
        _fill_widgets(cohort, today)
    _follow_sidebar(offered, is_new=is_new)
    cohort = _bar(offered, today)
    _say_hidden(cohort, offered)
    st.session_state[COHORT] = cohort.to_query()
    return View(page, cohort, offered, asked, asked if is_new and has_own_address else None)


def choice(view: View, name: str, label: str, options: Mapping[str, str], default: str) -> str:
    """A choice of the page's own that the address carries as ``name`` unless it is the default."""
    key = f"{view.page}_{name}"
    if view.told is not None:
        wanted = view.told.get(name, default)
        if wanted not in options:
            st.warning(
                _("The address asks for an unknown {name}; it was ignored.").format(
                    name=plain(label.lower())
                )
            )
        st.session_state[key] = wanted if wanted in options else default
    elif st.session_state.get(f"{key}_kept") in options:
        # A widget forgets its value while another page is open.
        st.session_state.setdefault(key, st.session_state[f"{key}_kept"])
    st.session_state.setdefault(key, default)
    chosen: str = st.selectbox(
        label, list(options), format_func=options.__getitem__, key=key, on_change=_touch
    )
    st.session_state[f"{key}_kept"] = chosen
    return chosen


def close_view(view: View, **choices: tuple[str, str]) -> None:
    """Write the address of what is shown; each choice comes with its default."""
    query = view.cohort.to_query() | {
        name: chosen for name, (chosen, default) in choices.items() if chosen != default
    }
    address = dict(view.asked)
    # Each address written is one more step for the way back, so one that says the same stays.
    is_said = query in (address, {CLINIC: str(state.clinic())} | address)
    # Kept first: the next click may end this run while the address is being written.
    st.session_state[ADDRESS] = (view.page, address if is_said else query)
    if not is_said:
        st.query_params.from_dict(query)


def in_words(view: View) -> str:
    """The filter as it is printed beside every figure."""
    cohort = view.cohort
    start, end = cohort.start, cohort.end
    if start and end:
        days = _("treated {start} to {end}").format(start=wording.day(start), end=wording.day(end))
    elif start:
        days = _("treated from {start}").format(start=wording.day(start))
    elif end:
        days = _("treated until {end}").format(end=wording.day(end))
    else:
        days = _("all days")
    parts = [days]
    for dimension, codes in cohort.levels.items():
        names = [view.offered[dimension].get(code, code) for code in codes]
        parts.append(f"{_(DIMENSION_LABELS[dimension]).lower()}: {', '.join(names)}")
    return "; ".join(parts)


def _fill_widgets(cohort: CohortFilter, today: dt.date) -> None:
    span = (cohort.start, cohort.end)
    named = next((name for name, days in presets(today).items() if days == span), CUSTOM)
    st.session_state[PERIOD] = named
    st.session_state[f"filter_{FROM}"], st.session_state[f"filter_{TO}"] = span
    for dimension in (*IN_BAR, *IN_MORE, CLINIC):
        st.session_state[f"filter_{dimension}"] = list(cohort.levels.get(dimension, ()))


def _follow_sidebar(offered: Levels, *, is_new: bool) -> None:
    """The clinic chosen in the sidebar is the one counted, until bar or address say otherwise."""
    chosen, key = str(state.clinic()), f"filter_{CLINIC}"
    before = st.session_state.get(CLINIC_CHOSEN, chosen)
    st.session_state[CLINIC_CHOSEN] = chosen
    is_unsaid = is_new and not st.session_state.get(key)
    if (chosen != before or is_unsaid) and chosen in offered[CLINIC]:
        st.session_state[key] = [chosen]


def _say_hidden(cohort: CohortFilter, offered: Levels) -> None:
    """Name what is filtered out of sight, and clinics that are not the one in the sidebar."""
    hidden = {name: cohort.levels[name] for name in IN_MORE if name in cohort.levels}
    clinics = cohort.levels.get(CLINIC, ())
    if clinics and clinics != (str(state.clinic()),):
        hidden[CLINIC] = clinics
    if hidden:
        st.text(
            "; ".join(
                f"{_(DIMENSION_LABELS[name])}: {', '.join(offered[name][code] for code in codes)}"
                for name, codes in hidden.items()
            )
        )


def _touch() -> None:
    """Callback of every filter and choice."""
    st.session_state[TOUCHED] = True


def _clear() -> None:
    """Callback: all sessions of the clinic in the sidebar again."""
    _fill_widgets(CohortFilter(), state.today())
    st.session_state[f"filter_{CLINIC}"] = [str(state.clinic())]
    _touch()


def _bar(offered: Levels, today: dt.date) -> CohortFilter:
    names = period_names()
    with st.container(horizontal=True, vertical_alignment="bottom", key="filter_bar"):
        period = st.selectbox(
            _("Treated"),
            list(names),
            format_func=names.__getitem__,
            key=PERIOD,
            on_change=_touch,
            width=165,
        )
        start, end = presets(today).get(period, (None, None))
        if period == CUSTOM:
            start, end = _days()
        levels = {name: _levels(name, offered, st.multiselect, width=150) for name in IN_BAR}
        with st.popover(_("More"), icon=":material/filter_list:"):
            levels |= {name: _levels(name, offered, st.multiselect) for name in IN_MORE}
            levels[CLINIC] = _clinics(offered)
        chosen = {name: codes for name, codes in levels.items() if codes}
        is_filtered = bool(start or end or chosen.keys() - {CLINIC})
        if is_filtered:
            st.button(_("Clear"), on_click=_clear, icon=":material/close:", type="tertiary")
    if start and end and start > end:
        st.warning(_("The dates were reversed; they were put in order."))
        start, end = end, start
    return CohortFilter(start, end, chosen)


def _days() -> Span:
    keys = {_("From"): f"filter_{FROM}", _("To"): f"filter_{TO}"}
    start, end = (
        st.date_input(label, key=key, format=DAY_FORMAT, on_change=_touch, width=140)
        for label, key in keys.items()
    )
    return start, end


def _levels(
    dimension: str, offered: Levels, widget: Callable[..., list[str]], **options: int
) -> tuple[str, ...]:
    """The chosen levels of a dimension; it is not drawn while there is nothing to choose from."""
    labels = offered[dimension]
    key = f"filter_{dimension}"
    st.session_state[key] = [code for code in st.session_state.get(key, ()) if code in labels]
    if len(labels) < 2 and not st.session_state[key]:
        return ()
    return tuple(
        widget(
            _(DIMENSION_LABELS[dimension]),
            list(labels),
            format_func=labels.__getitem__,
            key=key,
            on_change=_touch,
            placeholder=_("All"),
            **options,
        )
    )


def _clinics(offered: Levels) -> tuple[str, ...]:
    """The chosen clinics, each named even when all are meant, so that a link says which."""
    if len(offered[CLINIC]) < 2:
        return ()
    return _levels(CLINIC, offered, st.multiselect) or tuple(offered[CLINIC])


def _day_before(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=1)


def _months_before(first: dt.date, months: int) -> dt.date:
    """First day of the month so many months before the one that begins on ``first``."""
    number = first.year * 12 + first.month - 1 - months
    return dt.date(number // 12, number % 12 + 1, 1)


def _month_end(first: dt.date) -> dt.date:
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])
