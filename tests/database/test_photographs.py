"""Are photographs stored with consent, once, for the right person, and gone when erased?"""

from __future__ import annotations

import datetime as dt
import functools
import io
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from PIL import Image
from sqlalchemy.engine import Engine

from registry.access import Actor, Grant
from registry.analysis import photographs as reading_photographs
from registry.analysis.photographs import PatientPhotographs, Shot, photographs_of, picture
from registry.database import DbSession, reading, sqlite_path
from registry.entry import photographs, recording
from registry.entry.forms import PatientEntry
from registry.entry.photograph_content import digest_of
from registry.entry.photographs import PhotographEntry
from registry.entry.recording import Recorded
from registry.errors import Conflict, InvalidEntry, NotFound, PermissionDenied, UnreadableFile
from registry.operations.audit_verification import verify
from registry.operations.doctor import Level, doctor
from registry.schema import AuditRow, ChangeSet, Photograph, PhotographContent
from registry.vocabulary import FollowUpStatus, Laterality, PhotoView, ReasonForChange, Role
from tests.factories import (
    NOW,
    TODAY,
    a_clinic,
    a_follow_up,
    a_patient,
    a_patient_link,
    a_photograph,
    a_session,
    a_site,
    a_user,
    saving,
)

DAY = dt.timedelta(days=1)
TREATED = TODAY - 100 * DAY


@functools.cache
def a_picture(colour: str = "tan") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(written, "PNG")
    return written.getvalue()


class World:
    """A clinic with a patient whose left leg was treated 100 days ago and who was seen today."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with saving(engine) as db:
            self.clinic = a_clinic(db)
            self.elsewhere = a_clinic(db, code="south")
            self.user = a_user(db)
            self.patient = a_patient(db, self.clinic, birth_year=1970)
            self.other = a_patient(db, self.clinic, pseudonym="P-0002", birth_year=1980)
            self.session = self.treat(db, self.patient)
            self.session_of_other = self.treat(db, self.other)
            self.visit = a_follow_up(
                db, self.clinic, self.patient, status=FollowUpStatus.SEEN, seen_on=TODAY
            )
        self.by = self.actor(Role.CLINICIAN)

    def treat(self, db: DbSession, patient: UUID, day: dt.date = TREATED) -> UUID:
        session = a_session(db, self.clinic, patient, treated_on=day)
        a_site(db, self.clinic, patient, session, side=Laterality.LEFT)
        return session

    def actor(self, role: Role, **rights: bool) -> Actor:
        return Actor(self.user, "ada", "Ada Doe", (Grant(self.clinic, role, **rights),))

    def entry(self, **values: Any) -> PhotographEntry:
        given = {
            "id": uuid4(), "patient_id": self.patient, "side": Laterality.LEFT,
            "view": PhotoView.MEDIAL, "taken_on": TODAY, "consent_version": "2026-1",
        }  # fmt: skip
        return PhotographEntry(**(given | values))

    def add(self, colour: str = "tan", entry: PhotographEntry | None = None, **values: Any) -> UUID:
        return self.store(entry or self.entry(**values), a_picture(colour)).id

    def store(self, entry: PhotographEntry, content: bytes, by: Actor | None = None) -> Recorded:
        return photographs.add_photograph(
            self.engine, by or self.by, self.clinic, entry, content, now=NOW
        )

    def refused(self, colour: str = "tan", **values: Any) -> set[tuple[str, str]]:
        with pytest.raises(InvalidEntry) as error:
            self.add(colour, **values)
        return {(problem.field, problem.rule) for problem in error.value.problems}

    def void(self, photograph: UUID, **options: Any) -> Recorded:
        given = {
            "version": 1, "reason": ReasonForChange.WRONG_PATIENT, "request_key": uuid4(),
            "now": NOW,
        }  # fmt: skip
        return photographs.void_photograph(
            self.engine, self.by, self.clinic, photograph, **(given | options)
        )

    def erase(self, photograph: UUID, **options: Any) -> Recorded:
        given = {
            "version": 1, "reason_text": "Consent withdrawn", "request_key": uuid4(), "now": NOW,
        }  # fmt: skip
        return photographs.erase_photograph(
            self.engine, self.by, self.clinic, photograph, **(given | options)
        )

    def past(self, patient: UUID | None = None, by: Actor | None = None) -> PatientPhotographs:
        return photographs_of(self.engine, by or self.by, self.clinic, patient or self.patient)

    def shots(self) -> list[Shot]:
        return [shot for aspect in self.past().aspects for shot in aspect.shots]

    def show(self, photograph: UUID, by: Actor | None = None, clinic: int | None = None) -> bytes:
        return picture(self.engine, by or self.by, clinic or self.clinic, photograph)

    def contents(self) -> list[bytes | None]:
        with reading(self.engine) as db:
            return list(db.scalars(sa.select(PhotographContent.content)))

    def trail(self) -> list[tuple[str, str | None]]:
        with reading(self.engine) as db:
            rows = db.execute(
                sa.select(ChangeSet.action, ChangeSet.reason_text)
                .join(AuditRow, AuditRow.change_set_id == ChangeSet.id)
                .where(AuditRow.table_name == "photograph")
                .order_by(AuditRow.id)
            )
            return [(row.action, row.reason_text) for row in rows]


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def test_a_photograph_is_stored_with_its_digest_and_shown_as_it_is(world: World) -> None:
    entry = world.entry(treatment_session_id=world.session, taken_on=TREATED)
    assert not world.store(entry, a_picture()).already
    assert world.store(entry, a_picture()).already
    assert world.store(entry, a_picture("red")).already
    content = world.show(entry.id)
    assert content.startswith(b"\xff\xd8\xff")
    with reading(world.engine) as db:
        (row,) = db.scalars(sa.select(Photograph))
        assert row.content_digest == digest_of(content)
        assert (row.treatment_session_id, row.view) == (world.session, PhotoView.MEDIAL)
    assert world.trail() == [("add_photograph", None)]
    assert verify(world.engine).is_whole


def test_the_same_picture_is_stored_once_and_for_one_person(world: World) -> None:
    first = world.add()
    assert world.refused() == {("content", "stored_once")}
    assert world.refused(patient_id=world.other) == {("content", "of_another_patient")}
    assert len(world.contents()) == 1
    world.void(first)
    again = world.add(patient_id=world.other)
    assert len(world.contents()) == 1
    assert world.show(again) == world.contents()[0]


def test_a_linked_duplicate_is_the_same_person(world: World) -> None:
    world.add()
    with saving(world.engine) as db:
        a_patient_link(db, world.clinic, world.other, world.patient)
    assert world.refused(patient_id=world.other) == {("content", "stored_once")}
    world.add("red", patient_id=world.other)
    assert len(world.shots()) == 2
    assert world.past(world.other) == world.past()


def test_what_cannot_be_is_refused_by_field(world: World) -> None:
    wrong: dict[tuple[str, str], dict[str, Any]] = {
        ("taken_on", "not_in_future"): {"taken_on": TODAY + 2 * DAY},
        ("taken_on", "not_before_birth"): {"taken_on": dt.date(1969, 12, 31)},
        ("consent_version", "required"): {"consent_version": "  "},
        ("consent_version", "too_long"): {"consent_version": "x" * 41},
        ("anatomy_code", "known_place"): {"anatomy_code": "elbow"},
        ("treatment_session_id", "known_visit"): {"treatment_session_id": uuid4()},
        ("follow_up_id", "known_visit"): {"follow_up_id": uuid4()},
    }
    for found, values in wrong.items():
        assert world.refused(**values) == {found}
    assert world.contents() == []


def test_a_photograph_belongs_to_visits_of_the_patient_on_their_day(world: World) -> None:
    assert world.refused(treatment_session_id=world.session_of_other, taken_on=TREATED) == {
        ("treatment_session_id", "known_visit")
    }
    assert world.refused(treatment_session_id=world.session) == {("taken_on", "day_of_visit")}
    world.add(follow_up_id=world.visit)
    with saving(world.engine) as db:
        db.execute(sa.update(Photograph).values(version=2))
        dead = a_patient(db, world.clinic, pseudonym="P-0003", died_on=TODAY - 9 * DAY)
    assert world.refused("red", patient_id=dead) == {("taken_on", "not_after_death")}


def test_what_is_no_photograph_leaves_nothing(world: World) -> None:
    with pytest.raises(UnreadableFile):
        world.store(world.entry(), b"not a picture")
    with pytest.raises(NotFound):
        world.add(patient_id=uuid4())
    assert world.contents() == []
    assert world.trail() == []


def test_rights(world: World) -> None:
    entry = world.entry()
    for role in set(Role) - {Role.CLINICIAN}:
        with pytest.raises(PermissionDenied):
            world.store(entry, a_picture(), world.actor(role))
    world.add(entry=entry)
    assert world.show(entry.id, world.actor(Role.PRACTICE_MANAGER, see_identity=True))
    for actor in (world.actor(Role.AUDITOR), world.actor(Role.DATA_MANAGER)):
        assert world.past(by=actor) == world.past()
        with pytest.raises(PermissionDenied):
            world.show(entry.id, actor)
    for use_case in (world.past, functools.partial(world.show, entry.id)):
        with pytest.raises(PermissionDenied):
            use_case(by=world.actor(Role.PRACTICE_MANAGER))
    auditor = world.actor(Role.AUDITOR)
    for change in (
        functools.partial(
            photographs.void_photograph, reason=ReasonForChange.OTHER, reason_text="x"
        ),
        functools.partial(photographs.erase_photograph, reason_text="x"),
    ):
        with pytest.raises(PermissionDenied):
            change(
                world.engine, auditor, world.clinic, entry.id, version=1, request_key=uuid4(),
                now=NOW,
            )  # fmt: skip


def test_another_clinic_has_no_such_photograph(world: World) -> None:
    photograph = world.add()
    with pytest.raises(PermissionDenied):
        world.show(photograph, clinic=world.elsewhere)
    both = Actor(
        world.user, "ada", "Ada Doe",
        tuple(Grant(clinic, Role.CLINICIAN) for clinic in (world.clinic, world.elsewhere)),
    )  # fmt: skip
    with pytest.raises(NotFound):
        world.show(photograph, both, world.elsewhere)
    with pytest.raises(NotFound):
        photographs.void_photograph(
            world.engine, both, world.elsewhere, photograph, version=1, request_key=uuid4(),
            reason=ReasonForChange.DUPLICATE, now=NOW,
        )  # fmt: skip


def test_a_withdrawn_photograph_is_shown_no_more_and_its_picture_stays(world: World) -> None:
    photograph = world.add()
    key = uuid4()
    assert world.void(photograph, request_key=key).version == 2
    assert world.void(photograph, request_key=key).already
    with pytest.raises(NotFound):
        world.show(photograph)
    past = world.past()
    assert past.aspects == ()
    assert [shot.id for shot in past.withdrawn] == [photograph]
    assert None not in world.contents()
    with pytest.raises(NotFound):
        world.void(photograph, version=2)
    world.add()
    assert world.past().withdrawn == (), "the picture is in use again"


def test_erasing_takes_the_picture_and_leaves_the_reason(world: World) -> None:
    photograph = world.add()
    before = world.show(photograph)
    key = uuid4()
    assert world.erase(photograph, request_key=key).version == 2
    assert world.erase(photograph, request_key=key).already
    with pytest.raises(NotFound):
        world.show(photograph)
    assert world.contents() == [None]
    assert world.past() == PatientPhotographs((), ())
    assert world.trail()[-1] == ("erase_photograph", "Consent withdrawn")
    assert verify(world.engine).is_whole
    assert pictures_by_doctor(world).level is Level.OK
    again = world.add()
    assert world.show(again) == before, "with a new consent the same picture can be stored"


def test_nothing_of_an_erased_picture_is_left_in_the_file(sqlite_engine: Engine) -> None:
    world = World(sqlite_engine)
    content = io.BytesIO()
    Image.effect_noise((300, 300), 90).save(content, "PNG")
    photograph = world.store(world.entry(), content.getvalue()).id
    shown = world.show(photograph)
    # Several: one may lie across two pages of the file.
    pieces = [shown[at : at + 40] for at in range(5_000, 15_000, 500)]
    path = sqlite_path(sqlite_engine.url)
    assert path is not None
    assert sum(piece in path.read_bytes() for piece in pieces) > 15
    world.erase(photograph)
    sqlite_engine.dispose()
    assert not any(piece in path.read_bytes() for piece in pieces)


def test_a_withdrawn_photograph_can_still_be_erased(world: World) -> None:
    photograph = world.add()
    world.void(photograph)
    world.erase(photograph, version=2)
    assert world.contents() == [None]
    assert world.past().withdrawn == ()


def test_a_picture_in_use_by_another_row_is_not_erased(world: World) -> None:
    wrong = world.add()
    world.void(wrong)
    right = world.add(patient_id=world.other)
    with pytest.raises(Conflict, match="in use"):
        world.erase(wrong, version=2)
    assert world.show(right)
    world.erase(right)
    assert world.contents() == [None]


@pytest.mark.parametrize("change", ["void", "erase"])
def test_a_photograph_changed_meanwhile_is_left_alone(world: World, change: str) -> None:
    photograph = world.add()
    use_case: Callable[..., Recorded] = getattr(world, change)
    with pytest.raises(Conflict, match="after you opened it"):
        use_case(photograph, version=7)
    for nothing in ({"reason_text": " - "}, {"reason_text": ""}):
        with pytest.raises(InvalidEntry):
            use_case(
                photograph,
                **nothing,
                **{"reason": ReasonForChange.OTHER} if change == "void" else {},
            )
    assert world.show(photograph)


def test_a_patient_with_photographs_is_not_withdrawn_from_under_them(world: World) -> None:
    with saving(world.engine) as db:
        patient = a_patient(db, world.clinic, pseudonym="P-0003")
    photograph = world.add(patient_id=patient)
    change = {"version": 1, "reason": ReasonForChange.DUPLICATE, "now": NOW}
    with pytest.raises(Conflict, match="photographs: 1"):
        recording.void(
            world.engine, world.by, world.clinic, PatientEntry, patient, request_key=uuid4(),
            **change,
        )  # fmt: skip
    world.void(photograph)
    recording.void(
        world.engine, world.by, world.clinic, PatientEntry, patient, request_key=uuid4(), **change
    )  # fmt: skip


# --- before and after ----------------------------------------------------------------------------


def test_before_is_the_last_until_the_first_treatment_and_after_the_newest(world: World) -> None:
    with saving(world.engine) as db:
        world.treat(db, world.patient, TREATED + 30 * DAY)
    early, before, between, after = (
        world.add(colour, taken_on=day)
        for colour, day in (
            ("red", TREATED - 40 * DAY), ("green", TREATED), ("blue", TREATED + 30 * DAY),
            ("white", TODAY),
        )
    )  # fmt: skip
    (aspect,) = world.past().aspects
    assert [shot.id for shot in aspect.shots] == [early, before, between, after]
    assert [shot.days_after for shot in aspect.shots] == [None, None, 30, 70]
    assert aspect.before is not None
    assert aspect.after is not None
    assert (aspect.before.id, aspect.after.id) == (before, after)


def test_each_leg_has_its_own_before(world: World) -> None:
    world.add("red", side=Laterality.RIGHT)
    world.add("blue", view=PhotoView.ANTERIOR)
    front, right = world.past().aspects
    assert (front.side, front.view) == (Laterality.LEFT, PhotoView.ANTERIOR)
    assert (front.before, front.after) == (None, front.shots[0])
    assert right.side is Laterality.RIGHT
    assert (right.before, right.after) == (right.shots[0], None)


def test_the_last_of_a_place_is_its_close_view_or_else_the_whole_leg(world: World) -> None:
    place, elsewhere = "thigh_lateral", "calf_medial"
    assert world.past().last_of(Laterality.LEFT, place) is None
    whole = world.add("red", taken_on=TODAY)
    close = world.add(
        "blue", taken_on=TODAY - 20 * DAY, view=PhotoView.CLOSE_UP, anatomy_code=place
    )
    world.add("green", taken_on=TODAY - 30 * DAY)
    past = world.past()

    def last(side: Laterality, anatomy_code: str) -> UUID | None:
        shot = past.last_of(side, anatomy_code)
        return shot.id if shot else None

    assert last(Laterality.LEFT, place) == close
    assert last(Laterality.LEFT, elsewhere) == whole
    assert last(Laterality.RIGHT, place) is None


# --- what was stored -----------------------------------------------------------------------------


def pictures_by_doctor(world: World) -> Any:
    (found,) = [d for d in doctor(world.engine, now=NOW) if d.subject == "photographs"]
    return found


@pytest.mark.parametrize(
    ("content", "fault"), [(b"another picture", "was changed"), (None, "is missing")]
)
def test_a_picture_changed_past_the_registry_is_found_and_not_shown(
    world: World, content: bytes | None, fault: str
) -> None:
    world.add("red")
    photograph = world.add()
    assert pictures_by_doctor(world).found == "2 stored as their digests say"
    digest = digest_of(world.show(photograph))
    with DbSession(world.engine) as db:
        db.execute(
            sa.update(PhotographContent)
            .where(PhotographContent.digest == digest)
            .values(content=content)
        )
        db.commit()
    with pytest.raises((UnreadableFile, NotFound)):
        world.show(photograph)
    found = pictures_by_doctor(world)
    assert found.level is Level.FAIL
    assert f"1 are not what was stored (digest {digest[:12]} {fault})" in found.found


def test_a_row_of_the_factory_is_a_photograph(world: World) -> None:
    with saving(world.engine) as db:
        a_photograph(db, world.clinic, world.patient)
    assert [shot.taken_on for shot in world.shots()] == [TODAY]
    assert reading_photographs.PatientPhotographs((), ()).last_of(Laterality.LEFT, "x") is None
