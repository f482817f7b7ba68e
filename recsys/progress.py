"""How long work tells how far it is: one protocol for all of it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called again and again while something takes long."""

    def __call__(self, what: str, done: int, of: int | None = None, note: str = "") -> None:
        """Tell how far it is.

        Parameters
        ----------
        what
            The step, in a word or two: ``training``. Steps follow one another.
        done, of
            How much of the step is done, and of how much in all; None where that is not known.
        note
            What else there is to say, such as ``loss 0.5503``.
        """


def silent(what: str, done: int, of: int | None = None, note: str = "") -> None:
    """Say nothing."""
