"""Is every text stored as it was typed or pasted, and refused in words where it cannot be?"""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.database import reading
from registry.schema import (
    AdverseEvent,
    ChangeSet,
    FollowUp,
    Patient,
    PatientIdentity,
    TreatmentSession,
)
from registry.vocabulary import Laterality, ReasonForChange
from tests.dashboard.conftest import AppAs
from tests.dashboard.test_entry_pages import TODAY, Clinic

TYPED = "👩🏽‍⚕️ \u202eשלום\u202c a\x07b\x1b[31m e\u0301"
"""An emoji of four signs, text from right to left, control characters and a combining accent."""

PASTED = "x" * 10_000
TABLE: list[tuple[str, str, dict[str, Any], dict[str, tuple[sa.ColumnElement[str], int]]]] = [
    (
        "record_session",
        "session",
        {"treated_on": TODAY, "row__0__side": Laterality.LEFT, "row__0__place": "ssv",
         "row__0__ml": "1", "consent_version": "2026-1"},
        {"note": (TreatmentSession.note, 2000)},
    ),
    (
        "report_event",
        "event",
        {"event_term_code": "haematoma", "serious": "no"},
        {
            "treatment_given": (AdverseEvent.treatment_given, 500),
            "narrative": (AdverseEvent.narrative, 4000),
        },
    ),
    ("record_follow_up", "follow_up", {"seen_on": TODAY}, {"note": (FollowUp.note, 2000)}),
    (
        "enrol",
        "enrol",
        {},
        {
            "pseudonym": (Patient.pseudonym, 32),
            "family_name": (PatientIdentity.family_name, 120),
            "given_name": (PatientIdentity.given_name, 120),
            "hospital_number": (PatientIdentity.hospital_number, 64),
        },
    ),
]  # fmt: skip


@pytest.fixture
def clinic(app_as: AppAs, sqlite_engine: Engine) -> Clinic:
    return Clinic(app_as, sqlite_engine)


@pytest.mark.parametrize(("view", "form", "first", "fields"), TABLE, ids=[row[0] for row in TABLE])
def test_a_text_is_stored_as_typed_or_stays_with_what_is_wrong_beside_it(
    clinic: Clinic,
    view: str,
    form: str,
    first: dict[str, Any],
    fields: dict[str, tuple[sa.ColumnElement[str], int]],
) -> None:
    page = clinic.open(view)
    if view == "record_session":
        page.press(page.key(form, "confirm_carried"))
    if first:
        page.fill(form, **first)
    keys = {page.key(form, field) for field in fields}
    typed_in = [w for w in (*page.app.text_input, *page.app.text_area) if w.key in keys]
    assert [w.max_chars for w in typed_in] == [0] * len(fields)
    page.fill(form, **dict.fromkeys(fields, PASTED)).save(form)
    for field, (_column, limit) in fields.items():
        assert f":red[:material/error: At most {limit} characters.]" in page.said()
        assert page.value(form, field) == PASTED
    page.fill(form, **dict.fromkeys(fields, "a\0b")).save(form)
    assert page.said().count("A NUL character cannot be stored.") == len(fields)
    page.fill(form, **dict.fromkeys(fields, TYPED)).save(form)
    assert "Saved at" in page.said()
    for column, _limit in fields.values():
        with reading(clinic.engine) as db:
            assert TYPED in db.scalars(sa.select(column)).all()


def test_numbers_and_packs_of_any_length_are_answered_in_words(clinic: Clinic) -> None:
    page = clinic.open("record_session")
    page.fill("session", weight_kg=PASTED, compression_days="\u0663", row__0__ml=TYPED)
    assert page.said().count("Not a number.") == 2
    assert "kg only, as a number." in page.said()
    page.fill("session", scan=PASTED)
    assert "too long for the code of a pack" in page.said()
    assert page.value("session", "weight_kg") == PASTED


def test_the_reason_of_a_change_is_kept_whole_or_refused(clinic: Clinic) -> None:
    page = clinic.open("patient")
    page.press(f"correct:{clinic.last}", "record_session")
    page.fill("session", pain=7, reason=ReasonForChange.OTHER)
    page.fill("session", reason_text=PASTED).save("session")
    assert ":red[:material/error: At most 500 characters.]" in page.said()
    assert page.value("session", "reason_text") == PASTED
    page.fill("session", reason_text=TYPED).save("session")
    with reading(clinic.engine) as db:
        assert TYPED in db.scalars(sa.select(ChangeSet.reason_text)).all()


def test_the_reason_of_a_withdrawal_is_refused_beside_its_field(clinic: Clinic) -> None:
    page = clinic.open("patient")
    page.press(f"withdraw:{clinic.last}")
    page.fill("withdraw", reason=ReasonForChange.OTHER)
    for typed, says in ((PASTED, "At most 500 characters."), ("...", "Say in a few words why.")):
        page.fill("withdraw", reason_text=typed).press(page.key("withdraw", "confirm"))
        assert f":red[:material/error: {says}]" in page.said()
