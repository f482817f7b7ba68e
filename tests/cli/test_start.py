"""What starts at once: help, the version and completion import nothing heavy."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import recsys.cli
from recsys.cli.commands import COMMANDS, find_command

HEAVY = {"sqlalchemy", "psycopg", "pandas", "numpy", "torch", "alembic"}
RUN = (
    "import atexit, sys; from recsys.cli import main;"
    f"atexit.register(lambda: print(sorted({HEAVY} & set(sys.modules)), file=sys.stderr));"
    "sys.argv = ['recsys', *sys.argv[1:]]; main()"
)


def started(*arguments: str, **environment: str) -> tuple[str, str]:
    """Run the command; return what it printed, and which heavy modules it imported."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200", **environment},
        check=True,
    )
    return done.stdout, done.stderr.strip()


def completed(words: str) -> tuple[str, str]:
    """Run it as bash does to complete the last of these words."""
    place = str(len(words.split(" ")) - 1)
    return started(_RECSYS_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=place)


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_an_option_of_all_commands_imports_nothing_heavy(option: str) -> None:
    shown, imported = started(option)
    assert imported == "[]"
    assert shown.startswith("recsys ") if option == "--version" else "similar-users" in shown


def test_completion_of_a_command_imports_nothing_heavy() -> None:
    shown, imported = completed("recsys rec")
    assert shown.split() == ["recommend", "recommend-for"]
    assert imported == "[]"


def test_completion_goes_on_inside_a_command() -> None:
    assert completed("recsys db st")[0].split() == ["status", "start", "stop"]
    assert "--genre" in completed("recsys recommend --ge")[0]


def test_the_script_for_the_shell_names_the_command() -> None:
    # The shell is named, since the one that runs the tests may be none that typer knows.
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    shown, imported = started("--show-completion", "bash", **named)
    assert "_RECSYS_COMPLETE=complete_bash" in shown
    assert imported == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_its_own_help_says(name: str) -> None:
    command = find_command(name, "markdown")
    assert command.name == name
    assert command.help.partition("\n\n")[0].replace("\n", " ") == COMMANDS[name][1]


def test_a_mistyped_command_names_the_likeliest() -> None:
    done = CliRunner().invoke(recsys.cli.app, ["recomend"], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert "Did you mean 'recommend', 'recommend-for'?" in done.output


def test_a_name_that_is_not_public_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from recsys import Recomender"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "cannot import name 'Recomender'" in done.stderr
