"""Every exception the engine raises on purpose, with its exit code.

    DwarfsmithError                1
    ├── UsageError                 1   an option or argument cannot be used
    │   └── NotAvailableError      1   known, but not built yet or not installed
    ├── InputError                 1   the input as a whole cannot be used
    ├── OutputError                1   the output cannot be made
    │   └── OutputExistsError      1   it is there already
    ├── FormatError                1   an image is not what the format says
    │   ├── ChecksumError          1   a section does not match its checksum
    │   └── UnsupportedError       1   valid, but from a release we do not know
    ├── CodecError                 1   a payload cannot be decoded or encoded
    └── CancelledError           130   the user asked to stop

A message says what was expected, what was found and where, in one line. Problems
with single input entries are not exceptions: they are counted as `events.Problem`,
the build goes on, and the exit code is 2.
"""

EXIT_OK = 0
EXIT_FATAL = 1
EXIT_WITH_PROBLEMS = 2


class DwarfsmithError(Exception):
    """Base of all errors meant for the user; `str()` is one printable line."""

    exit_code = EXIT_FATAL


class UsageError(DwarfsmithError):
    """An option or argument cannot be used as given."""


class NotAvailableError(UsageError):
    """Something the commands know that this release or machine cannot do."""


class InputError(DwarfsmithError):
    """The input as a whole cannot be used."""


class OutputError(DwarfsmithError):
    """The output cannot be created or written."""


class OutputExistsError(OutputError):
    """The output is there already and overwriting was not asked for."""


class FormatError(DwarfsmithError):
    """An image breaks the format: expectation, finding and place."""


class ChecksumError(FormatError):
    """A section's bytes do not match its stored checksum."""


class UnsupportedError(FormatError):
    """A well-formed image that needs a version or feature we do not know."""


class CodecError(DwarfsmithError):
    """A payload cannot be compressed or decompressed."""


class CancelledError(DwarfsmithError):
    """The user asked to stop."""

    exit_code = 130
