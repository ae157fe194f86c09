"""Errors that are meant for the person who typed the command."""


class UserError(Exception):
    """One line for a person: what was given, what is allowed, what to do. Commands exit with 2."""


class SpecError(UserError):
    """A workload file or name that cannot be used; the line names the file and the place in it."""


class UnsupportedError(UserError):
    """A workload that parses and expands, but that no backend computes yet."""


class PlaceError(ValueError):
    """An error in a model, with the place in it where a person should look."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place
