"""The administrator's page, driven as an administrator does."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from dashboard import state
from registry import sign_in
from registry.access import Grant
from registry.database import reading
from registry.schema import RoleGrant, SignIn, UserAccount
from registry.vocabulary import Role
from tests.dashboard.conftest import PASSWORD, AppAs, a_clinic, a_token

NEW = "lantern-oboe-gravel-38"


@pytest.fixture
def people(app_as: AppAs, sqlite_engine: Engine) -> AppTest:
    """The page, with a colleague "bob" to be changed."""
    a_token(sqlite_engine, "bob", Grant(a_clinic(sqlite_engine), Role.PRACTICE_MANAGER))
    app = app_as(Role.ADMINISTRATOR, sqlite_engine, "views/users.py")
    assert [title.value for title in app.title] == ["People"]
    assert not app.exception
    return app


def button(app: AppTest, label: str) -> object:
    return next(found for found in app.button if found.label == label)


def press(app: AppTest, label: str) -> AppTest:
    button(app, label).click().run()  # type: ignore[attr-defined]
    assert not app.exception
    return app


def grants(engine: Engine, name: str) -> list[tuple[Role, bool, bool]]:
    with reading(engine) as db:
        rows = db.scalars(
            sa.select(RoleGrant)
            .join(UserAccount)
            .where(UserAccount.user_name == name)
            .order_by(RoleGrant.role)
        )
        return [(row.role, row.see_records, row.see_identity) for row in rows]


def test_everybody_is_listed_with_roles_and_state(people: AppTest) -> None:
    table = people.dataframe[0].value
    row = table[table["User name"] == "bob"].iloc[0]
    assert (row["Roles here"], row["State"]) == ("Practice manager", "Active")
    assert (row["May see records"], row["May see names"]) == ("–", "–")


def test_roles_and_rights_are_changed_together(people: AppTest, sqlite_engine: Engine) -> None:
    people.pills[0].set_value([Role.PRACTICE_MANAGER, Role.DATA_MANAGER])
    people.toggle[0].set_value(True)
    press(people, "Save")
    assert people.success[0].value == "Saved. It works at the person's next click."
    assert grants(sqlite_engine, "bob") == [
        (Role.DATA_MANAGER, True, False),
        (Role.PRACTICE_MANAGER, True, False),
    ]


def test_a_code_is_shown_once_and_lets_choose_a_password(
    people: AppTest, sqlite_engine: Engine
) -> None:
    press(people, "New password code")
    code = people.code[0].value
    assert re.fullmatch(r"(\w{4}-){3}\w{4}", code)
    people.run()
    assert not people.code
    token = sign_in.choose_password(sqlite_engine, code, NEW, None, state.now())
    assert sign_in.actor_of(sqlite_engine, token, state.now()) is not None


def test_a_person_is_added_once_by_a_double_click(people: AppTest, sqlite_engine: Engine) -> None:
    names = [found for found in people.text_input if found.label.startswith("Name")]
    logins = [found for found in people.text_input if found.label.startswith("User name")]
    names[0].set_value("Carla *Example*")
    logins[0].set_value("Carla")
    press(people, "Add")
    assert people.success[0].value == r"Carla \*Example\* was added."
    assert people.code
    press(people, "Add")
    assert not people.error
    with reading(sqlite_engine) as db:
        found = db.scalars(sa.select(UserAccount).where(UserAccount.user_name == "carla")).all()
    assert len(found) == 1
    assert grants(sqlite_engine, "carla") == [(Role.CLINICIAN, False, False)]


def test_disabling_and_enabling(people: AppTest, sqlite_engine: Engine) -> None:
    press(people, "Disable the account")
    with pytest.raises(sign_in.SignInRefused):
        sign_in.sign_in(sqlite_engine, "bob", PASSWORD, None, state.now())
    press(people, "Enable the account")
    sign_in.sign_in(sqlite_engine, "bob", PASSWORD, None, state.now())


def test_ones_own_account_cannot_be_changed(people: AppTest) -> None:
    own = next(option for option in people.selectbox[0].options if "administrator" in option)
    people.selectbox[0].select(own).run()
    assert "This is you" in people.info[0].value
    assert not people.pills


def test_changes_ask_for_the_password_again_after_five_minutes(
    people: AppTest, sqlite_engine: Engine
) -> None:
    with sqlite_engine.begin() as connection:
        connection.execute(
            sa.update(SignIn).values(verified_at=state.now() - dt.timedelta(minutes=6))
        )
    # The form was drawn before; the click comes after.
    people.toggle[0].set_value(True)
    press(people, "Save")
    assert grants(sqlite_engine, "bob") == [(Role.PRACTICE_MANAGER, False, False)]
    assert not people.pills
    people.text_input[0].set_value("not the password")
    press(people, "Continue")
    assert people.error[0].value.startswith("The password is not right")
    people.text_input[0].set_value(PASSWORD)
    press(people, "Continue")
    assert people.pills
