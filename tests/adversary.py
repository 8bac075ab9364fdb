"""Whoever holds every published table, and asks what a hidden count can be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import LinearConstraint, linprog, milp

from registry.statistics.disclosure import Family, ReleasedRow


def possible_values(
    released: Sequence[ReleasedRow], family: Family, i: int, kind: int
) -> list[int]:
    """Values of a count that agree with all that was released: at most three, found one by one.

    Written from the adversary's side: it knows the published rows, which atoms each row holds, and
    that zeros are shown.
    """
    atoms = family.events.size
    holds = np.array([[a in row.atoms for a in range(atoms)] for row in family.rows], dtype=float)
    numerators = np.hstack([holds, np.zeros_like(holds)])
    denominators = np.hstack([holds, holds])
    target = (numerators, denominators)[kind][i]
    names = [row.name for row in family.rows if row.published]
    assert [row.name for row in released] == names
    equal, equal_to, at_least = [], [], []
    for row, shown in zip([r for r in family.rows if r.published], released, strict=True):
        j = family.rows.index(row)
        if shown.numerator is not None:
            equal.append(numerators[j])
            equal_to.append(shown.numerator)
        elif shown.denominator is not None:
            at_least.append(numerators[j])
        if shown.denominator is not None:
            equal.append(denominators[j])
            equal_to.append(shown.denominator)
        else:
            at_least.append(denominators[j])
    some = {
        "A_eq": np.array(equal) if equal else None,
        "b_eq": equal_to if equal else None,
        "A_ub": -np.array(at_least) if at_least else None,
        "b_ub": -np.ones(len(at_least)) if at_least else None,
    }
    least = linprog(target, **some)
    greatest = linprog(-target, **some)
    assert least.status == 0
    low = int(np.ceil(least.fun - 1e-6))
    high = low + 20 if greatest.status == 3 else int(np.floor(-greatest.fun + 1e-6))
    assert high - low >= 2, "the linear programme narrows a hidden count down"
    constraints = [LinearConstraint(np.array(equal), equal_to, equal_to)] if equal else []
    if at_least:
        constraints.append(LinearConstraint(np.array(at_least), 1, np.inf))
    values = []
    for value in range(low, high + 1):
        found = milp(
            np.zeros(2 * atoms),
            integrality=np.ones(2 * atoms, dtype=int),
            constraints=[*constraints, LinearConstraint(target, value, value)],
        )
        values += [value] if found.x is not None else []
        if len(values) == 3:
            break
    return values
