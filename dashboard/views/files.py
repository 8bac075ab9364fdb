"""The data manager's page: records in from files, and out as the same files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from dashboard import export_form, file_data, incidents, report_parts, state, words
from dashboard.background import Work, follow
from dashboard.report_data import Table
from dashboard.text import _, ngettext, plain
from registry.access import Permission
from registry.analysis.wording import count
from registry.entry.problems import Level
from registry.errors import RegistryError
from registry.exchange import (
    UPLOAD_LIMITS,
    ColumnDescription,
    FileProblem,
    ImportPlan,
    ImportRefused,
    ImportReport,
    State,
    column_dictionary,
)
from registry.exchange.format import FILES

CHECK: Final = "files:check"
IMPORTING: Final = "files:importing"
STORED: Final = "files:stored"
UPLOADER: Final = "files:uploader"
PLACES_SHOWN: Final = 200
KINDS_SHOWN: Final = 50
CHOICES_SHOWN: Final = 160


# --- the files to fill ---------------------------------------------------------------------------


def show_template() -> None:
    """Empty files, and what goes into each column."""
    st.header(_("1. Fill the files"))
    st.text(
        _(
            "The template holds an empty file for each kind of record, and a guide. Needed are "
            "{needed}; every other file may be left out."
        ).format(needed=", ".join(file.name for file in FILES.values() if file.required))
    )
    with st.container(horizontal=True):
        st.link_button(
            _("Template"),
            file_data.offer_template(),
            icon=":material/download:",
            on_click="rerun",
            key="files:template",
        )
        st.link_button(
            _("Column dictionary"),
            file_data.offer_dictionary(),
            icon=":material/download:",
            on_click="rerun",
            key="files:dictionary",
        )
    with st.expander(_("What goes into each column"), icon=":material/menu_book:"):
        described = column_dictionary()
        chosen = st.selectbox(_("File"), list(FILES), key="files:described", width=320)
        st.text(str(FILES[chosen].meaning))
        rows = [_described(row) for row in described if row.file == chosen]
        report_parts.table(rows, _("Columns of {file}").format(file=chosen), words=tuple(rows[0]))


def _described(row: ColumnDescription) -> dict[str, str]:
    written = row.type
    if row.allowed:
        choices = row.allowed.split("; ")
        written += (
            f": {row.allowed}"
            if len(row.allowed) <= CHOICES_SHOWN
            else _(", one of {count} in the column dictionary").format(count=len(choices))
        )
    return {
        _("Column"): row.column,
        _("Needed"): row.required,
        _("Meaning"): row.meaning,
        _("Written as"): written,
        _("Unit"): row.unit,
    }


# --- import --------------------------------------------------------------------------------------


def show_import() -> None:
    """Upload, check, confirm, import."""
    show_template()
    st.header(_("2. Check and import"))
    clinic = state.clinic_summary()
    if clinic.is_demo:
        st.info(
            _(
                "Everybody in this demonstration is made up, so it takes no files: your patients "
                "would stand among invented ones. The template above is the real one. Import it "
                "into a registry of your own."
            ),
            icon=":material/science:",
        )
        return
    if (importing := st.session_state.get(IMPORTING)) is not None:
        finish_import(importing)
    uploads = st.file_uploader(
        _("A zip archive, or the CSV files together"),
        accept_multiple_files=True,
        key=f"{UPLOADER}:{st.session_state.get(UPLOADER, 0)}",
        help=_("Choosing files stores nothing yet: they are checked first."),
    )
    st.text(
        _(
            "Up to {size} MiB and {rows} rows. Larger files are imported on the server with "
            "“sclero import”."
        ).format(size=UPLOAD_LIMITS.size // 2**20, rows=count(UPLOAD_LIMITS.rows))
    )
    if not uploads:
        st.session_state.pop(CHECK, None)
        if (stored := st.session_state.get(STORED)) is not None:
            show_stored(stored)
        return
    st.session_state.pop(STORED, None)
    plan = checked(uploads, clinic.id)
    if plan is not None:
        show_plan(plan)


def checked(uploads: Sequence[Any], clinic_id: int) -> ImportPlan | None:
    """The plan for these uploads, made once; None when they cannot be read at all."""
    of = (clinic_id, *(upload.file_id for upload in uploads))
    held = st.session_state.get(CHECK)
    if held is None or held.of != of:
        held = st.session_state[CHECK] = file_data.Check(of, file_data.check(uploads))
    try:
        return held.refused_since or follow(held.work, _("Checking the files"), file_data.stages())
    except RegistryError as error:
        incidents.say(error)
        return None
    except Exception:
        del st.session_state[CHECK]
        raise


def show_plan(plan: ImportPlan) -> None:
    """What an import would do, what stands against it, and the button."""
    zone = state.clinic_summary().time_zone
    refused = plan.problems.count(Level.REFUSE)
    if plan.already is not None:
        st.success(
            _("These very files were imported on {moment}. Nothing is stored twice.").format(
                moment=words.moment(plan.already, zone)
            ),
            icon=":material/check_circle:",
        )
        return
    if refused:
        st.error(
            ngettext(
                "{count} problem must be put right before anything can be imported. Nothing was "
                "stored. Correct the files and choose them again.",
                "{count} problems must be put right before anything can be imported. Nothing was "
                "stored. Correct the files and choose them again.",
                refused,
            ).format(count=count(refused)),
            icon=":material/block:",
        )
    elif not plan.new_rows:
        st.success(
            _("Everything in these files is stored already. There is nothing to import."),
            icon=":material/check_circle:",
        )
    else:
        st.info(
            ngettext(
                "{count} row is new and can be imported. Nothing is stored yet.",
                "{count} rows are new and can be imported. Nothing is stored yet.",
                plan.new_rows,
            ).format(count=count(plan.new_rows)),
            icon=":material/fact_check:",
        )
    report_parts.table(_rows_by_file(plan), _("What the files hold"))
    if any(plan.problems.count(level) for level in Level):
        st.link_button(
            _("All remarks as CSV"),
            file_data.offer_problems(plan),
            icon=":material/download:",
            on_click="rerun",
            key="files:problems",
        )
    if refused:
        show_problems(plan)
    accepted = confirmations(plan)
    notes = plan.problems.by_rule(Level.NOTE)
    if notes:
        with st.expander(_("Worth knowing"), icon=":material/info:"):
            report_parts.table(
                [_kind(entry.count, entry.first) for entry in notes[:KINDS_SHOWN]],
                _("Worth knowing"),
                words=kind_words(),
            )
    if refused or not plan.new_rows:
        return
    if st.button(
        _("Import"),
        type="primary",
        icon=":material/upload:",
        disabled=bool({entry.first.rule for entry in plan.to_confirm} - accepted),
        help=_("All rows are stored together, or none of them."),
        key="files:import",
    ):
        st.session_state[IMPORTING] = file_data.begin_import(plan, accepted)
        finish_import(st.session_state[IMPORTING])


def _rows_by_file(plan: ImportPlan) -> Table:
    problems: Counter[str] = Counter()
    for entry in plan.problems.by_rule(Level.REFUSE):
        problems[entry.first.file] += entry.count
    rows = []
    for name in plan.parsed.tables:
        states = plan.counts.get(name, {})
        if states or problems[name]:
            row = {
                _("File"): name,
                _("Rows"): count(sum(states.values())),
                _("New"): count(states.get(State.NEW, 0)),
                _("Already stored"): count(states.get(State.IDENTICAL, 0)),
                _("Conflicts"): count(states.get(State.CONFLICTING, 0)),
            }
            rows.append(row | ({_("Problems"): count(problems[name])} if problems else {}))
    return rows


def show_problems(plan: ImportPlan) -> None:
    """What must be put right: by kind when one kind occurs often, and place by place."""
    kinds = plan.problems.by_rule(Level.REFUSE)
    kept = plan.problems.kept(Level.REFUSE)
    total = plan.problems.count(Level.REFUSE)
    if total > 2 * len(kinds):
        st.markdown(f"**{plain(_('By kind'))}**")
        report_parts.table(
            [_kind(entry.count, entry.first) for entry in kinds[:KINDS_SHOWN]],
            _("Problems by kind"),
            words=kind_words(),
        )
    st.markdown(f"**{plain(_('Place by place'))}**")
    shown = kept[:PLACES_SHOWN]
    rows = [_place(problem) for problem in shown]
    texts = tuple(name for name in rows[0] if name != _("Row"))
    report_parts.table(rows, _("Problems by place"), words=texts)
    if total > len(shown):
        st.text(
            _(
                "The first {shown} of {total}. The CSV lists the first {kept} and counts all of "
                "them. The header is row 1, as in a spreadsheet."
            ).format(shown=count(len(shown)), total=count(total), kept=count(len(kept)))
        )
    else:
        st.text(_("The header is row 1, as in a spreadsheet."))


def _kind(number: int, problem: FileProblem) -> dict[str, str]:
    return {
        _("How often"): count(number),
        _("File"): problem.file,
        _("Column"): problem.column or _("whole row"),
        _("First in row"): count(problem.row) if problem.row else "–",
        _("Found"): _(problem.found) or "–",
        _("What to do"): str(problem.message),
    }


def kind_words() -> tuple[str, ...]:
    """Columns of a table of kinds that hold words."""
    return (_("File"), _("Column"), _("Found"), _("What to do"))


def _place(problem: FileProblem) -> dict[str, str]:
    return {
        _("File"): problem.file,
        _("Row"): count(problem.row) if problem.row else _("whole file"),
        _("Column"): problem.column or _("whole row"),
        _("Found"): _(problem.found) or "–",
        _("What to do"): str(problem.message),
        _("Rule"): problem.rule,
    }


def confirmations(plan: ImportPlan) -> frozenset[str]:
    """Ask for what may be true but is unlikely or unsafe; gives back the confirmed rules."""
    by_rule: dict[str, list[Any]] = {}
    for level in (Level.STOP, Level.CONFIRM):
        for entry in plan.problems.by_rule(level):
            by_rule.setdefault(entry.first.rule, []).append(entry)
    accepted = set()
    for rule, entries in by_rule.items():
        number = sum(entry.count for entry in entries)
        first: FileProblem = entries[0].first
        with st.container(border=True):
            st.markdown(f":material/help: **{plain(first.message)}**")
            st.text(
                ngettext(
                    "{count} time, first in {file}, row {row}.",
                    "{count} times, first in {file}, row {row}.",
                    number,
                ).format(count=count(number), file=first.file, row=count(first.row))
            )
            if st.checkbox(
                _("Yes, this is what happened, each time"),
                key=f"files:accept:{plan.parsed.content_digest}:{rule}",
            ):
                accepted.add(rule)
    return frozenset(accepted)


def finish_import(importing: Work[ImportReport]) -> None:
    """Wait for the import, keep what it did, and begin with a blank uploader."""
    try:
        report = follow(
            importing, _("Importing. All of it is stored, or nothing."), file_data.stages()
        )
    except ImportRefused as error:
        # Somebody stored something in between: what is shown next is judged against that.
        if (held := st.session_state.get(CHECK)) is not None:
            held.refused_since = error.plan
        del st.session_state[IMPORTING]
        incidents.say(error)
        return
    except RegistryError as error:
        del st.session_state[IMPORTING]
        incidents.say(error)
        return
    except Exception:
        del st.session_state[IMPORTING]
        raise
    del st.session_state[IMPORTING]
    st.session_state.pop(CHECK, None)
    st.session_state[STORED] = report
    st.session_state[UPLOADER] = st.session_state.get(UPLOADER, 0) + 1
    st.rerun()


def show_stored(report: ImportReport) -> None:
    """What an import stored, and when."""
    at = words.moment(report.at, state.clinic_summary().time_zone)
    if report.already:
        st.success(
            _("All of this was stored before, on {moment}. Nothing was stored twice.").format(
                moment=at
            ),
            icon=":material/check_circle:",
        )
        return
    stored = sum(report.stored.values())
    st.success(
        ngettext(
            "Stored {count} row on {moment}. The figures count it already.",
            "Stored all {count} rows on {moment}. The figures count them already.",
            stored,
        ).format(count=count(stored), moment=at),
        icon=":material/check_circle:",
    )
    report_parts.table(
        [
            {
                _("File"): name,
                _("Stored"): count(number),
                _("Stored before"): count(report.identical.get(name, 0)),
            }
            for name, number in report.stored.items()
            if number or report.identical.get(name, 0)
        ],
        _("What was stored"),
    )
    if state.allowed(Permission.READ_RATES):
        st.page_link("views/overview.py", label=_("See the overview"), icon=":material/monitoring:")


def main() -> None:
    """Show the page."""
    st.title(_("Files"))
    st.text(_("Bring records in from files, and take them out as the same files."))
    sections = {
        _("Import"): (Permission.IMPORT, show_import),
        _("Export"): (Permission.EXPORT, export_form.show),
    }
    open_to = {name: show for name, (right, show) in sections.items() if state.allowed(right)}
    for tab, show in zip(st.tabs(list(open_to)), open_to.values(), strict=True):
        with tab:
            show()


main()
