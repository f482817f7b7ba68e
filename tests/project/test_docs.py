"""The documentation: its SQL runs, its outputs are those of this version, its links work."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import charts
import pytest
from dictionary import PAGE, dictionary
from sqlalchemy import URL, Engine

from recsys.database.engine import libpq_url
from recsys.database.views import refresh
from recsys.models.lists import recommend_all
from recsys.server.cluster import binaries
from tests.helpers.databases import open_database

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
}
FENCE = re.compile(r"^```(.*)$")
# `\echo` writes it between the outputs of two blocks.
MARK = "@@ the block of line"


class Block(NamedTuple):
    """A fenced block; `line` is that of the upper fence, `end` that of the lower one."""

    language: str
    line: int
    end: int
    lines: list[str]


def blocks(text: str) -> list[Block]:
    lines = text.splitlines()
    fences = [number for number, line in enumerate(lines) if FENCE.match(line)]
    assert len(fences) % 2 == 0, "a fence is left open"
    return [
        Block(lines[start][3:], start + 1, end + 1, lines[start + 1 : end])
        for start, end in zip(fences[::2], fences[1::2], strict=True)
    ]


def script(text: str) -> str:
    """Return the SQL of a page, with the same line numbers, so that errors name the page's line."""
    lines = [""] * len(text.splitlines())
    for block in blocks(text):
        if block.language == "sql":
            lines[block.line - 1] = f"\\echo '{MARK}' {block.line}"
            lines[block.line : block.end - 1] = block.lines
    return "\n".join(lines) + "\n"


def outputs_shown(text: str) -> dict[int, list[str]]:
    """Return the outputs that a page shows, by the line of the SQL block above."""
    found = blocks(text)
    lines = text.splitlines()
    return {
        block.line: below.lines
        for block, below in itertools.pairwise(found)
        if (block.language, below.language) == ("sql", "text")
        and not "".join(lines[block.end : below.line - 1]).strip()
    }


def outline(lines: list[str]) -> list[str]:
    """Return what no model changes in psql's output: columns, numbers of rows, commands."""
    found = []
    for above, line in itertools.pairwise(["", *lines]):
        if re.fullmatch(r"-+(\+-+)*", line):
            found.append(" | ".join(column.strip() for column in above.split("|")))
        elif re.fullmatch(r"\(\d+ rows?\)|[A-Z]+( [A-Z]+)?( \d+)*", line):
            found.append(line)
    return found


def run(url: URL, page: str, folder: Path) -> list[str]:
    """Run a page's SQL; return its errors, and the outputs that differ from those shown."""
    text = PAGES[page].read_text(encoding="utf-8")
    done = subprocess.run(
        [binaries() / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-f", "-", libpq_url(url)],
        input=script(text),
        cwd=folder,
        env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning", "PGTZ": "UTC"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or done.stderr:
        return [done.stderr.replace("<stdin>", page)]
    printed: dict[int, list[str]] = {}
    for line in done.stdout.splitlines():
        if line.startswith(MARK):
            now = printed.setdefault(int(line.removeprefix(MARK)), [])
        else:
            now.append(line)
    return [
        f"{page}:{line}: shows {outline(shown)}, but psql prints {outline(printed[line])}"
        for line, shown in outputs_shown(text).items()
        if not outline(shown) or outline(shown) != outline(printed[line])
    ]


@pytest.fixture(scope="module")
def whole_name(server_url: URL, learned_name: str, copies: Callable[[str], str]) -> str:
    """Name of a database with the whole sample, lists and views; tests only copy it."""
    name = copies(learned_name)
    engine = open_database(server_url, name)
    recommend_all(engine)
    refresh(engine)
    return name


@pytest.fixture
def url(server_url: URL, whole_name: str, copies: Callable[[str], str]) -> URL:
    """A database as the pages expect it; a test may write in it."""
    return server_url.set(database=copies(whole_name))


def pages_with(language: str) -> list[str]:
    return [
        page
        for page, path in PAGES.items()
        if any(block.language == language for block in blocks(path.read_text(encoding="utf-8")))
    ]


@pytest.mark.parametrize("page", pages_with("sql"))
def test_sql_runs(url: URL, page: str, tmp_path: Path) -> None:
    assert run(url, page, tmp_path) == []


def test_a_renamed_column_is_noticed(
    url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setitem(PAGES, "page.md", page)
    block = "Text.\n\n```sql\nselect * from {}\n  limit 1;\n```\n\n```text\n{}\n-----+---\n(1 row)\n```\n"
    page.write_text(block.format("recsys.genres", " genre_id | name "))
    assert run(url, "page.md", tmp_path) == []
    page.write_text(block.format("recsys.genres", " genre_id | title "))
    assert run(url, "page.md", tmp_path) == [
        "page.md:3: shows ['genre_id | title', '(1 row)'], "
        "but psql prints ['genre_id | name', '(1 row)']"
    ]
    page.write_text(block.format("recsys.genre", ""))
    (error,) = run(url, "page.md", tmp_path)
    assert error.startswith('psql:page.md:5: ERROR:  relation "recsys.genre" does not exist')


@pytest.mark.parametrize("page", pages_with("python"))
def test_python_compiles(page: str) -> None:
    text = PAGES[page].read_text(encoding="utf-8")
    for block in blocks(text):
        if block.language == "python":
            compile("\n" * block.line + "\n".join(block.lines), page, "exec")


def test_every_block_is_of_a_kind() -> None:
    # The tests would not run a misspelt one.
    kinds = {
        (page, block.line): block.language
        for page, path in PAGES.items()
        for block in blocks(path.read_text(encoding="utf-8"))
    }
    known = {"", "sql", "text", "sh", "python", "mermaid", "yaml"}
    assert {place: kind for place, kind in kinds.items() if kind not in known} == {}


def prose(text: str) -> list[str]:
    """Return a page's lines, blank where its blocks are."""
    lines = text.splitlines()
    for block in blocks(text):
        lines[block.line - 1 : block.end] = [""] * (block.end - block.line + 1)
    return lines


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = [line.lstrip("#").strip() for line in prose(text) if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    path = PAGES[page]
    text = path.read_text(encoding="utf-8")
    dead = []
    for number, line in enumerate(prose(text), 1):
        for target in re.findall(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)", line):
            file, _, anchor = "".join(target).partition("#")
            if "://" in file:
                continue
            found = path.parent / file if file else path
            if not found.exists() or (
                anchor and anchor not in anchors(found.read_text(encoding="utf-8"))
            ):
                dead.append(f"{page}:{number}: {''.join(target)}")
    assert dead == []


def test_charts_are_drawn(url: URL, tmp_path: Path) -> None:
    with open_database(url, str(url.database)).connect() as connection:
        drawn = charts.draw(connection, tmp_path)
    shown = re.findall(r"\]\((images/[^)]+)\)", PAGES["docs/bi.md"].read_text(encoding="utf-8"))
    assert [str(file.relative_to(tmp_path)) for file in drawn] == shown
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in drawn)


def test_data_dictionary(engine: Engine) -> None:
    with engine.connect() as connection:
        written = dictionary(connection)
    assert PAGE.read_text(encoding="utf-8") == written, (
        "docs/data-dictionary.md is not what the database says: run `make docs`"
    )


def test_the_dictionary_tells_of_a_renamed_column(engine: Engine) -> None:
    with engine.connect() as connection:
        before = dictionary(connection)
        connection.exec_driver_sql("alter table recsys.tags rename tag to word")
        connection.exec_driver_sql("comment on column recsys.tags.word is 'One | two.'")
        after = dictionary(connection)
    changed = set(after.splitlines()) ^ set(before.splitlines())
    assert changed == {
        "| `tag` | text | no | The tag, in the user's own words. |",
        "| `word` | text | no | One \\| two. |",
    }
