"""Does what was typed and chosen outlast a change of language, in a form and in a draft?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from sqlalchemy.engine import Engine

from dashboard import state
from registry.language import speaking
from registry.schema import Draft, TreatmentSession
from registry.vocabulary import Language, Laterality, Role, SessionIntent
from tests.dashboard.conftest import AppAs
from tests.dashboard.test_entry_pages import TODAY, Clinic, Page, a_filled_session

FIELDS = ("treated_on", "intent", "row.0.side", "row.0.place", "row.0.ml", "pain", "note")
TYPED = [TODAY, SessionIntent.RESIDUAL, Laterality.LEFT, "calf_medial", "1,5", 2, "  calm  "]


@pytest.fixture
def clinic(app_as: AppAs, sqlite_engine: Engine) -> Clinic:
    return Clinic(app_as, sqlite_engine)


@contextmanager
def spoken(patch: pytest.MonkeyPatch, language: Language) -> Iterator[None]:
    """The page, and the tester that reads the labels of its choices, in one language."""
    patch.setattr(state, "language_asked", lambda: language.value)
    with speaking(language):
        yield


def confirmed(page: Page) -> Page:
    """The page with every proposed value said to be right."""
    key = page.key("session", "confirm_carried")
    return page.press(key) if any(button.key == key for button in page.app.button) else page


def answers(page: Page) -> list[object]:
    return [page.value("session", field) for field in FIELDS]


def test_a_draft_begun_in_german_is_continued_and_saved_in_english(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = clinic.count(TreatmentSession)
    with spoken(monkeypatch, Language.GERMAN):
        page = a_filled_session(clinic.open("record_session"))
        assert page.app.title[0].value == "Behandlung erfassen"
    with spoken(monkeypatch, Language.ENGLISH):
        page = Page(
            clinic.app_as(
                Role.CLINICIAN, clinic.engine, "views/record_session.py", clinic_id=clinic.clinic
            )
        )
        (offer,) = [b.key for b in page.app.button if str(b.key).endswith(":continue")]
        page.press(str(offer))
        assert page.app.title[0].value == "Record a session"
        assert "could not be taken over" not in page.said()
        assert answers(page) == TYPED
        confirmed(page).save("session")
        assert "Saved at" in page.said()
    assert (clinic.count(TreatmentSession), clinic.count(Draft)) == (before + 1, 0)
    (injection,) = clinic.stored()[0][-1].all_injections()
    assert injection.liquid_ml == Decimal("1.50")


def test_a_half_filled_form_keeps_its_answers_when_the_language_changes(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with spoken(monkeypatch, Language.ENGLISH):
        page = a_filled_session(clinic.open("record_session"))
        # The browser still shows, and sends, the labels that it was given.
        monkeypatch.setattr(state, "language_asked", lambda: "de")
        page.app.run()
        page.check()
    assert page.app.title[0].value == "Behandlung erfassen"
    assert answers(page) == TYPED
    with spoken(monkeypatch, Language.GERMAN):
        confirmed(page).save("session")
        assert "Gespeichert" in page.said()
    assert clinic.stored()[0][-1].sites[0].side is Laterality.LEFT
