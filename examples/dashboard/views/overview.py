"""The first page: where the chosen sites stand, and how they got there."""

from __future__ import annotations

from functools import partial

import pandas
import streamlit as st

import charts
import formats
import queries
from queries import BACKLINKS, DOMAINS, KEYWORDS, MEASURES, RATING, TRAFFIC, VALUE, Measure, Source
from views.common import Columns, Context, figure, framed, from_tables, heading, note, summed, table, tile, tiles, trend

# Per measure: a report that brings it, for who has none.
BRINGS = {
    RATING.label: "site-explorer/domain-rating",
    DOMAINS.label: "site-explorer/refdomains",
    BACKLINKS.label: "site-explorer/backlinks-stats",
    TRAFFIC.label: "site-explorer/metrics-history",
    VALUE.label: "site-explorer/metrics-history",
    KEYWORDS.label: "site-explorer/organic-keywords",
}
CHARTED = (RATING, DOMAINS, TRAFFIC, VALUE)


def show(context: Context) -> None:
    """The page."""
    heading("Overview", context.summary)
    found = {measure.label: queries.sources(context.export, measure, context.scope) for measure in MEASURES}
    tiles([
        partial(
            tile,
            measure,
            figure(context, measure, found[measure.label]),
            found[measure.label],
            missing=_missing(context, measure),
        )
        for measure in MEASURES
    ])
    for pair in (CHARTED[:2], CHARTED[2:]):
        for column, measure in zip(st.columns(2, gap="medium"), pair, strict=True):
            with column:
                trend(context, measure, found[measure.label], missing=_why_no_chart(context, measure))
    _domains(context)
    _sites(context, found)


def _has_table(context: Context, measure: Measure) -> bool:
    return bool(context.export.of(*(endpoint for endpoint, _ in measure.places)))


def _missing(context: Context, measure: Measure) -> str:
    return "no complete night here" if _has_table(context, measure) else "no such report"


def _why_no_chart(context: Context, measure: Measure) -> str:
    if _has_table(context, measure):
        return f"No complete night of {measure.label.lower()} for these sites in this period. *Data health* tells why."
    return f"This export has no report of {measure.label.lower()}. One on `{BRINGS[measure.label]}` brings it."


def _domains(context: Context) -> None:
    st.subheader("New and lost referring domains", anchor=False)
    links = queries.link_tables(context.export, "domains")
    if not links:
        note("This export lists no referring domains. A report on `site-explorer/refdomains` brings them.")
        return
    if queries.comparisons(context.export, links[0], context.scope) == 0:
        note("Needs a second complete night: what is new or lost is told by comparing two. *Links* shows what there is.")
        return
    frame = framed(queries.changes(context.export, links[0], context.scope))
    if frame.empty:
        note("No referring domain came or went in this period.")
        return
    by_night = summed(frame, ["night", "change"], "number")
    st.altair_chart(charts.came_and_went(by_night, "Referring domains"), alt="New and lost referring domains by night")
    st.caption(f"From `{links[0].label}` · each complete night against the complete one before it, site by site")


def _sites(context: Context, found: dict[str, list[Source]]) -> None:
    st.subheader("Sites", anchor=False)
    frame = framed(queries.sites(context.export))
    if context.scope.sites is not None:
        frame = frame[frame["site"].isin(context.scope.sites)]
    columns: Columns = {
        "site": st.column_config.TextColumn("Site", pinned=True),
        "client": "Client",
        "role": "Role",
    }
    frame = frame[["site", "client", "role"]]
    for measure in MEASURES:
        if not found[measure.label]:
            continue
        values = framed(queries.figures(context.export, measure, found[measure.label], context.scope, by_site=True))
        value, delta = measure.label, f"{measure.label} change"
        values = values[["site", "value", "delta"]].rename(columns={"value": value, "delta": delta})
        frame = frame.merge(values, on="site", how="left")
        style = formats.COLUMN_FORMATS[measure.unit]
        columns[value] = st.column_config.NumberColumn(value, format=style, help=from_tables(found[measure.label]))
        columns[delta] = st.column_config.NumberColumn("± period", format=style, help="Newest against first value of the period")
    frame = frame.dropna(axis=1, how="all") if not frame.empty else pandas.DataFrame(columns=["site"])
    table(frame, "sites", columns)
