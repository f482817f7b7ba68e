"""What can be asked: the SQL functions with their arguments, and a few more.

Each method is written once, in one of the classes below, and only says what it would ask;
`recommender` makes two methods of it: one that asks and waits, and one that asks in asyncio.
"""

from __future__ import annotations

from recsys.serving.lists import Lists
from recsys.serving.lookups import Lookups
from recsys.serving.scores import Scores
from recsys.serving.texts import Texts
from recsys.serving.writes import Writes


class Questions(Lists, Scores, Texts, Lookups, Writes):
    """All questions; the public methods have the same names and arguments."""
