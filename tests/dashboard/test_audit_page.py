"""The auditor's page, driven as an auditor does."""

from __future__ import annotations

import ast
import csv
import io
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

import registry
from dashboard import downloads, state, trail_words
from registry import access_log, audit, schema
from registry.access import Actor
from registry.analysis.access_history import ACCESSES
from registry.analysis.audit_trail import KINDS
from registry.audit import last_seal
from registry.database import reading
from registry.entry.recording import ROOT
from registry.operations.migration import command_line_actor
from registry.schema import AccessLog, AuditRow, Patient, PatientIdentity
from registry.vocabulary import Role
from tests.dashboard.conftest import AppAs, a_clinic
from tests.factories import a_patient, an_identity

PAGE = "views/audit.py"
NAME = "Zzcanary"


def change(engine: Engine, action: str, **cause: Any) -> Any:
    """A change at this moment, as the page looks at the last days."""
    return audit.transaction(engine, command_line_actor(engine), audit.Cause(action, **cause))


@pytest.fixture
def changed(sqlite_engine: Engine) -> Engine:
    """A patient enrolled and corrected, in words that would be markup."""
    clinic = a_clinic(sqlite_engine)
    with change(sqlite_engine, "enrol_patient", clinic_id=clinic) as db:
        an_identity(db, clinic, a_patient(db, clinic, pseudonym="P-0001"), family_name=NAME)
    with change(
        sqlite_engine,
        "amend_patient",
        clinic_id=clinic,
        reason="typing_error",
        reason_text="![x](https://elsewhere.example/a.png)",
    ) as db:
        db.execute(sa.update(Patient).values(birth_year=1971, version=2))
        db.execute(sa.update(PatientIdentity).values(given_name="Ada"))
    return sqlite_engine


@pytest.fixture
def page(app_as: AppAs, changed: Engine) -> AppTest:
    app = app_as(Role.AUDITOR, changed, PAGE)
    assert [title.value for title in app.title] == ["Audit"]
    assert not app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def headlines(app: AppTest) -> list[str]:
    """Changes as they are listed, without their time."""
    return [
        found.label.replace("\\", "").split(" · ", 1)[1]
        for found in app.expander
        if " · " in found.label
    ]


def table(app: AppTest, first: str) -> list[dict[str, str]]:
    """The table whose first column has this name."""
    for found in app.table:
        if next(iter(found.value.columns)) == first:
            return [
                {str(k): str(v).replace("\\", "") for k, v in row.items()}
                for row in found.value.to_dict("records")
            ]
    raise AssertionError([list(found.value.columns) for found in app.table])


def open_change(app: AppTest, position: int) -> AppTest:
    key = [f.key for f in app.expander if " · " in f.label][position]
    app.session_state[key] = True
    app.run()
    assert not app.exception
    return app


def fetched(app: AppTest, label: str) -> list[dict[str, str]]:
    (url,) = (link.proto.url for link in app.get("link_button") if link.proto.label == label)
    offer = downloads.take(url.removeprefix(downloads.PATH), state.actor().user_id, now=state.now())
    assert offer is not None
    return list(csv.DictReader(io.StringIO(offer.content().decode())))


def logged(engine: Engine) -> list[str]:
    with reading(engine) as db:
        return list(db.scalars(sa.select(AccessLog.action).order_by(AccessLog.id)))


def recorded_actions() -> set[str]:
    """The code of every use case that writes, read from where the library names it."""
    found = set()
    for path in Path(registry.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match call:
                case (
                    ast.Call(
                        func=ast.Name(id="Cause" | "_cause") | ast.Attribute(attr="Cause"),
                        args=[ast.Constant(value=str(action)), *_],
                    )
                    | ast.Call(
                        func=ast.Name(id="_record"),
                        args=[*_, ast.Constant(value=str(action)), _, _],
                    )
                ):
                    found.add(action)
                case ast.Call(
                    func=ast.Name(id="cause_of_change"),
                    args=[ast.Constant(value=str(verb)), ast.Name(id=name), *_],
                ):
                    changed = ROOT.values() if name == "root" else [getattr(schema, name)]
                    found |= {f"{verb}_{model.__tablename__}" for model in changed}
    return found


def test_every_kind_action_and_access_has_a_name() -> None:
    assert set(trail_words.KINDS) == set(KINDS)
    actions = recorded_actions()
    assert {"record_session", "add_user", "link_patients", "void_course", "erase_photograph"} <= (
        actions
    )
    assert actions == set(trail_words.ACTIONS)
    assert {code for codes in ACCESSES.values() for code in codes} <= set(trail_words.ACCESSES)


def test_a_whole_trail_is_said_to_be_whole_check_by_check(page: AppTest, changed: Engine) -> None:
    with reading(changed) as db:
        head = last_seal(db)
    assert page.code[0].value == str(head)
    press(page, "Verify the trail")
    assert "The trail is whole" in page.success[0].value
    outcomes = {row["What was checked"]: row["Outcome"] for row in table(page, "What was checked")}
    assert head is not None
    assert outcomes["Chain"].startswith(f"Each of the {head.seq} seals follows")
    assert outcomes["Noted seal"].startswith("No noted seal was given")
    assert logged(changed)[-1] == "verify_trail"


def test_a_noted_seal_is_compared(page: AppTest) -> None:
    page.text_input[0].set_value(page.code[0].value)
    press(page, "Verify the trail")
    outcomes = {row["What was checked"]: row["Outcome"] for row in table(page, "What was checked")}
    assert "stands where it stood" in outcomes["Noted seal"]
    number = page.code[0].value.split(":")[0]
    page.text_input[0].set_value(f"{number}:{'0' * 64}")
    press(page, "Verify the trail")
    assert "The trail is not whole: 1 thing differs" in page.error[0].value
    assert table(page, "Check")[0]["Check"] == "Noted seal"


def test_a_seal_that_is_none_is_explained(page: AppTest) -> None:
    page.text_input[0].set_value("seal number nine")
    press(page, "Verify the trail")
    assert "no anchor" in page.error[0].value.replace("\\", "")
    assert headlines(page)


def test_data_changed_past_the_trail_is_named_without_its_value(
    page: AppTest, changed: Engine
) -> None:
    with changed.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_patient_update")
        connection.exec_driver_sql("UPDATE patient SET birth_year = 1933")
    press(page, "Verify the trail")
    assert "not whole: 2 things differ" in page.error[0].value
    findings = {row["Check"]: row for row in table(page, "Check")}
    assert findings["Stored data"]["Where"].startswith("Patient [")
    assert findings["Stored data"]["Columns"] == "birth_year"
    assert "audit_patient_update" in findings["Triggers"]["Where"]
    assert "1933" not in str(findings)


def test_rows_of_another_clinic_are_not_named(page: AppTest, changed: Engine) -> None:
    other = a_clinic(changed, "south")
    with change(changed, "enrol_patient", clinic_id=other) as db:
        key = a_patient(db, other, pseudonym="P-FARAWAY")
    with changed.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_patient_update")
        connection.exec_driver_sql("UPDATE patient SET sex = 'male' WHERE clinic_id = 2")
    press(page, "Verify the trail")
    findings = {row["Check"]: row for row in table(page, "Check")}
    assert findings["Stored data"]["Where"] == "Patient (another clinic)"
    assert key.hex not in str(findings)


def test_a_change_opens_to_before_and_after(page: AppTest) -> None:
    assert headlines(page)[:3] == [
        "Command line · Account added",
        "Command line · Patient corrected · Typing error",
        "Command line · Patient enrolled",
    ]
    assert not any("Before" in found.value.columns for found in page.table)
    open_change(page, 1)
    rows = {row["Column"]: row for row in table(page, "Record")}
    assert rows["Birth year"] == {
        "Record": "Patient P-0001",
        "Column": "Birth year",
        "Before": "1970",
        "After": "1971",
    }
    assert (rows["Version"]["Before"], rows["Version"]["After"]) == ("1", "2")
    name = rows["Given name"]
    assert name["Record"] == "Identity of a patient of P-0001"
    assert name["Before"].startswith("hidden, digest ")
    assert name["Before"] != name["After"]
    words = [text.value for text in page.text]
    assert "In their words: ![x](https://elsewhere.example/a.png)" in words
    assert "elsewhere" not in "".join(found.value for found in page.markdown)


def test_the_search_is_narrowed(page: AppTest) -> None:
    page.selectbox(key="audit:reason").select("typing_error").run()
    assert headlines(page) == ["Command line · Patient corrected · Typing error"]
    page.selectbox(key="audit:reason").set_value(None)
    page.selectbox(key="audit:kind").select("role_grant").run()
    assert headlines(page) == ["Command line · Account added"]
    page.selectbox(key="audit:kind").set_value(None)
    page.text_input(key="audit:pseudonym").set_value("P-9999").run()
    assert not headlines(page)
    assert "No change fits" in page.info[0].value


def test_days_that_are_no_range_are_said(page: AppTest) -> None:
    days = page.date_input(key="audit:changes:first")
    days.set_value(state.today().replace(year=state.today().year + 1)).run()
    assert "not after the last" in page.warning[0].value
    assert not headlines(page)


def test_the_search_is_taken_along_as_csv_and_that_is_logged(
    page: AppTest, changed: Engine
) -> None:
    page.selectbox(key="audit:action").select("amend_patient").run()
    page.button(key="audit:file:trail:make").click().run()
    lines = fetched(page, "Fetch the CSV")
    assert {(line["column"], line["is_digest"]) for line in lines} == {
        ("birth_year", "no"),
        ("version", "no"),
        ("given_name", "yes"),
    }
    assert {line["record"] for line in lines} == {"patient", "patient_identity"}
    assert "Ada" not in str(lines)
    assert logged(changed)[-1] == "download_trail"


def test_older_changes_come_on_demand(page: AppTest, changed: Engine) -> None:
    clinic = a_clinic(changed)
    for _ in range(26):
        with change(changed, "enrol_patient", clinic_id=clinic) as db:
            a_patient(db, clinic)
    page.run()
    assert len(headlines(page)) == 25
    press(page, "Show older changes")
    assert len(headlines(page)) > 26


def test_accesses_are_listed_by_what_they_are_about(page: AppTest, changed: Engine) -> None:
    clinic = a_clinic(changed)
    stranger = Actor(1, "carl *bold*", "Carl", ())
    for action in ("open_identified_patient", "export", "refused"):
        access_log.log_access(
            changed, stranger, action, now=state.now(), clinic_id=clinic, row_count=3
        )
    page.run()
    assert [row["What"] for row in table(page, "When")] == [
        "Was refused",
        "Exported without names",
        "Opened a record with names",
        "Signed in",
    ]
    page.pills(key="audit:access_kind").set_value("export").run()
    (row,) = table(page, "When")
    assert (row["What"], row["Records"]) == ("Exported without names", "3")
    page.button(key="audit:file:accesses:make").click().run()
    (line,) = fetched(page, "Fetch the CSV")
    assert (line["action"], line["user_name"]) == ("export", "carl *bold*")
    assert logged(changed)[-1] == "download_accesses"


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.AUDITOR])
def test_only_an_auditor_finds_the_page(app_as: AppAs, sqlite_engine: Engine, role: Role) -> None:
    app = app_as(role, sqlite_engine)
    with pytest.raises(ValueError, match=r"audit\.py"):
        app.switch_page(PAGE).run()


def test_the_page_never_shows_a_name(page: AppTest, changed: Engine) -> None:
    for position in range(3):
        open_change(page, position)
    shown = "".join(str(found.value.to_dict()) for found in page.table)
    assert "hidden, digest" in shown
    assert NAME not in shown
    with reading(changed) as db:
        trail = str(db.scalars(sa.select(AuditRow.new_values)).all())
    assert NAME not in trail
