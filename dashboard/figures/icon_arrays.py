"""A frequency as an array of signs, one for each patient: what a leaflet shows.

A filled circle had it, a grey square may have had it, an empty circle had it not: form and tone
differ, so the picture can be printed in black and white. Signs of a kind stand together, because
scattered ones are counted less well (Ancker et al. 2006).
"""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from dashboard.figures.marks import INK, Figure
from registry.analysis.leaflet import Signs

WIDTH: Final = 320
"""Of the whole array in pixels: the narrowest phone has room for it."""
COLUMNS: Final = {100: 20, 1000: 50}
GREY: Final = "#8a949e"
FILLED_PART: Final = 0.72
"""Of the distance from one sign to the next, the part that a sign takes up."""


def icon_array(signs: Signs, of: int, *, title: str, description: str, key: str) -> Figure:
    """The array of ``of`` patients, a number in :data:`COLUMNS`."""
    columns = COLUMNS[of]
    rows, step = of // columns, WIDTH / columns
    patients = (
        alt.Chart(alt.sequence(0, of, 1, as_="patient"))
        .transform_calculate(
            column=f"datum.patient % {columns}", row=f"floor(datum.patient / {columns})"
        )
        .encode(
            alt.X("column:Q", axis=None, scale=alt.Scale(domain=[-0.5, columns - 0.5], nice=False)),
            alt.Y(
                "row:Q",
                axis=None,
                scale=alt.Scale(domain=[-0.5, rows - 0.5], nice=False, reverse=True),
            ),
        )
    )
    unknown = signs.had + signs.unknown
    size = (FILLED_PART * step) ** 2
    kinds: tuple[tuple[int, int, dict[str, Any]], ...] = (
        (0, signs.had, {"shape": "circle", "color": INK, "filled": True, "size": size}),
        # A square of the same width as a circle would look larger.
        (
            signs.had,
            unknown,
            {"shape": "square", "color": GREY, "filled": True, "size": 0.75 * size},
        ),
        (
            unknown,
            of,
            {
                "shape": "circle",
                "color": INK,
                "filled": False,
                "size": 0.8 * size,
                "strokeWidth": step / 16,
                "opacity": 0.8,
            },
        ),
    )
    layers = [
        patients.transform_filter(f"datum.patient >= {first} && datum.patient < {end}").mark_point(
            **({"opacity": 1, "aria": False} | look)
        )
        for first, end, look in kinds
        if end > first
    ]
    return Figure(
        alt.layer(*layers).properties(width=WIDTH, height=round(rows * step)),
        title,
        description,
        key,
    )
