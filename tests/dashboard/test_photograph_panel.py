"""Can a photograph be added, compared, withdrawn and erased on the patient's page?"""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from PIL import Image
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from dashboard import photograph_form, photograph_links
from registry.database import DbSession, reading
from registry.schema import AccessLog, Photograph, PhotographContent
from registry.vocabulary import Laterality, PhotoView, ReasonForChange, Role
from tests.dashboard.conftest import AppAs
from tests.factories import (
    a_clinic,
    a_clinician,
    a_patient,
    a_photograph,
    a_session,
    a_site,
    an_identity,
    an_injection,
    saving,
)

TODAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)  # over everywhere in the world
DAY = dt.timedelta(days=1)
PLACE = "thigh_lateral"


def a_file(colour: str = "tan") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (90, 120), colour).save(written, "JPEG")
    return written.getvalue()


class Clinic:
    """A clinic with a patient whose left leg was treated 60 days ago."""

    def __init__(self, app_as: AppAs, engine: Engine) -> None:
        self.app_as, self.engine = app_as, engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            a_clinician(db, self.clinic, 1)
            self.patient = a_patient(db, self.clinic, enrolled_on=TODAY - 900 * DAY)
            an_identity(db, self.clinic, self.patient)
            self.session = self.treat(db, 60)

    def treat(self, db: DbSession, days_ago: int) -> UUID:
        session = a_session(
            db, self.clinic, self.patient, treated_on=TODAY - days_ago * DAY, clinician_id=1,
            consent_version="2025-3",
        )  # fmt: skip
        site = a_site(
            db, self.clinic, self.patient, session, side=Laterality.LEFT, anatomy_code=PLACE
        )
        an_injection(db, self.clinic, session, treated_site_id=site)
        return session

    def photograph(self, days_ago: int, **values: Any) -> UUID:
        with saving(self.engine) as db:
            return a_photograph(
                db, self.clinic, self.patient, taken_on=TODAY - days_ago * DAY, **values
            )

    def open(self, role: Role = Role.CLINICIAN, view: str = "patient", **rights: Any) -> Page:
        app = self.app_as(role, self.engine, f"views/{view}.py", clinic_id=self.clinic, **rights)
        page = Page(app)
        if any(button.key == f"picker:{self.patient}" for button in app.button):
            page.press(f"picker:{self.patient}")
        return page

    def rows(self) -> list[Photograph]:
        with DbSession(self.engine, expire_on_commit=False) as db:
            return list(db.scalars(sa.select(Photograph)))

    def looked_at(self) -> list[int | None]:
        with reading(self.engine) as db:
            return list(
                db.scalars(
                    sa.select(AccessLog.row_count).where(AccessLog.action == "see_photographs")
                )
            )


class Page:
    """A page under test."""

    def __init__(self, app: AppTest) -> None:
        self.app = app
        self.check()

    def check(self) -> Page:
        assert not self.app.exception, self.app.exception[0].stack_trace
        assert self.app.title
        return self

    def press(self, key: str) -> Page:
        self.app.button(key=key).click().run()
        return self.check()

    def field(self, name: str) -> str:
        """Key of a field of the photograph that is being added."""
        adding: photograph_form.Adding = self.app.session_state[photograph_form.ADDING]
        return adding.key(name)

    def choose(self, content: bytes, name: str = "a.jpg") -> Page:
        self.app.file_uploader(key=self.field("file")).set_value((name, content, "image/jpeg"))
        self.app.run()
        return self.check()

    def pick(self, **values: Any) -> Page:
        for name, value in values.items():
            (widget,) = [
                w for kind in ("button_group", "selectbox", "text_input", "date_input")
                for w in self.app.get(kind) if w.key == self.field(name)
            ]  # fmt: skip
            widget.set_value(value)
        self.app.run()
        return self.check()

    def store(self) -> Page:
        return self.press(self.field("save"))

    def figures(self) -> list[str]:
        """What each picture that is shown is said to show, in the order of the page."""
        found = []
        for element in self.app.get("html"):
            for source, alt in re.findall(r'<img src="([^"]+)" alt="([^"]+)"', element.value):
                assert source.startswith(photograph_links.PATH)
                found.append(html.unescape(alt))
        return found

    def said(self) -> str:
        kinds = ("markdown", "text", "error", "warning", "success")
        said = "\n".join(str(e.value) for kind in kinds for e in getattr(self.app, kind))
        return said.replace("\\", "")


@pytest.fixture
def clinic(app_as: AppAs, sqlite_engine: Engine) -> Clinic:
    return Clinic(app_as, sqlite_engine)


def test_a_photograph_is_added_and_shown(clinic: Clinic) -> None:
    page = clinic.open()
    assert "None yet. One before the first needle" in page.said()
    page.press("photographs:add").choose(a_file())
    page.pick(side=Laterality.LEFT, view=PhotoView.MEDIAL, occasion=str(clinic.session))
    page.store()
    assert "Stored: the photograph of" in page.said()
    (row,) = clinic.rows()
    assert (row.side, row.view, row.taken_on) == (
        Laterality.LEFT, PhotoView.MEDIAL, TODAY - 60 * DAY
    )  # fmt: skip
    assert (row.treatment_session_id, row.consent_version) == (clinic.session, "2025-3")
    (seen,) = page.figures()
    assert seen.startswith("Left leg, inner side, ")
    assert seen.endswith(", before treatment")
    assert "No photograph from this side after treatment yet." in page.said()
    assert clinic.looked_at() == [1]
    page.app.run()
    assert clinic.looked_at() == [1]


def test_what_is_missing_or_wrong_is_said_beside_the_field(clinic: Clinic) -> None:
    page = clinic.open().press("photographs:add").store()
    for words in ("Choose a picture.", "Which leg?", "From where?"):
        assert words in page.said()
    page.choose(b"only text")
    assert "This is not a photograph that can be read" in page.said()
    page.pick(side=Laterality.LEFT, view=PhotoView.MEDIAL, consent="")
    assert "Which consent was it taken under?" in page.said()
    page.pick(consent="2026-1").store()
    assert clinic.rows() == []
    page.choose(a_file()).store()
    assert len(clinic.rows()) == 1
    page.press("photographs:add").choose(a_file())
    page.pick(side=Laterality.LEFT, view=PhotoView.MEDIAL).store()
    assert "This very picture is stored already" in page.said()
    assert len(clinic.rows()) == 1


def test_before_and_after_stand_side_by_side(clinic: Clinic) -> None:
    clinic.photograph(70, view=PhotoView.LATERAL)
    clinic.photograph(0, view=PhotoView.LATERAL)
    page = clinic.open()
    before, after = page.figures()
    assert before.endswith("before treatment")
    assert after.endswith("60 days after treatment")
    assert "70 days between them." in page.said()
    assert clinic.looked_at() == [2]


def test_any_two_of_several_are_compared(clinic: Clinic) -> None:
    oldest, _between, newest = (clinic.photograph(days) for days in (80, 30, 10))
    page = clinic.open()
    assert "70 days between them." in page.said()
    key = f"photographs:0:{oldest}"
    page.app.selectbox(key=key).set_value(newest).run()
    page.check()
    assert page.figures() == [page.figures()[1]] * 2
    assert "between them" not in page.said()


def test_a_missing_photograph_is_asked_for_where_it_is_missed(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        other = a_patient(db, clinic.clinic, pseudonym="P-0002")
        a_photograph(db, clinic.clinic, other)
    page = clinic.open().press(f"timeline:{clinic.session}:photograph")
    page.app.switch_page("views/patient.py").run()
    page.check().choose(a_file()).pick(view=PhotoView.ANTERIOR).store()
    row = next(row for row in clinic.rows() if row.patient_id == clinic.patient)
    assert (row.treatment_session_id, row.side) == (clinic.session, Laterality.LEFT)


def test_a_wrong_photograph_is_withdrawn_and_erased(clinic: Clinic) -> None:
    photograph = clinic.photograph(3)
    page = clinic.open()
    opened = page.app.session_state["photograph:opened"]

    def key(field: str) -> str:
        return f"photograph:{page.app.session_state['photograph:opened'].number}:{field}"

    page.app.selectbox(key=key("which")).set_value(photograph).run()
    (what,) = [w for w in page.app.get("button_group") if w.key == key("erases")]
    what.set_value(False).run()
    assert page.app.button(key=key("withdraw")).disabled
    (reason,) = [w for w in page.app.get("button_group") if w.key == key("reason")]
    reason.set_value(ReasonForChange.WRONG_PATIENT).run()
    page.press(key("withdraw"))
    assert "The photograph was withdrawn." in page.said()
    assert page.figures() == []
    assert page.app.session_state["photograph:opened"] is not opened
    page.app.selectbox(key=key("which")).set_value(photograph).run()
    assert "Backups made before hold it" in page.said()
    page.press(key("erase"))
    assert "The picture was erased." in page.said()
    with reading(clinic.engine) as db:
        assert db.scalars(sa.select(PhotographContent.content)).all() == [None]


def test_who_sees_no_names_sees_days_and_no_pictures(clinic: Clinic) -> None:
    clinic.photograph(3)
    page = clinic.open(Role.AUDITOR)
    assert page.figures() == []
    assert "Left leg, from the front: " in page.said()
    assert "Pictures of people are shown to those" in page.said()
    assert {button.key for button in page.app.button} & {"photographs:add"} == set()
    assert clinic.looked_at() == []


def test_the_last_photograph_stands_beside_the_outcomes_of_its_sites(clinic: Clinic) -> None:
    with saving(clinic.engine) as db:
        a_site(
            db, clinic.clinic, clinic.patient, clinic.session, side=Laterality.LEFT,
            anatomy_code="calf_anterior",
        )  # fmt: skip
    clinic.photograph(70)
    clinic.photograph(5)
    clinic.photograph(9, view=PhotoView.CLOSE_UP, anatomy_code=PLACE)
    page = clinic.open()
    page.app.switch_page("views/record_follow_up.py").run()
    page.check()
    close, whole = sorted(page.figures())
    assert close.startswith("Left leg, close-up, Thigh, lateral, ")
    assert whole.startswith("Left leg, from the front, ")
    assert whole.endswith("55 days after treatment")


# --- addresses -----------------------------------------------------------------------------------


def test_an_address_is_for_one_sign_in_and_for_an_hour() -> None:
    now = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
    photograph = UUID(int=7)
    path, is_new = photograph_links.link("token", 1, photograph, now=now)
    key = path.removeprefix(photograph_links.PATH)
    assert is_new
    assert photograph_links.link("token", 1, photograph, now=now) == (path, False)
    assert photograph_links.link("token", 2, photograph, now=now)[0] != path
    assert photograph_links.link("other", 1, photograph, now=now)[0] != path
    found = photograph_links.find(key, "token", now=now)
    assert found is not None
    assert (found.clinic_id, found.photograph_id) == (1, photograph)
    assert photograph_links.find(key, "other", now=now) is None
    assert photograph_links.find(key + "x", "token", now=now) is None
    later = now + photograph_links.LASTS
    assert photograph_links.find(key, "token", now=later) is None
    assert photograph_links.link("token", 1, photograph, now=later) == (path, True)
