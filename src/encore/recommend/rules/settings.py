"""What a list may be asked to hold to: the fields of `Rules`, from Python, a TOML file or flags."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from encore.errors import InputError, UsageError
from encore.schema import ACOUSTIC

LAMBDA_DIV = 2.85  # chosen from the curve in docs/recommending.md
WITHIN = {"loudness": (-60.0, 10.0), "tempo": (0.0, 400.0)}  # dB, BPM; all others 0..1

Names = tuple[str, ...]


class Bounds(BaseModel):
    """From `min` to `max`, both within; an end that is not given is open.

    Written `{min = 1990, max = 1999}`, or as text: "1990..1999", "1990..", "..1999", "1990".
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    min: float | None = None
    max: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_text(cls, given: Any) -> Any:
        if isinstance(given, int | float) and not isinstance(given, bool):
            return {"min": given, "max": given}
        if isinstance(given, str):
            low, two, high = given.partition("..")
            return {"min": low or None, "max": (high or None) if two else low}
        return given

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("expected min, max or both, as in '1990..1999'")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self

    def __str__(self) -> str:
        ends = ["" if end is None else f"{end:g}" for end in (self.min, self.max)]
        return "..".join(ends)


def _feature(name: Any) -> Any:
    if name not in ACOUSTIC:
        raise ValueError(f"no such feature; expected one of {', '.join(ACOUSTIC)}")
    return name


def _list_of_names(given: Any) -> Any:
    """Let one name stand for a list of one: a text is otherwise a sequence of letters."""
    return (given,) if isinstance(given, str) else given


Acoustic = Annotated[str, BeforeValidator(_feature)]
Several = Annotated[Names, BeforeValidator(_list_of_names)]


class Rules(BaseModel):
    """What a list must hold to, and what it should lean towards.

    The default asks for a varied list of unheard tracks; `Rules.plain()` for the ranking as it is.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )

    explicit: Literal["allow", "exclude", "exclude_known"] = "allow"
    """`exclude` removes explicit tracks and those of unknown explicitness (unknown is not clean);
    `exclude_known` removes only those known to be explicit."""
    heard: Literal["mask", "allow", "only"] | None = None
    """Tracks that the listener has played or skipped: never listed, listed too, or nothing but
    them. Unset, it is `mask`, or what `discovery` says."""
    relisten_after_days: int | None = Field(default=None, ge=1)
    """A heard track may be listed again so many days after its last play, counted to the last play
    of the training data, and not before; where the time is unknown, not at all."""
    discovery: float | None = Field(default=None, ge=0, le=1)
    """The dial d from familiar (0) to new (1), in the place of `heard`: (1 - d)² of the slots go to
    heard tracks, by the repeat channel, and d² to tracks by artists never heard."""
    recent: Several = ()
    """Ids of tracks that were listed to this listener lately, the latest last: not listed again."""
    no_repeat_window: int | None = Field(default=None, ge=1)
    """Only so many of the latest `recent` are left out; unset, all."""
    per_artist: int | None = Field(default=None, ge=1)
    """Most tracks of one artist in a list; those of unknown artist are not counted together."""
    artist_spacing: int = Field(default=0, ge=0)
    """Least number of slots between two tracks of one artist; unknown artists are all different."""
    per_album: int | None = Field(default=None, ge=1)
    """Most tracks of one artist's album; those of unknown album are not counted together."""
    ban_tracks: Several = ()
    """Ids of tracks that are never listed."""
    ban_artists: Several = ()
    """Ids or names of artists of whom nothing is listed."""
    ban_genres: Several = ()
    """Genres of which nothing is listed; a track of unknown genre stays."""
    only_tracks: Several = ()
    """Ids of the only tracks that may be listed."""
    only_artists: Several = ()
    """Ids or names of the only artists that may be listed."""
    only_genres: Several = ()
    """A listed track has one of these genres; unknown is not one of them."""
    year: Bounds | None = None
    """Bounds of the year of release; an unknown year is not within."""
    duration_s: Bounds | None = None
    """Bounds of the length in seconds; an unknown length is not within."""
    listeners: Bounds | None = None
    """Floor and ceiling of popularity: how many listeners of the training data played a track."""
    acoustics: dict[Acoustic, Bounds] = {}
    """Bounds of acoustic features; an unknown value is not within."""
    targets: dict[Acoustic, float] = {}
    """Acoustic features that a list should be near to."""
    target_weight: float = Field(default=1, ge=0)
    """Standard deviations of the score that a track loses for each standard deviation of a feature
    that it is off the target, mean over `targets`; unknown is as far off as the farthest."""
    genre_balance: float = Field(default=0, ge=0, le=1)
    """Weight of calibration: the list's genre shares are drawn towards the listener's own."""
    genre_shares: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Shares that `genre_balance` draws towards in the place of the listener's own; scaled to 1."""
    popularity_weight: float = 0
    """Above 0 prefers popular tracks, below 0 rare ones; in standard deviations of the score per
    standard deviation of log popularity."""
    diversity: Literal["pairs", "mean", "mmr"] = "pairs"
    """What a track resembles counts as the sum over the tracks chosen before it / √n (then the
    list is put in order of score), their mean (as in `enhance_diversity`), or the nearest."""
    lambda_div: float = Field(default=LAMBDA_DIV, ge=0)
    """Weight of that resemblance, in standard deviations of the score; 0: no diversity."""
    similarity: Literal["both", "content", "listening"] = "both"
    """Whether resemblance is of content (artist, genres, tags), co-listening, or both."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.discovery is not None and self.heard is not None:
            raise ValueError("discovery says what of the heard is listed: leave heard out")
        if self.genre_shares and not self.genre_balance:
            raise ValueError("genre_shares do nothing without genre_balance: give it, such as 0.5")
        for name in dict.fromkeys([*self.acoustics, *self.targets]):
            low, high = WITHIN.get(name, (0.0, 1.0))
            bounds = self.acoustics.get(name, Bounds(min=low))
            for value in (bounds.min, bounds.max, self.targets.get(name)):
                if value is not None and not low <= value <= high:
                    raise ValueError(f"{name} {value:g}: expected {low:g} to {high:g}")
        return self

    @classmethod
    def plain(cls) -> Self:
        """Return the rules that change nothing: unheard tracks in the order of their scores."""
        return cls(lambda_div=0)


PLAIN = Rules.plain()


def rules_of(**values: Any) -> Rules:
    """Return `values` as Rules; raise `UsageError` naming rule, value and what is allowed.

    >>> rules_of(per_artist=0)
    Traceback (most recent call last):
    encore.errors.UsageError: per_artist = 0: expected greater than or equal to 1
    """
    try:
        return Rules.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        allowed = first["msg"].replace("Input should be", "expected")
        allowed = allowed.removeprefix("Value error, ")
        name = ".".join(str(part) for part in first["loc"] if part != "[key]")
        if first["type"] == "extra_forbidden":
            where = Rules if name in values else Bounds
            allowed = f"no such rule; expected one of {', '.join(where.model_fields)}"
        told = f"{name} = {first['input']!r}: {allowed}" if name else f"rules: {allowed}"
        raise UsageError(told) from None


def read_rules(path: Path, **values: Any) -> Rules:
    """Return the rules of a TOML file; `values` stand in the place of the file's.

    Raises `InputError` where the file cannot be read, `UsageError` as `rules_of` does.
    """
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: {error}; expected rules as TOML, such as: per_artist = 2"
        ) from error
    try:
        return rules_of(**given | values)
    except UsageError as error:
        raise UsageError(f"{path}: {error}" if set(given) - set(values) else str(error)) from None
