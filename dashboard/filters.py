"""Which sessions a page is about: one bar for all reading pages, and the address that repeats it.

The address is the truth, and names a period rather than its days where the reader chose a name. It
is read through the codec of :class:`CohortFilter` when a link is
opened or the browser goes back; afterwards the widgets rule and the address follows them. A page
reached without an address of its own takes up the filter of the page before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import report_data, state
from dashboard.report_data import CLINIC
from dashboard.text import _, inline, plain
from registry.analysis import wording
from registry.analysis.cohort import DIMENSION_LABELS, FROM, TO, CohortFilter
from registry.analysis.periods import PERIOD, PERIOD_LABELS, Change, Span, span_of

ADDRESS: Final = "report_address"
"""Key in ``st.session_state``: page and query of the address when the page was last drawn."""
COHORT: Final = "report_cohort"
"""Key in ``st.session_state``: the filter in use as a query, shared by the reading pages."""
CLINIC_CHOSEN: Final = "report_clinic"
"""Key in ``st.session_state``: the sidebar's clinic when the filter was last set to it."""
TOUCHED: Final = "report_touched"
"""Key in ``st.session_state``: the click of this run was on a filter or choice."""
OVERVIEW: Final = "overview"
"""The page on which every line without dates has days of its own."""
PERIOD_CHOSEN: Final = "filter_period"
DAY_FORMAT: Final = "DD.MM.YYYY"

ALL, CUSTOM = "all", "custom"
IN_BAR: Final = ("sclerosant", "form", "vessel_class")
IN_MORE: Final = (
    "concentration",
    "product",
    "gas",
    "calibre",
    "site",
    "guidance",
    "modality",
    "intent",
    "indication",
    "payer",
    "skin_type",
    "sex",
    "clinician",
)

Levels = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class View:
    """What a page shows: its sessions, the levels to choose from, and the address it came by.

    ``period`` is the name of the days, if they go by one. ``told`` is the address to be obeyed;
    None while the widgets rule. ``link_place`` is where the bar keeps room for links.
    """

    page: str
    cohort: CohortFilter
    period: str | None
    offered: Levels
    asked: Mapping[str, str]
    told: Mapping[str, str] | None
    link_place: DeltaGenerator

    @property
    def query(self) -> dict[str, str]:
        """The filter as the words of a link, a period by its name."""
        return _words(self.cohort, self.period)


def period_names(changes: Sequence[Change]) -> dict[str, str]:
    """Periods as the bar calls them."""
    is_of_several = len({change.clinic for change in changes}) > 1
    since = {
        change.period: _("Since {day}: {change}").format(
            day=wording.day(change.changed_on),
            change=f"{change.what} ({change.clinic})" if is_of_several else change.what,
        )
        for change in changes
    }
    named = {name: _(label) for name, label in PERIOD_LABELS.items()}
    return {ALL: _("All time"), **named, **since, CUSTOM: _("From … to …")}


def open_view(page: str, *names: str) -> View:
    """Draw the bar, say what of the address was ignored, and return what is to be shown.

    ``names`` are the words of the address that the page itself reads with :func:`choice`.
    """
    today = state.today()
    offered = report_data.levels()
    changes = report_data.changes()
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
        cohort, period, ignored = report_data.cohort_of(query, known, changes)
        strange = asked.keys() - {FROM, TO, PERIOD, *offered, *names}
        if strange:
            ignored = (*ignored, _("The address holds words that no page uses; ignored."))
        if ignored:
            st.warning("  \n".join(plain(line) for line in ignored))
        _fill_widgets(cohort, period)
    _follow_sidebar(offered, is_new=is_new)
    cohort, period, link_place = _bar(offered, today, changes)
    _say_hidden(cohort, offered)
    st.session_state[COHORT] = _words(cohort, period)
    told = asked if is_new and has_own_address else None
    return View(page, cohort, period, offered, asked, told, link_place)


def choice(
    view: View,
    name: str,
    label: str,
    options: Mapping[str, str],
    default: str,
    *,
    is_row: bool = False,
    warn_in: DeltaGenerator | None = None,
) -> str:
    """A choice of the page's own that the address carries as ``name`` unless it is the default.

    With ``is_row`` all options stand side by side. An unknown word of the address is named above
    the choice, or in ``warn_in`` where the choice itself is out of sight.
    """
    key = f"{view.page}_{name}"
    if view.told is not None:
        wanted = view.told.get(name, default)
        if wanted not in options:
            warn = st.warning if warn_in is None else warn_in.warning
            warn(
                _("The address asks for an unknown “{name}”; it was ignored.").format(
                    name=plain(label)
                )
            )
        st.session_state[key] = wanted if wanted in options else default
    elif st.session_state.get(f"{key}_kept") in options:
        # A widget forgets its value while another page is open.
        st.session_state.setdefault(key, st.session_state[f"{key}_kept"])
    if st.session_state.get(key) not in options:
        st.session_state[key] = default
    chosen: str
    if is_row:
        marked = st.segmented_control(
            label,
            list(options),
            required=True,
            format_func=options.__getitem__,
            key=key,
            on_change=_touch,
            label_visibility="collapsed",
        )
        chosen = marked or default
    else:
        chosen = st.selectbox(
            label, list(options), format_func=options.__getitem__, key=key, on_change=_touch
        )
    st.session_state[f"{key}_kept"] = chosen
    return chosen


def close_view(view: View, **choices: tuple[str, str]) -> None:
    """Write the address of what is shown, and offer it; each choice comes with its default."""
    chosen = {name: said for name, (said, default) in choices.items() if said != default}
    query = view.query | chosen
    _offer_links(view, chosen)
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
    elif view.page == OVERVIEW:
        days = _("without dates: the newest 12 months of each line")
    else:
        days = _("all days")
    parts = [days]
    for dimension, codes in cohort.levels.items():
        names = [view.offered[dimension].get(code, code) for code in codes]
        parts.append(f"{inline(DIMENSION_LABELS[dimension])}: {', '.join(names)}")
    return "; ".join(parts)


def _words(cohort: CohortFilter, period: str | None) -> dict[str, str]:
    query = cohort.to_query()
    if period is None:
        return query
    return {PERIOD: period} | {name: said for name, said in query.items() if name not in {FROM, TO}}


def _offer_links(view: View, chosen: dict[str, str]) -> None:
    """The address to be copied: with the period's name, and with the days it stands for today."""
    page = st.context.url or ""
    with view.link_place.popover(_("Link"), icon=":material/link:"):
        if view.period is None:
            st.text(_("This link shows the same sessions to whoever may see them:"))
        else:
            st.text(_("This link goes with time: it always shows the period of that name."))
        st.code(_address(page, view.query | chosen), language=None, wrap_lines=True)
        if view.period is not None:
            st.text(_("This link keeps the days that are shown now:"))
            days = view.cohort.to_query() | chosen
            st.code(_address(page, days), language=None, wrap_lines=True)


def _address(page: str, query: Mapping[str, str]) -> str:
    return f"{page}?{urlencode(query, safe=',')}" if query else page


def _fill_widgets(cohort: CohortFilter, period: str | None) -> None:
    has_days = cohort.start is not None or cohort.end is not None
    st.session_state[PERIOD_CHOSEN] = period or (CUSTOM if has_days else ALL)
    st.session_state[f"filter_{FROM}"] = cohort.start
    st.session_state[f"filter_{TO}"] = cohort.end
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
    _fill_widgets(CohortFilter(), None)
    st.session_state[f"filter_{CLINIC}"] = [str(state.clinic())]
    _touch()


def _bar(
    offered: Levels, today: dt.date, changes: Sequence[Change]
) -> tuple[CohortFilter, str | None, DeltaGenerator]:
    names = period_names(changes)
    if st.session_state.get(PERIOD_CHOSEN) not in names:
        st.session_state[PERIOD_CHOSEN] = ALL
    with st.container(horizontal=True, vertical_alignment="bottom", key="filter_bar"):
        period = st.selectbox(
            _("Treated"),
            list(names),
            format_func=names.__getitem__,
            key=PERIOD_CHOSEN,
            on_change=_touch,
            width=190,
        )
        is_named = period not in {ALL, CUSTOM}
        start, end = span_of(period, today, changes) if is_named else (None, None)
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
        link_place = st.container(width="content", horizontal=True)
    if start and end and start > end:
        st.warning(
            _("The first day is after the last, so neither is used: all days are shown."),
            icon=":material/event_busy:",
        )
        start = end = None
    return CohortFilter(start, end, chosen), period if is_named else None, link_place


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
