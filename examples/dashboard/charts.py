"""Charts with one look: titled axes, exact tooltips, colours that also people with colour blindness tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair
import pandas

from formats import AXIS_FORMATS, TOOLTIP_FORMATS
from queries import Unit

HEIGHT = 320
# After Okabe and Ito, darkened where the contrast on white was under 3:1.
COLOURS = ("#0b5fa5", "#d55e00", "#00795a", "#b35c92", "#6b4c9a", "#8a6a00", "#3a8fc7", "#4a4a4a")
CAME, WENT = "#0b5fa5", "#d55e00"
# One hue from good to bad positions: darker is better.
BAND_COLOURS = ("#08406f", "#2171b5", "#6baed6", "#a9cfe8", "#d6dde4")
# Tasks of a table on a night.
STATES = {"All complete": "#0b5fa5", "Capped": "#9a86c4", "Partly": "#e9b06e", "None": "#a63603"}
# Lines beyond this cannot be told apart.
LINES = len(COLOURS)


def _axis(**more: Any) -> altair.Axis:
    return altair.Axis(titlePadding=8, titleFontSize=12, **more)


def _legend(names: Sequence[str]) -> altair.Legend | None:
    """None where it would tell nothing. As wide as a phone shows it."""
    columns = altair.ExprRef("width < 360 ? 2 : width < 600 ? 3 : 6") if any(len(name) > 6 for name in names) else 5
    return altair.Legend(orient="top", columns=columns, offset=4, padding=0, symbolSize=90, labelLimit=140) if len(names) > 1 else None


def _night_axis(spans_months: bool = False) -> altair.Axis:
    return _axis(format="%b %Y" if spans_months else "%-d %b", labelOverlap=True, labelAngle=0, ticks=False)


def _bars(days: int) -> dict[str, Any]:
    # One night is a bar, not a wall.
    return {"size": 56} if days <= 4 else {}


def _day_axis(frame: pandas.DataFrame, column: str) -> altair.Axis:
    span = (frame[column].max() - frame[column].min()).days
    return _axis(format="%b %Y" if span > 120 else "%-d %b", labelOverlap=True, tickCount="day" if span < 8 else 6, grid=False)


def _dated(frame: pandas.DataFrame, column: str) -> pandas.DataFrame:
    return frame.assign(**{column: pandas.to_datetime(frame[column])})


def _named(names: list[str], colours: tuple[str, ...]) -> altair.Scale:
    return altair.Scale(domain=names, range=[colours[index % len(colours)] for index in range(len(names))])


def lines(frame: pandas.DataFrame, title: str, unit: Unit, order: list[str]) -> altair.Chart:
    """A line for each site: `site`, `day`, `value`. Days without a value are passed over, never drawn as 0."""
    frame = _dated(frame, "day")
    chart: altair.Chart = (
        altair.Chart(frame, height=HEIGHT)
        .mark_line(point=altair.OverlayMarkDef(size=28) if frame["day"].nunique() <= 45 else False, strokeWidth=2)
        .encode(
            x=altair.X("day:T", title="Date", axis=_day_axis(frame, "day")),
            y=altair.Y("value:Q", title=title, scale=altair.Scale(zero=False, nice=True), axis=_axis(format=AXIS_FORMATS[unit])),
            color=altair.Color("site:N", title=None, scale=_named(order, COLOURS), legend=_legend(order)),
            tooltip=[
                altair.Tooltip("site:N", title="Site"),
                altair.Tooltip("day:T", title="Date", format="%-d %b %Y"),
                altair.Tooltip("value:Q", title=title, format=TOOLTIP_FORMATS[unit]),
            ],
        )
    )
    return chart


def came_and_went(frame: pandas.DataFrame, noun: str) -> altair.Chart:
    """Bars above and below zero: `night`, `change`, `number`."""
    frame = _dated(frame, "night")
    frame = frame.assign(
        signed=frame["number"].where(frame["change"] == "new", -frame["number"]),
        change=frame["change"].map({"new": "New", "lost": "Lost"}),
    )
    chart: altair.Chart = (
        altair.Chart(frame, height=HEIGHT)
        .mark_bar(**_bars(frame["night"].nunique()))
        .encode(
            x=altair.X("yearmonthdate(night):O", title="Night", axis=_night_axis()),
            y=altair.Y("signed:Q", title=f"{noun} new (+) and lost (−)", axis=_axis(format="~s")),
            color=altair.Color(
                "change:N", title=None, scale=_named(["New", "Lost"], (CAME, WENT)), legend=_legend(["New", "Lost"])
            ),
            tooltip=[
                altair.Tooltip("night:T", title="Night", format="%-d %b %Y"),
                altair.Tooltip("change:N", title="Change"),
                altair.Tooltip("number:Q", title=noun, format=","),
            ],
        )
    )
    return chart


def stacked(
    frame: pandas.DataFrame, day: str, part: str, number: str, title: str, order: list[str], colours: tuple[str, ...] = COLOURS
) -> altair.Chart:
    """Bars by day, in parts."""
    frame = _dated(frame, day)
    frame = frame.assign(place=frame[part].map({name: place for place, name in enumerate(order)}))
    many = (frame[day].max() - frame[day].min()).days > 120
    chart: altair.Chart = (
        altair.Chart(frame, height=HEIGHT)
        .mark_bar(**_bars(frame[day].nunique()))
        .encode(
            x=altair.X(
                f"yearmonthdate({day}):O",
                title="Date",
                axis=_night_axis(many),
            ),
            y=altair.Y(f"{number}:Q", title=title, axis=_axis(format="~s")),
            color=altair.Color(f"{part}:N", title=None, scale=_named(order, colours), legend=_legend(order)),
            order=altair.Order("place:Q"),
            tooltip=[
                altair.Tooltip(f"{day}:T", title="Date", format="%-d %b %Y"),
                altair.Tooltip(f"{part}:N", title="Part"),
                altair.Tooltip(f"{number}:Q", title=title, format=","),
            ],
        )
    )
    return chart


def heat(frame: pandas.DataFrame) -> altair.Chart:
    """How much of each table was complete on each night. A night without a mark: nothing was due, or nothing ran."""
    complete, capped, partly, none = STATES
    frame = _dated(frame, "night")
    states = pandas.Series(partly, frame.index)
    states = states.mask(frame["unfinished"] == 0, capped).mask(frame["share"] == 1, complete)
    frame = frame.assign(state=states.mask(frame["unfinished"] == frame["tasks"], none))
    chart: altair.Chart = (
        altair.Chart(frame, height=140 + 26 * frame["report"].nunique())
        .mark_rect(stroke="white", strokeWidth=1)
        .encode(
            x=altair.X("yearmonthdate(night):O", title="Night", axis=_night_axis()),
            y=altair.Y("report:N", title=None, axis=altair.Axis(labelLimit=150, labelOverlap=False)),
            color=altair.Color("state:N", title=None, scale=_named(list(STATES), tuple(STATES.values())), legend=_legend(list(STATES))),
            tooltip=[
                altair.Tooltip("report:N", title="Table"),
                altair.Tooltip("night:T", title="Night", format="%-d %b %Y"),
                altair.Tooltip("share:Q", title="Complete", format=".0%"),
                altair.Tooltip("tasks:Q", title="Tasks", format=","),
                altair.Tooltip("capped:Q", title="Capped", format=","),
                altair.Tooltip("unfinished:Q", title="Not finished", format=","),
            ],
        )
    )
    return chart
