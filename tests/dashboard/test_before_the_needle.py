"""Does the session form warn before harm, ask in one line, and keep why it was done anyway?"""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.database import reading
from registry.entry import recording
from registry.entry.forms import SessionEntry
from registry.entry.rows import lot_id
from registry.schema import AuditRow, ChangeSet, RiskFact, SafetyOverride, UserAccount
from registry.vocabulary import (
    FactAnswer,
    Laterality,
    Modality,
    OverrideReason,
    ReasonForChange,
    Role,
    Sex,
)
from tests.dashboard.conftest import AppAs
from tests.factories import (
    PRODUCT,
    a_clinic,
    a_clinician,
    a_lot,
    a_patient,
    a_risk_fact,
    a_session,
    a_site,
    a_user,
    an_injection,
    saving,
)

TODAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)  # over everywhere in the world
DAY = dt.timedelta(days=1)
PREGNANCY, ALLERGY = "risk.pregnancy.any", "risk.allergy_to_agent.polidocanol"


class Form:
    """The session form of a patient treated a month ago with liquid polidocanol."""

    def __init__(self, app_as: AppAs, engine: Engine, **facts: FactAnswer) -> None:
        self.engine = engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            a_clinician(db, self.clinic, 1, display_name="Ada Doe")
            self.patient = a_patient(db, self.clinic, pseudonym="P-1", sex=Sex.FEMALE)
            last = a_session(
                db, self.clinic, self.patient, treated_on=TODAY - 28 * DAY, clinician_id=1
            )
            site = a_site(db, self.clinic, self.patient, last)
            number = lot_id(self.clinic, PRODUCT, "L-1")
            lot = a_lot(db, self.clinic, id=number, lot_number="L-1", expires_on=TODAY + 400 * DAY)
            an_injection(db, self.clinic, last, treated_site_id=site, lot_id=lot)
            for condition, answer in facts.items():
                a_risk_fact(
                    db, self.clinic, self.patient, condition_code=condition, answer=answer,
                    answered_on=TODAY - DAY,
                )  # fmt: skip
        self.app = app_as(Role.CLINICIAN, engine, "views/record_session.py", clinic_id=self.clinic)
        self.press(f"picker:{self.patient}")
        self.fill(treated_on=TODAY)

    def check(self) -> None:
        assert not self.app.exception, self.app.exception[0].stack_trace
        assert self.app.title

    def key(self, field: str) -> str:
        return f"session:{self.app.session_state['session:opened'].number}:{field}"

    def press(self, key: str) -> None:
        self.app.button(key=key).click().run()
        self.check()

    def fill(self, **values: Any) -> None:
        kinds = ("text_input", "selectbox", "segmented_control", "date_input")
        widgets = {widget.key: widget for kind in kinds for widget in getattr(self.app, kind)}
        for field, value in values.items():
            widgets[self.key(field.replace("__", "."))].set_value(value)
        self.app.run()
        self.check()

    def place(self) -> None:
        self.press(self.key("confirm_carried"))
        self.fill(row__0__side=Laterality.LEFT, row__0__place="calf_medial", row__0__ml="2")

    def said(self) -> str:
        kinds = ("title", "text", "markdown", "error", "warning", "info", "success", "caption")
        said = "\n".join(str(e.value) for kind in kinds for e in getattr(self.app, kind))
        return said.replace("\\", "")

    def has(self, field: str) -> bool:
        widgets = (*self.app.segmented_control, *self.app.text_input)
        return any(widget.key == self.key(field) for widget in widgets)

    def rows(self, model: type[Any], *columns: Any) -> list[tuple[Any, ...]]:
        with reading(self.engine) as db:
            return [tuple(row) for row in db.execute(sa.select(*columns).select_from(model))]


@pytest.fixture
def form(app_as: AppAs, sqlite_engine: Engine) -> Form:
    return Form(app_as, sqlite_engine)


def asked(form: Form) -> dict[str, FactAnswer]:
    return dict(form.rows(RiskFact, RiskFact.condition_code, RiskFact.answer))  # type: ignore[arg-type]


def test_what_was_not_asked_is_one_line_until_somebody_asks(form: Form) -> None:
    assert form.said().count("not asked") == 1
    assert not form.has(PREGNANCY)
    form.press(form.key("asking.toggle"))
    assert form.has(PREGNANCY)
    assert form.has(ALLERGY)
    form.press(form.key("asking.toggle"))
    assert not form.has(PREGNANCY)
    assert asked(form) == {}


def test_answers_are_stored_as_one_act_of_the_days_session_and_the_rest_stays_open(
    form: Form,
) -> None:
    form.press(form.key("asking.toggle"))
    form.fill(**{ALLERGY: FactAnswer.NO, PREGNANCY: FactAnswer.YES})
    form.press(form.key("asking.save"))
    assert asked(form) == {"allergy_to_agent": FactAnswer.NO, "pregnancy": FactAnswer.YES}
    assert set(form.rows(RiskFact, RiskFact.answered_on)) == {(TODAY,)}
    assert "questions not asked" in form.said()
    assert "Pregnancy: yes" in form.said()


def test_answers_that_are_not_saved_are_not_passed_over(form: Form) -> None:
    form.place()
    form.press(form.key("asking.toggle"))
    form.fill(**{ALLERGY: FactAnswer.YES})
    assert "Answered below and not saved: 1." in form.said()
    form.press(form.key("save"))
    assert "Answers before the needle are not saved yet" in form.said()
    assert "Saved at" not in form.said()
    form.press(form.key("asking.save"))
    assert "not saved" not in form.said()
    assert "absolute contraindication to Aethoxysklerol" in form.said()


def test_one_key_says_that_all_the_rest_was_asked_and_denied(form: Form) -> None:
    form.press(form.key("asking.toggle"))
    form.fill(**{ALLERGY: FactAnswer.YES})
    form.press(form.key("asking.no"))
    answers = asked(form)
    assert len(answers) > 10
    assert {code for code, answer in answers.items() if answer is FactAnswer.YES} == {
        "allergy_to_agent"
    }
    assert "all asked" in form.said()
    with reading(form.engine) as db:
        acts = db.scalars(
            sa.select(ChangeSet.id)
            .distinct()
            .join(AuditRow, AuditRow.change_set_id == ChangeSet.id)
            .where(AuditRow.table_name == "risk_fact")
        ).all()
    assert len(acts) == 1


def test_an_answer_can_be_corrected_the_same_day(form: Form) -> None:
    form.press(form.key("asking.toggle"))
    form.fill(**{PREGNANCY: FactAnswer.YES})
    form.press(form.key("asking.no"))
    assert "Pregnancy: yes" in form.said()
    form.press(form.key("asking.toggle"))
    assert form.app.session_state[form.key(PREGNANCY)] is FactAnswer.YES
    form.fill(**{PREGNANCY: FactAnswer.NO})
    form.press(form.key("asking.save"))
    assert "Pregnancy: yes" not in form.said()
    assert form.rows(RiskFact, RiskFact.condition_code).count(("pregnancy",)) == 2


def test_a_known_fact_warns_before_a_volume_is_typed(app_as: AppAs, sqlite_engine: Engine) -> None:
    form = Form(app_as, sqlite_engine, pregnancy=FactAnswer.YES, asthma=FactAnswer.YES)
    assert "Pregnancy: yes" in form.said()
    assert "Asthma: yes" in form.said()
    assert not form.has("override:contraindication:any_pregnancy")


def test_a_warning_is_overridden_with_a_reason_that_is_kept(
    app_as: AppAs, sqlite_engine: Engine
) -> None:
    form = Form(app_as, sqlite_engine, pregnancy=FactAnswer.YES)
    form.place()
    rule = "contraindication:any_pregnancy"
    assert "UIP consensus 2023" in form.said()
    form.press(form.key("save"))
    assert "Not saved yet: 1 point above needs your answer." in form.said()
    form.fill(**{f"override:{rule}": OverrideReason.OTHER})
    form.press(form.key("save"))
    assert "Not saved yet: 1 point above needs your answer." in form.said()
    form.fill(**{f"override:{rule}": OverrideReason.BENEFIT_OUTWEIGHS_RISK})
    form.press(form.key("save"))
    assert "Saved at" in form.said()
    columns = (SafetyOverride.rule, SafetyOverride.reason)
    assert form.rows(SafetyOverride, *columns) == [(rule, OverrideReason.BENEFIT_OUTWEIGHS_RISK)]
    kept = (
        "Warned, recorded all the same: Pregnancy (relative contraindication). "
        "Reason: benefit outweighs the risk."
    )
    assert kept in form.said()
    assert "Pregnancy: yes" not in form.said()
    form.app.switch_page("views/patient.py").run()
    form.check()
    assert kept in form.said()


def test_a_stop_asks_for_words(app_as: AppAs, sqlite_engine: Engine) -> None:
    form = Form(app_as, sqlite_engine, allergy_to_agent=FactAnswer.YES)
    form.place()
    rule = "contraindication:aethoxysklerol_allergy_to_agent"
    form.fill(**{f"override:{rule}": OverrideReason.BENEFIT_OUTWEIGHS_RISK})
    form.press(form.key("save"))
    assert form.rows(SafetyOverride, SafetyOverride.rule) == []
    form.fill(**{f"override_text:{rule}": "x" * 501})
    form.press(form.key("save"))
    assert ":red[:material/error: At most 500 characters.]" in form.said()
    form.fill(**{f"override_text:{rule}": "Tested by the allergist, negative"})
    form.press(form.key("save"))
    columns = (SafetyOverride.rule, SafetyOverride.reason_text)
    assert form.rows(SafetyOverride, *columns) == [(rule, "Tested by the allergist, negative")]


@pytest.mark.parametrize("own", [True, False])
def test_whoever_corrects_an_own_entry_of_the_day_has_mistyped(
    app_as: AppAs, sqlite_engine: Engine, *, own: bool
) -> None:
    form = Form(app_as, sqlite_engine)
    now = dt.datetime.now(dt.UTC)
    with reading(sqlite_engine) as db:
        user = db.scalar(
            sa.select(UserAccount.id).where(UserAccount.user_name == f"clinician{form.clinic}")
        )
    assert user is not None
    with saving(sqlite_engine) as db:
        colleague = a_user(db)
    entry = SessionEntry(
        id=uuid4(),
        patient_id=form.patient,
        treated_on=TODAY - 2 * DAY,
        modality=Modality.ND_YAG_LASER,
    )
    grants = (Grant(form.clinic, Role.CLINICIAN),)
    by = Actor(user if own else colleague, "ada", "Ada Doe", grants)
    recording.record_session(sqlite_engine, by, form.clinic, entry, now=now)
    form.app.session_state["session:wanted"] = entry.id
    form.app.run()
    form.check()
    chosen = form.app.session_state[form.key("reason")]
    assert chosen is (ReasonForChange.TYPING_ERROR if own else None)
