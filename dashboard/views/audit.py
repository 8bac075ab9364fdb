"""The auditor's page: is the trail whole, who changed what, and who looked at what."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import streamlit as st

from dashboard import file_data, report_parts, state, trail_proof, trail_words, words
from dashboard.background import Work, follow
from dashboard.text import _, plain
from registry.analysis import access_history, audit_trail
from registry.analysis.access_history import Access, AccessKind
from registry.analysis.audit_trail import Change, ChangedRow, Person, TrailQuery
from registry.analysis.wording import count
from registry.vocabulary import ReasonForChange

SHOWN: Final = "audit:shown"
AT_ONCE: Final = 25
MOST: Final = 200
ROWS_SHOWN: Final = 50
ACCESSES_SHOWN: Final = 200
LINES: Final = 20_000
DAYS: Final = 30


# --- changes -------------------------------------------------------------------------------------


def show_changes(people: Mapping[int, Person]) -> None:
    """Search the trail, newest first; each change opens to what it changed."""
    clinic = state.clinic_summary()
    query = ask_for_changes(people)
    if query is None:
        return
    shown = st.session_state.get(SHOWN)
    most = shown[1] if shown is not None and shown[0] == (clinic.id, query) else AT_ONCE
    found = audit_trail.changes(
        state.reading_engine(), state.actor(), clinic.id, query, limit=most + 1
    )
    if not found:
        st.info(
            _("No change fits. Take something out of the search, or choose more days."),
            icon=":material/search_off:",
        )
        return
    for change in found[:most]:
        show_change(change, clinic.time_zone)
    with st.container(horizontal=True):
        if len(found) > most and most < MOST:
            st.button(
                _("Show older changes"),
                key="audit:more",
                on_click=lambda: st.session_state.update(
                    {SHOWN: ((clinic.id, query), most + AT_ONCE)}
                ),
            )
        prepare_file(
            "trail",
            _("Make a CSV of all that fit"),
            (clinic.id, query),
            lambda: file_data.begin_table(
                f"audit_trail_{query.first.isoformat()}_{query.last.isoformat()}.csv",
                functools.partial(
                    audit_trail.trail_table,
                    state.reading_engine(),
                    state.actor(),
                    clinic.id,
                    query,
                    limit=LINES,
                ),
                "download_trail",
                f"{query.first.isoformat()} to {query.last.isoformat()}",
            ),
        )
    if len(found) > most >= MOST:
        st.text(
            _(
                "The newest {most} are shown. Narrow the search for older ones; the CSV holds the "
                "newest {lines} changed rows that fit."
            ).format(most=count(MOST), lines=count(LINES))
        )


def ask_for_changes(people: Mapping[int, Person]) -> TrailQuery | None:
    """What to look for; None while the days make no range."""
    days = ask_for_days("changes")
    with st.expander(_("Narrow the search"), icon=":material/filter_alt:"):
        left, right = st.columns(2)
        with left:
            user_id = choose(
                _("Who"), "who", {n: _name(p) for n, p in people.items()}, _("Anybody")
            )
            kind = choose(_("Record"), "kind", {k: trail_words.kind(k) for k in audit_trail.KINDS})
            pseudonym = st.text_input(
                _("Patient, by pseudonym"), max_chars=64, key="audit:pseudonym"
            ).strip()
        with right:
            action = choose(
                _("What was done"),
                "action",
                {a: trail_words.action(a) for a in trail_words.ACTIONS},
            )
            reason = choose(
                _("Reason"), "reason", {r.value: words.label(r) for r in ReasonForChange}
            )
    if days is None:
        return None
    return TrailQuery(
        *days, user_id=user_id, kind=kind, action=action, reason=reason, pseudonym=pseudonym or None
    )


def show_change(change: Change, time_zone: str) -> None:
    """One change: its headline, and what it changed when it is opened."""
    who = change.display_name or _("Program")
    parts = [words.moment(change.at, time_zone), who, trail_words.action(change.action)]
    if change.reason:
        parts.append(trail_words.reason(change.reason))
    opened = st.expander(
        plain(" · ".join(parts)), key=f"audit:change:{change.id}", on_change="rerun"
    )
    if not opened.open:
        return
    with opened:
        if change.reason_text:
            st.text(_("In their words: {text}").format(text=change.reason_text))
        st.text(
            ", ".join(f"{count(number)} × {trail_words.kind(kind)}" for kind, number in
                      change.rows.items())
            or _("No row of a table was changed.")
        )  # fmt: skip
        rows = audit_trail.changed_rows(
            state.reading_engine(), state.actor(), state.clinic(), change.id, limit=ROWS_SHOWN
        )
        show_rows(rows, time_zone)
        if change.row_count > len(rows):
            st.text(
                _("The first {shown} of {count} rows; the CSV holds more.").format(
                    shown=count(len(rows)), count=count(change.row_count)
                )
            )
        st.text(
            _("Account {account}, from {origin}, seal {seal}").format(
                account=change.user_name or "–",
                origin=change.origin,
                seal=count(change.seal or 0),
            )
        )


def show_rows(rows: Sequence[ChangedRow], time_zone: str) -> None:
    """What changed, column by column; what was added or removed, row by row."""
    if not all(row.is_readable for row in rows):
        st.error(_("Some of what the trail holds here cannot be read. Verify the trail."))
    changed = [
        {
            _("Record"): trail_words.record(row),
            _("Column"): _(column.label),
            _("Before"): trail_words.value(column, column.before, time_zone),
            _("After"): trail_words.value(column, column.after, time_zone),
        }
        for row in rows
        if row.operation == "update"
        for column in row.columns
    ]
    whole = [
        {
            _("Record"): trail_words.record(row),
            _("What happened"): _(trail_words.OPERATIONS[row.operation]),
            _("Content"): trail_words.content(row, time_zone),
        }
        for row in rows
        if row.operation != "update"
    ]
    for lines, title in ((changed, _("Before and after")), (whole, _("Added and removed"))):
        if lines:
            report_parts.table(lines, title, words=tuple(lines[0]))


# --- accesses ------------------------------------------------------------------------------------


def show_accesses(people: Mapping[int, Person]) -> None:
    """Who signed in, looked, exported or was refused."""
    clinic = state.clinic_summary()
    kind = st.pills(
        _("What"),
        list(AccessKind),
        format_func=lambda kind: _(trail_words.ACCESS_KINDS[kind]),
        key="audit:access_kind",
        help=_("Without a choice, everything."),
    )
    days = ask_for_days("accesses")
    user_id = choose(
        _("Who"), "access_who", {n: _name(p) for n, p in people.items()}, _("Anybody"), width=480
    )
    if days is None:
        return

    search = functools.partial(
        access_history.accesses,
        state.reading_engine(),
        state.actor(),
        clinic.id,
        first=days[0],
        last=days[1],
        kind=kind,
        user_id=user_id,
    )
    found = search(limit=ACCESSES_SHOWN + 1)
    if not found:
        st.info(_("No access fits."), icon=":material/search_off:")
        return
    rows = [
        {
            _("When"): trail_words.unbroken(words.moment(access.at, clinic.time_zone)),
            _("Who"): access.display_name or access.user_name,
            _("What"): trail_words.access(access.action),
            _("Records"): "–" if access.row_count is None else count(access.row_count),
            _("Detail"): trail_words.detail(access),
        }
        for access in found[:ACCESSES_SHOWN]
    ]
    report_parts.table(
        rows,
        _("Accesses"),
        words=tuple(name for name in rows[0] if name != _("Records")),
    )
    if len(found) > ACCESSES_SHOWN:
        st.text(
            _("The newest {count} are shown; the CSV holds more.").format(
                count=count(ACCESSES_SHOWN)
            )
        )
    prepare_file(
        "accesses",
        _("Make a CSV of all that fit"),
        (clinic.id, days, kind, user_id),
        lambda: file_data.begin_table(
            f"accesses_{days[0].isoformat()}_{days[1].isoformat()}.csv",
            lambda: [_access_line(access) for access in search(limit=LINES)],
            "download_accesses",
            f"{days[0].isoformat()} to {days[1].isoformat()}",
        ),
    )


def _access_line(access: Access) -> dict[str, Any]:
    return {
        "at": access.at.isoformat(),
        "user_name": access.user_name,
        "name": access.display_name,
        "action": access.action,
        "records": access.row_count,
        "address": access.address,
        "detail": access.detail,
    }


# --- parts ---------------------------------------------------------------------------------------


def ask_for_days(name: str) -> tuple[dt.date, dt.date] | None:
    """A range of days, the last month to begin with; None while it is none."""
    today = state.today()
    left, right = st.columns(2, width=480)
    first = left.date_input(
        _("From"),
        value=today - dt.timedelta(days=DAYS),
        format="DD.MM.YYYY",
        key=f"audit:{name}:first",
    )
    last = right.date_input(_("To"), value=today, format="DD.MM.YYYY", key=f"audit:{name}:last")
    if first > last:
        st.warning(_("Choose a first day that is not after the last."))
        return None
    return first, last


def choose(
    label: str, name: str, options: Mapping[Any, str], nothing: str = "", width: int | None = None
) -> Any:
    """One of several, or none: then everything fits."""
    ordered = sorted(options, key=lambda option: options[option].casefold())
    return st.selectbox(
        label,
        ordered,
        index=None,
        format_func=lambda option: plain(options[option]),
        placeholder=nothing or _("Anything"),
        width=width or "stretch",
        key=f"audit:{name}",
    )


def prepare_file(name: str, label: str, of: object, begin: Callable[[], Work[str]]) -> None:
    """A button that makes a file of what ``of`` stands for, then the link to fetch it once."""
    key = f"audit:file:{name}"
    if st.session_state.get(key, (None,))[0] != of:
        if not st.button(label, icon=":material/table_view:", key=f"{key}:make"):
            return
        st.session_state[key] = (of, begin())
    try:
        path = follow(st.session_state[key][1], _("Making the CSV"))
    except Exception:
        del st.session_state[key]
        raise
    st.link_button(
        _("Fetch the CSV"),
        path,
        icon=":material/download:",
        type="primary",
        on_click=lambda: st.session_state.pop(key, None),
        key=f"{key}:fetch",
    )


def _name(person: Person) -> str:
    return f"{person.display_name} ({person.user_name})"


def main() -> None:
    """Show the page."""
    clinic = state.clinic_summary()
    st.title(_("Audit"))
    st.text(_("Who changed or looked at what at {clinic}, and proof.").format(clinic=clinic.name))
    found = audit_trail.people(state.reading_engine(), state.actor(), clinic.id)
    people = {person.user_id: person for person in found}
    whole, changes, accesses = st.tabs([_("Is it whole?"), _("Changes"), _("Accesses")])
    with whole:
        trail_proof.show()
    with changes:
        show_changes(people)
    with accesses:
        show_accesses(people)


main()
