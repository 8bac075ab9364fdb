"""Does the trail, read as one clinic's, tell everything of that clinic and nothing of another?"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry import audit
from registry.access import Actor, Grant
from registry.access_log import entry, log_access
from registry.analysis.access_history import AccessKind, accesses
from registry.analysis.audit_trail import (
    Change,
    ChangedRow,
    TrailQuery,
    changed_rows,
    changes,
    head,
    people,
    trail_table,
)
from registry.database import Base, DbSession
from registry.errors import PermissionDenied
from registry.operations.migration import command_line_actor
from registry.schema import Injection, Patient, PatientIdentity, RoleGrant
from registry.vocabulary import Role, Sex, SkinType
from tests.factories import (
    NOW,
    TODAY,
    a_clinic,
    a_grant,
    a_patient,
    a_session,
    a_site,
    a_user,
    an_identity,
    an_injection,
    saving,
)

NAME = "Zzcanary"
DAYS = {"first": TODAY - dt.timedelta(days=1), "last": TODAY + dt.timedelta(days=1)}


class Two:
    """A clinic with an auditor, a clinician and a patient, and another clinic with its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with saving(engine, "add_clinic") as db:
            self.here = a_clinic(db)
            self.there = a_clinic(db, code="FAR", name="Farclinic")
        with saving(engine, "add_user") as db:
            auditor = a_user(db, user_name="audrey", display_name="Audrey Auditor")
            clinician = a_user(db, user_name="carl", display_name="Carl Clinician")
            self.stranger = a_user(db, user_name="foreigner", display_name="Fay Foreigner")
            a_grant(db, self.here, auditor, Role.AUDITOR)
            a_grant(db, self.here, clinician)
            a_grant(db, self.there, self.stranger)
        self.auditor = Actor(auditor, "audrey", "Audrey", (Grant(self.here, Role.AUDITOR),))
        self.clinician = Actor(clinician, "carl", "Carl", (Grant(self.here, Role.CLINICIAN),))
        with saving(engine, "enrol_patient", by=self.clinician, clinic_id=self.here) as db:
            self.patient = a_patient(db, self.here, pseudonym="P-0001")
            an_identity(db, self.here, self.patient, family_name=NAME)
        foreign = Actor(self.stranger, "foreigner", "Fay", ())
        with saving(engine, "enrol_patient", by=foreign, clinic_id=self.there) as db:
            a_patient(db, self.there, pseudonym="P-FARAWAY")

    def amend(self, model: type[Base], values: dict[str, Any], **cause: Any) -> None:
        with saving(self.engine, by=self.clinician, clinic_id=self.here, **cause) as db:
            db.execute(sa.update(model).values(**values).where(model.clinic_id == self.here))  # type: ignore[attr-defined]

    def changes(self, **query: Any) -> tuple[Change, ...]:
        return changes(self.engine, self.auditor, self.here, TrailQuery(**(DAYS | query)))

    def rows(self, change: Change) -> tuple[ChangedRow, ...]:
        return changed_rows(self.engine, self.auditor, self.here, change.id)


@pytest.fixture
def two(engine: Engine) -> Two:
    return Two(engine)


def test_a_change_says_who_when_why_and_from_what_to_what(two: Two) -> None:
    two.amend(
        Patient,
        {"birth_year": 1971, "skin_type": SkinType.II, "died_on": dt.date(2026, 3, 1)},
        action="amend_patient",
        reason="typing_error",
        reason_text="read it wrongly",
    )
    last = two.changes()[0]
    assert (last.at, last.display_name, last.action) == (NOW, "Carl Clinician", "amend_patient")
    assert (last.reason, last.reason_text) == ("typing_error", "read it wrongly")
    assert dict(last.rows) == {"patient": 1}
    assert last.seal == (head(two.engine, two.auditor, two.here) or audit.Anchor(0, "")).seq
    (row,) = two.rows(last)
    assert (row.kind, row.operation, row.pseudonym) == ("patient", "update", "P-0001")
    assert {c.column: (c.label, c.before, c.after) for c in row.columns} == {
        "birth_year": ("Birth year", 1970, 1971),
        "skin_type": ("Skin type", None, SkinType.II),
        "died_on": ("Died on", None, dt.date(2026, 3, 1)),
    }


def test_values_read_alike_from_both_databases(two: Two) -> None:
    with saving(two.engine, by=two.clinician, clinic_id=two.here) as db:
        session = a_session(db, two.here, two.patient)
        a_site(db, two.here, two.patient, session, feeder_treated=True)
        an_injection(db, two.here, session)
    rows = {row.kind: row for row in two.rows(two.changes()[0])}
    site = {c.column: c.after for c in rows["treated_site"].columns}
    assert site["feeder_treated"] is True
    assert site["recorded_at"] == NOW
    assert site["treatment_session_id"] == session
    injection = {c.column: c.after for c in rows["injection"].columns}
    assert injection["concentration_percent"] == Decimal("0.5")
    assert all(c.before is None for row in rows.values() for c in row.columns)


def test_identity_and_passwords_leave_the_trail_as_digests(two: Two) -> None:
    two.amend(PatientIdentity, {"family_name": f"{NAME}-Secret"}, action="amend_patient")
    last = two.changes()[0]
    (row,) = two.rows(last)
    (column,) = row.columns
    assert (column.column, column.is_digest, row.pseudonym) == ("family_name", True, "P-0001")
    assert len(column.before) == len(column.after) == 64
    assert column.before != column.after
    table = trail_table(two.engine, two.auditor, two.here, TrailQuery(**DAYS))
    assert NAME not in str(table)
    assert "salt" not in {line["column"] for line in table}


def test_nothing_of_another_clinic_is_shown_counted_or_named(two: Two) -> None:
    with saving(two.engine, "add_user") as db:
        a_user(db, user_name="newcomer", display_name="Nobody's yet")
    found = two.changes()
    shown = str([(change, two.rows(change)) for change in found])
    table = str(trail_table(two.engine, two.auditor, two.here, TrailQuery(**DAYS)))
    for canary in ("FARAWAY", "Farclinic", "oreigner", "newcomer"):
        assert canary not in shown
        assert canary not in table
    assert [change.action for change in found] == ["enrol_patient", "add_user", "add_clinic"]
    assert dict(found[1].rows) == {"role_grant": 2, "user_account": 2}
    assert dict(found[2].rows) == {"clinic": 1}
    assert {person.user_name for person in people(two.engine, two.auditor, two.here)} == {
        "audrey",
        "carl",
        "system",
    }
    with DbSession(two.engine) as db:
        foreign = db.scalar(
            sa.select(audit.ChangeSet.id).where(audit.ChangeSet.clinic_id == two.there)
        )
    assert foreign is not None
    assert changed_rows(two.engine, two.auditor, two.here, foreign) == ()


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.AUDITOR])
def test_only_an_auditor_of_this_clinic_may_look(two: Two, role: Role) -> None:
    others = (
        Actor(two.auditor.user_id, "x", "X", (Grant(two.here, role, True, True),)),
        Actor(two.auditor.user_id, "x", "X", (Grant(two.there, Role.AUDITOR),)),
    )
    for by in others:
        for look in (
            lambda by=by: changes(two.engine, by, two.here, TrailQuery(**DAYS)),
            lambda by=by: changed_rows(two.engine, by, two.here, 1),
            lambda by=by: trail_table(two.engine, by, two.here, TrailQuery(**DAYS)),
            lambda by=by: accesses(two.engine, by, two.here, **DAYS),
            lambda by=by: people(two.engine, by, two.here),
            lambda by=by: head(two.engine, by, two.here),
        ):
            with pytest.raises(PermissionDenied):
                look()


def test_somebody_whose_role_was_taken_away_stays_in_the_trail(two: Two) -> None:
    with saving(two.engine, "revoke_role", clinic_id=two.here) as db:
        db.execute(sa.delete(RoleGrant).where(RoleGrant.user_id == two.clinician.user_id))
    assert "carl" in {person.user_name for person in people(two.engine, two.auditor, two.here)}
    assert [change.action for change in two.changes(user_id=two.clinician.user_id)] == [
        "enrol_patient"
    ]
    (row,) = two.rows(two.changes()[0])
    assert (row.kind, row.operation) == ("role_grant", "delete")
    assert {c.column: c.before for c in row.columns}["role"] is Role.CLINICIAN


def test_each_question_narrows_the_search(two: Two) -> None:
    with saving(two.engine, "record_session", by=two.clinician, clinic_id=two.here) as db:
        session = a_session(db, two.here, two.patient)
        an_injection(db, two.here, session)
        a_patient(db, two.here, pseudonym="P-0002")
    two.amend(
        Injection, {"liquid_ml": Decimal(3)}, action="amend_treatment_session", reason="duplicate"
    )

    def actions(**query: Any) -> list[str]:
        return [change.action for change in two.changes(**query)]

    assert actions(kind="injection") == ["amend_treatment_session", "record_session"]
    assert actions(action="record_session") == ["record_session"]
    assert actions(reason="duplicate") == ["amend_treatment_session"]
    assert actions(pseudonym=" p-0001 ") == ["record_session", "enrol_patient"]
    assert actions(pseudonym="P-0002") == ["record_session"]
    assert actions(pseudonym="P-FARAWAY") == []
    assert actions(user_id=two.stranger) == []
    assert actions(first=TODAY + dt.timedelta(days=1)) == []
    assert len(changes(two.engine, two.auditor, two.here, TrailQuery(**DAYS), limit=2)) == 2


def test_days_begin_at_midnight_of_the_clinic(two: Two) -> None:
    # The clinic is in Berlin, one hour ahead of UTC in March.
    late = dt.datetime(2026, 3, 4, 23, 30, tzinfo=dt.UTC)
    with audit.transaction(
        two.engine, two.clinician, audit.Cause("enrol_patient", two.here), now=late
    ) as db:
        a_patient(db, two.here, sex=Sex.MALE)
    day = dt.date(2026, 3, 5)
    assert [change.at for change in two.changes(first=day, last=day)] == [late]
    before = day - dt.timedelta(days=1)
    assert two.changes(first=before, last=before) == ()


def test_the_table_has_a_line_for_each_column_that_changed(two: Two) -> None:
    two.amend(Patient, {"birth_year": 1971, "version": 2}, action="amend_patient")
    query = TrailQuery(**DAYS, action="amend_patient")
    lines = trail_table(two.engine, two.auditor, two.here, query)
    assert {(line["column"], line["before"], line["after"]) for line in lines} == {
        ("birth_year", 1970, 1971),
        ("version", 1, 2),
    }
    assert {line["user_name"] for line in lines} == {"carl"}
    assert lines[0]["at"] == NOW.isoformat()


def test_accesses_of_the_clinic_and_of_its_people(two: Two) -> None:
    stranger = Actor(two.stranger, "foreigner", "Fay", ())
    log_access(two.engine, two.clinician, "open_identified_patient", now=NOW, clinic_id=two.here)
    log_access(two.engine, two.clinician, "refused", now=NOW)
    log_access(two.engine, stranger, "export", now=NOW, clinic_id=two.there, row_count=7)
    with DbSession(two.engine) as db, db.begin():
        for name, user_id in (("carl", two.clinician.user_id), ("foreigner", two.stranger)):
            db.add(entry("sign_in", at=NOW, user_name=name, user_id=user_id, address="10.0.0.1"))
        db.add(entry("sign_in_failed", at=NOW, user_name="unknown"))

    def found(**query: Any) -> list[tuple[str, str]]:
        return [
            (access.action, access.user_name)
            for access in accesses(two.engine, two.auditor, two.here, **(DAYS | query))
        ]

    assert found() == [
        ("sign_in_failed", "unknown"),
        ("sign_in", "carl"),
        ("refused", "carl"),
        ("open_identified_patient", "carl"),
    ]
    assert found(kind=AccessKind.VIEW) == [("open_identified_patient", "carl")]
    assert found(kind=AccessKind.REFUSAL) == [("sign_in_failed", "unknown"), ("refused", "carl")]
    assert found(kind=AccessKind.EXPORT) == []
    assert found(user_id=two.clinician.user_id, kind=AccessKind.SIGN_IN) == [("sign_in", "carl")]
    assert found(last=TODAY - dt.timedelta(days=1)) == []


def test_a_damaged_row_is_shown_as_damaged(two: Two) -> None:
    with two.engine.begin() as connection:
        patient: UUID = connection.execute(sa.select(Patient.id).limit(1)).scalar_one()
        assert patient is not None
        connection.execute(
            sa.insert(audit.AuditRow).values(
                change_set_id=connection.execute(
                    sa.select(sa.func.max(audit.ChangeSet.id)).where(
                        audit.ChangeSet.clinic_id == two.here
                    )
                ).scalar_one(),
                table_name="patient",
                row_key=f'[{two.here},"x"]',
                operation="update",
                old_values="{",
                new_values='{"birth_year": 1}',
            )
        )
    *_, damaged = two.rows(two.changes()[0])
    assert not damaged.is_readable


def test_the_command_line_is_somebody(two: Two) -> None:
    system = command_line_actor(two.engine)
    assert {change.action for change in two.changes(user_id=system.user_id)} == {
        "add_user",
        "add_clinic",
    }
