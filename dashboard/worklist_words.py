"""What the worklist says: risks, silence, calls, and what to ask in words of a colleague."""

from __future__ import annotations

from dashboard import words
from dashboard.text import _, ngettext, within
from registry.analysis import wording
from registry.analysis.call_lines import (
    FAILED_ATTEMPTS,
    SILENT_DAYS,
    Attempt,
    CallLine,
    Risk,
    Show,
    Silence,
    Timing,
)
from registry.catalogue import EventFamily
from registry.vocabulary import ContactMethod, ContactOutcome


def parts() -> dict[Show, str]:
    """Parts of the list as the page calls them."""
    return {
        Show.TO_CALL: _("To call"),
        Show.OVERDUE: _("Overdue"),
        Show.DUE: _("Due soon"),
        Show.UNREACHABLE: _("Unreachable"),
        Show.NOT_PLANNED: _("Never planned"),
    }


def risks() -> dict[Risk, str]:
    """Risks as the page calls them, the first to be called first."""
    return {
        Risk.OPEN_SERIOUS: _("Serious event, still open"),
        Risk.OPEN_EVENT: _("Event still open"),
        Risk.SERIOUS_BEFORE: _("Serious event before"),
        Risk.TRUNCAL_FOAM: _("Foam in a truncal vein"),
        Risk.COMPLICATION_BEFORE: _("Complication before"),
        Risk.NONE: _("None of these"),
    }


def silence(why: Silence) -> str:
    """Why a patient counts as unreachable."""
    return {
        Silence.WRONG_CONTACT: _("Unreachable: wrong number or address"),
        Silence.NOT_REACHED: _("Unreachable: {count} attempts").format(count=FAILED_ATTEMPTS),
        Silence.NOT_HEARD: _("Lost: nothing heard for {days} days").format(days=SILENT_DAYS),
    }[why]


def methods() -> dict[ContactMethod, str]:
    """Ways to reach a patient, the usual one first."""
    return {
        ContactMethod.PHONE: _("Call"),
        ContactMethod.TEXT_MESSAGE: _("Text message"),
        ContactMethod.EMAIL: _("E-mail"),
        ContactMethod.LETTER: _("Letter"),
        ContactMethod.IN_PERSON: _("In person"),
    }


def outcomes() -> dict[ContactOutcome, str]:
    """What may come of an attempt, the most frequent first."""
    return {
        ContactOutcome.NO_ANSWER: _("No answer"),
        ContactOutcome.MESSAGE_LEFT: _("Message left"),
        ContactOutcome.REACHED: _("Reached"),
        ContactOutcome.APPOINTMENT_MADE: _("Appointment made"),
        ContactOutcome.WRONG_CONTACT: _("Wrong number or address"),
        ContactOutcome.DECLINED: _("Does not want to come"),
    }


def attempt(made: Attempt) -> str:
    """One attempt: "12 Nov 2026, call: no answer"."""
    said = _("{day}, {method}: {outcome}").format(
        day=words.day(made.attempted_on),
        method=within(methods()[made.method]),
        outcome=within(outcomes()[made.outcome]),
    )
    return f"{said} – {made.note}" if made.note else said


def attempts(line: CallLine) -> str:
    """How often it was tried, and what came of it last."""
    if not line.attempts:
        return _("Not tried yet")
    return ngettext("Tried once. {last}", "Tried {count} times. {last}", len(line.attempts)).format(
        count=len(line.attempts), last=attempt(line.attempts[0])
    )


def visit(line: CallLine) -> str:
    """Which visit, and since when it is due; of a session without one, when that was."""
    if line.timing is Timing.NOT_PLANNED and line.treated_on is not None:
        return _("treated {day}, no visit planned").format(day=words.day(line.treated_on))
    days = line.days_overdue
    if days > 0:
        when = ngettext("{count} day ago", "{count} days ago", days)
    elif days == 0:
        when = _("today")
    else:
        when = ngettext("in {count} day", "in {count} days", -days)
    return _("{visit}, due {day} ({when})").format(
        visit=words.visit(line.visit_code),
        day=words.day(line.due_on),
        when=when.format(count=wording.count(abs(days))),
    )


def questions() -> dict[EventFamily, str]:
    """What to ask on the telephone about each kind of event."""
    return {
        EventFamily.NECROSIS: _("A sore, a blister or black skin where you were injected?"),
        EventFamily.DEEP_THROMBOSIS: _("A swollen or painful calf?"),
        EventFamily.CARDIORESPIRATORY: _("Short of breath, chest pain or a cough?"),
        EventFamily.NEUROLOGICAL: _("Trouble seeing, speaking or moving, or a migraine?"),
        EventFamily.ALLERGY: _("A rash, hives or a swollen face?"),
        EventFamily.SUPERFICIAL_THROMBOSIS: _("A hard, tender cord or lump?"),
        EventFamily.INFECTION: _("Fever, or skin that is hot and red?"),
        EventFamily.NERVE_INJURY: _("Numb or tingling skin?"),
        EventFamily.OEDEMA: _("Is the leg or the foot swollen?"),
        EventFamily.PIGMENTATION: _("Brown marks along the treated veins?"),
        EventFamily.MATTING: _("New fine red veins near the treated place?"),
        EventFamily.INJECTION_SITE: _("Pain, itching or bruises that did not go away?"),
        EventFamily.VASOVAGAL: _("Did you faint, or nearly?"),
        EventFamily.HAEMOLYSIS: _("Dark urine after the treatment?"),
        EventFamily.OTHER_SKIN: _("Anything else about the skin?"),
        EventFamily.COMPRESSION: _("Trouble with the stocking or bandage?"),
        EventFamily.ERROR: _("Did anything go wrong on the day?"),
        EventFamily.OTHER: _("Anything else that was not as it should be?"),
    }
