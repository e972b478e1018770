"""What pages share: the choice that was made above them, and blocks that look the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas
import pyarrow
import streamlit as st

import charts
import formats
import queries
from export import Export
from queries import Measure, Scope, Source

# How the columns of a table are shown.
Columns = dict[str, Any]

# Rows of a list on a page; the CSV of a table has more.
LISTED = 500


@dataclass(frozen=True)
class Context:
    """What a page is about."""

    export: Export
    # The chosen sites and days.
    scope: Scope
    # The same without the choice of a role: what is said of the data's health holds for competitors too.
    scope_of_health: Scope
    # In words: `3 sites · 1 Nov 2026 – 9 Nov 2026`.
    summary: str
    summary_of_health: str


def heading(title: str, summary: str) -> None:
    """A page's title and what it shows."""
    st.header(title, anchor=False)
    st.caption(summary)


def framed(frame: pyarrow.Table) -> pandas.DataFrame:
    """Rows for charts and tables."""
    found: pandas.DataFrame = frame.to_pandas(date_as_object=True)
    return found


def summed(frame: pandas.DataFrame, by: list[str], number: str) -> pandas.DataFrame:
    """A number added up by some columns."""
    return pandas.DataFrame(frame.groupby(by, as_index=False)[[number]].sum())


def at_most(frame: pandas.DataFrame, by: str, number: str, rest: str) -> tuple[pandas.DataFrame, list[str]]:
    """As many parts as can be told apart, the largest first and all others as one; and their order."""
    order = list(frame.groupby(by)[number].sum().sort_values(ascending=False, kind="stable").index)
    if len(order) <= charts.LINES:
        return frame, order
    kept = order[: charts.LINES - 1]
    return frame.assign(**{by: frame[by].where(frame[by].isin(kept), rest)}), [*kept, rest]


def note(text: str) -> None:
    """In place of something that cannot be shown: why, and what would bring it."""
    st.info(text, icon=":material/info:")


def table(frame: pandas.DataFrame, file: str, columns: Columns | None = None, *, height: int | None = None) -> None:
    """A table that can be sorted, searched and taken away as CSV."""
    shown = {name: config for name, config in (columns or {}).items() if name in frame.columns}
    st.dataframe(frame, hide_index=True, column_config=shown, height=height or "auto", key=f"table-{file}", placeholder=formats.ABSENT)
    st.download_button(
        "Download CSV",
        lambda: frame.to_csv(index=False).encode(),
        file_name=f"{file}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=f"csv-{file}",
        on_click="ignore",
    )


def from_tables(found: Sequence[Source]) -> str:
    """Where figures come from."""
    counted = any(source.value is None for source in found)
    return f"From {formats.listed([source.table.name for source in found])}{' (rows of complete nights)' if counted else ''}"


@dataclass(frozen=True)
class Figure:
    """A measure over the chosen sites."""

    value: float | None
    delta: float | None
    sites: int
    compared: int
    since: date | None
    day: date | None


def figure(context: Context, measure: Measure, found: Sequence[Source]) -> Figure:
    """A measure over the chosen sites."""
    if not found:
        return Figure(None, None, 0, 0, None, None)
    return Figure(**queries.figures(context.export, measure, found, context.scope, by_site=False).to_pylist()[0])


def tile(measure: Measure, shown: Figure, found: Sequence[Source], *, missing: str) -> None:
    """A figure with its change over the period."""
    if shown.value is None or shown.day is None:
        st.metric(measure.label, formats.ABSENT, delta=missing, delta_color="off", delta_arrow="off", border=True, height="stretch")
        return
    words = "average" if measure.is_mean else "sum"
    about = f"{from_tables(found)}. The {words} over {formats.plural(shown.sites, 'site')}, each with its newest complete night up to "
    about += f"{formats.day(shown.day)}."
    if shown.delta is None or shown.since is None:
        delta, color, arrow, than = "needs a second night", "off", "off", None
    else:
        delta, than = formats.difference(shown.delta, measure.unit), f"vs {shown.since.day} {shown.since:%b}"
        flat = formats.figure(abs(shown.delta), measure.unit) in ("0", "0.0", "$0")
        color, arrow = ("off", "off") if flat else ("normal", "auto")
        about += f" The change is over {formats.plural(shown.compared, 'site')} with an earlier value in the period."
    st.metric(
        measure.label,
        formats.figure(shown.value, measure.unit),
        delta=delta,
        delta_color=color,  # type: ignore[arg-type]
        delta_arrow=arrow,  # type: ignore[arg-type]
        delta_description=than,
        help=about,
        border=True,
        height="stretch",
    )


def tiles(blocks: Sequence[Callable[[], None]]) -> None:
    """A row of figures: all beside each other, two beside each other on a phone."""
    with st.container(key="tiles"):
        for column, block in zip(st.columns(len(blocks)), blocks, strict=True):
            with column:
                block()


def trend(context: Context, measure: Measure, found: Sequence[Source], *, missing: str) -> None:
    """A chart of a measure by site and day, or why there is none."""
    st.subheader(measure.label, anchor=False)
    frame = framed(queries.trend(context.export, measure, found, context.scope)) if found else pandas.DataFrame()
    if frame.empty:
        note(missing)
        return
    newest = frame.sort_values("day").groupby("site")["value"].last().sort_values(ascending=False, kind="stable")
    order = list(newest.index[: charts.LINES])
    unit = {"score": " (0–100)", "count": "", "usd": " (US dollars a month)"}[measure.unit]
    chart = charts.lines(frame[frame["site"].isin(order)], f"{measure.label}{unit}", measure.unit, order)
    st.altair_chart(chart, alt=f"{measure.label} of {formats.plural(len(order), 'site')} by day")
    remarks = [from_tables(found)]
    if len(newest) > len(order):
        remarks.append(f"the {len(order)} highest of {formats.plural(len(newest), 'site')}; the table below has all")
    if frame["day"].nunique() == 1:
        remarks.append("one night so far: the line begins with the second")
    st.caption(" · ".join(remarks))
