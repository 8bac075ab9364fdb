"""Is foam that comes ready-made asked for and told as mL of foam, and stored with its parts?"""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy.engine import Engine

from registry.vocabulary import FoamGas, Laterality
from tests.dashboard.conftest import AppAs
from tests.dashboard.test_entry_pages import TODAY, Clinic, Page


@pytest.fixture
def clinic(app_as: AppAs, sqlite_engine: Engine) -> Clinic:
    return Clinic(app_as, sqlite_engine)


def a_canister(clinic: Clinic, ml: str) -> Page:
    page = clinic.open("record_session")
    page.press(page.key("session", "confirm_carried"))
    page.fill("session", treated_on=TODAY, preparation__0__product="varithena")
    return page.fill("session", row__0__side=Laterality.LEFT, row__0__place="ssv", row__0__ml=ml)


def test_a_canister_asks_for_foam_and_no_gas(clinic: Clinic) -> None:
    page = a_canister(clinic, "15.1")
    labels = {field.label for field in page.app.text_input}
    assert "mL foam" in labels
    assert not labels & {"mL liquid", "mL gas to 1 mL liquid"}
    assert "This session: 15.1 mL; the limit for Varithena is 15 mL per session" in page.said()
    page.fill("session", row__0__ml="5")
    said = page.said()
    assert "the limit for Varithena" not in said
    assert "Polidocanol in this session: 0.65 mL liquid, 6.5 mg" in said
    assert "Foam in this session: 5 mL foam" in said
    page.save("session")
    (injection,) = clinic.stored()[0][-1].all_injections()
    assert (injection.liquid_ml, injection.gas_ml) == (Decimal("0.65"), Decimal("4.35"))
    assert injection.gas is FoamGas.PROPRIETARY
    assert "5 mL Varithena 1 % foam" in page.said()


def test_liquid_beside_a_canister_is_told_apart_in_every_row(clinic: Clinic) -> None:
    page = a_canister(clinic, "5")
    page.press(page.key("session", "preparation.add"))
    page.fill("session", preparation__1__product="asclera")
    page.press(page.key("session", "row.add"))
    page.fill("session", row__1__preparation=1)
    asked = [f.label for f in page.app.text_input if (f.key or "").endswith(".ml")]
    assert asked == ["mL foam", "mL liquid"]
    assert page.value("session", "row.0.ml") == "5"
