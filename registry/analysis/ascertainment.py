"""How events came to light here: asked for item by item, or noted without a list of them.

Whoever asks item by item learns of more events than whoever notes what is told, so the two are not
compared.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registry.analysis.counting import Days, history_of, is_mature, outcome_of
from registry.analysis.event_facts import CHECKLISTS
from registry.analysis.facts import Facts
from registry.catalogue import Asking, catalogue

NOTED_SHARE: Final = 0.95
"""Share of assessed sessions without a list from which the whole counts as noted. Our decision: as
many as must be assessed for a proportion to be the headline."""


def is_noted(facts: Facts, event: str, sessions: NDArray[np.bool_], today: dt.date) -> bool:
    """Whether hardly anybody was asked item by item after the sessions that an outcome counts.

    Of the mature and assessed sessions at least :data:`NOTED_SHARE` had no follow-up with a list of
    items on their day or later: the open question for any incident was asked, or the event was
    noted of itself. False where none was assessed.
    """
    outcome = outcome_of(event)
    assessed = sessions & is_mature(facts, outcome, today) & history_of(facts, outcome).known
    if not assessed.any():
        return False
    last = facts.once("last asked item by item", lambda: _last_itemised(facts))
    of_session = last[facts.sessions["patient"].to_numpy()]
    noted = of_session < facts.sessions["day"].to_numpy()
    return int((assessed & noted).sum()) >= NOTED_SHARE * int(assessed.sum())


def _last_itemised(facts: Facts) -> Days:
    """Last day on which each patient was asked item by item; -1 for never."""
    versions = catalogue().checklist_versions
    # The last place answers for visits without a checklist, whose code is -1.
    has_items = np.array([*(versions[key].asks is Asking.EACH for key in CHECKLISTS), False])
    asked = has_items[facts.visits["checklist"].to_numpy()]
    patients = facts.visits["patient"].to_numpy()
    asked &= patients >= 0
    last = np.full(facts.patients, -1, dtype=np.int64)
    np.maximum.at(last, patients[asked], facts.visits["day"].to_numpy()[asked])
    return last
