"""Does every sentence about an entry, a file or an account name what fills its gaps?

Read from the source, so that each rule's sentence is looked at whether or not a test breaks it.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("registry", "registry/entry", "registry/exchange")
    for path in sorted((ROOT / folder).glob("*.py"))
]
TEXT_OF = {"Problem": 2, "FileProblem": 5, "CellFault": 2}
"""Where each kind of problem takes its sentence."""


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def bound(tree: ast.AST, name: str) -> Iterator[ast.expr]:
    """Everything that a module assigns to a name, anywhere."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                yield value
            case ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value):
                if found == name:
                    yield value


def texts(tree: ast.AST, node: ast.expr) -> Iterator[str]:
    """The texts that an expression may stand for: a literal, a name, or a member of a table."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Call(func=ast.Name(id="N_"), args=[ast.Constant(value=str(text))]):
            yield text
        case ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)):
            for value in bound(tree, name):
                for part in value.values if isinstance(value, ast.Dict) else [value]:
                    yield from texts(tree, part)


def unfilled(tree: ast.AST) -> list[str]:
    """Sentences with a gap that nothing fills, or with a filling that has no gap."""
    found = []
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        match call:
            case ast.Call(func=ast.Name(id="message"), args=[ast.Constant(value=str(text))]):
                given = {keyword.arg for keyword in call.keywords}
                if None not in given and gaps(text) != given:
                    found.append(text)
            case ast.Call(func=ast.Name(id="Message"), args=[said, filling]):
                tables = bound(tree, filling.id) if isinstance(filling, ast.Name) else [filling]
                for table in tables:
                    if isinstance(table, ast.Dict):
                        keys = {key.value for key in table.keys if isinstance(key, ast.Constant)}
                        found += [text for text in texts(tree, said) if gaps(text) - keys]
    return found


def bare(tree: ast.AST) -> list[int]:
    """Lines of problems whose sentence is put together on the spot instead of translated."""
    return [
        call.lineno
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and len(call.args) > TEXT_OF.get(called(call), 99)
        if isinstance(
            call.args[TEXT_OF[called(call)]], ast.Constant | ast.JoinedStr | ast.BinOp | ast.IfExp
        )
    ]


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ('message("At most {count}.", count=3)', []),
        ('message("At most {count}.")', ["At most {count}."]),
        ('message("At most 3.", count=3)', ["At most 3."]),
        ('A = {1: N_("{day}")}\nMessage(A[1], {"day": 2})', []),
        ('A = {1: N_("{day}")}\nMessage(A[1], {"days": 2})', ["{day}"]),
        ('text = N_("{day}")\nparts = {"days": 2}\nMessage(text, parts)', ["{day}"]),
    ],
)
def test_a_gap_that_nothing_fills_is_found(source: str, wrong: list[str]) -> None:
    assert unfilled(ast.parse(source)) == wrong


def test_every_problem_says_a_message_whose_gaps_are_filled() -> None:
    trees = {path.relative_to(ROOT): ast.parse(path.read_text()) for path in SOURCES}
    assert {path: found for path, tree in trees.items() if (found := unfilled(tree))} == {}
    assert {path: lines for path, tree in trees.items() if (lines := bare(tree))} == {}
    assert bare(ast.parse('Problem("day", "rule", f"At most {count}.")')) == [1]
