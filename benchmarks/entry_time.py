"""How long a trained person takes to enter a standard session and a standard adverse event.

    python -m benchmarks.entry_time

Four journeys run in a real Chromium against the shipped server: the session and the event, each by
keyboard alone on a desktop and by touch on a phone 390 pixels wide. Counted are the fields that
are typed or chosen, keystrokes, clicks and round trips to the server, and from them the time by the
keystroke-level model (Card, Moran and Newell, CACM 1980): K 0.28 s a key (average typist), P 1.1 s
to point, B 0.1 s to press or release a button, H 0.4 s to move a hand, M 1.35 s to think before
each field and each command. R is the time for which the person waits for the page because the next
step depends on it; the table shows it as measured here. The model holds for somebody who knows the
form and makes no mistake. A touch is counted as a pointing and a click; each must meet at least 24
pixels either way (WCAG 2.2, 2.5.8).

Targets: 90 s and at most 12 fields for the session, 30 s for the event.
"""

from __future__ import annotations

import datetime as dt
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import (
    Browser,
    FloatRect,
    Locator,
    Page,
    WebSocket,
    expect,
    sync_playwright,
)

from registry.database import make_engine
from registry.entry.rows import lot_id
from registry.operations import migration
from tests.factories import (
    PRODUCT,
    a_clinician,
    a_course,
    a_lot,
    a_patient,
    a_session,
    a_site,
    an_injection,
    saving,
)
from tests.serving import PASSWORD, Served, people, serving

K, P, B, H, M = 0.28, 1.1, 0.1, 0.4, 1.35
LONGEST_RESPONSE: Final = 0.2
"""Seconds that the server may take for an interaction."""

SESSION_SECONDS, EVENT_SECONDS, SESSION_FIELDS = 90.0, 30.0, 12
PHONE: Final = 390
LEAST_TARGET: Final = 24.0
"""Pixels that a finger must be given in either direction."""
TO_THE_MIDDLE: Final = "element => element.scrollIntoView({block: 'center'})"
HAS_FOCUS: Final = "element => element === document.activeElement"
MOST_TABS: Final = 60
PATIENCE_MS: Final = 20_000
DAY: Final = dt.timedelta(days=1)
EVENT_ANSWERS: Final = (
    ("Severity", "Mild"),
    ("Serious", "Not serious"),
    ("Relationship", "Probable"),
)
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


@dataclass
class Effort:
    """What a journey asks of a person; ``waits`` are seconds, measured."""

    keys: int = 0
    clicks: int = 0
    hand_moves: int = 0
    thoughts: int = 0
    round_trips: int = 0
    fields: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    @property
    def own_seconds(self) -> float:
        """The person's time, without waiting."""
        return K * self.keys + (P + 2 * B) * self.clicks + H * self.hand_moves + M * self.thoughts

    def seconds(self, response: float | None = None) -> float:
        """Time of the journey, each wait as measured or ``response`` seconds long."""
        waited = sum(self.waits) if response is None else response * len(self.waits)
        return self.own_seconds + waited


class Person:
    """Somebody at the page: everything done is counted."""

    def __init__(self, page: Page) -> None:
        self.page, self.effort = page, Effort()

    def hear(self, socket: WebSocket) -> None:
        """Count what the page sends to the server."""
        socket.on("framesent", lambda _frame: self._sent())

    def _sent(self) -> None:
        self.effort.round_trips += 1

    def begin(self) -> None:
        """Count from here on, with a hand on its way to keyboard or glass."""
        self.effort = Effort(hand_moves=1)

    def think(self, of: str = "") -> None:
        """Make up one's mind; ``of`` names a field that is about to be filled in."""
        self.effort.thoughts += 1
        if of:
            self.effort.fields.append(of)

    def press(self, *chords: str) -> None:
        """Press keys one after the other."""
        for chord in chords:
            self.page.keyboard.press(chord)
            self.effort.keys += len(chord.split("+"))

    def write(self, text: str) -> None:
        """Type a text where the focus is."""
        self.page.keyboard.type(text)
        self.effort.keys += len(text)

    def tab_to(self, target: Locator, *, back: bool = False) -> None:
        """Press Tab until the focus is there."""
        self.page_rests()
        self._tab_until(target, HAS_FOCUS, back=back)

    def _tab_until(self, target: Locator, reached: str, *, back: bool = False) -> None:
        for _ in range(MOST_TABS):
            if target.evaluate(reached):
                return
            self.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"the keyboard does not reach {target}")

    def mark(self, group: Locator, answer: str, of: str) -> None:
        """Go to a row of buttons by Tab, along it by arrow, and press one."""
        self.page_rests()
        self._tab_until(group, "element => element.contains(document.activeElement)")
        self.think(of)
        target = group.get_by_role("radio", name=answer, exact=True)
        for arrow in ["ArrowRight"] * MOST_TABS:
            if target.evaluate(HAS_FOCUS):
                break
            self.press(arrow)
        expect(target).to_be_focused()
        self.press("Space")
        expect(target).to_be_checked()

    def tap(self, target: Locator) -> None:
        """Touch something large enough for a finger."""
        self._show(target)
        target.tap()
        self.effort.clicks += 1

    def tap_at(self, target: Locator) -> None:
        """Touch the middle of a mark of a picture."""
        box = self._show(target)
        self.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.effort.clicks += 1

    def _show(self, target: Locator) -> FloatRect:
        self.page_rests()
        target.evaluate(TO_THE_MIDDLE)
        box = target.bounding_box()
        if box is None or min(box["width"], box["height"]) < LEAST_TARGET:
            raise AssertionError(f"too small for a finger: {target}, {box}")
        return box

    def wait(self, until: Callable[[], object]) -> None:
        """Wait for what the next step depends on."""
        began = time.monotonic()
        until()
        self.effort.waits.append(time.monotonic() - began)

    def page_rests(self) -> None:
        """Let a run of the page end; a person goes on meanwhile, so this is not counted."""
        for _ in range(2):  # one run may ask for another
            self.page.wait_for_timeout(100)
            expect(self.page.get_by_test_id("stApp")).not_to_have_attribute(
                "data-test-script-state", "running"
            )


def combobox(page: Page, name: str, nth: int = 0) -> Locator:
    return page.get_by_role("combobox", name=name).nth(nth)


def volume(page: Page, nth: int) -> Locator:
    return page.get_by_role("textbox", name="mL liquid").nth(nth)


def place(page: Page, name: str) -> Locator:
    """The mark of a place on the map of the legs."""
    return page.get_by_test_id("stVegaLiteChart").locator(f"path[aria-label*='{name}']").last


def saved(page: Page) -> None:
    expect(page.get_by_text("Saved at")).to_be_visible()


def choose_by_key(
    person: Person, target: Locator, typed: str, of: str, *, back: bool = False
) -> None:
    person.tab_to(target, back=back)
    person.think(of)
    person.write(typed)
    expect(person.page.get_by_role("option").first).to_be_visible()
    person.press("Enter")


def choose_by_tap(person: Person, target: Locator, option: str, of: str) -> None:
    person.think(of)
    person.tap(target)
    person.tap(person.page.get_by_role("option", name=option).first)


def find_by_key(person: Person, pseudonym: str) -> None:
    page = person.page
    person.tab_to(page.get_by_role("link", name="Skip to main content"))
    person.press("Enter")
    person.tab_to(page.get_by_role("textbox", name="Patient"))
    person.think("patient")
    person.write(pseudonym.lower())
    person.wait(lambda: expect(page.get_by_role("button", name="Other patient")).to_be_visible())
    person.page_rests()
    person.press("Tab")
    expect(page.get_by_role("button", name="Other patient")).to_be_focused()


def find_by_tap(person: Person, pseudonym: str) -> None:
    page = person.page
    person.think("patient")
    person.tap(page.get_by_role("button", name=pseudonym))
    person.wait(lambda: expect(page.get_by_role("button", name="Other patient")).to_be_visible())


def session_by_key(person: Person, pseudonym: str) -> None:
    """Same product as last time, three sites, two lots, follow-up as proposed."""
    page = person.page
    find_by_key(person, pseudonym)
    person.think()
    person.page_rests()
    person.press("Alt+l")
    person.wait(lambda: expect(page.get_by_text("all are checked")).to_be_visible())
    person.tab_to(page.get_by_role("button", name="Another preparation"))
    person.think()
    person.press("Enter")
    lots = page.get_by_role("combobox", name="Lot")
    person.wait(lambda: expect(lots).to_have_count(2))
    choose_by_key(person, lots.nth(1), "L-2", "lot of the second preparation", back=True)
    person.mark(page.get_by_role("radiogroup", name="Leg").first, "Left", "leg")
    for row, (region, ml) in enumerate((("calf, m", "1.5"), ("thigh, l", "1"), ("small s", "0.5"))):
        if row:
            person.tab_to(page.get_by_role("button", name="Another site"))
            person.think()
            person.press("Enter")
            regions = page.get_by_role("combobox", name="Region or vein")
            person.wait(lambda: expect(regions).to_have_count(row + 1))  # noqa: B023
        choose_by_key(
            person, combobox(page, "Region or vein", row), region, f"region {row + 1}", back=row > 0
        )
        if row == 0:
            choose_by_key(person, combobox(page, "Vessel"), "ret", "vessel")
        if row == 2:
            group = page.get_by_role("radiogroup", name="Preparation").nth(row)
            person.mark(group, "2", "preparation")
        person.tab_to(volume(page, row))
        person.think(f"volume {row + 1}")
        person.write(ml)
    person.think()
    person.page_rests()
    person.press("Control+Enter")
    person.wait(lambda: saved(page))


def session_by_tap(person: Person, pseudonym: str) -> None:
    """The same on a phone, the sites on the map."""
    page = person.page
    find_by_tap(person, pseudonym)
    person.think()
    person.tap(page.get_by_role("button", name="All as last time"))
    person.think()
    person.tap(page.get_by_role("button", name="Another preparation"))
    lots = page.get_by_role("combobox", name="Lot")
    person.wait(lambda: expect(lots).to_have_count(2))
    choose_by_tap(person, lots.nth(1), "L-2", "lot of the second preparation")
    regions = page.get_by_role("combobox", name="Region or vein")
    for row, (site, ml) in enumerate(
        (
            ("Left: Calf, medial", "1.5"),
            ("Left: Thigh, lateral", "1"),
            ("Left: Small saphenous vein", "0.5"),
        )
    ):
        person.think(f"region {row + 1}")
        person.tap_at(place(page, site))
        person.wait(
            lambda: expect(regions.nth(row)).to_have_value(site.partition(": ")[2])  # noqa: B023
        )
        if row == 0:
            choose_by_tap(person, combobox(page, "Vessel"), "Reticular", "vessel")
        if row == 2:
            person.think("preparation")
            group = page.get_by_role("radiogroup", name="Preparation").nth(row)
            person.tap(group.get_by_role("radio", name="2"))
        person.think(f"volume {row + 1}")
        person.tap(volume(page, row))
        person.write(ml)
    person.think()
    person.tap(page.get_by_role("button", name="Save session"))
    person.wait(lambda: saved(page))


def event_by_key(person: Person, pseudonym: str) -> None:
    """What, how intense, not serious, how related; day and session as proposed."""
    page = person.page
    find_by_key(person, pseudonym)
    choose_by_key(person, combobox(page, "What happened"), "matting", "what happened")
    for group, answer in EVENT_ANSWERS:
        person.mark(page.get_by_role("radiogroup", name=group), answer, group.lower())
    # From a row of buttons Ctrl+Enter would press the button that has the focus.
    person.tab_to(page.get_by_role("button", name="Report event"))
    person.think()
    person.press("Enter")
    person.wait(lambda: saved(page))


def event_by_tap(person: Person, pseudonym: str) -> None:
    """The same on a phone."""
    page = person.page
    find_by_tap(person, pseudonym)
    person.think("what happened")
    person.tap(combobox(page, "What happened"))
    person.write("matting")
    person.tap(page.get_by_role("option").first)
    for group, answer in EVENT_ANSWERS:
        person.think(group.lower())
        person.tap(
            page.get_by_role("radiogroup", name=group).get_by_role("radio", name=answer, exact=True)
        )
    person.think()
    person.tap(page.get_by_role("button", name="Report event"))
    person.wait(lambda: saved(page))


@dataclass(frozen=True)
class Journey:
    """One way through one form, and its targets."""

    name: str
    go: Callable[[Person, str], None]
    path: str
    is_phone: bool
    most_seconds: float
    most_fields: int


JOURNEYS: Final = (
    Journey(
        "session, keyboard alone", session_by_key, "/record", False, SESSION_SECONDS, SESSION_FIELDS
    ),
    Journey(
        "session, touch at 390", session_by_tap, "/record", True, SESSION_SECONDS, SESSION_FIELDS
    ),
    Journey("event, keyboard alone", event_by_key, "/event", False, EVENT_SECONDS, SESSION_FIELDS),
    Journey("event, touch at 390", event_by_tap, "/event", True, EVENT_SECONDS, SESSION_FIELDS),
)


def known_patients(served: Served, today: dt.date) -> list[str]:
    """A patient for each journey, with a course under way and two lots on the shelf."""
    clinic = served.clinics[0]
    names = [f"P-0{100 + number}" for number in range(len(JOURNEYS))]
    with saving(served.engine) as db:
        clinician = a_clinician(
            db, clinic, 100, user_id=served.people["clinician"], display_name="Ada Doe"
        )
        lots = [
            a_lot(
                db, clinic, id=lot_id(clinic, PRODUCT, number), lot_number=number,
                expires_on=today + 400 * DAY,
            )
            for number in ("L-2", "L-1")
        ]  # fmt: skip
        for number, pseudonym in enumerate(names):
            patient = a_patient(db, clinic, pseudonym=pseudonym, enrolled_on=today - 90 * DAY)
            course = a_course(db, clinic, patient, opened_on=today - 50 * DAY, planned_sessions=4)
            for lot, days in zip(lots, (50, 42 + number), strict=True):
                session = a_session(
                    db, clinic, patient, course_id=course, clinician_id=clinician,
                    treated_on=today - days * DAY, consent_version="2026-1",
                )  # fmt: skip
                site = a_site(db, clinic, patient, session)
                an_injection(db, clinic, session, treated_site_id=site, lot_id=lot)
    return names


def travel(browser: Browser, served: Served, journey: Journey, pseudonym: str) -> Effort:
    """Go one journey from the opened page to the message that it is saved."""
    context = browser.new_context(
        base_url=served.address,
        viewport={"width": PHONE, "height": 844}
        if journey.is_phone
        else {"width": 1280, "height": 1400},
        has_touch=journey.is_phone,
        is_mobile=journey.is_phone,
        locale="en-GB",
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        page = context.new_page()
        person = Person(page)
        page.on("websocket", person.hear)
        page.goto(journey.path)
        expect(page.get_by_label("User name")).to_be_focused()
        page.get_by_label("User name").fill("clinician")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("textbox", name="Patient")).to_be_visible()
        expect(page.get_by_role("link", name="Skip to main content")).to_be_attached()
        person.page_rests()
        person.begin()
        journey.go(person, pseudonym)
        return person.effort
    finally:
        context.close()


@contextmanager
def a_server() -> Iterator[Served]:
    """The shipped server over an empty registry with one person per role."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "registry.sqlite"
        engine = make_engine(f"sqlite:///{database}")
        migration.upgrade(engine)
        engine.dispose()
        with serving(database, Path(folder) / "log") as served:
            served.people, served.clinics = people(served.engine)
            yield served


def main() -> None:
    today = dt.datetime.now(dt.UTC).date() - DAY
    missed = []
    expect.set_options(timeout=PATIENCE_MS)
    print(f"{'':<26}fields  keys  clicks  round trips  waits   own time  with waits")
    with a_server() as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(ARGUMENTS)
        )
        for journey, pseudonym in zip(JOURNEYS, known_patients(served, today), strict=True):
            effort = travel(browser, served, journey, pseudonym)
            print(
                f"{journey.name:<26}{len(effort.fields):>6}{effort.keys:>6}{effort.clicks:>8}"
                f"{effort.round_trips:>13}{len(effort.waits):>7}{effort.own_seconds:>9.1f} s"
                f"{effort.seconds():>10.1f} s",
                flush=True,
            )
            if effort.seconds() > journey.most_seconds or len(effort.fields) > journey.most_fields:
                missed.append(journey.name)
        browser.close()
    if missed:
        sys.exit(f"Over the target: {', '.join(missed)}")


if __name__ == "__main__":
    main()
