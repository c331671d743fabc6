"""Every exception of the package: what Kafka calls it, and whether trying again helps."""

from __future__ import annotations


class OttlaError(Exception):
    """What every exception of this package is.

    Attributes
    ----------
    code
        The number that Kafka's protocol has for the error, or None if it has none.
    name
        Kafka's name for it, such as ``"NOT_LEADER_OR_FOLLOWER"``.
    retriable
        Whether the same call may succeed when it is made again.
    fatal
        Whether the object that raised it is of no more use.

    Examples
    --------
    >>> import ottla
    >>> error = ottla.OttlaError("no such topic", 3, "UNKNOWN_TOPIC_OR_PARTITION", True)
    >>> error.code, error.name, error.retriable, error.fatal
    (3, 'UNKNOWN_TOPIC_OR_PARTITION', True, False)
    """

    def __init__(
        self,
        message: str,
        code: int | None = None,
        name: str | None = None,
        retriable: bool = False,  # noqa: FBT001, FBT002
        fatal: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        # All of it in `args`, or an exception would come out of a pickle without its code.
        super().__init__(message, code, name, retriable, fatal)
        self.code = code
        self.name = name
        self.retriable = retriable
        self.fatal = fatal

    @property
    def message(self) -> str:
        """What happened."""
        return str(self.args[0])

    def __str__(self) -> str:
        """Return what happened."""
        return self.message

    def __repr__(self) -> str:
        """Return what happened, with Kafka's name for it."""
        name = f", {self.name}" if self.name else ""
        return f"{type(self).__name__}({self.message!r}{name})"


class ConfigError(OttlaError, ValueError):
    """A configuration key or value that cannot be; the message names the nearest key."""


class ConfigWarning(UserWarning):
    """A configuration key that is accepted, but changes nothing or not all that it says."""


class BrokerStartError(OttlaError, OSError):
    """A broker did not start: directory in use, address taken, or data damaged."""


class ClosedError(OttlaError, RuntimeError):
    """The broker or client was closed before the call."""


class ForkedProcessError(OttlaError, RuntimeError):
    """A broker or client was used in a forked child of the process that made it."""
