"""Which keywords moved, and how the positions are spread."""

from __future__ import annotations

from functools import partial

import streamlit as st

import charts
import formats
import queries
from export import Table
from queries import BANDS, KEYWORDS, TRAFFIC, Basis, Move
from views.common import LISTED, Columns, Context, figure, framed, heading, note, table, tile, tiles

MOVES: dict[Move, str] = {"up": "Improved", "down": "Declined", "new": "New", "lost": "Lost"}
CHOICES: dict[Basis, str] = {"nights": "Nights of the period", "date_compared": "Within the newest night"}
BASES: dict[Basis, str] = {
    "nights": "first against last complete night of the period, task by task",
    "date_compared": "newest night against the report's own comparison date (`date_compared`)",
}
COLUMNS: Columns = {
    "site": "Site",
    "country": "Country",
    "keyword": st.column_config.TextColumn("Keyword", width="medium", pinned=True),
    "before": st.column_config.NumberColumn("Before", format="%d"),
    "now": st.column_config.NumberColumn("Now", format="%d"),
    "gain": st.column_config.NumberColumn("Gain", format="%+d", help="Places won (+) or lost (−)"),
    "position": st.column_config.NumberColumn("Position", format="%d"),
    "traffic": st.column_config.NumberColumn("Traffic", format="localized", help="Estimated organic visits a month"),
    "volume": st.column_config.NumberColumn("Volume", format="localized", help="Searches a month"),
    "url": st.column_config.LinkColumn("Page", width="medium"),
}


def show(context: Context) -> None:
    """The page."""
    heading("Keywords", context.summary)
    tables = queries.keyword_tables(context.export)
    if not tables:
        note("This export lists no keywords. A report on `site-explorer/organic-keywords` brings them.")
        return
    chosen = tables[0]
    if len(tables) > 1:
        chosen = st.selectbox("Table", tables, format_func=lambda table: table.name, key="keywords-table", width=260)
    bases = queries.move_bases(context.export, chosen, context.scope)
    basis = bases[0] if bases else None
    if len(bases) > 1:
        basis = st.segmented_control(
            "Compare", bases, default=basis, required=True, format_func=lambda name: CHOICES[name], key="keywords-basis"
        )
    counts = queries.move_counts(context.export, chosen, basis, context.scope) if basis else None
    _tiles(context, counts)
    left, right = st.columns(2, gap="medium")
    with left:
        _bands(context)
    with right:
        _top(context, chosen)
    st.subheader("Movers", anchor=False)
    if basis is None:
        note(
            "Needs a second complete night in the period; or `date_compared = \"-7d\"` in the report with the column "
            "`best_position_prev`, which compares within one night."
        )
        return
    st.caption(f"From `{chosen.name}` · {BASES[basis]}")
    labels = [f"{label} ({(counts or {}).get(move, 0):,})" for move, label in MOVES.items()]
    for tab, move in zip(st.tabs(labels), MOVES, strict=True):
        with tab:
            rows = framed(queries.moved_keywords(context.export, chosen, basis, context.scope, move, LISTED))
            if rows.empty:
                note("None in this period.")
                continue
            if len(rows) == LISTED:
                st.caption(f"The first {LISTED:,}")
            table(rows.dropna(axis=1, how="all"), f"keywords-{move}", COLUMNS)


def _tiles(context: Context, counts: dict[str, int] | None) -> None:
    def moved(move: Move, about: str) -> None:
        written = formats.ABSENT if counts is None else f"{counts.get(move, 0):,}"
        delta = "needs a second night" if counts is None else None
        st.metric(MOVES[move], written, delta=delta, delta_color="off", delta_arrow="off", help=about, border=True, height="stretch")

    blocks = []
    for measure in (KEYWORDS, TRAFFIC):
        found = queries.sources(context.export, measure, context.scope)
        blocks.append(partial(tile, measure, figure(context, measure, found), found, missing="no complete night here"))
    blocks += [
        partial(moved, "up", "Keywords with a better position than before"),
        partial(moved, "down", "Keywords with a worse position than before"),
        partial(moved, "new", "Keywords that did not rank before"),
        partial(moved, "lost", "Keywords that rank no longer. A missing or unfinished night is no loss."),
    ]
    tiles(blocks)


def _bands(context: Context) -> None:
    st.subheader("Positions", anchor=False)
    found = queries.bands(context.export, context.scope)
    if found is None:
        note("No complete night of keywords for these sites in this period.")
        return
    rows, name = found
    frame = framed(rows)
    chart = charts.stacked(frame, "day", "band", "number", "Keywords", [band for band, _ in BANDS], charts.BAND_COLOURS)
    st.altair_chart(chart, alt="Keywords by band of positions and day")
    st.caption(f"From `{name}` · keywords by best position; each site with its last complete night")


def _top(context: Context, chosen: Table) -> None:
    st.subheader("Most visited", anchor=False)
    rows = framed(queries.top_keywords(context.export, chosen, context.scope, LISTED))
    if rows.empty:
        note("No complete night of keywords for these sites in this period.")
        return
    table(rows.dropna(axis=1, how="all"), "keywords", COLUMNS, height=charts.HEIGHT)
