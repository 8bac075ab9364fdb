"""Where a form says what warns, and asks why it was done all the same, or for a yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.text import _, plain
from registry.catalogue import catalogue
from registry.entry.forms import OverrideEntry
from registry.entry.problems import Level, Origin, Problem, needs_words
from registry.vocabulary import OverrideReason

if TYPE_CHECKING:
    from dashboard.form import Form


def ask(form: Form, found: Sequence[Problem]) -> tuple[OverrideEntry, ...]:
    """Show each warning once with its source; gives back the reasons given so far."""
    by_rule: dict[str, list[Problem]] = {}
    for problem in found:
        if problem.asks_reason:
            by_rule.setdefault(problem.rule, []).append(problem)
    given = []
    for rule, problems in by_rule.items():
        with st.container(border=True, gap="small"):
            override = _ask_one(form, rule, problems)
        if override is not None:
            given.append(override)
    return tuple(given)


def confirm(form: Form, found: Sequence[Problem]) -> frozenset[str]:
    """Show what has no field of its own; gives back the rules the person confirmed."""
    accepted = set()
    for problem in found:
        if problem.level is Level.REFUSE:
            st.error(plain(problem.message), icon=":material/block:")
    by_rule: dict[str, list[str]] = {}
    for problem in found:
        if problem.interrupts and not problem.asks_reason:
            by_rule.setdefault(problem.rule, []).append(str(problem.message))
    for rule, messages in by_rule.items():
        said = " ".join(dict.fromkeys(messages))
        st.warning(plain(said), icon=":material/help:")
        if form.judges_anew(rule, said):
            st.session_state[form.key(f"accept:{rule}")] = False
        if st.checkbox(
            _("Yes, this is what happened"),
            key=form.key(f"accept:{rule}"),
            persist_state="session",
        ):
            accepted.add(rule)
    notes = dict.fromkeys(str(p.message) for p in found if p.level is Level.NOTE)
    if notes:
        st.info(plain(" ".join(notes)), icon=":material/info:")
    return frozenset(accepted)


def _ask_one(form: Form, rule: str, problems: Sequence[Problem]) -> OverrideEntry | None:
    level = problems[0].level
    sentence = plain(" ".join(dict.fromkeys(str(problem.message) for problem in problems)))
    if level is Level.STOP:
        st.error(sentence, icon=":material/front_hand:")
    else:
        st.warning(sentence, icon=":material/warning:")
    origin = problems[0].origin
    if origin is not None:
        st.caption(plain(_where_from(origin)))
    if form.judges_anew(rule, sentence):
        st.session_state[form.key(f"override:{rule}")] = None
    reason = form.choice(_("It was done all the same, because"), f"override:{rule}", OverrideReason)
    text = ""
    if needs_words(reason or OverrideReason.NO_ALTERNATIVE, level=level):
        text = form.text(_("In a few words"), f"override_text:{rule}")
    if reason is None:
        return None
    return OverrideEntry(
        rule=rule,
        catalogue_version=catalogue().version,
        reason=reason,
        reason_text=text.strip() or None,
    )


def _where_from(origin: Origin) -> str:
    if origin.source is None:
        return _("A rule of this registry, version {version}.").format(version=origin.version)
    if origin.jurisdiction == "INT":
        return _("Source: {source}, version {version} of the rule.").format(
            source=origin.source, version=origin.version
        )
    return _("Source: {source}, for {market}, version {version} of the rule.").format(
        source=origin.source, market=origin.jurisdiction, version=origin.version
    )
