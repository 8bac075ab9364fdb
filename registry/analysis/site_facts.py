"""Treated sites, and every look at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
import sqlalchemy as sa

from registry.analysis.columns import (
    Codes,
    Column,
    as_days,
    as_text,
    coded,
    columns_of,
    places,
    whole,
)
from registry.analysis.dimensions import CALIBRES, NOT_RECORDED
from registry.analysis.patient_codes import PatientCodes
from registry.analysis.session_facts import CALIBRE
from registry.analysis.touched_patients import Patients, of_patients
from registry.catalogue import catalogue
from registry.database import DbSession
from registry.schema import FollowUp, SiteOutcome, TreatedSite
from registry.vocabulary import (
    FollowUpMethod,
    FollowUpStatus,
    Laterality,
    Occlusion,
    SiteFinding,
    VesselClass,
)

SITE_LEVELS: Final[dict[str, tuple[str, ...]]] = {
    "side": tuple(Laterality),
    "anatomy_code": tuple(catalogue().anatomy),
    "method": tuple(FollowUpMethod),
    "finding": tuple(SiteFinding),
    "occlusion": tuple(Occlusion),
    "scale": tuple(catalogue().scales),
}

OF_SITES: Final[dict[str, tuple[str, ...]]] = {
    "site": tuple(catalogue().anatomy),
    "vessel_class": (*(name.value for name in VesselClass), NOT_RECORDED),
    "calibre": (*CALIBRES, NOT_RECORDED),
}
"""Dimensions of which every treated site has a level of its own, whatever its session holds."""


def site_facts(
    db: DbSession,
    patients: PatientCodes,
    session_keys: tuple[Column, Column],
    session_days: Codes,
    only: Patients | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The treatments of each site, and the looks at it, both in the order of site and day."""
    treated = columns_of(
        db,
        TreatedSite.clinic_id,
        as_text(TreatedSite.treatment_session_id, db).label("session_id"),
        as_text(TreatedSite.patient_id, db).label("patient_id"),
        sa.type_coerce(TreatedSite.side, sa.String).label("side"),
        TreatedSite.anatomy_code,
        sa.type_coerce(TreatedSite.vessel_class, sa.String).label("vessel_class"),
        CALIBRE.label("calibre"),
        where=[TreatedSite.voided_at.is_(None), *of_patients(only, TreatedSite)],
    )
    key = ("clinic_id", "patient", "side", "anatomy_code")
    treated["patient"] = patients.of(treated["clinic_id"], treated["patient_id"])
    keys = [treated[name] for name in key]
    session = places((treated["clinic_id"], treated["session_id"]), session_keys)
    first_of_site = _first_places(keys)
    kept = session >= 0
    # Dense codes over what is kept, in the order of first treatment.
    codes, firsts = pd.factorize(first_of_site[kept])
    sites = pd.DataFrame(
        {
            "site": codes.astype(np.int64),
            "patient": treated["patient"][kept],
            "session": session[kept],
            "day": session_days[session[kept]],
            "side": coded(treated["side"][kept], SITE_LEVELS["side"]),
            "anatomy_code": coded(treated["anatomy_code"][kept], SITE_LEVELS["anatomy_code"]),
            # A blank is the last level.
            **{
                name: coded(treated[name][kept], OF_SITES[name]) % len(OF_SITES[name])
                for name in ("vessel_class", "calibre")
            },
        }
    ).sort_values(["site", "day"], ignore_index=True)
    looks = columns_of(
        db,
        SiteOutcome.clinic_id,
        as_text(SiteOutcome.patient_id, db).label("patient_id"),
        sa.type_coerce(SiteOutcome.side, sa.String).label("side"),
        SiteOutcome.anatomy_code,
        as_days(FollowUp.seen_on, db).label("day"),
        sa.type_coerce(FollowUp.method, sa.String).label("method"),
        sa.type_coerce(SiteOutcome.finding, sa.String).label("finding"),
        SiteOutcome.scale_code,
        sa.cast(SiteOutcome.score, sa.Float).label("score"),
        sa.type_coerce(SiteOutcome.occlusion, sa.String).label("occlusion"),
        source=sa.join(
            SiteOutcome,
            FollowUp,
            sa.and_(
                FollowUp.clinic_id == SiteOutcome.clinic_id,
                FollowUp.id == SiteOutcome.follow_up_id,
            ),
        ),
        where=[
            SiteOutcome.voided_at.is_(None),
            FollowUp.voided_at.is_(None),
            FollowUp.status == FollowUpStatus.SEEN,
            *of_patients(only, SiteOutcome),
        ],
    )
    looks["patient"] = patients.of(looks["clinic_id"], looks["patient_id"])
    row = places([looks[name] for name in key], [column[firsts] for column in keys])
    outcomes = pd.DataFrame(
        {
            "site": row,
            "day": whole(looks["day"]),
            "method": coded(looks["method"], SITE_LEVELS["method"]),
            "finding": coded(looks["finding"], SITE_LEVELS["finding"]),
            "scale": coded(looks["scale_code"], SITE_LEVELS["scale"]),
            "score": looks["score"].astype(np.float64),
            "occlusion": coded(looks["occlusion"], SITE_LEVELS["occlusion"]),
        }
    )
    outcomes = outcomes[outcomes["site"] >= 0].sort_values(["site", "day"], ignore_index=True)
    return sites, outcomes


def _first_places(columns: Sequence[Column]) -> Codes:
    """For each row the first row with the same values."""
    return places(columns, columns)
