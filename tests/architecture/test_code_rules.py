"""Rules of the house that no linter knows, read from the source itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("registry", "dashboard", "migrations")

QUERY_STEPS = {
    "correlate",
    "distinct",
    "group_by",
    "having",
    "join",
    "limit",
    "offset",
    "order_by",
    "outerjoin",
    "returning",
    "select_from",
    "subquery",
    "union",
    "union_all",
    "where",
    "with_for_update",
    "with_only_columns",
}
SENT_TO_DATABASE = {
    "DDL",
    "exec_driver_sql",
    "execute",
    "executemany",
    "executescript",
    "sa.text",
}
CLOCKS = {
    f"{owner}.{name}"
    for owner, names in {
        "date": ("today",),
        "datetime": ("now", "today", "utcnow"),
        "time": ("localtime", "monotonic", "perf_counter", "time", "time_ns"),
    }.items()
    for name in names
}
MARKUP = {"html", "markdown", "write"}


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Each module under the folders, as its path from the root and its syntax tree."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield (
                path.relative_to(ROOT).as_posix(),
                ast.parse(path.read_text(encoding="utf-8"), str(path)),
            )


def called_name(call: ast.Call) -> str:
    match call.func:
        case ast.Attribute(value=ast.Name(id="sa"), attr="text"):
            return "sa.text"
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def is_thread_join(call: ast.Call) -> bool:
    return called_name(call) == "join" and not call.args


def test_a_query_step_is_never_thrown_away() -> None:
    """``query.where(...)`` alone on a line changes nothing, and the rows stay unfiltered."""
    lost = [
        f"{path}:{node.lineno}"
        for path, tree in sources(*PACKAGES, "tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr in QUERY_STEPS
        and not is_thread_join(node.value)
    ]
    assert lost == []


# Names of tables and settings cannot be bound; these are ours, never a person's.
BUILT_SQL = {
    "registry/audit_triggers.py",
    "registry/database.py",
    "registry/operations/doctor.py",
    "registry/operations/migration.py",
}


def is_built(node: ast.expr) -> bool:
    """Whether a text is put together from parts that are not all written here."""
    match node:
        case ast.JoinedStr(values=parts):
            return any(isinstance(part, ast.FormattedValue) for part in parts)
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
            texts = (ast.JoinedStr, ast.Constant)
            return isinstance(left, texts) or isinstance(right, texts)
        case ast.Call(func=ast.Attribute(attr="format" | "format_map")):
            return True
    return False


def test_sql_is_never_put_together_from_text() -> None:
    built = [
        f"{path}:{node.lineno}"
        for path, tree in sources(*PACKAGES)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and called_name(node) in SENT_TO_DATABASE
        and any(is_built(argument) for argument in node.args)
    ]
    assert [place for place in built if place.split(":")[0] not in BUILT_SQL] == []


# Where reading the clock is the job: everywhere else the day or instant is handed in.
READ_THE_CLOCK = {
    "dashboard/gate.py",
    "dashboard/logs.py",
    "dashboard/state.py",
    "registry/audit.py",
    "registry/cli/console.py",
    "registry/operations/migration.py",
}


def test_only_the_edges_read_the_clock() -> None:
    reading = {
        path
        for path, tree in sources(*PACKAGES)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ".".join(ast.unparse(node.func).split(".")[-2:]) in CLOCKS
    }
    assert reading - READ_THE_CLOCK == set()


def opens_with_a_right(function: ast.FunctionDef) -> bool:
    """Whether the first statement asks :mod:`registry.access`, or hands the actor straight on."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return any(
        isinstance(node, ast.Call) and called_name(node) in {"require", "scope"}
        for node in ast.walk(body[0])
    )


GUARDED = (
    "registry/accounts.py",
    "registry/analysis/",
    "registry/entry/recording.py",
    "registry/exchange/",
    "registry/operations/clinics.py",
)


def use_cases() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Public functions that act on behalf of somebody: those with ``by: Actor``."""
    for path, tree in sources("registry"):
        if not path.startswith(GUARDED):
            continue
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            arguments = [*node.args.args, *node.args.kwonlyargs]
            if any(
                argument.arg == "by"
                and argument.annotation is not None
                and ast.unparse(argument.annotation).endswith("Actor")
                for argument in arguments
            ):
                yield f"{path}:{node.name}", node


# Shapes words for the reader, or asks whether the command line is asking; touches no records.
UNGUARDED = {
    "registry/analysis/cohort.py:level_label": "names a level; the caller has asked",
    "registry/operations/clinics.py:add_clinic": "no clinic yet to hold a right in: command line",
}


def test_every_use_case_opens_with_the_right_it_needs() -> None:
    found = dict(use_cases())
    assert len(found) > 15, "the search no longer finds the use cases"
    open_doors = {name for name, node in found.items() if not opens_with_a_right(node)}
    assert open_doors == set(UNGUARDED)


def test_pages_never_share_answers_between_people() -> None:
    """``st.cache_data`` is one memory for everybody signed in."""
    shared = [
        f"{path}:{node.lineno}"
        for path, tree in sources("dashboard")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"cache_data", "cache_resource"}
    ]
    assert shared == []


def is_harmless(node: ast.expr) -> bool:
    """Whether a text is written in the source, or every part from elsewhere goes through plain."""
    match node:
        case ast.Constant():
            return True
        case ast.Call(func=ast.Name(id="_" | "plain" | "exact") | ast.Attribute(attr="escape")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="wording"), attr="count")):  # digits
            return True
        case ast.Call(func=ast.Attribute(attr="join"), args=[ast.GeneratorExp(elt=part)]):
            return is_harmless(part)
        case ast.Name(id="signed_in_as"):  # escaped in the line above its use
            return True
        case ast.JoinedStr(values=parts):
            return all(is_harmless(part) for part in parts)
        case ast.FormattedValue(value=value):
            return is_harmless(value)
        case ast.Attribute(value=ast.Name(id="identity")):  # our own addresses
            return True
    return False


def test_no_text_of_a_person_is_read_as_markup() -> None:
    unsafe = [
        f"{path}:{node.lineno}"
        for path, tree in sources("dashboard")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            any(keyword.arg == "unsafe_allow_html" for keyword in node.keywords)
            or (
                isinstance(node.func, ast.Attribute)
                and node.func.attr in MARKUP
                and ast.unparse(node.func.value).split(".")[0] == "st"
                and not all(is_harmless(argument) for argument in node.args)
            )
        )
    ]
    assert unsafe == []


@pytest.mark.parametrize("folder", ["tests", "benchmarks"])
def test_no_test_is_skipped_or_expected_to_fail(folder: str) -> None:
    excused = [
        f"{path}:{node.lineno}"
        for path, tree in sources(folder)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in {"importorskip", "skip", "skipif", "xfail"}
        and ast.unparse(node.value).split(".")[0] == "pytest"
    ]
    assert excused == []
