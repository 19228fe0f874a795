"""The things that can be wrong with what a user hands in; each message says what to do about it."""


class DepthPromptError(Exception):
    """Base of every error that is the input's fault, not the program's."""


class BadFrame(DepthPromptError):
    """One frame cannot be used: it is skipped and counted, the stream goes on."""


class NoTarget(BadFrame):
    """Nothing to grasp is found in one frame; its depth is published as measured."""


class BadInput(DepthPromptError):
    """A bag, data set, file or parameter cannot be used: the command ends with exit code 2."""


class BadModel(BadInput):
    """A network, prompt or graph is missing, corrupt, or made for another one."""


class WrongType(BadInput, TypeError):
    """Something of another kind than is wanted was given to the Python interface."""


class WrongValue(BadInput, ValueError):
    """Something of the right kind was given to the Python interface that cannot be used."""


class Interrupted(KeyboardInterrupt):
    """Learning was stopped by Ctrl-C or SIGTERM; the message says what was kept.

    Attributes:
        code: exit code, 128 and the signal.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def in_one_line(error: BaseException) -> str:
    """An exception's kind and the first line of what it says, for a reason or a log."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def printable(text: object) -> str:
    """A text that came from outside, in one line: what is no printable character is escaped."""
    joined = " ".join(str(text).split())
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in joined)
