"""The sentences of the patients' leaflet: short, with frequencies of a group that stays the same.

Numbers and days are written in the language in which a function is called, so the whole leaflet is
to be put into words within :func:`registry.language.speaking`. A frequency is never "1 in x": the
larger x, the rarer, which many read the other way round (Gigerenzer & Edwards 2003).
"""

from __future__ import annotations

from collections.abc import Sequence

from registry.analysis import wording
from registry.analysis.leaflet import (
    LeafletItem,
    LeafletReport,
    Seen,
    Signs,
)
from registry.messages import Message, message
from registry.statistics.display_rules import SMALL_COUNT_THRESHOLD


def title() -> Message:
    """What the leaflet is called."""
    return message("How often does treatment have an unwanted effect?")


def subtitle(report: LeafletReport) -> Message:
    """Which treatment, and where."""
    if not report.clinic:
        return message("Injections into leg veins (sclerotherapy)")
    return message("Injections into leg veins (sclerotherapy) at {clinic}", clinic=report.clinic)


def introduction(report: LeafletReport) -> tuple[Message, ...]:
    """How to read the pictures, and whose numbers these are."""
    of = wording.count(report.of)
    told = [
        message(
            "Each picture shows {of} patients. One sign is one patient. All pictures have the "
            "same number of signs, so you can compare them.",
            of=of,
        )
    ]
    if report.treatments_each is None:
        told.append(
            message(
                "None of these numbers is from our clinic. We do not have enough patients of our "
                "own to count."
            )
            if report.clinic
            else message("None of these numbers is from our clinic.")
        )
        return tuple(told)
    told.append(
        message(
            "Our own numbers are of our last {patients} patients. They were treated from {start} "
            "to {end}.",
            patients=wording.count(report.patients or 0),
            start=wording.day(report.start),
            end=wording.day(report.end),
        )
    )
    if report.treatments_each > 1:
        told.append(
            message(
                "On average each of them was treated {times} times. We count patients, not "
                "treatments.",
                times=wording.count(report.treatments_each),
            )
        )
    return tuple(told)


def own_items(report: LeafletReport) -> tuple[LeafletItem, ...]:
    """Those with a number of the clinic's own."""
    return tuple(item for item in report.items if item.seen is Seen.COUNTED)


def other_items(report: LeafletReport) -> tuple[LeafletItem, ...]:
    """Those for which there is at most a published number."""
    return tuple(item for item in report.items if item.seen is not Seen.COUNTED)


def own_heading() -> Message:
    """Above the clinic's own numbers."""
    return message("Counted in our clinic")


def published_heading() -> Message:
    """Above the published numbers, which must never be taken for the clinic's own."""
    return message("Published elsewhere, not from our clinic")


def number(report: LeafletReport, item: LeafletItem) -> Message:
    """The frequency that the picture of an item shows, or that there is none to name."""
    signs, of = shown(item), wording.count(report.of)
    if signs is None:
        return message("Published numbers differ too much to name one.")
    if item.seen is Seen.COUNTED:
        return message(
            "About {had} of every {of} of our patients.", had=wording.count(signs.had), of=of
        )
    if signs.is_below_one:
        return message("Fewer than 1 of every {of} patients elsewhere.", of=of)
    if signs.unknown:
        return message(
            "Between {least} and {most} of every {of} patients elsewhere.",
            least=wording.count(signs.had),
            most=wording.count(signs.had + signs.unknown),
            of=of,
        )
    return message(
        "About {had} of every {of} patients elsewhere.", had=wording.count(signs.had), of=of
    )


def published_details(report: LeafletReport, item: LeafletItem) -> tuple[Message, ...]:
    """Time, uncertainty and size of what was published elsewhere; nothing beside an own number."""
    found = item.published
    if found is None:
        return ()
    told = [
        message("The source does not say over what time.")
        if found.window_days is None
        else _within(found.window_days),
        *_range(found.signs, report.of),
    ]
    if found.patients is not None:
        told.append(
            message(
                "{patients} patients were counted there.", patients=wording.count(found.patients)
            )
        )
    return tuple(told)


def own_details(report: LeafletReport, item: LeafletItem) -> tuple[Message, ...]:
    """What the clinic can say of its own patients; nothing where it can say nothing."""
    parts = {
        "patients": wording.count(report.patients or 0),
        "share": wording.whole_percent((item.followed_up or 0) / 100),
    }
    within = _within(item.window_days)
    followed = message("We followed up {share} of our last {patients} patients for this.", **parts)
    of_them = message("We followed up {share} of them for this.", **parts)
    match item.seen:
        case Seen.COUNTED if item.signs is not None:
            told = [within, followed]
            if item.signs.unknown:
                told.append(
                    message(
                        "For another {unknown} of every {of} we do not know.",
                        unknown=wording.count(item.signs.unknown),
                        of=wording.count(report.of),
                    )
                )
            return (*told, *_range(item.signs, report.of))
        case Seen.NONE:
            known = message(
                "In our clinic we know of none among our last {patients} patients.", **parts
            )
            if item.at_most is None:
                return (known, within, of_them, message("It can still happen."))
            possible = message(
                "It can still happen: up to {most} of every {of} would fit with this.",
                most=wording.count(item.at_most),
                of=wording.count(report.of),
            )
            return (known, within, of_them, possible)
        case Seen.FEWER:
            few = message(
                "In our clinic fewer than {limit} of our last {patients} patients had this.",
                limit=SMALL_COUNT_THRESHOLD,
                **parts,
            )
            return (few, within, of_them)
        case Seen.NEARLY_ALL:
            many = message(
                "In our clinic almost all of our last {patients} patients had this.", **parts
            )
            return (many, within, of_them)
        case Seen.NOT_FOLLOWED_UP:
            return (followed, message("That is too few for a number of our own."))
    return ()


def _within(days: int) -> Message:
    if days == 1:
        return message("Counted up to one day after a treatment.")
    return message("Counted up to {days} days after a treatment.", days=wording.count(days))


def _range(signs: Signs, of: int) -> Sequence[Message]:
    if signs.least is None or signs.most is None:
        return ()
    return (
        message(
            "The true number may lie between {least} and {most} of every {of}.",
            least=wording.count(signs.least),
            most=wording.count(signs.most),
            of=wording.count(of),
        ),
    )


def key(item: LeafletItem) -> Message:
    """What each kind of sign in the picture of an item means."""
    signs = shown(item)
    if signs is None or not signs.unknown:
        return message("● had it · ○ did not have it")
    if item.seen is Seen.COUNTED:
        return message("● had it · ■ not known · ○ did not have it")
    return message("● had it · ■ may have had it · ○ did not have it")


def shown(item: LeafletItem) -> Signs | None:
    """What the picture of an item shows: its own number or else the published one."""
    return item.signs or (item.published.signs if item.published else None)


def in_words(report: LeafletReport, item: LeafletItem) -> Message:
    """The picture of an item for somebody who does not see it."""
    signs = shown(item) or Signs(0, 0)
    return message(
        "{label}. Of {of} signs, each for one patient, {had} are filled, {unknown} are grey and "
        "{rest} are empty.",
        label=item.label,
        of=wording.count(report.of),
        had=wording.count(signs.had),
        unknown=wording.count(signs.unknown),
        rest=wording.count(report.of - signs.had - signs.unknown),
    )


def closing() -> Message:
    """What the numbers do not say."""
    return message(
        "These are numbers of groups. Your own chance may be higher or lower. Ask us what applies "
        "to you."
    )
