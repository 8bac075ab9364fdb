"""The photographs of a patient: each leg from each side, before and after, side by side."""

from __future__ import annotations

import contextlib
import html
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import data, photograph_data, photograph_form, photograph_words
from dashboard.text import _, ngettext, plain
from registry.analysis.photographs import Aspect, Shot
from registry.analysis.timeline import PatientHeader, Timeline
from registry.vocabulary import Laterality


def panel(patient: PatientHeader, shown: Timeline) -> None:
    """Everything photographed so far, side by side, and the way to add one."""
    past = photograph_data.photographs_of(patient.id)
    if not (past.aspects or past.withdrawn or data.may_record()):
        return
    photograph_form.announce()
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(_('Photographs'))}**", width="stretch")
            if data.may_record() and st.button(
                _("Add a photograph"), key="photographs:add", icon=":material/add_a_photo:"
            ):
                photograph_form.open_for(patient.id)
        if not past.aspects:
            st.text(
                _(
                    "None yet. One before the first needle and one from the same side at each "
                    "visit show what the treatment did."
                )
            )
        elif photograph_data.may_see_pictures():
            places = [place for aspect in past.aspects for place in _pair(aspect)]
            paths = photograph_data.paths([shot for _column, shot in places])
            for column, shot in places:
                with column:
                    _figure(shot, photograph_words.caption(shot), paths.get(shot.id))
        else:
            for aspect in past.aspects:
                days = "; ".join(map(photograph_words.caption, aspect.shots))
                st.text(f"{photograph_words.subject(aspect.shots[0])}: {days}")
            st.text(_("Pictures of people are shown to those who may see who a patient is."))
        if data.may_amend() and (past.aspects or past.withdrawn):
            photograph_form.take_away(past)
    photograph_form.ask(patient, shown, past)


def by_last_photograph(
    patient_id: UUID, sites: Sequence[tuple[Laterality, str]]
) -> Mapping[Shot | None, Sequence[tuple[Laterality, str]]]:
    """The sites that share a last photograph; all share none for those who see no pictures."""
    if not photograph_data.may_see_pictures():
        return {None: sites}
    past = photograph_data.photographs_of(patient_id)
    found: defaultdict[Shot | None, list[tuple[Laterality, str]]] = defaultdict(list)
    for site in sites:
        found[past.last_of(*site)].append(site)
    return found


@contextlib.contextmanager
def beside(shot: Shot | None) -> Iterator[None]:
    """Draw what follows beside the last photograph of what it is about, where there is one."""
    if shot is None:
        yield
        return
    left, right = st.columns([1, 2.5])
    with left:
        caption = _("Last photograph: {caption}").format(caption=photograph_words.caption(shot))
        _figure(shot, caption, photograph_data.paths([shot]).get(shot.id))
    with right:
        yield


def _pair(aspect: Aspect) -> list[tuple[DeltaGenerator, Shot]]:
    """Room for two photographs from the same side: before and after, or any two of several."""
    st.markdown(f"**{plain(photograph_words.subject(aspect.shots[0]))}**")
    shots = {shot.id: shot for shot in aspect.shots}
    pair = [aspect.before, aspect.after]
    columns = st.columns(2)
    if len(shots) > 2:
        pair = [
            shots[
                column.selectbox(
                    name,
                    list(shots),
                    index=list(shots).index((shot or other).id),
                    format_func=lambda key: photograph_words.caption(shots[key]),
                    key=f"photographs:{number}:{aspect.shots[0].id}",
                )
            ]
            for number, (column, name, shot, other) in enumerate(
                zip(
                    columns,
                    (_("First picture"), _("Second picture")),
                    pair,
                    (aspect.shots[0], aspect.shots[-1]),
                    strict=True,
                )
            )
        ]
    for column, shot, missing in zip(
        columns,
        pair,
        (
            _("No photograph from this side before treatment."),
            _("No photograph from this side after treatment yet."),
        ),
        strict=True,
    ):
        if shot is None:
            column.text(missing)
    first, second = pair
    if first is not None and second is not None and first.taken_on != second.taken_on:
        days = abs((second.taken_on - first.taken_on).days)
        st.text(
            ngettext("{count} day between them.", "{count} days between them.", days).format(
                count=days
            )
        )
    return [(column, shot) for column, shot in zip(columns, pair, strict=True) if shot is not None]


def _figure(shot: Shot, caption: str, path: str | None) -> None:
    if path is None:
        st.text(caption)
        return
    seen = photograph_words.described(shot)
    st.html(
        f'<figure class="registry-photograph"><img src="{html.escape(path)}"'
        f' alt="{html.escape(seen)}"><figcaption>{html.escape(caption)}</figcaption></figure>'
    )
