"""Is a photograph shown to the sign-in whose page shows it, and to nobody else?"""

from __future__ import annotations

import io
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from PIL import Image

from registry import accounts
from registry.access import Actor, Grant
from registry.database import reading
from registry.entry.photographs import PhotographEntry, add_photograph
from registry.operations.migration import command_line_actor
from registry.schema import AccessLog
from registry.vocabulary import Laterality, PhotoView, Role
from tests.factories import NOW, TODAY, a_patient, a_session, saving
from tests.serving import Browser, Served, Tab, people, serving

ADDRESS = re.compile(r'src="(/photograph/[A-Za-z0-9_-]{43})"')


@pytest.fixture(scope="module")
def served(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The server over a clinic with one photographed patient."""
    folder = tmp_path_factory.mktemp("photographs")
    source, copy = sqlite3.connect(migrated_sqlite), sqlite3.connect(folder / "registry.sqlite")
    source.backup(copy)
    source.close()
    copy.close()
    with serving(folder / "registry.sqlite", folder / "log") as server:
        server.people, server.clinics = people(server.engine)
        clinic = server.clinics[0]
        with saving(server.engine) as db:
            patient = a_patient(db, clinic, pseudonym="P-0001", enrolled_on=TODAY)
            a_session(db, clinic, patient, treated_on=TODAY)
        file = io.BytesIO()
        Image.new("RGB", (80, 60), "tan").save(file, "JPEG")
        add_photograph(
            server.engine,
            Actor(server.people["clinician"], "x", "x", (Grant(clinic, Role.CLINICIAN),)),
            clinic,
            PhotographEntry(
                id=uuid4(), patient_id=patient, side=Laterality.LEFT, view=PhotoView.MEDIAL,
                taken_on=TODAY, consent_version="2026-1",
            ),
            file.getvalue(),
            now=NOW,
        )  # fmt: skip
        yield server


def address_shown(served: Served, client: Browser) -> str:
    """Where the patient's page of this browser fetches the picture."""
    tab = Tab(served, client)
    tab.run()
    tab.run(page=tab.pages["Patient"])
    (patient,) = [label for label in tab.buttons if "0001" in label]
    texts = " ".join(tab.run(press=patient))
    tab.close()
    (address,) = ADDRESS.findall(texts)
    return str(address)


def test_a_picture_is_served_to_the_sign_in_whose_page_shows_it(served: Served) -> None:
    with served.sign_in("clinician") as client:
        address = address_shown(served, client)
        for answer in (client.get(address), client.get(address)):
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "image/jpeg"
            assert answer.headers["cache-control"] == "no-store"
            assert "img-src 'self'" in answer.headers["content-security-policy"]
            assert Image.open(io.BytesIO(answer.content)).size == (80, 60)
        assert address_shown(served, client) == address, "drawn again, it is not fetched again"
        for method in ("POST", "PUT", "DELETE"):
            assert client.request(method, address).status_code == 405
        with reading(served.engine) as db:
            entries = db.scalars(
                sa.select(AccessLog).where(AccessLog.action == "see_photographs")
            ).all()
            assert [(entry.row_count, entry.detail) for entry in entries] == [(1, None)]


def test_the_address_is_worth_nothing_to_anybody_else(served: Served) -> None:
    with served.sign_in("clinician") as client, served.sign_in("clinician") as same_person:
        address = address_shown(served, client)
        assert same_person.get(address).status_code == 404
        assert address_shown(served, same_person) != address
        with served.sign_in("auditor") as other, served.browser() as stranger:
            assert other.get(address).status_code == 404
            assert stranger.get(address).status_code == 401
            stranger.cookies.set("sid", "made-up")
            assert stranger.get(address, headers={"accept": "text/html"}).status_code == 401
        for guess in (
            "",
            "x",
            "A" * 43,
            address[-43:-1] + "~",
            "..%2Fsession",
            address[-43:] + "/",
        ):
            assert not client.get(f"/photograph/{guess}").is_success, guess
        foreign = client.get(address, headers={"origin": "https://evil.example"})
        assert foreign.status_code == 403
        stolen = client.cookies["sid"]
        assert client.post("/sign-out").status_code == 303
        with served.browser() as thief:
            thief.cookies.set("sid", stolen)
            assert thief.get(address).status_code == 401


def test_who_sees_no_identities_sees_no_pictures(served: Served) -> None:
    with served.sign_in("auditor") as client:
        tab = Tab(served, client)
        tab.run()
        tab.run(page=tab.pages["Patient"])
        (patient,) = [label for label in tab.buttons if "0001" in label]
        texts = " ".join(tab.run(press=patient))
        tab.close()
        assert "Left leg, inner side" in texts
        assert "/photograph/" not in texts


def test_a_right_that_is_taken_away_ends_the_address(served: Served) -> None:
    by, clinic = command_line_actor(served.engine), served.clinics[0]
    user = served.people["clinician"]
    with served.sign_in("clinician") as client:
        address = address_shown(served, client)
        assert client.get(address).status_code == 200
        accounts.revoke_role(served.engine, by, user, clinic, Role.CLINICIAN, now=NOW)
        assert client.get(address).status_code == 404
        accounts.grant_role(served.engine, by, user, clinic, Role.CLINICIAN, now=NOW)
        assert client.get(address).status_code == 200
