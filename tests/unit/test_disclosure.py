"""Suppression never leaks: every hidden count is audited by linear and integer programmes."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.statistics.disclosure import (
    Family,
    ReleasedRow,
    Row,
    declare_family,
    keeps_hidden,
    protect,
)
from tests.adversary import possible_values
from tests.agreement import agrees

PLENTY = 40


def rows_about(*patients, denominators=PLENTY):
    """One row per atom with so many patients with an event, and the total of all."""
    atoms = len(patients)
    single = [
        Row((("clinic", i),), frozenset([i]), count, denominators)
        for i, count in enumerate(patients)
    ]
    total = Row((), frozenset(range(atoms)), sum(patients), atoms * denominators)
    events = np.array(patients)
    return Family(events, np.full(atoms, denominators), (*single, total))


def audit(family, released, threshold=5, minimum_patients=10):
    """Every hidden count, shown nowhere or suppressed, keeps three possible values."""
    published = iter(released)
    for i, row in enumerate(family.rows):
        small = 0 < row.denominator_patients < minimum_patients
        sensitive = row.numerator_patients > 0 and (
            row.numerator_patients < threshold
            or row.denominator_patients - row.numerator_patients < threshold
        )
        shown = next(published) if row.published else None
        hidden = shown or ReleasedRow(row.name, None if small or sensitive else 0, None)
        if small:
            assert hidden.denominator is None
        if small or sensitive:
            assert hidden.numerator is None
        kinds = [0] if hidden.numerator is None else []
        if (shown is not None or small) and hidden.denominator is None:
            kinds.append(1)
        for kind in kinds:
            values = len(possible_values(released, family, i, kind))
            oracle = "linear and integer programmes: 3 possible values"
            agrees("disclosure.protect", oracle, values, 3)


sessions = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["foam", "liquid", "both"]),
        st.integers(0, 29),
        st.sampled_from([True, False, False, False]),
    ),
    min_size=1,
    max_size=120,
)


@settings(max_examples=20, deadline=None)
@given(sessions)
def test_no_table_leaks_a_hidden_count(chosen):
    clinic, form, patient, event = zip(*chosen, strict=True)
    family = declare_family({"clinic": clinic, "form": form}, event, patient)
    audit(family, protect(family))


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_family_of_overlapping_outputs_leaks_a_hidden_count(seed):
    rng = np.random.default_rng(seed)
    n = 250
    family = declare_family(
        {
            "clinic": rng.choice(["a", "b", "c"], n, p=rng.dirichlet([0.5, 1, 2])),
            "form": rng.choice(["foam", "liquid", "both"], n, p=[0.5, 0.4, 0.1]),
            "quarter": rng.choice(["2026-1", "2026-2", "2026-3"], n),
        },
        rng.random(n) < 0.06,
        rng.integers(0, 200, n),
        unions={"quarter": {"first half": {"2026-1", "2026-2"}}},
    )
    audit(family, protect(family))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=2, max_size=4))
def test_one_column_agrees_with_enumeration(counts):
    family = rows_about(*counts, denominators=20)
    *cells, total = protect(family)
    hidden = [i for i, cell in enumerate(cells) if cell.numerator_suppressed]
    if total.numerator_suppressed or not hidden:
        return
    rest = total.numerator - sum(cell.numerator or 0 for cell in cells)
    choices = [
        values for values in product(range(1, 21), repeat=len(hidden)) if sum(values) == rest
    ]
    for position in range(len(hidden)):
        assert len({values[position] for values in choices}) >= 3


@pytest.mark.parametrize(
    ("patients_with_event", "suppressed"), [(0, False), (1, True), (4, True), (5, False)]
)
def test_a_numerator_is_hidden_below_five_patients_and_zero_is_shown(
    patients_with_event, suppressed
):
    row, *_ = protect(rows_about(patients_with_event, 10))
    assert row.numerator_suppressed is suppressed
    assert row.numerator == (None if suppressed else patients_with_event)
    assert row.denominator == PLENTY


@pytest.mark.parametrize(("without_event", "suppressed"), [(0, True), (4, True), (5, False)])
def test_a_numerator_is_hidden_when_nearly_all_had_the_event(without_event, suppressed):
    row, *_ = protect(rows_about(PLENTY - without_event, 10))
    assert row.numerator_suppressed is suppressed


@pytest.mark.parametrize(("patients", "suppressed"), [(9, True), (10, False)])
def test_a_row_about_fewer_than_ten_patients_is_hidden_whole(patients, suppressed):
    family = Family(
        np.array([0, 5]),
        np.array([patients, PLENTY]),
        (Row((("clinic", 0),), frozenset([0]), 0, patients),),
    )
    (row,) = protect(family)
    assert (row.numerator_suppressed, row.denominator_suppressed) == (suppressed, suppressed)
    assert row.numerator == (None if suppressed else 0)


def test_the_threshold_counts_patients_and_not_sessions():
    clinic = ["a"] * 20 + ["b"] * 60
    patient = [0] * 8 + list(range(1, 13)) + list(range(100, 160))
    event = [True] * 8 + [False] * 12 + [True] * 10 + [False] * 50
    rows = {row.name: row for row in protect(declare_family({"clinic": clinic}, event, patient))}
    # Eight events of one patient.
    assert rows[("clinic", "a"),].numerator_suppressed


def test_a_lone_hidden_cell_takes_the_next_smallest_with_it():
    *cells, total = protect(rows_about(3, 8, 12, 30, denominators=60))
    assert [cell.numerator for cell in cells] == [None, None, 12, 30]
    assert total.numerator == 53


@pytest.mark.parametrize(
    ("common", "own", "rows", "left"), [(4, 2, 2, [1, 3]), (3, 3, 6, [1, 7, 13])]
)
def test_a_count_is_protected_where_only_whole_numbers_give_it_away(common, own, rows, left):
    # Were all sums shown, u + a for each a, and w + every a, then w would move in steps of the
    # number of sums. In fractions it moves freely. A value as far away as 13 is not looked for.
    atoms = np.array([1, common, *[own] * rows])
    others = range(2, 2 + rows)
    sets = [{0}, {1}, *({i} for i in others), *({1, i} for i in others), {0, *others}]
    made = tuple(
        Row(
            (("part", i),),
            frozenset(members),
            int(atoms[list(members)].sum()),
            PLENTY * len(members),
        )
        for i, members in enumerate(sets)
    )
    family = Family(atoms, np.full(atoms.size, PLENTY), made)
    naive = tuple(
        ReleasedRow(
            row.name,
            row.numerator_patients if len(row.atoms) > 1 else None,
            PLENTY * len(row.atoms),
        )
        for row in made
    )
    assert possible_values(naive, family, 0, 0) == left
    released = protect(family)
    assert released[-1].numerator_suppressed
    audit(family, released)


def test_a_small_clinic_takes_the_next_smallest_row_with_it():
    clinic = np.repeat(["a", "b", "c"], [6, 50, 60])
    event = np.repeat([False, True, False, True, False], [6, 10, 44, 15, 41])
    family = declare_family({"clinic": clinic}, event, range(116))
    released = protect(family)
    assert [row.denominator for row in released] == [116, None, None, 60]
    audit(family, released)


def test_where_only_zeros_are_left_the_total_is_hidden():
    *cells, total = protect(rows_about(2, 0, 0))
    assert [cell.numerator for cell in cells] == [None, 0, 0]
    assert total.numerator_suppressed


def test_all_but_foam_cannot_be_had_by_subtraction():
    # Twelve with foam, two without: "all" minus "foam" would tell the two.
    form = ["foam"] * 100 + ["liquid"] * 50 + ["both"] * 50
    event = [True] * 12 + [False] * 88 + [True] + [False] * 49 + [True] + [False] * 49
    family = declare_family({"form": form}, event, range(200))
    complements = [row.name for row in family.rows if not row.published]
    assert (("form", ("all but", "foam")),) in complements
    rows = {row.name: row for row in protect(family)}
    assert rows[()].numerator_suppressed or rows[("form", "foam"),].numerator_suppressed
    assert set(rows).isdisjoint(complements)


def test_two_windows_cannot_be_subtracted():
    quarter = ["q1"] * 100 + ["q2"] * 100 + ["q3"] * 100
    event = [True] * 20 + [False] * 80 + [True] * 20 + [False] * 80 + [True] * 2 + [False] * 98
    family = declare_family(
        {"quarter": quarter},
        event,
        range(300),
        unions={"quarter": {"first half": {"q1", "q2"}}},
    )
    rows = {row.name: row for row in protect(family)}
    assert rows[("quarter", "q3"),].numerator_suppressed
    half, whole = rows[("quarter", "first half"),], rows[()]
    assert half.numerator_suppressed or whole.numerator_suppressed


def test_nothing_is_hidden_where_nothing_is_small():
    rows = protect(rows_about(10, 12, 20))
    assert not any(row.numerator_suppressed or row.denominator_suppressed for row in rows)


def test_the_pattern_is_the_same_every_time():
    family = rows_about(3, 3, 8, 8, 1)
    assert protect(family) == protect(family)


def test_a_family_counts_sessions_and_patients_of_every_margin():
    family = declare_family(
        {"clinic": ["a", "a", "b", "b"], "form": ["foam", "foam", "foam", "liquid"]},
        [True, True, False, True],
        ["p", "p", "p", "q"],
    )
    rows = {row.name: row for row in family.rows if row.published}
    assert len(rows) == 1 + 2 + 2 + 3
    assert rows[()].numerator_patients == 2
    assert rows[("form", "foam"),].numerator_patients == 1
    assert rows[("clinic", "a"), ("form", "foam")].denominator_patients == 1
    assert family.sessions.sum() == 4
    assert family.events.sum() == 3


def test_an_empty_cohort_shows_no_row():
    assert declare_family({"clinic": []}, [], []).rows == ()


@pytest.mark.parametrize(
    "call",
    [
        lambda: declare_family({"clinic": ["a"]}, [True, False], ["p", "q"]),
        lambda: declare_family(
            {"clinic": ["a"]}, [True], ["p"], unions={"clinic": {"all": {"a", "z"}}}
        ),
        lambda: protect(Family(np.array([2]), np.array([1]), ())),
        lambda: protect(Family(np.array([1]), np.array([1]), (Row((), frozenset([3]), 1, 1),))),
    ],
    ids=range(4),
)
def test_impossible_input_is_refused(call):
    with pytest.raises(ValueError, match=r"\w"):
        call()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=4), st.booleans())
def test_a_release_put_together_elsewhere_is_audited_as_an_adversary_would(counts, has_total):
    family = rows_about(*counts, denominators=30)
    *cells, total = (
        ReleasedRow(
            row.name,
            row.numerator_patients
            if row.numerator_patients == 0 or row.numerator_patients >= 5
            else None,
            row.denominator_patients,
        )
        for row in family.rows
    )
    shown = total.numerator if has_total else None
    released = (*cells, ReleasedRow((), shown, total.denominator))
    hidden = [i for i, row in enumerate(released) if row.numerator is None]
    try:
        is_kept = all(len(possible_values(released, family, i, 0)) == 3 for i in hidden)
    except AssertionError:
        is_kept = False
    assert keeps_hidden(family, released) is is_kept


def test_what_protects_itself_keeps_what_it_hides_and_what_shows_a_small_count_does_not():
    family = rows_about(3, 8, 12)
    assert keeps_hidden(family, protect(family))
    everything = [
        ReleasedRow(row.name, row.numerator_patients, row.denominator_patients)
        for row in family.rows
    ]
    assert not keeps_hidden(family, everything)
