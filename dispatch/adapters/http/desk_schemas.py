"""What the hotline's clients may send about a call, and about where an order is."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from dispatch.adapters.http.schemas import Body, Code, Line, Text

Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


class CallIn(Body):
    """A customer's report. `ended_at` is point A."""

    channel: Code
    address: Annotated[Line, Field(min_length=1)]
    lat: Latitude | None = None
    lon: Longitude | None = None
    fault_type: Code
    voltage: Code
    customer_name: Line = ""
    customer_phone: Annotated[Line, Field(max_length=40)] = ""
    description: Text = ""
    ended_at: AwareDatetime | None = None
    phone_withheld: bool = False
    join: Code = ""
    apart: bool = False
    outage: Annotated[Line, Field(max_length=64)] = ""
    insists: bool = False


class WhereaboutsIn(Body):
    """Where an order was when who acts looked at it."""

    address: Line
    lat: Latitude | None
    lon: Longitude | None


class LocateIn(Body):
    """Where an order is; `address` (empty: it stays), `seen`: what it was before (none: whatever)."""

    lat: Latitude
    lon: Longitude
    address: Line = ""
    seen: WhereaboutsIn | None = None


class LookIn(Body):
    """What is known so far of a call that is not taken yet."""

    phone: Annotated[Line, Field(max_length=40)] = ""
    address: Line = ""
    lat: Latitude | None = None
    lon: Longitude | None = None


class NotReachedIn(Body):
    """A call-back that reached nobody; `again_at`: when to try again, `given_up`: not any more."""

    phone: Annotated[Line, Field(max_length=40)] = ""
    again_at: AwareDatetime | None = None
    given_up: bool = False
    text: Text = ""
