"""Drawn legs in place of photographs: each says that it is a drawing and shows nobody."""

from __future__ import annotations

import datetime as dt
import io
import random
from collections.abc import Iterator, Mapping, Sequence
from math import sin
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from registry.entry.forms import Entry, FollowUpEntry, PatientEntry, SessionEntry, SiteEntry
from registry.entry.photograph_content import Picture, digest_of
from registry.entry.photographs import PhotographEntry
from registry.entry.rows import derived_id
from registry.vocabulary import FollowUpStatus, Laterality, PhotoView, SkinType, VesselClass

SINCE: Final = dt.timedelta(days=190)
"""How long the demonstration clinic has been taking photographs."""
TAKEN: Final = 0.85
"""Share of the sessions and visits at which somebody thought of it."""
LEFT_BY_A_SESSION: Final = 0.5
"""Share of the drawn veins that a session leaves."""
SIZE: Final = (300, 420)
GROUND, INK = "#e9eef1", "#30404a"
SKIN: Final[Mapping[SkinType | None, str]] = dict(
    zip(SkinType, ("#f3dccb", "#ecccb3", "#dfb592", "#c48f66", "#94633f", "#5f4030"), strict=True)
) | {None: "#e5c3a6"}
VEINS: Final[Mapping[VesselClass | None, tuple[str, int, int, float]]] = {
    VesselClass.TELANGIECTASIA: ("#b3324a", 16, 1, 26),
    VesselClass.RETICULAR: ("#56629b", 9, 2, 70),
    VesselClass.VARICOSE: ("#4a5f8f", 4, 6, 130),
    VesselClass.TRUNCAL: ("#4a5f8f", 3, 7, 190),
}
"""Colour, number, breadth and length (pixels) of the drawn veins."""
LEG: Final = (
    (88, 0), (80, 60), (86, 130), (98, 190), (102, 215), (92, 255), (98, 310), (118, 370),
    (112, 400), (96, 419), (190, 419), (182, 396), (178, 370), (204, 305), (208, 255), (196, 215),
    (202, 185), (216, 120), (220, 60), (214, 0),
)  # fmt: skip
INSIDE: Final = ((112, 45, 190, 190), (116, 225, 186, 330))
"""Thigh and calf: left, top, right and bottom of where veins begin."""


def pictures(
    patient: PatientEntry, entries: Sequence[Entry], today: dt.date
) -> Iterator[tuple[PhotographEntry, Picture]]:
    """The patient's first site at each session and each visit for photographs, always the same."""
    sessions = [e for e in entries if isinstance(e, SessionEntry) and e.sites]
    if not sessions:
        return
    site = sessions[0].sites[0]
    days: dict[dt.date, SessionEntry | FollowUpEntry] = {
        e.seen_on: e
        for e in entries
        if isinstance(e, FollowUpEntry)
        and e.status is FollowUpStatus.SEEN
        and e.seen_on is not None
        and e.visit_code == "photo_12w"
    }
    days |= {session.treated_on: session for session in sessions}
    rng = random.Random(patient.id.int)  # noqa: S311 - made-up data must be the same each time
    for day, taken_at in sorted(days.items()):
        if rng.random() > TAKEN or day < today - SINCE:
            continue
        earlier = sum(session.treated_on < day for session in sessions)
        entry = PhotographEntry(
            id=derived_id(patient.id, "photograph", day),
            patient_id=patient.id,
            side=site.side,
            view=_view(site.anatomy_code),
            taken_on=day,
            consent_version="2024-1",
            treatment_session_id=taken_at.id if isinstance(taken_at, SessionEntry) else None,
            follow_up_id=taken_at.id if isinstance(taken_at, FollowUpEntry) else None,
        )
        yield entry, _drawn(patient, site, day, LEFT_BY_A_SESSION**earlier)


def _view(anatomy_code: str) -> PhotoView:
    if anatomy_code.endswith("_medial"):
        return PhotoView.MEDIAL
    if anatomy_code.endswith("_lateral"):
        return PhotoView.LATERAL
    if anatomy_code.startswith(("popliteal", "ssv", "giacomini")) or "posterior" in anatomy_code:
        return PhotoView.POSTERIOR
    return PhotoView.ANTERIOR


def _drawn(patient: PatientEntry, site: SiteEntry, day: dt.date, left: float) -> Picture:
    """A leg on which the share ``left`` of its veins is still to be seen."""
    image = Image.new("RGB", SIZE, GROUND)
    draw = ImageDraw.Draw(image)
    draw.polygon(LEG, fill=SKIN[patient.skin_type], outline=INK, width=2)
    rng = random.Random(patient.id.int)  # noqa: S311 - made-up data must be the same each time
    colour, count, breadth, length = VEINS.get(site.vessel_class, VEINS[VesselClass.RETICULAR])
    box = INSIDE["calf" in site.anatomy_code or "ankle" in site.anatomy_code]
    for number in range(count):
        points = _vein(rng, box, length)
        if number < count * left:
            draw.line(points, fill=colour, width=breadth, joint="curve")
    if site.side is Laterality.LEFT:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, SIZE[0], 30), fill=INK)
    draw.text((8, 7), "DEMO: a drawing, nobody's leg", fill="white", font=_FONT)
    draw.rectangle((0, 392, *SIZE), fill=GROUND)
    draw.text((8, 397), f"{patient.pseudonym}, {day}", fill=INK, font=_FONT)
    stored = io.BytesIO()
    image.save(stored, "JPEG", quality=70)
    return Picture(stored.getvalue(), digest_of(stored.getvalue()))


def _vein(
    rng: random.Random, box: tuple[int, int, int, int], length: float
) -> list[tuple[float, float]]:
    """A winding line downwards from somewhere in the box."""
    x, y = rng.uniform(box[0], box[2]), rng.uniform(box[1], max(box[1], box[3] - length))
    lean, swing, phase = rng.uniform(-0.25, 0.25), rng.uniform(2, 7), rng.uniform(0, 6)
    steps = 14
    return [
        (x + lean * length * i / steps + swing * sin(phase + i / 2), y + length * i / steps)
        for i in range(steps + 1)
    ]


_FONT: Final = ImageFont.load_default(15)
