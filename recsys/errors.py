"""All errors that a caller can get.

RecsysError
├── DatabaseError
│   ├── DatabaseUnreachable     no server answers, or it refuses the connection
│   │   └── DatabaseTimeout     no answer in time: all connections are busy, or the server hangs
│   ├── DatabaseUnsupported     PostgreSQL or pgvector is missing or too old
│   ├── DatabaseOutOfDate       the schema is not the one that this version needs
│   └── EmbeddedServerError     the embedded server does not start or stop
├── SourceError                 a source of films, ratings or vectors cannot be read
├── TrainingError               there are too few ratings, or the training diverged
├── EvaluationError             nothing to measure with, or held-out ratings have leaked
├── EncoderError                an encoder of texts cannot be loaded, or gives no vectors
└── InvalidRequest              an argument has no answer (in SQL: SQLSTATE 22023)
    ├── UnknownMovie            there is no such film
    ├── UnknownGenre            there is no such genre
    └── UnknownModel            there is no such model

A class's docstring is its default message; the text of each error says what to do.
"""


class RecsysError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class DatabaseError(RecsysError):
    """The database refused the request."""


class DatabaseUnreachable(DatabaseError):
    """The database does not answer: check DATABASE_URL and that the server runs."""


class DatabaseTimeout(DatabaseUnreachable):
    """The database did not answer in time."""


class DatabaseUnsupported(DatabaseError):
    """The server needs PostgreSQL 16 or later and pgvector 0.8.4 or later."""


class DatabaseOutOfDate(DatabaseError):
    """The schema is missing or of another version: run `recsys db upgrade`."""


class EmbeddedServerError(DatabaseError):
    """The embedded PostgreSQL server cannot be started or stopped."""


class SourceError(RecsysError):
    """The source cannot be read."""


class TrainingError(RecsysError):
    """The model cannot be trained from these ratings."""


class EvaluationError(RecsysError):
    """The recommendations cannot be evaluated with these ratings."""


class EncoderError(RecsysError):
    """The texts cannot be encoded."""


class InvalidRequest(RecsysError):
    """The request has an argument that has no answer.

    Attributes
    ----------
    argument
        Name of the argument; None where it is not known.
    value
        Its value, or the one in a list of several that is refused.
    """

    def __init__(
        self, message: str | None = None, argument: str | None = None, value: object = None
    ) -> None:
        super().__init__(message or (type(self).__doc__ or "").partition("\n")[0])
        self.argument = argument
        self.value = value


class UnknownMovie(InvalidRequest):
    """There is no such film."""


class UnknownGenre(InvalidRequest):
    """There is no such genre."""


class UnknownModel(InvalidRequest):
    """There is no such model."""
