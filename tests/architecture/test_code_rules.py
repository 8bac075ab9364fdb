"""Rules of the house that no linter knows, read from the source itself.

Each rule is a function from a module's syntax tree to the lines that break it. It is tried on a
line that breaks it and on one that does not, and then holds for the whole source.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
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
SENT_TO_DATABASE = {"DDL", "exec_driver_sql", "execute", "executemany", "executescript", "sa.text"}
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
EXCUSES = {"importorskip", "skip", "skipif", "xfail"}


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def called(call: ast.Call) -> str:
    """Name of what is called, without its owner, except for ``sa.text``."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="sa"), attr="text"):
            return "sa.text"
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def belongs_to(node: ast.expr, owner: str) -> bool:
    """Whether an expression begins with the name ``owner``, as ``st.sidebar.html`` with ``st``."""
    return ast.unparse(node).split(".")[0] == owner


def lost_query_steps(tree: ast.Module) -> list[int]:
    """``query.where(...)`` alone on a line changes nothing, and the rows stay unfiltered."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr in QUERY_STEPS
        and (node.value.args or node.value.func.attr != "join")  # a thread is joined without
    ]


def is_put_together(node: ast.expr) -> bool:
    match node:
        case ast.JoinedStr(values=parts):
            return any(isinstance(part, ast.FormattedValue) for part in parts)
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
            return any(isinstance(side, ast.JoinedStr | ast.Constant) for side in (left, right))
        case ast.Call(func=ast.Attribute(attr="format" | "format_map")):
            return True
    return False


def sql_from_parts(tree: ast.Module) -> list[int]:
    """SQL is never put together from text: values are bound."""
    return [
        call.lineno
        for call in calls(tree)
        if called(call) in SENT_TO_DATABASE and any(map(is_put_together, call.args))
    ]


def clock_readings(tree: ast.Module) -> list[int]:
    """Only the edges read the clock; everywhere else the day or instant is handed in."""
    return [
        call.lineno
        for call in calls(tree)
        if ".".join(ast.unparse(call.func).split(".")[-2:]) in CLOCKS
    ]


def shared_answers(tree: ast.Module) -> list[int]:
    """``st.cache_data`` is one memory for everybody signed in."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"cache_data", "cache_resource"}
    ]


def is_harmless(node: ast.expr) -> bool:
    """Whether a text is written in the source, or every part from elsewhere is escaped."""
    match node:
        case ast.Constant() | ast.Name(id="signed_in_as"):  # escaped in the line above its use
            return True
        case ast.Name(id="number_shown"):  # a place in a list
            return True
        case ast.Call(func=ast.Attribute(value=text, attr="format"), args=[], keywords=filled):
            return is_harmless(text) and all(is_harmless(gap.value) for gap in filled)
        case ast.Call(func=ast.Name(id="_" | "plain" | "exact") | ast.Attribute(attr="escape")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="wording"), attr="count")):  # digits
            return True
        case ast.Call(func=ast.Attribute(attr="join"), args=[ast.GeneratorExp(elt=part)]):
            return is_harmless(part)
        case ast.JoinedStr(values=parts):
            return all(is_harmless(part) for part in parts)
        case ast.FormattedValue(value=value):
            return is_harmless(value)
        case ast.Attribute(value=ast.Name(id="identity")):  # our own addresses
            return True
    return False


def foreign_markup(tree: ast.Module) -> list[int]:
    """No text of a person is read as markup; ``unsafe_allow_html`` is never needed."""
    return [
        call.lineno
        for call in calls(tree)
        if any(keyword.arg == "unsafe_allow_html" for keyword in call.keywords)
        or (
            isinstance(call.func, ast.Attribute)
            and call.func.attr in MARKUP
            and belongs_to(call.func.value, "st")
            and not all(map(is_harmless, call.args))
        )
    ]


def excused_tests(tree: ast.Module) -> list[int]:
    """No test is skipped or expected to fail."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in EXCUSES
        and belongs_to(node.value, "pytest")
    ]


def is_use_case(node: ast.stmt) -> bool:
    """A public function that acts on behalf of somebody: ``by: Actor``."""
    return (
        isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and any(
            argument.arg == "by"
            and argument.annotation is not None
            and ast.unparse(argument.annotation).endswith("Actor")
            for argument in [*node.args.args, *node.args.kwonlyargs]
        )
    )


def open_doors(tree: ast.Module) -> list[int]:
    """Every use case opens with the right it needs: its first statement asks."""
    found = []
    for node in tree.body:
        if is_use_case(node):
            assert isinstance(node, ast.FunctionDef)
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            if not any(called(call) in {"require", "scope"} for call in calls(body[0])):
                found.append(node.lineno)
    return found


@dataclass(frozen=True)
class Rule:
    """A rule, where it holds, texts that break it, texts that do not, and files excepted why."""

    broken_lines: Callable[[ast.Module], list[int]]
    where: tuple[str, ...]
    wrong: tuple[str, ...]
    right: tuple[str, ...]
    excepted: dict[str, str] = field(default_factory=dict)


RULES = (
    Rule(
        lost_query_steps,
        (*PACKAGES, "tests"),
        ("query.where(a == 1)", "sa.select(a).join(b)"),
        ("query = query.where(a == 1)", "thread.join()"),
    ),
    Rule(
        sql_from_parts,
        PACKAGES,
        (
            "db.execute(f'SELECT {a}')",
            "sa.text('SELECT ' + a)",
            "db.execute('SELECT %s' % a)",
            "connection.exec_driver_sql('SELECT {}'.format(a))",
        ),
        ("db.execute('SELECT 1')", "db.execute(sa.select(a))", "st.text(f'{a}')"),
        {
            "registry/audit_triggers.py": "names of our own tables cannot be bound",
            "registry/database.py": "settings of SQLite cannot be bound",
            "registry/operations/doctor.py": "settings of SQLite cannot be bound",
            "registry/operations/migration.py": "settings of SQLite cannot be bound",
        },
    ),
    Rule(
        clock_readings,
        PACKAGES,
        ("dt.datetime.now(dt.UTC)", "dt.date.today()", "date.today()", "time.time()"),
        ("dt.datetime.combine(day, dt.time())", "now()"),
        {
            "dashboard/gate.py": "the server tells each request its instant",
            "dashboard/state.py": "a page tells the library its instant",
            "registry/audit.py": "a change set without an instant gets this one",
            "registry/cli/console.py": "a command tells the library its instant",
            "registry/operations/migration.py": "names the copy that it makes first",
        },
    ),
    Rule(
        shared_answers,
        ("dashboard",),
        ("@st.cache_data\ndef f(): ...", "st.cache_resource(f)"),
        ("@functools.cache\ndef f(): ...",),
    ),
    Rule(
        foreign_markup,
        ("dashboard",),
        (
            "st.markdown(name)",
            "st.sidebar.html(f'<b>{name}</b>')",
            "st.markdown(', '.join(f'{name}' for name in names))",
            "st.markdown(_('**{name}**').format(name=name))",
            "st.caption('a', unsafe_allow_html=True)",
        ),
        ("st.markdown(f'**{plain(name)}**')", "st.text(name)", "file.write(name)"),
    ),
    Rule(
        excused_tests,
        ("tests", "benchmarks"),
        ("@pytest.mark.skip\ndef test_a(): ...", "pytest.importorskip('b')"),
        ("stream.skip(3)",),
    ),
    Rule(
        open_doors,
        (
            "registry/accounts.py",
            "registry/analysis",
            "registry/entry",
            "registry/exchange",
            "registry/operations/clinics.py",
        ),
        (
            "def rates(engine, by: Actor):\n    'Rates.'\n    read()\n    scope(by, READ)",
            "def rates(engine, *, by: access.Actor):\n    read()",
        ),
        (
            "def rates(engine, by: Actor):\n    'Rates.'\n    clinics = scope(by, READ)",
            "def _rates(by: Actor):\n    read()",
        ),
        {
            "registry/analysis/cohort.py": "names a level for whoever the question let in",
            "registry/operations/clinics.py": "no clinic yet to hold a right in: command line only",
        },
    ),
)


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a module, for all rules alike."""
    return ast.parse(path.read_text(encoding="utf-8"))


def sources(*places: str) -> Iterator[tuple[str, ast.Module]]:
    """Each module of the places, as its path from the root and its syntax tree."""
    for place in places:
        top = ROOT / place
        for path in sorted(top.rglob("*.py")) if top.is_dir() else [top]:
            yield path.relative_to(ROOT).as_posix(), parsed(path)


by_name = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.broken_lines.__name__)


@by_name
def test_the_rule_finds_what_breaks_it_and_nothing_else(rule: Rule) -> None:
    assert [text for text in rule.wrong if not rule.broken_lines(ast.parse(text))] == []
    assert [text for text in rule.right if rule.broken_lines(ast.parse(text))] == []


@by_name
def test_the_rule_holds(rule: Rule) -> None:
    found = {path: rule.broken_lines(tree) for path, tree in sources(*rule.where)}
    broken = {path: lines for path, lines in found.items() if lines}
    assert {path: broken[path] for path in broken.keys() - rule.excepted.keys()} == {}
    assert rule.excepted.keys() - broken.keys() == set(), "an exception that nobody needs"


def test_the_search_for_use_cases_finds_them() -> None:
    [places] = [rule.where for rule in RULES if rule.broken_lines is open_doors]
    found = [node for _, tree in sources(*places) for node in tree.body if is_use_case(node)]
    assert len(found) > 20
