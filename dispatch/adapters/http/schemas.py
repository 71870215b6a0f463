"""What clients may send: nothing unknown, nothing endless, no text that a database refuses."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from dispatch.core.types import AreaClass
from dispatch.services.people import PersonRole


def _printable(text: str) -> str:
    """No control characters except line breaks and tabs (PostgreSQL refuses NUL)."""
    if any(ord(c) < 32 and c not in "\n\r\t" for c in text) or "\x7f" in text:
        raise ValueError("holds a control character")
    return text


Code = Annotated[str, Field(max_length=80, pattern=r"^[\x21-\x7e]*$")]
Line = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Text = Annotated[str, Field(max_length=2_000), AfterValidator(_printable)]
Many = Annotated[str, Field(max_length=60_000), AfterValidator(_printable)]
"""Corners or addresses as a page shows them: with blanks between them they are longer than a list may have them."""
Generation = Annotated[int, Field(ge=1, le=1_000_000)]
Username = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$")]
Minutes = Annotated[int, Field(ge=1, le=480)]


class Body(BaseModel):
    """A JSON object in which every field is known."""

    model_config = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)


class SignIn(Body):
    """A name and a password."""

    username: Annotated[Line, Field(min_length=1)]
    password: Annotated[str, Field(min_length=1, max_length=200)]


class IncidentIn(Body):
    """The orders of one fault."""

    order_ids: Annotated[list[Code], Field(min_length=2, max_length=100)]


class Remark(Body):
    """A text."""

    text: Text = ""


class CallBack(Body):
    """What the customer said when called back."""

    satisfied: Annotated[bool, Field(strict=True)]
    text: Text = ""
    phone: Annotated[Line, Field(max_length=40)] = ""


class ReasonIn(Body):
    """One of the process's reasons."""

    reason: Code


class RouteIn(Body):
    """Whose order it is."""

    centre_id: Code
    trade: Code
    area_class: AreaClass


Seen = Annotated[int, Field(ge=0, le=1_000_000)] | None
"""The order's dispatch that who acts has before them; where it is another one by now, somebody else was first."""
Sequence = Annotated[list[Annotated[Code, Field(min_length=1)]], Field(min_length=1, max_length=20)]


class RecallIn(ReasonIn):
    """Why it is taken back."""

    generation: Seen = None


class SequenceIn(Body):
    """The orders of a crew in the sequence that it works them."""

    orders: Sequence


class DispatchIn(Body):
    """To which crew, and at which place of its sequence (none: last)."""

    crew_id: Annotated[Code, Field(min_length=1)]
    place: Annotated[int, Field(ge=1, le=20)] | None = None
    generation: Seen = None


class ReassignIn(DispatchIn):
    """To which other crew, and why."""

    reason: Code


class AwayIn(Body):
    """For how long, and why."""

    minutes: Minutes
    reason: Line = ""


class AwayAskIn(AwayIn):
    """The same by the crew; `ask`: ask the centre where cover would be lost."""

    ask: bool = False


class OfDispatch(Body):
    """Which dispatch of the order a button belongs to."""

    generation: Generation


class StepIn(OfDispatch):
    """A crew's button; `at` where it was pressed without a network. Beside it, as evidence: what the phone's own clock
    showed (`device_at`), and by how many seconds the phone then took it to be behind the centre's (`offset_s`)."""

    at: AwareDatetime | None = None
    device_at: AwareDatetime | None = None
    offset_s: Annotated[float | None, Field(ge=-1e11, le=1e11)] = None


class RejectIn(StepIn):
    """The crew hands the order back."""

    reason: Code
    text: Text = ""


class RecordIn(StepIn):
    """The fault record, written by the crew itself. `cause_code` and `equipment` are words of the vocabulary."""

    cause_code: Code = ""
    equipment: Code = ""
    cause: Text
    work_done: Text
    material: Text = ""
    customers: Annotated[int | None, Field(ge=0, le=100_000_000)] = None
    text: Text = ""


class MessageIn(Body):
    """A message between a crew and its centre, about an order where one is named."""

    text: Annotated[Text, Field(min_length=1, max_length=500)]
    order_id: Code = ""


class PlaceIn(Body):
    """One position of a phone: WGS-84 degrees, metres a second, degrees from north, metres."""

    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]
    at: AwareDatetime
    speed_mps: Annotated[float | None, Field(ge=0, le=200)] = None
    course_deg: Annotated[float | None, Field(ge=0, le=360)] = None
    accuracy_m: Annotated[float | None, Field(ge=0, le=1e7)] = None


class PlacesIn(Body):
    """What a phone has seen since it last told."""

    positions: Annotated[list[PlaceIn], Field(min_length=1, max_length=60)]


class PersonIn(Body):
    """Someone new who may sign in."""

    username: Username
    name: Annotated[Line, Field(min_length=1)]
    role: PersonRole
    centre_id: Code = ""
    crew_id: Code = ""
    password: Annotated[str, Field(max_length=200)] = ""


class PersonFacts(Body):
    """What can be changed of somebody."""

    name: Annotated[Line, Field(min_length=1)]
    role: PersonRole
    centre_id: Code = ""
    crew_id: Code = ""
    active: bool = True


class PersonChange(PersonFacts):
    """Somebody otherwise than the page showed."""

    was: PersonFacts


class PasswordIn(Body):
    """One's own password, and the one before."""

    old: Annotated[str, Field(min_length=1, max_length=200)]
    new: Annotated[str, Field(min_length=1, max_length=200)]


class FirstIn(Body):
    """The first administrator."""

    token: Annotated[str, Field(min_length=1, max_length=100)]
    username: Username
    name: Annotated[Line, Field(min_length=1)]
    password: Annotated[str, Field(min_length=1, max_length=200)]


EntryKind = Literal["centres", "departments", "crews", "devices", "on_call"]


class EntryIn(Body):
    """One entry of the organisation as it was (None: new) and as it shall be (None: gone)."""

    was: dict[str, Any] | None
    entry: dict[str, Any] | None


class ListIn(Body):
    """A CSV list; `seen`: of the rehearsal that was looked at."""

    text: Annotated[str, Field(max_length=8_000_000)]
    seen: Code = ""


class OutageEntry(Body):
    """A planned outage as cells: times of the utility's zone, corners "lon lat; lon lat", addresses parted by |."""

    id: Annotated[Line, Field(max_length=64)] = ""
    starts: Annotated[Line, Field(alias="from", max_length=40)]
    to: Annotated[Line, Field(max_length=40)]
    reason: Text
    territory: Annotated[Line, Field(max_length=80)] = ""
    polygon: Many = ""
    addresses: Many = ""

    def as_said(self) -> dict[str, str]:
        """By the names of the columns."""
        return self.model_dump(by_alias=True)


class OutageShown(OutageEntry):
    """One as the page showed it."""

    called_off: Annotated[Line, Field(max_length=40)]


class OutageIn(Body):
    """A planned outage as it was (None: new) and as it shall be."""

    was: OutageShown | None
    entry: OutageEntry


class OutageWas(Body):
    """A planned outage that ends or is called off, as it was."""

    was: OutageShown


class DefinitionIn(Body):
    """A process definition."""

    text: Annotated[str, Field(max_length=500_000)]


class AdoptIn(DefinitionIn):
    """To be put in force in place of the one that was looked at."""

    before: Code


class Said(Body):
    """What somebody says in a follow-up."""

    text: Annotated[Text, Field(min_length=1)]


class TakeUp(Said):
    """What will be done, and by when."""

    until: AwareDatetime


class PhoneCallback(BaseModel):
    """What a telephone exchange reports; exchanges may say more than we ask."""

    model_config = ConfigDict(extra="ignore")
    call_id: Annotated[Code, Field(min_length=1)]
    number: Annotated[Line, Field(max_length=40)]
    seq: Annotated[int, Field(ge=0, le=1_000_000)]
    state: Literal[
        "dialling", "ringing", "answered", "keypress", "busy", "no_answer", "failed", "machine", "completed",
        "cut", "rejected",
    ]  # fmt: skip
    digit: Annotated[str | None, Field(max_length=1)] = None
    at: AwareDatetime
    why: Annotated[str, Field(max_length=300)] = ""


_Wall = Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9])?$")]


class RecipientIn(Body):
    """Who is told outside the pages: a person, or a role (of a centre)."""

    name: Annotated[Line, Field(min_length=1)]
    username: Line = ""
    role: PersonRole | Literal[""] = ""
    centre_id: Code = ""
    language: Literal["", "zh-CN", "en"] = ""


class ChannelIn(Body):
    """One way to a recipient. Quiet hours are wall times of the utility's zone."""

    label: Annotated[Line, Field(min_length=1)]
    url: Annotated[Text, Field(max_length=1_000)] = ""
    minimum: Literal["info", "warning", "escalation"] = "info"
    codes: Annotated[list[Code], Field(max_length=50)] = []
    quiet_from: _Wall = ""
    quiet_to: _Wall = ""
    position: Annotated[int, Field(ge=1, le=1_000)] | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> ChannelIn:
        if bool(self.quiet_from) != bool(self.quiet_to):
            raise ValueError("quiet hours need both ends")
        return self
