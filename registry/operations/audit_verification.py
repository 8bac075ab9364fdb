"""Proof that the audit trail is whole and that the tables are what it says.

Four checks, each against a different hand:

- *chain*: every seal is computed again from its change set and audit rows, so a trail row that was
  altered, removed, added or moved shows;
- *anchor*: a seal that was noted elsewhere (a backup's manifest, a printed report) is still there,
  so a trail cut short or rewritten as a whole shows;
- *replay*: the audit rows since the last baseline lead from that baseline to the rows stored today,
  so data changed past the trail shows, by table, row and column;
- *triggers*: every table still carries exactly the triggers that write the trail.

Who owns the database can rewrite data, trail and seals alike; only an anchor kept out of their
reach shows that. Nothing here prints a stored value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from registry import audit
from registry.database import make_engine, sqlite_path, unavailable
from registry.operations.audit_replay import Baseline, Difference, replay
from registry.operations.baseline import ROWS_AT_ONCE

FINDINGS_LISTED: Final = 200


class Check(StrEnum):
    """What was checked."""

    CHAIN = "chain"
    ANCHOR = "anchor"
    REPLAY = "replay"
    TRIGGERS = "triggers"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the trail says; names rows and columns, never values."""

    check: Check
    place: str
    fault: str
    table: str | None = None
    row_key: str | None = None
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.check}: {self.place}: {self.fault}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was proved, over how much, and every fault found (the first 200 of each check)."""

    head: audit.Anchor | None
    anchor: audit.Anchor | None
    baseline: int | None
    seals: int
    audit_rows: int
    rows: int
    findings: tuple[Finding, ...]
    unlisted: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """The verification as plain values for JSON."""
        return {
            "whole": self.is_whole,
            "head": str(self.head) if self.head else None,
            "anchor": str(self.anchor) if self.anchor else None,
            "baseline_seal": self.baseline,
            "seals": self.seals,
            "audit_rows": self.audit_rows,
            "rows": self.rows,
            "unlisted_findings": self.unlisted,
            "findings": [
                {
                    "check": finding.check.value,
                    "place": finding.place,
                    "fault": finding.fault,
                    "table": finding.table,
                    "row_key": finding.row_key,
                    "columns": list(finding.columns),
                }
                for finding in self.findings
            ],
        }


class _Findings:
    """Findings by check; beyond the listed ones only their number is kept."""

    def __init__(self) -> None:
        self.listed: list[Finding] = []
        self.unlisted = 0
        self._counts = dict.fromkeys(Check, 0)

    def add(self, finding: Finding) -> None:
        self._counts[finding.check] += 1
        if self._counts[finding.check] <= FINDINGS_LISTED:
            self.listed.append(finding)
        else:
            self.unlisted += 1


def verify(engine: Engine, anchor: tuple[int, str] | None = None) -> Verification:
    """Check chain, anchor, replay and triggers of one consistent state of the database.

    ``anchor`` is number and hash of a seal noted outside the database. Writers of a SQLite file
    wait meanwhile (about a second per 60,000 audit rows); check a copy of a very large one.
    Raises :class:`DatabaseUnavailable` when the database cannot be read at all.
    """
    noted = audit.Anchor(*anchor) if anchor else None
    findings = _Findings()
    try:
        with _one_state(engine) as connection:
            head = audit.last_seal(connection)
            seals, audit_rows, baseline = _check_chain(connection, findings)
            if noted is not None:
                _check_anchor(connection, noted, head, findings)
            rows = _check_replay(connection, baseline, findings)
            for name, fault in audit.trigger_faults(connection).items():
                findings.add(Finding(Check.TRIGGERS, f"trigger {name}", fault))
    except sa.exc.DBAPIError as error:
        raise unavailable(error) or error from None
    return Verification(
        head=head,
        anchor=noted,
        baseline=baseline.seq if baseline else None,
        seals=seals,
        audit_rows=audit_rows,
        rows=rows,
        findings=tuple(findings.listed),
        unlisted=findings.unlisted,
    )


@contextmanager
def _one_state(engine: Engine) -> Iterator[Connection]:
    if sqlite_path(engine.url) is None:
        with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            yield connection
            connection.rollback()
        return
    reader = make_engine(engine.url, read_only=True)
    try:
        with reader.connect() as connection:
            yield connection
            connection.rollback()
    finally:
        reader.dispose()


# --- chain and anchor ----------------------------------------------------------------------------


class _Counted:
    """The audit rows of one seal, counted while they are read."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self._rows = rows
        self._tables: set[str] = set()
        self.count = 0

    def __iter__(self) -> Iterator[Any]:
        for row in self._rows:
            self.count += 1
            self._tables.add(str(row.table_name))
            yield row[1:]

    def tables(self) -> str:
        """Which tables the rows are about, for a message."""
        return f"tables: {', '.join(sorted(self._tables))}" if self.count else "none is left"


def _check_chain(connection: Connection, findings: _Findings) -> tuple[int, int, Baseline | None]:
    """Compute every seal again; returns how many seals and audit rows, and the last baseline."""
    seal, change_set, audit_row = audit.SEAL, audit.CHANGE_SET, audit.AUDIT_ROW
    links = (
        sa.select(seal, change_set)
        .join_from(seal, change_set, change_set.c.id == seal.c.change_set_id, isouter=True)
        .order_by(seal.c.seq)
    )
    entries = (
        sa.select(seal.c.seq, audit_row)
        .join_from(seal, audit_row, audit_row.c.change_set_id == seal.c.change_set_id)
        .order_by(seal.c.seq, audit_row.c.id)
    )
    streaming = {"yield_per": ROWS_AT_ONCE}
    try:
        with (
            connection.begin_nested(),
            connection.execute(links, execution_options=streaming) as sealed,
            connection.execute(entries, execution_options=streaming) as trail,
        ):
            chain = _follow(sealed, trail, findings)
            _check_unsealed(connection, findings)
    except (sa.exc.DBAPIError, ValueError):
        findings.add(Finding(Check.CHAIN, "the trail", "holds what nobody can read: damaged"))
        return 0, 0, None
    return chain


def _follow(
    sealed: Iterable[sa.Row[Any]], trail: Iterable[sa.Row[Any]], findings: _Findings
) -> tuple[int, int, Baseline | None]:
    groups = groupby(trail, key=lambda row: row[0])
    group_seq, group = next(groups, (None, iter(())))
    width = len(audit.SEAL.columns)
    seals = audit_rows = 0
    expected, previous = 1, audit.GENESIS
    baseline: Baseline | None = None
    for row in sealed:
        link, change = row[:width], row[width:]
        seq, change_set_id, previous_hash, stored_hash, sealed_baseline = link
        place = f"seal {seq}"
        rows = _Counted(group if group_seq == seq else ())
        seals += 1
        if seq != expected:
            findings.add(
                Finding(Check.CHAIN, place, f"seal {expected} should stand here; seals are missing")
            )
        elif previous_hash != previous:
            findings.add(Finding(Check.CHAIN, place, "does not follow from the seal before it"))
        if change[0] is None:
            findings.add(Finding(Check.CHAIN, place, f"its change set {change_set_id} is missing"))
        elif audit.link(previous_hash, change, rows, sealed_baseline) != stored_hash:
            findings.add(
                Finding(
                    Check.CHAIN,
                    place,
                    f"seal, change set {change_set_id} or one of its {rows.count} audit rows was "
                    f"altered, added or removed ({rows.tables()})",
                )
            )
        if sealed_baseline is not None:
            baseline = Baseline.parse(seq, sealed_baseline)
        if group_seq == seq:
            group_seq, group = next(groups, (None, iter(())))
        audit_rows += rows.count
        expected, previous = seq + 1, stored_hash
    if seals == 0:
        findings.add(Finding(Check.CHAIN, "seal 1", "there is no seal at all"))
    return seals, audit_rows, baseline


def _check_unsealed(connection: Connection, findings: _Findings) -> None:
    sealed = sa.select(audit.SEAL.c.change_set_id)
    changes, rows = audit.CHANGE_SET, audit.AUDIT_ROW
    for (change_set_id,) in connection.execute(
        sa.select(changes.c.id).where(changes.c.id.not_in(sealed))
    ):
        findings.add(Finding(Check.CHAIN, f"change set {change_set_id}", "has no seal"))
    for audit_row_id, table, row_key in connection.execute(
        sa.select(rows.c.id, rows.c.table_name, rows.c.row_key).where(
            rows.c.change_set_id.not_in(sealed)
        )
    ):
        findings.add(
            Finding(Check.CHAIN, f"audit row {audit_row_id}", "has no seal", table, row_key)
        )


def _check_anchor(
    connection: Connection, noted: audit.Anchor, head: audit.Anchor | None, findings: _Findings
) -> None:
    found = connection.execute(
        sa.select(audit.SEAL.c.hash).where(audit.SEAL.c.seq == noted.seq)
    ).scalar()
    if found == noted.hash:
        return
    if head is None or head.seq < noted.seq:
        last = head.seq if head else 0
        fault = f"the trail ends at seal {last}: its end was cut off, or an older copy was put back"
    elif found is None:
        fault = "the noted seal is missing"
    else:
        fault = "the seal has another hash than noted: the trail was rewritten"
    findings.add(Finding(Check.ANCHOR, f"seal {noted.seq}", fault))


def _check_replay(connection: Connection, baseline: Baseline | None, findings: _Findings) -> int:
    """Compare the tables with the trail; returns the number of rows read."""

    def report(difference: Difference) -> None:
        findings.add(
            Finding(
                Check.REPLAY,
                f"{difference.table} {difference.row_key or ''}".rstrip(),
                difference.fault,
                difference.table,
                difference.row_key,
                difference.columns,
            )
        )

    if baseline is None:
        findings.add(Finding(Check.REPLAY, "baseline", "no seal holds one; run `sclero migrate`"))
        return 0
    return replay(connection, baseline, report)
