"""Does the table of answers keep to counts where too few answered?"""

from __future__ import annotations

import pytest

from dashboard import outcome_data
from registry.analysis import wording
from registry.analysis.reported_outcomes import Satisfaction
from registry.statistics.proportions import proportion


@pytest.mark.parametrize(("answered", "share"), [(9, wording.DASH), (10, "100.0\u202f%")])
def test_below_ten_answers_there_is_no_percentage(answered: int, share: str) -> None:
    found = Satisfaction(
        estimate=proportion(answered, answered, unit="patients"),
        answers={3: answered},
        treated=answered,
    )
    (line,) = outcome_data.answer_table(found)
    assert (line["Patients"], line["Share"]) == (str(answered), share)
