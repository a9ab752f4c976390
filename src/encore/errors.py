"""Everything that encore raises on purpose.

::

    EncoreError
    ├── InputError        what was handed in cannot be used: a file, a column, a value, a wrong id
    ├── IntegrityError    a Dataset or Bundle folder is damaged, incomplete or of a foreign version
    └── UsageError        the call itself is wrong (the command line exits with 2, not 1)

A message names what was found, what was expected, where, and what to do about it.
"""


class EncoreError(Exception):
    """Base of all deliberate errors; catching it catches every one of them."""

    exit_code = 1


class InputError(EncoreError):
    """Something handed to encore cannot be used; the message names file, line and remedy."""


class IntegrityError(EncoreError):
    """A folder that encore wrote does not verify; the message names the file that fails."""


class UsageError(EncoreError):
    """The call is wrong, whatever the data: an unknown value, options that exclude each other."""

    exit_code = 2
