"""The auditor's page: is the trail whole, who changed what, and who looked at what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from dashboard import file_data, incidents, report_parts, state, trail_words, words
from dashboard.background import Work, follow
from dashboard.text import _, ngettext, plain
from registry import access_log
from registry.access import Permission, require
from registry.analysis import access_history, audit_trail
from registry.analysis.access_history import Access, AccessKind
from registry.analysis.audit_trail import Change, ChangedRow, Person, TrailQuery
from registry.analysis.wording import count
from registry.audit import Anchor
from registry.errors import RegistryError
from registry.operations.audit_verification import Check, Finding, Verification, verify
from registry.vocabulary import ReasonForChange

VERIFYING: Final = "audit:verifying"
VERIFIED: Final = "audit:verified"
SHOWN: Final = "audit:shown"
AT_ONCE: Final = 25
MOST: Final = 200
ROWS_SHOWN: Final = 20
ACCESSES_SHOWN: Final = 200
LINES: Final = 50_000
DAYS: Final = 30
BOOKKEEPING: Final = frozenset({"recorded_at", "version"})


# --- is it whole? --------------------------------------------------------------------------------


def show_whole() -> None:
    """Verify the trail, and give the seal to note down."""
    st.text(
        _(
            "Every change is written down when it is made, and sealed together with everything "
            "before it. Verifying computes all of that again and compares it with what is stored."
        )
    )
    show_head()
    with st.form("audit:verify", border=False):
        noted = st.text_input(
            _("A seal you noted earlier, if you have one"),
            placeholder=_("number:hash"),
            max_chars=100,
            help=_("From this page, printed or copied, or from the manifest of a backup."),
            width=640,
        )
        pressed = st.form_submit_button(
            _("Verify the trail"), type="primary", icon=":material/verified_user:"
        )
    st.caption(
        _(
            "Takes about a second for 60,000 changed rows. With the embedded database, saving "
            "waits meanwhile."
        )
    )
    if pressed:
        st.session_state.pop(VERIFIED, None)
        try:
            anchor = Anchor.parse(noted) if noted.strip() else None
        except RegistryError as error:
            incidents.say(error)
            return
        st.session_state[VERIFYING] = begin_verification(anchor)
    if (verifying := st.session_state.get(VERIFYING)) is not None:
        try:
            done = follow(verifying, _("Computing every seal again"))
        except RegistryError as error:
            del st.session_state[VERIFYING]
            incidents.say(error)
            return
        except Exception:
            del st.session_state[VERIFYING]
            raise
        del st.session_state[VERIFYING]
        st.session_state[VERIFIED] = (state.clinic(), done)
    kept = st.session_state.get(VERIFIED)
    if kept is not None and kept[0] == state.clinic():
        show_verification(*kept[1])


def show_head() -> None:
    """The newest seal, to be kept where nobody who runs the server can change it."""
    clinic = state.clinic_summary()
    head = audit_trail.head(state.reading_engine(), state.actor(), clinic.id)
    if head is None:
        return
    with st.container(border=True):
        st.markdown(f":material/lock: **{plain(_('The newest seal'))}**")
        st.text(
            _("Seal {number} of {clinic}, {moment}").format(
                number=count(head.seq),
                clinic=clinic.name,
                moment=words.moment(state.now(), clinic.time_zone),
            )
        )
        st.code(str(head), language=None, wrap_lines=True)
        st.caption(
            _(
                "Print this page or copy the line, and keep it away from this server. Whoever "
                "owns the database could rewrite data and trail alike; only a seal noted "
                "elsewhere shows that."
            )
        )


def begin_verification(noted: Anchor | None) -> Work[tuple[Verification, dt.datetime]]:
    """Begin to verify the trail; that it was done is logged."""
    engine, by, clinic_id = state.engine(), state.actor(), state.clinic()
    require(by, Permission.READ_AUDIT, clinic_id)
    started = state.now()

    def task(_progress: object) -> tuple[Verification, dt.datetime]:
        found = verify(engine, noted)
        access_log.log_access(
            engine,
            by,
            "verify_trail",
            now=started,
            clinic_id=clinic_id,
            detail=f"seal {found.head.seq if found.head else 0}, "
            f"{'whole' if found.is_whole else 'not whole'}",
        )
        return found, started

    return Work(task)


def show_verification(found: Verification, at: dt.datetime) -> None:
    """What was proved, check by check, and what differs."""
    moment = words.moment(at, state.clinic_summary().time_zone)
    if found.is_whole:
        st.success(
            _("The trail is whole. Verified on {moment}.").format(moment=moment),
            icon=":material/verified_user:",
        )
    else:
        st.error(
            ngettext(
                "The trail is not whole: {count} thing differs. Verified on {moment}. Keep the "
                "database as it is and compare it with the last backup.",
                "The trail is not whole: {count} things differ. Verified on {moment}. Keep the "
                "database as it is and compare it with the last backup.",
                len(found.findings) + found.unlisted,
            ).format(count=count(len(found.findings) + found.unlisted), moment=moment),
            icon=":material/gpp_bad:",
        )
    faults = {check: [f for f in found.findings if f.check is check] for check in Check}
    report_parts.table(
        [
            {
                _("What was checked"): _(trail_words.CHECKS[check]),
                _("Outcome"): outcome(check, len(faults[check]), found),
            }
            for check in Check
        ],
        _("Checks of the trail"),
        words=(_("Outcome"),),
    )
    if found.findings:
        st.markdown(f"**{plain(_('What differs'))}**")
        rows = [_finding(finding) for finding in found.findings]
        report_parts.table(rows, _("What differs"), words=tuple(rows[0]))
        if found.unlisted:
            st.caption(_("And {count} more.").format(count=count(found.unlisted)))


def outcome(check: Check, faults: int, found: Verification) -> str:
    """One check in words."""
    if check is Check.ANCHOR and found.anchor is None:
        return _("No noted seal was given, so nothing outside the registry was compared.")
    if faults:
        return ngettext("{count} thing differs", "{count} things differ", faults).format(
            count=count(faults)
        )
    sentences = {
        Check.CHAIN: _(
            "Each of the {seals} seals follows from the one before, and covers exactly the changes "
            "it sealed ({rows} changed rows)."
        ).format(seals=count(found.seals), rows=count(found.audit_rows)),
        Check.ANCHOR: _("The seal you noted, {number}, stands where it stood.").format(
            number=count(found.anchor.seq) if found.anchor else ""
        ),
        Check.REPLAY: _(
            "The {rows} rows stored today are what the trail leads to since seal {number}."
        ).format(rows=count(found.rows), number=found.baseline),
        Check.TRIGGERS: _("Every table carries exactly the triggers that write the trail."),
    }
    return sentences[check]


def _finding(finding: Finding) -> dict[str, str]:
    """A fault; of a row of another clinic no more than that it is one."""
    where = finding.place
    if finding.table and finding.row_key:
        is_ours = audit_trail.may_be_named(finding.table, finding.row_key, state.clinic())
        key = finding.row_key if is_ours else _("(another clinic)")
        where = f"{trail_words.kind(finding.table)} {key}"
    elif finding.table:
        where = trail_words.kind(finding.table)
    return {
        _("Check"): _(trail_words.CHECKS[finding.check]),
        _("Where"): where,
        _("What differs"): finding.fault,
        _("Columns"): ", ".join(finding.columns) or "–",
    }


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
            lambda: file_data.offer_logged(
                f"audit_trail_{query.first.isoformat()}_{query.last.isoformat()}.csv",
                audit_trail.trail_table(
                    state.reading_engine(), state.actor(), clinic.id, query, limit=LINES
                ),
                "download_trail",
                f"{query.first.isoformat()} to {query.last.isoformat()}",
            ),
        )
    if len(found) > most >= MOST:
        st.caption(
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
            user_id = choose(_("Who"), "who", {n: _name(p) for n, p in people.items()})
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
        for row in rows:
            show_row(row, time_zone)
        if change.row_count > len(rows):
            st.caption(
                _("The first {shown} of {count} rows; the CSV holds more.").format(
                    shown=count(len(rows)), count=count(change.row_count)
                )
            )
        st.caption(
            _("Account {account}, from {origin}, seal {seal}").format(
                account=plain(change.user_name or "–"),
                origin=plain(change.origin),
                seal=count(change.seal or 0),
            )
        )


def show_row(row: ChangedRow, time_zone: str) -> None:
    """One row, with each column before and after."""
    whose = _(" of {pseudonym}").format(pseudonym=row.pseudonym) if row.pseudonym else ""
    headline = f"{trail_words.kind(row.kind)}{whose}: {_(trail_words.OPERATIONS[row.operation])}"
    st.markdown(f"**{plain(headline)}**")
    if not row.is_readable:
        st.error(_("What the trail holds of this row cannot be read. Verify the trail."))
    before, after = _("Before"), _("After")
    lines = [
        {
            _("Column"): _(column.label),
            before: trail_words.value(column, column.before, time_zone),
            after: trail_words.value(column, column.after, time_zone),
        }
        for column in row.columns
        if row.operation == "update" or column.column not in BOOKKEEPING
    ]
    for line in lines:
        if row.operation != "update":
            del line[before if row.operation == "insert" else after]
    if lines:
        report_parts.table(lines, headline, words=(before, after))


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
    user_id = choose(_("Who"), "access_who", {n: _name(p) for n, p in people.items()})
    if days is None:
        return

    def search(limit: int) -> tuple[Access, ...]:
        return access_history.accesses(
            state.reading_engine(),
            state.actor(),
            clinic.id,
            first=days[0],
            last=days[1],
            kind=kind,
            user_id=user_id,
            limit=limit,
        )

    found = search(ACCESSES_SHOWN + 1)
    if not found:
        st.info(_("No access fits."), icon=":material/search_off:")
        return
    rows = [
        {
            _("When"): words.moment(access.at, clinic.time_zone),
            _("Who"): access.display_name or access.user_name,
            _("What"): trail_words.access(access.action),
            _("Records"): "–" if access.row_count is None else count(access.row_count),
            _("From"): access.address or "–",
            _("Detail"): access.detail or "–",
        }
        for access in found[:ACCESSES_SHOWN]
    ]
    report_parts.table(
        rows,
        _("Accesses"),
        words=tuple(name for name in rows[0] if name != _("Records")),
    )
    if len(found) > ACCESSES_SHOWN:
        st.caption(
            _("The newest {count} are shown; the CSV holds more.").format(
                count=count(ACCESSES_SHOWN)
            )
        )
    prepare_file(
        "accesses",
        _("Make a CSV of all that fit"),
        (clinic.id, days, kind, user_id),
        lambda: file_data.offer_logged(
            f"accesses_{days[0].isoformat()}_{days[1].isoformat()}.csv",
            [_access_line(access) for access in search(LINES)],
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


def choose(label: str, name: str, options: Mapping[Any, str]) -> Any:
    """One of several, or none: then everything fits."""
    ordered = sorted(options, key=lambda option: options[option].casefold())
    return st.selectbox(
        label,
        ordered,
        index=None,
        format_func=lambda option: plain(options[option]),
        placeholder=_("Anything"),
        key=f"audit:{name}",
    )


def prepare_file(name: str, label: str, of: object, offer: Any) -> None:
    """A button that makes a file, then the link under which it is fetched once."""
    key = f"audit:file:{name}"
    kept = st.session_state.get(key)
    if kept is not None and kept[0] == of:
        st.link_button(
            _("Fetch the CSV"),
            kept[1],
            icon=":material/download:",
            type="primary",
            on_click=lambda: st.session_state.pop(key, None),
            key=f"{key}:fetch",
        )
    elif st.button(label, icon=":material/table_view:", key=f"{key}:make"):
        st.session_state[key] = (of, offer())
        st.rerun()


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
        show_whole()
    with changes:
        show_changes(people)
    with accesses:
        show_accesses(people)


main()
