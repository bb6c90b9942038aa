"""The three ways to fail, and nothing else: each says who has to act."""


class RedressError(Exception):
    """Something went wrong in Redress."""

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or (type(self).__doc__ or "").strip())

    @property
    def detail(self) -> str:
        """The sentence a person should read."""
        return str(self.args[0])


class Rejected(RedressError):
    """This will never work; trying again gives the same answer."""


class MalformedRequest(Rejected):
    """A header or a part of the URL is not of the form that this takes."""


class IllegalMove(Rejected):
    """The complaint's life cycle has no such move from where it stands."""


class NotFound(Rejected):
    """There is no such complaint."""


class Conflict(Rejected):
    """The request contradicts what has been recorded already."""


class PreconditionFailed(Conflict):
    """It has changed since you read it; read it again."""


class PreconditionRequired(Rejected):
    """Say which version you saw: `If-Match` with the ETag of your last look, so that nobody's change is lost."""


class Unavailable(RedressError):
    """Something we depend on is away; the same request may work later."""


class Misconfigured(RedressError):
    """A setting is wrong; the process must not start with it."""
