"""Undo the audit trail from today's rows back to the last baseline.

Rows and audit rows are read side by side in the order of keys, so nothing is held in memory but
one row and its changes. For each row, every change must begin where the one before it ended and the
last must end at the row stored today; what the first one began with is the row at the baseline, and
all of these together must have the digest that the baseline sealed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from registry.operations.baseline import (
    ROWS_AT_ONCE,
    TableDigest,
    audited_tables,
    stored_rows,
    values_of,
)
from registry.schema.audit import AuditRow, Seal


class Baseline(NamedTuple):
    """Seal number, and row count and digest of each table at that moment."""

    seq: int
    tables: dict[str, dict[str, Any]]

    @classmethod
    def parse(cls, seq: int, text: str) -> Baseline:
        """Read a seal's baseline; a spoilt one holds no table, and the chain tells of it."""
        try:
            tables = json.loads(text)
        except ValueError:
            tables = {}
        return cls(seq, tables if isinstance(tables, dict) else {})


@dataclass(frozen=True, slots=True)
class Difference:
    """A row, or a whole table, that is not what the trail leads to; holds no value."""

    table: str
    fault: str
    row_key: str | None = None
    columns: tuple[str, ...] = ()


Report = Callable[[Difference], None]
Values = dict[str, Any]


class _Change(NamedTuple):
    audit_row_id: int
    seq: int
    old: str | None
    new: str | None


def replay(connection: Connection, baseline: Baseline, report: Report) -> int:
    """Report every difference between tables and trail; returns the number of rows read."""
    tables = audited_tables(connection)
    for table in sorted(baseline.tables.keys() - tables.keys()):
        report(Difference(table, "the table is missing"))
    rows = 0
    for table, (columns, keys) in tables.items():
        if table not in baseline.tables:
            report(Difference(table, "the table was made past the migrations"))
            continue
        try:
            with connection.begin_nested():
                rows += _Table(connection, table, columns, keys, baseline, report).replay()
        except (sa.exc.DBAPIError, ValueError):
            report(Difference(table, "holds what the registry cannot have stored; unreadable"))
    return rows


@dataclass(frozen=True, slots=True)
class _Table:
    connection: Connection
    name: str
    columns: list[str]
    keys: list[str]
    baseline: Baseline
    report: Report

    def replay(self) -> int:
        before, rows = TableDigest(), 0
        for row_key, text, changes in self._by_key(self.baseline.seq):
            rows += text is not None
            if changes:
                self._follow(row_key, changes, text)
                first = _values(changes[0].old)
            else:
                first = self._masked(text)
            if first is not None:
                before.add(row_key, first)
        sealed = self.baseline.tables[self.name]
        if before.to_dict() != sealed and not self._name_untouched():
            self.report(
                Difference(
                    self.name,
                    "rows that no audit row speaks of were altered, added or removed since seal "
                    f"{self.baseline.seq} ({sealed.get('rows')} rows then, {before.rows} now by "
                    "the trail)",
                )
            )
        return rows

    def _follow(self, row_key: str, changes: list[_Change], text: str | None) -> None:
        for earlier, later in pairwise(changes):
            if earlier.new != later.old:
                when = f"between audit rows {earlier.audit_row_id} and {later.audit_row_id}"
                self._compare(row_key, _values(earlier.new), _values(later.old), when)
        last = changes[-1]
        # Other text may still be equal: in digests, or in how a number is written.
        if last.new != text:
            when = f"after audit row {last.audit_row_id}"
            self._compare(row_key, _values(last.new), self._masked(text), when)

    def _name_untouched(self) -> int:
        """Name rows last changed before the baseline that differ from their last audit row.

        Only columns that both have are compared: a migration may have changed the others.
        """
        named = 0
        for row_key, text, changes in self._by_key(0):
            if changes and changes[-1].seq > self.baseline.seq:
                continue
            found = self._masked(text)
            last = _values(changes[-1].new) if changes else None
            if last is not None and found is not None:
                last = {name: value for name, value in last.items() if name in found}
                found = {name: value for name, value in found.items() if name in last}
            when = f"after audit row {changes[-1].audit_row_id}" if changes else "with no audit row"
            named += self._compare(row_key, last, found, when)
        return named

    def _by_key(self, after_seq: int) -> Iterator[tuple[str, str | None, list[_Change]]]:
        """Put stored rows and their changes side by side; both come in the order of keys."""
        stored = stored_rows(self.connection, self.name, self.columns, self.keys)
        trail = self._changes(after_seq)
        row, change = next(stored, None), next(trail, None)
        while row is not None or change is not None:
            if change is None or (row is not None and row[0] < change[0]):
                assert row is not None  # noqa: S101 - the loop ends when both are used up
                yield row[0], row[1], []
                row = next(stored, None)
            elif row is None or change[0] < row[0]:
                yield change[0], None, change[1]
                change = next(trail, None)
            else:
                yield row[0], row[1], change[1]
                row, change = next(stored, None), next(trail, None)

    def _changes(self, after_seq: int) -> Iterator[tuple[str, list[_Change]]]:
        """Sealed changes by row key, oldest first."""
        key: sa.ColumnElement[str] = AuditRow.row_key.expression
        if self.connection.dialect.name == "postgresql":
            key = sa.collate(key, "C")
        statement = (
            sa.select(
                AuditRow.row_key, AuditRow.id, Seal.seq, AuditRow.old_values, AuditRow.new_values
            )
            .join(Seal, Seal.change_set_id == AuditRow.change_set_id)
            .where(AuditRow.table_name == self.name, Seal.seq > after_seq)
            .order_by(key, AuditRow.id)
        )
        streaming = {"yield_per": ROWS_AT_ONCE}
        with self.connection.execute(statement, execution_options=streaming) as rows:
            for row_key, group in groupby(rows, key=lambda row: str(row[0])):
                yield row_key, [_Change(*row[1:]) for row in group]

    def _masked(self, text: str | None) -> Values | None:
        return None if text is None else values_of(self.name, text)

    def _compare(
        self, row_key: str, wanted: Values | None, found: Values | None, when: str
    ) -> bool:
        """Report a difference, if there is one."""
        if wanted == found:
            return False
        columns: tuple[str, ...] = ()
        if found is None:
            fault = "is missing: removed"
        elif wanted is None:
            fault = "added"
        else:
            names = wanted.keys() | found.keys()
            columns = tuple(sorted(n for n in names if wanted.get(n, ...) != found.get(n, ...)))
            fault = f"{', '.join(columns)} changed"
        self.report(
            Difference(self.name, f"{fault} past the audit trail, {when}", row_key, columns)
        )
        return True


def _values(text: str | None) -> Values | None:
    if text is None:
        return None
    values: Values = json.loads(text)
    return values
