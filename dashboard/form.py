"""The form of an entry page: its fields, what is wrong with them, and what was saved.

A form keeps its values in ``st.session_state`` under keys with a number of its own, so they outlast
errors and a look at another page, and the next form starts blank. Its identifier is made when it is
opened: however often it is sent, it is stored once. What was typed is kept as a draft as well.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import (
    choices,
    components,
    data,
    draft_offers,
    open_forms,
    override_fields,
    safety_data,
    stale_form,
    state,
    words,
)
from dashboard.open_forms import Opened
from dashboard.text import _, ngettext, plain
from registry.analysis.timeline import PatientHeader
from registry.database import FIRST_DAY, LAST_DAY
from registry.entry.forms import Entry, OverrideEntry
from registry.entry.problems import Level, Problem, in_the_way
from registry.entry.recording import Recorded
from registry.entry.stale import Place, Stale, merged
from registry.errors import InvalidEntry, RegistryError
from registry.messages import message
from registry.vocabulary import ReasonForChange

T = TypeVar("T")
M = TypeVar("M", bound=StrEnum)

DAY_FORMAT: Final = "DD.MM.YYYY"
REQUIRED: Final = "required"
PAUSE: Final = "700ms"
"""Rest after which a line of prose is kept although nobody left it; paragraphs cannot do that."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was stored, in words, and when."""

    heading: str
    lines: tuple[str, ...]
    recorded: Recorded


class Form:
    """The fields of one entry form. Make it anew at each run; the values stay."""

    def __init__(self, name: str, kind: type[Entry]) -> None:
        """Take up the open form of this name, or open one."""
        self.name, self.kind = name, kind
        self.overrides: tuple[OverrideEntry, ...] = ()
        self._slots: dict[str, DeltaGenerator] = {}
        self._labels: dict[str, str] = {}
        self._required: list[str] = []
        wanted = st.session_state.pop(f"{name}:wanted", None)
        if wanted is not None:
            entry, version = data.stored(kind, wanted)
            self.reset(entry, version)
        elif f"{name}:opened" not in st.session_state:
            self.reset()
            self._go_on_after_restart()
        elif self.opened.clinic_id != state.clinic():
            self.reset()

    @property
    def opened(self) -> Opened:
        """The form as it was opened."""
        found: Opened = st.session_state[f"{self.name}:opened"]
        return found

    @property
    def saved(self) -> Saved | None:
        """What the last form of this name stored, until the next one is begun."""
        return st.session_state.get(f"{self.name}:saved")

    def reset(self, base: Entry | None = None, version: int = 0) -> None:
        """Begin a blank form, or one that corrects ``base``."""
        record_id = data.new_id() if base is None else base.id
        self._open(Opened(record_id, state.clinic(), data.new_id(), base, base, version))

    def _open(self, opened: Opened) -> None:
        """Put this form in place of the one that is open, and forget the values of that one."""
        earlier = st.session_state.get(f"{self.name}:opened")
        if earlier is not None:
            for key in list(open_forms.keys(self.name, earlier)):
                del st.session_state[key]
        st.session_state.pop(f"{self.name}:saved", None)
        st.session_state[f"{self.name}:opened"] = opened

    def resume(self, draft_id: UUID) -> None:
        """Go on with a draft in place of the form that is open, whose own draft is kept.

        Raises :class:`NotFound` when it was saved or discarded meanwhile.
        """
        draft, content = data.open_draft(draft_id)
        base, version = content.base, draft.base_version or 0
        if draft.base_version is not None and base is None:
            base, version = data.stored(self.kind, draft.record_id)
            if version != draft.base_version:
                raise RegistryError(
                    _(
                        "The record was changed since, and this draft comes from another version "
                        "of the program, so the two cannot be compared. Open the record instead."
                    )
                )
        if draft.patient_id is not None:
            components.open_patient(draft.patient_id)
        opened = Opened(draft.record_id, state.clinic(), draft.id, base, base, version)
        opened.restored, opened.lost = frozenset(content.values), set(content.unreadable)
        opened.resumed_from = draft.updated_at
        self._open(opened)
        for field, value in content.values.items():
            st.session_state[self.key(field)] = value

    def _go_on_after_restart(self) -> None:
        """Go on with the form that a page still shows although the server was started anew.

        Its draft gives everything but the field that was being typed in, which the browser holds.
        """
        left = open_forms.left_in_browser(self.name)
        for draft in data.drafts_of(self.name) if left else ():
            if open_forms.number_of(draft.id) in left:
                self.resume(draft.id)
                self.opened.left = left[self.opened.number]
                return

    def take_over(self, stale: Stale, keep_mine: Collection[Place]) -> None:
        """Put both people's changes into the form, to be looked over and saved as a correction."""
        said = {field: self.get(field) for field in ("reason", "reason_text")}
        earlier = self.opened
        self.reset(merged(stale.base, stale.mine, stale.theirs, keep_mine), stale.version)
        self.opened.stored = stale.theirs
        # The draft holds what was refused until the form holds both changes, and then those.
        if stale.saved_at is None:
            self.opened.replaces = earlier.request_key
        for field, value in said.items():
            if value is not None:
                self.set(field, value)

    def offer_drafts(self) -> None:
        """Offer what the person typed before and did not save."""
        draft_offers.show(self)

    def give_up(self) -> None:
        """Begin a blank form and discard what was typed in this one."""
        data.discard_draft(self.opened.request_key)
        self.reset()

    def begins_for(self, header: PatientHeader) -> bool:
        """Whether the fields still await their first values for this patient.

        A form begun for another patient is begun anew: nothing of that one may stay.
        """
        opened = self.opened
        if opened.patient_id == header.id:
            return False
        owner = getattr(opened.base, "patient_id", header.id)
        if opened.patient_id is not None or owner not in header.ids:
            self.reset()
        self.opened.patient_id = header.id
        return True

    def key(self, field: str) -> str:
        """Key of a field's widget."""
        return f"{self.name}:{self.opened.number}:{field}"

    def get(self, field: str, default: Any = None) -> Any:
        """Value of a field as it stands."""
        return st.session_state.get(self.key(field), default)

    def set(self, field: str, value: Any) -> None:
        """Give a field a value; only before its widget is drawn, or in a callback."""
        opened = self.opened
        if not opened.is_drawn:
            opened.begun[field] = value
            if field in opened.restored:
                return
        st.session_state[self.key(field)] = value

    def begin(self, field: str, value: Any) -> None:
        """Give a field its first value."""
        self.opened.begun.setdefault(field, value)
        if self.key(field) not in st.session_state:
            st.session_state[self.key(field)] = value

    def slot(self, field: str, label: str = "", *, required: bool = False) -> None:
        """Keep a place here for what is wrong with the field, also that it is blank."""
        self._slots[field] = st.empty()
        if label:
            self._labels[field] = label
        if required:
            self._required.append(field)
        if field in self.opened.lost:
            self._slots[field].text(_("Your answer is no longer offered. Please answer again."))

    def text(self, label: str, field: str, **options: Any) -> str:
        """A line of text."""
        self.begin(field, "")
        self._retype(field)
        typed = st.text_input(label, key=self.key(field), persist_state="session", **options)
        self.slot(field, label)
        return typed or ""

    def paragraph(self, label: str, field: str, **options: Any) -> str:
        """Several lines of text."""
        self.begin(field, "")
        self._retype(field)
        typed = st.text_area(label, key=self.key(field), persist_state="session", **options)
        self.slot(field, label)
        return typed or ""

    def _retype(self, field: str) -> None:
        """Give a field the text that a page from before a restart shows in it."""
        if not self.opened.is_drawn and field in self.opened.left:
            st.session_state[self.key(field)] = "".join(self.opened.left[field])

    def _choose_again(
        self, field: str, options: Sequence[Any], in_words: Callable[[Any], str]
    ) -> None:
        """Give a field the choice that a page from before a restart shows in it."""
        if self.opened.is_drawn or field not in self.opened.left:
            return
        for option in options:
            if (in_words(option),) == self.opened.left[field]:
                st.session_state[self.key(field)] = option

    def day(self, label: str, field: str, **options: Any) -> dt.date | None:
        """A day, or none; what is implausible is for the checks to say, not for the calendar."""
        self.begin(field, None)
        chosen: dt.date | None = st.date_input(
            label,
            key=self.key(field),
            format=DAY_FORMAT,
            persist_state="session",
            min_value=FIRST_DAY,
            max_value=LAST_DAY,
            **options,
        )
        self.slot(field, label, required=bool(options.get("required")))
        return chosen

    def choice(
        self, label: str, field: str, members: Iterable[M], *, as_list: bool = False, **options: Any
    ) -> M | None:
        """One member of a closed set, or none: buttons side by side, or a list."""
        members = list(members)
        self.begin(field, None)
        self._drop_unless_offered(field, members)
        self._choose_again(field, members, words.label)
        shared: dict[str, Any] = {
            "format_func": choices.offered(self, field, members, words.label),
            "key": self.key(field),
            "persist_state": "session",
        }
        chosen: M | None
        if as_list:
            blank = {"index": None, "placeholder": _("Not recorded")}
            chosen = st.selectbox(label, members, **(blank | shared | options))
        else:
            chosen = st.segmented_control(label, members, **shared, **options)
        self.slot(field, label, required=bool(options.get("required")))
        return chosen

    def pick(
        self,
        label: str,
        field: str,
        options: Sequence[T],
        format_func: Callable[[Any], str],
        **more: Any,
    ) -> T | None:
        """One of a list, or none."""
        self.begin(field, None)
        if not more.get("accept_new_options"):
            self._drop_unless_offered(field, options)
        self._choose_again(field, options, format_func)
        if not more.get("accept_new_options"):
            format_func = choices.offered(self, field, options, format_func)
        chosen: T | None = st.selectbox(
            label,
            options,
            index=None,
            format_func=format_func,
            key=self.key(field),
            persist_state="session",
            **more,
        )
        self.slot(field, label, required=bool(more.get("required")))
        return chosen

    def _drop_unless_offered(self, field: str, options: Sequence[Any]) -> None:
        """A draft may hold what is no longer offered: a plan recorded since, a lot used up."""
        opened = self.opened
        if field in opened.lost:
            if self.get(field) is not None:
                opened.lost.discard(field)
        elif not opened.is_drawn and field in opened.restored:
            value = self.get(field)
            if value is not None and value not in options:
                opened.lost.add(field)
                st.session_state[self.key(field)] = None

    def problems(
        self, found: Iterable[Problem], place: Callable[[str], str] = str
    ) -> tuple[Problem, ...]:
        """Show each problem beside its field; give back those that have none on the page.

        What is merely missing is not held against a form before the first attempt to save it.
        """
        elsewhere: list[Problem] = []
        beside: dict[str, list[str]] = {}
        for problem in found:
            if problem.rule == REQUIRED and not self.opened.attempted:
                continue
            where = place(problem.field)
            if problem.level is Level.REFUSE and where in self._slots:
                beside.setdefault(where, []).append(str(problem.message))
            else:
                elsewhere.append(problem)
        for where, messages in beside.items():
            text = " ".join(dict.fromkeys(messages))
            self._slots[where].markdown(f":red[:material/error: {plain(text)}]")
        return tuple(elsewhere)

    def save(
        self,
        label: str,
        found: Sequence[Problem],
        store: Callable[[frozenset[str]], Recorded],
        describe: Callable[[], tuple[str, Sequence[str]]],
        place: Callable[[str], str] = str,
    ) -> None:
        """Show the problems, ask for the confirmations, and store when told to.

        Nothing typed is lost by an error: it is shown, and the form stays as it is.
        """
        here = st.container()
        if stale_form.asks(self):
            return
        found = [*found, *self._unanswered(found, place)]
        pressed = st.button(label, key=self.key("save"), type="primary", shortcut="Ctrl+Enter")
        if pressed:
            self.opened.attempted = True
        with here:
            elsewhere = self.problems(found, place)
            self.overrides = override_fields.ask(self, elsewhere)
            accepted = override_fields.confirm(self, elsewhere)
        self._drawn()
        if not pressed:
            return
        standing = in_the_way(found, accepted, self.overrides)
        if standing:
            st.error(self._what_stands(standing, place))
            return
        heading, lines = describe()
        try:
            recorded = store(accepted)
        except InvalidEntry as error:
            for problem in self.problems(error.problems, place):
                st.error(plain(problem.message))
            st.error(_("Nothing was saved. What you typed is still here."))
            return
        except Stale as stale:
            self.opened.stale = stale
            self.opened.refused = open_forms.typed(self.name, self.opened)
            st.rerun()
        except RegistryError as error:
            st.error(plain(error))
            return
        # One that stays for want of an answer is known by its key as saved.
        with contextlib.suppress(RegistryError):
            data.discard_draft(self.opened.request_key)
        st.session_state[f"{self.name}:saved"] = Saved(heading, tuple(lines), recorded)
        components.forget_searches()
        st.rerun()

    def _unanswered(
        self, found: Sequence[Problem], place: Callable[[str], str]
    ) -> Iterator[Problem]:
        """Required fields that hold nothing, and of which nothing else is said."""
        said = {place(problem.field) for problem in found}
        for field in self._required:
            if self.get(field) is None and field not in said:
                yield Problem(field, REQUIRED, message("Needs an answer."))

    def _what_stands(self, standing: Sequence[Problem], place: Callable[[str], str]) -> str:
        """How much needs an answer, and where, in the order of the page."""
        count = len({p.rule if p.interrupts else (p.field, str(p.message)) for p in standing})
        places = {place(problem.field) for problem in standing if not problem.interrupts}
        names = [label for field, label in self._labels.items() if field in places]
        if any(p.interrupts or place(p.field) not in self._labels for p in standing):
            names.append(_("what stands right above the button"))
        said = ngettext(
            "Not saved yet: {count} point above needs your answer. Look at: {places}.",
            "Not saved yet: {count} points above need your answer. Look at: {places}.",
            count,
        )
        return plain(said.format(count=count, places="; ".join(dict.fromkeys(names))))

    def _drawn(self) -> None:
        """The form stands whole: whatever changes from here on, the person changed."""
        opened = self.opened
        if not opened.is_drawn:
            opened.is_drawn = True
            open_forms.keep(self.name, opened)
        if opened.base != opened.stored:
            st.info(
                _("The form now holds both changes. Look it over, then save."),
                icon=":material/merge:",
            )
        if opened.unkept is not None:
            st.warning(
                _("Not kept as a draft: {reason}").format(reason=plain(opened.unkept)),
                icon=":material/cloud_off:",
            )
        elif opened.kept_at is not None:
            at = words.clock(opened.kept_at, state.clinic_summary().time_zone)
            if opened.left:
                st.text(
                    _(
                        "The server was started anew meanwhile. Step once into the field in which "
                        "you were typing and out of it again, so that its last words count too."
                    )
                )
            st.text(
                _("Draft kept at {time}. A field counts once you have left it.").format(time=at)
            )

    def judges_anew(self, rule: str, said: str) -> bool:
        """Whether a warning says something else than when it was answered.

        A yes to 15 mL is no yes to 300 mL.
        """
        before = self.opened.judged.get(rule, said)
        self.opened.judged[rule] = said
        return before != said

    def change(self) -> data.Change | None:
        """Ask why the stored record is changed; None until that is said.

        Whoever corrects an own entry of the day has most likely mistyped: that stands chosen.
        """
        if self.opened.base is not None and safety_data.is_own_of_today(self.opened.base.id):
            self.begin("reason", ReasonForChange.TYPING_ERROR)
        return reason_for_change(self, self.opened.version, self.opened.request_key)

    def show_saved(self, saved: Saved) -> None:
        """What was stored and when."""
        at = words.clock(saved.recorded.at, state.clinic_summary().time_zone)
        if saved.recorded.already:
            st.success(
                _("This was already saved at {time}; nothing was stored twice.").format(time=at),
                icon=":material/check_circle:",
            )
        else:
            st.success(_("Saved at {time}.").format(time=at), icon=":material/check_circle:")
        with st.container(border=True, gap="xxsmall"):
            st.markdown(f"**{plain(saved.heading)}**")
            for line in saved.lines:
                st.text(line)
            # What was asked for a reason stands among the lines, with the reason.
            confirmed = [p for p in saved.recorded.notes if p.interrupts and not p.asks_reason]
            for said in dict.fromkeys(str(problem.message) for problem in confirmed):
                st.text(_("Confirmed: {what}").format(what=said))
        notes = dict.fromkeys(
            str(problem.message) for problem in saved.recorded.notes if not problem.interrupts
        )
        if notes:
            st.info(plain(" ".join(notes)), icon=":material/info:")


def reason_for_change(form: Form, version: int, request_key: UUID) -> data.Change | None:
    """Ask why a stored record is changed or withdrawn; None until that is said."""
    reason = form.choice(_("Reason for the change"), "reason", ReasonForChange)
    text = ""
    if reason is not None:
        needed = reason is ReasonForChange.OTHER
        text = form.text(
            _("In a few words") if needed else _("In a few words, if it helps"),
            "reason_text",
            live=PAUSE,
        )
    if reason is None:
        return None
    return data.Change(version, reason, text.strip() or None, request_key, form.opened.stored)


def open_form(name: str, view: str, record_id: UUID) -> None:
    """Go to a page to correct a stored record there."""
    st.session_state[f"{name}:wanted"] = record_id
    st.switch_page(view)
