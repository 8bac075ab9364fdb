"""Whether the audit trail is whole: the newest seal, the verification, and what differs."""

from __future__ import annotations

import datetime as dt
from typing import Final

import streamlit as st

from dashboard import incidents, report_parts, state, trail_words, words
from dashboard.background import Work, follow
from dashboard.text import _, ngettext, plain
from registry import access_log
from registry.access import Permission, require
from registry.analysis import audit_trail
from registry.analysis.wording import count
from registry.audit import Anchor
from registry.errors import RegistryError
from registry.operations.audit_verification import Check, Finding, Verification, verify

VERIFYING: Final = "audit:verifying"
VERIFIED: Final = "audit:verified"


def show() -> None:
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
    st.text(
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
        st.text(
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
            st.text(_("And {count} more.").format(count=count(found.unlisted)))


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
