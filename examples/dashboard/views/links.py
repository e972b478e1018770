"""What came and what went: referring domains or backlinks, night by night, down to each of them."""

from __future__ import annotations

from functools import partial
from typing import Literal

import pandas
import streamlit as st

import charts
import formats
import queries
from queries import BACKLINKS, DOMAINS, Change, Links
from views.common import LISTED, Columns, Context, at_most, figure, framed, heading, note, summed, table, tile, tiles, trend

Count = Literal["domains", "links"]
NOUNS: dict[Count, str] = {"domains": "Referring domains", "links": "Backlinks"}
BRINGS: dict[Count, str] = {"domains": "site-explorer/refdomains", "links": "site-explorer/all-backlinks"}

COLUMNS: Columns = {
    "night": st.column_config.DateColumn("Night", format="D MMM YYYY"),
    "site": "Site",
    "domain": "Referring domain",
    "root_name_source": "Referring domain",
    "url_from": st.column_config.LinkColumn("From", width="medium"),
    "url_to": st.column_config.LinkColumn("To", width="medium"),
    "anchor": "Anchor",
    "link_type": "Type",
    "first_seen": st.column_config.DatetimeColumn("First seen", format="D MMM YYYY"),
    "first_seen_link": st.column_config.DatetimeColumn("First seen", format="D MMM YYYY"),
    "domain_rating": st.column_config.NumberColumn("DR", format="%.1f"),
    "domain_rating_source": st.column_config.NumberColumn("DR", format="%.1f"),
    "links_to_target": st.column_config.NumberColumn("Links", format="localized"),
    "dofollow_links": st.column_config.NumberColumn("Followed links", format="localized"),
    "is_dofollow": "Followed",
    "http_code": st.column_config.NumberColumn("HTTP", format="%d"),
    "lost_reason": "Why lost",
}


def show(context: Context) -> None:
    """The page."""
    heading("Links", context.summary)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count: Count = st.segmented_control(
            "Count", ["domains", "links"], default="domains", required=True, format_func=lambda name: NOUNS[name], key="links-count"
        )
        tables = queries.link_tables(context.export, count)
        links = tables[0] if tables else None
        if len(tables) > 1:
            links = st.selectbox("Table", tables, format_func=lambda table: table.label, key="links-table", width=260)
    if links is None:
        note(f"This export has no list of {NOUNS[count].lower()}. A report on `{BRINGS[count]}` brings one.")
        return
    compared = queries.comparisons(context.export, links, context.scope)
    frame = framed(queries.changes(context.export, links, context.scope)) if compared else None
    _tiles(context, count, frame)
    left, right = st.columns(2, gap="medium")
    with left:
        _changes(context, links, count, frame)
    with right:
        measure = DOMAINS if count == "domains" else BACKLINKS
        found = queries.sources(context.export, measure, context.scope)
        trend(context, measure, found, missing=f"No complete night of {measure.label.lower()} in this period.")
    if frame is not None:
        _lists(context, links)


def _tiles(context: Context, count: Count, changes: pandas.DataFrame | None) -> None:
    measure = DOMAINS if count == "domains" else BACKLINKS
    found = queries.sources(context.export, measure, context.scope)

    def number(label: str, value: int | None, about: str) -> None:
        written = formats.ABSENT if value is None else f"{value:,}"
        delta = "needs a second night" if value is None else None
        st.metric(label, written, delta=delta, delta_color="off", delta_arrow="off", help=about, border=True, height="stretch")

    def total(change: str) -> int | None:
        return None if changes is None else int(changes.loc[changes["change"] == change, "number"].sum())

    new, lost = total("new"), total("lost")
    about = "Each complete night against the complete one before it; what came and went again counts both times."
    tiles([
        partial(tile, measure, figure(context, measure, found), found, missing="no complete night here"),
        partial(number, "New in period", new, about),
        partial(number, "Lost in period", lost, f"{about} A missing or unfinished night is no loss."),
        partial(number, "New less lost", None if new is None or lost is None else new - lost, about),
    ])


def _changes(context: Context, links: Links, count: Count, frame: pandas.DataFrame | None) -> None:
    noun = NOUNS[count]
    st.subheader(f"New and lost {noun.lower()}", anchor=False)
    if frame is not None:
        if frame.empty:
            note("Nothing came or went in this period.")
            return
        by_night = summed(frame, ["night", "change"], "number")
        st.altair_chart(charts.came_and_went(by_night, noun), alt=f"New and lost {noun.lower()} by night")
        told = "as the source tells them" if links.table.is_changes else "each complete night against the complete one before it"
        st.caption(f"From `{links.label}` · {told}")
        return
    note("Needs a second complete night: what is new or lost is told by comparing two. Until then: since when today's have been known.")
    born = framed(queries.first_seen(context.export, links, context.scope))
    if born.empty:
        return
    parts, order = at_most(born, "site", "number", "other sites")
    chart = charts.stacked(summed(parts, ["month", "site"], "number"), "month", "site", "number", f"{noun} by month first seen", order)
    st.altair_chart(chart, alt=f"{noun} by the month in which they were first seen")
    st.caption(f"From `{links.label}` · what the newest complete night holds, by month of first sight, over 24 months")


def _lists(context: Context, links: Links) -> None:
    both: tuple[Change, Change] = ("new", "lost")
    for tab, change in zip(st.tabs(["New", "Lost"]), both, strict=True):
        with tab:
            rows = framed(queries.changed_links(context.export, links, context.scope, change, LISTED))
            if rows.empty:
                note(f"None {'came' if change == 'new' else 'went'} in this period.")
                continue
            if len(rows) == LISTED:
                st.caption(f"The newest {LISTED:,}, of each night the strongest first")
            table(rows, f"{change}-links", COLUMNS)
