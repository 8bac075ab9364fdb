"""Does every text that people see go through the catalogue, and does each language have it?

Texts are gathered as for the translators, by the mapping in ``pyproject.toml``. How to bring a
catalogue up to date is told in ``docs/languages.md``.
"""

from __future__ import annotations

import ast
import functools
import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

from registry.vocabulary import Language

ROOT = Path(__file__).parents[2]
TRANSLATED = [language for language in Language if language is not Language.ENGLISH]
KEYWORDS = DEFAULT_KEYWORDS | {"message": None}

# What Streamlit shows of its first argument, and the named arguments that it shows too.
SHOWN_FIRST = frozenset(
    [
        "badge",
        "button",
        "caption",
        "checkbox",
        "code",
        "date_input",
        "dialog",
        "download_button",
        "error",
        "expander",
        "feedback",
        "file_uploader",
        "form_submit_button",
        "header",
        "info",
        "link_button",
        "markdown",
        "metric",
        "multiselect",
        "number_input",
        "pills",
        "popover",
        "progress",
        "radio",
        "segmented_control",
        "select_slider",
        "selectbox",
        "slider",
        "spinner",
        "status",
        "subheader",
        "success",
        "tabs",
        "text",
        "text_area",
        "text_input",
        "time_input",
        "title",
        "toast",
        "toggle",
        "warning",
        "write",
    ]
)
SHOWN_NAMED = frozenset({"help", "label", "page_title", "placeholder", "text"})
TRANSLATING = frozenset({"N_", "_", "inline", "message", "ngettext"})


@functools.cache
def gathered() -> Catalog:
    """Every text that the source holds for translation."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    mappings = settings["tool"]["babel"]["mappings"]
    found = Catalog()
    for folder in ("registry", "dashboard"):
        methods = [
            (pattern.removeprefix(f"{folder}/"), mapping["method"])
            for mapping in mappings
            for pattern in (
                [mapping["pattern"]] if isinstance(mapping["pattern"], str) else mapping["pattern"]
            )
            if pattern.startswith(f"{folder}/")
        ]
        for file, line, text, _comments, _context in extract_from_dir(
            ROOT / folder, methods, keywords=KEYWORDS
        ):
            found.add(text, locations=[(f"{folder}/{file}", line)])
    return found


def translations(language: Language) -> Catalog:
    """The catalogue of a language as it stands in the package."""
    path = ROOT / "registry" / "locale" / language.value / "LC_MESSAGES" / "registry.po"
    with path.open("rb") as file:
        return read_po(file, locale=language.value)


def texts(entry: Message) -> tuple[str, ...]:
    """The English text, of a count both forms."""
    return entry.id if isinstance(entry.id, tuple) else (entry.id,)


def translated(entry: Message) -> tuple[str, ...]:
    """Its translation, of a count every form."""
    return entry.string if isinstance(entry.string, tuple) else (entry.string,)


def gaps(text: str) -> set[str]:
    """The named gaps of a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


in_each = pytest.mark.parametrize("language", TRANSLATED)


@in_each
def test_every_text_is_translated(language: Language) -> None:
    catalogue = translations(language)
    missing = []
    for entry in gathered():
        if entry.id:
            known = catalogue.get(entry.id)
            if known is None or known.fuzzy or not all(translated(known)):
                missing.append(f"{entry.locations[0][0]}: {texts(entry)[0]}")
    assert missing == []


@in_each
def test_no_translation_is_left_of_a_text_that_is_gone(language: Language) -> None:
    catalogue = translations(language)
    assert [entry.id for entry in catalogue if entry.id and entry.id not in gathered()] == []
    assert list(catalogue.obsolete) == []


@in_each
def test_translations_fill_the_same_gaps(language: Language) -> None:
    """The form of one may leave its count away, as "Review the case" does."""
    wrong = [
        (entry.id, said)
        for entry in translations(language)
        if entry.id
        for form, said in enumerate(translated(entry))
        if said
        and gaps(said) != gaps(texts(entry)[-1])
        and not (form == 0 and gaps(said) == gaps(texts(entry)[0]))
    ]
    assert wrong == []


@in_each
def test_every_count_has_the_forms_of_its_language(language: Language) -> None:
    catalogue = translations(language)
    wrong = [
        entry.id
        for entry in catalogue
        if isinstance(entry.id, tuple) and len(translated(entry)) != catalogue.num_plurals
    ]
    assert wrong == []


def test_texts_are_gathered_from_every_kind_of_place() -> None:
    for known in (
        "Sign in",  # a page
        "No {unit}: a rate is not defined.",  # a sentence of the library
        "Hyperpigmentation",  # the reference data
        "Pseudonym",  # a column of the data model
        "foam",  # a label within a sentence
    ):
        assert gathered().get(known) is not None, known


# --- texts that pass the catalogue by -------------------------------------------------------------


def name_of(call: ast.Call) -> str:
    """The last part of what is called."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def bare_texts(node: ast.expr) -> Iterator[ast.expr]:
    """The literals within an expression that no translating call holds and that hold words."""
    if isinstance(node, ast.Call) and name_of(node) in TRANSLATING:
        return
    if isinstance(node, ast.Constant | ast.JoinedStr):
        said = node.value if isinstance(node, ast.Constant) else _literal_part(node)
        # Names of icons and colours, gaps, and codes in capitals are no words.
        said = re.sub(r":[a-z_/-]+(\[|:)|\{\w*\}", "", said) if isinstance(said, str) else ""
        if re.search(r"[a-z]{3}", said):
            yield node
    elif isinstance(node, ast.IfExp):
        yield from bare_texts(node.body)
        yield from bare_texts(node.orelse)
    elif isinstance(node, ast.BinOp | ast.BoolOp | ast.List | ast.Tuple):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield from bare_texts(child)
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"format", "join"}
    ):
        yield from bare_texts(node.func.value)


def _literal_part(node: ast.JoinedStr) -> str:
    return "".join(
        part.value
        for part in node.values
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )


def shown_by_streamlit(tree: ast.AST) -> Iterator[ast.expr]:
    """What the calls of a page show: the first argument, and those that are shown by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if owner.split(".")[0] in {"alt", "log", "re"}:
                continue
            if node.func.attr in SHOWN_FIRST:
                yield from node.args[:1]
            if node.func.attr in SHOWN_FIRST or node.func.attr in {
                "column_config",
                "set_page_config",
            }:
                yield from (given.value for given in node.keywords if given.arg in SHOWN_NAMED)


def said_by_the_library(tree: ast.AST, errors: frozenset[str]) -> Iterator[ast.expr]:
    """The words of problems and of the errors that people see."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if name_of(node) == "Problem":
                yield from node.args[2:3]
                yield from (given.value for given in node.keywords if given.arg == "message")
            elif name_of(node) in errors:
                yield from node.args[:1]


STOPS_THE_START = {"CatalogueError", "Unfit"}


@functools.cache
def registry_errors() -> frozenset[str]:
    """Names of the errors that say something to people: the family of ``RegistryError``."""
    bases = {
        node.name: {ast.unparse(base).split(".")[-1] for base in node.bases}
        for _, tree in modules("registry", "dashboard")
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    family = {"RegistryError"}
    while more := {name for name, parents in bases.items() if parents & family} - family:
        family |= more
    return frozenset(family) - STOPS_THE_START


@functools.cache
def modules(*folders: str) -> list[tuple[str, ast.Module]]:
    """Each module of the folders, as its path and its syntax tree."""
    return [
        (path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]


def frozen_words(tree: ast.AST) -> Iterator[int]:
    """Calls that translate when the module is loaded, in the language of whoever came first."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call) and name_of(node) in {"_", "ngettext", "render", "say"}:
            yield node.lineno
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            early = (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults)
            for part in early:
                if part is not None:
                    yield from frozen_words(ast.Expr(part))
        elif not isinstance(node, ast.Lambda):
            yield from frozen_words(node)


def found_in(where: Iterator[ast.expr]) -> list[int]:
    return [bare.lineno for shown in where for bare in bare_texts(shown)]


def test_bare_texts_are_found() -> None:
    errors = frozenset({"NotFound"})
    for wrong in (
        "st.error('Not saved')",
        "form.text('Weight, kg', 'weight_kg')",
        "st.text(f'{n} sessions')",
        "place.button(_('Save'), help='Saves it')",
        "st.caption('old' if old else _('new'))",
        "st.text('{n} sessions'.format(n=n))",
        "raise NotFound('No such record.')",
        "Problem('day', 'required', 'Give the day.')",
    ):
        tree = ast.parse(wrong)
        assert found_in(shown_by_streamlit(tree)) or found_in(said_by_the_library(tree, errors)), (
            wrong
        )
    for right in (
        "st.error(_('Not saved'))",
        "st.text(plain(name))",
        "st.markdown(f'**{plain(name)}** · :material/warning:')",
        "st.write(', '.join(names))",
        "raise NotFound(message('No such record.'))",
        "Problem('day', 'required', message('Give the day.'))",
        "re.compile('abc').text",
    ):
        tree = ast.parse(right)
        assert not found_in(shown_by_streamlit(tree)), right
        assert not found_in(said_by_the_library(tree, errors)), right


def test_no_page_shows_a_text_that_passes_the_catalogue_by() -> None:
    found = {
        path: lines
        for path, tree in modules("dashboard")
        if (lines := found_in(shown_by_streamlit(tree)))
    }
    assert found == {}


# Only whoever runs the server or the command line reads these; they stay English.
FOR_OPERATORS = (
    "dashboard/server.py",
    "registry/audit",
    "registry/catalogue",
    "registry/cli",
    "registry/operations",
)


def test_no_error_of_the_library_passes_the_catalogue_by() -> None:
    found = {
        path: lines
        for path, tree in modules("registry", "dashboard")
        if not path.startswith(FOR_OPERATORS)
        and (lines := found_in(said_by_the_library(tree, registry_errors())))
    }
    assert found == {}


def test_words_translated_too_early_are_found() -> None:
    for wrong in ("A = _('Yes')", "@st.dialog(_('Add'))\ndef f(): ...", "def f(a=_('x')): ..."):
        assert list(frozen_words(ast.parse(wrong))) == [1], wrong
    for right in ("A = N_('Yes')", "def f():\n    return _('Yes')", "A = lambda: _('Yes')"):
        assert list(frozen_words(ast.parse(right))) == [], right


def test_no_word_is_translated_when_its_module_is_loaded() -> None:
    """Views are scripts, run anew for each person and click."""
    found = {
        path: lines
        for path, tree in modules("registry", "dashboard")
        if not path.startswith("dashboard/views/") and (lines := list(frozen_words(tree)))
    }
    assert found == {}
