"""Whether the figures can be trusted: how fresh and how complete they are, what failed and why, and what it cost."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pandas
import streamlit as st

import charts
import formats
import queries
from export import COVERAGE
from views.common import LISTED, Columns, Context, at_most, framed, heading, note, summed, table, tiles

NIGHT = partial(st.column_config.DateColumn, format="D MMM YYYY")


def show(context: Context) -> None:
    """The page."""
    heading("Data health", context.summary_of_health)
    if COVERAGE not in context.export.tables:
        note("This folder has no table `coverage`, so nothing tells which nights are complete: nights are taken as they lie.")
        _units(context)
        return
    nights = framed(queries.completeness(context.export, context.scope_of_health))
    fresh = framed(queries.freshness(context.export, context.scope_of_health))
    _tiles(context, nights, fresh)
    _freshness(context, fresh)
    _completeness(nights)
    _shortfalls(context)
    _units(context)


def _tiles(context: Context, nights: pandas.DataFrame, fresh: pandas.DataFrame) -> None:
    newest = queries.newest_night(context.export)
    last = nights[nights["night"] == newest]
    spent = queries.units(context.export, context.scope_of_health)
    month = queries.month_budget(context.export)

    def plain(label: str, value: str, under: str, about: str) -> None:
        st.metric(label, value, delta=under, delta_color="off", delta_arrow="off", help=about, border=True, height="stretch")

    age = (datetime.now(UTC).date() - newest).days if newest else None
    ago = "" if age is None else "today" if age == 0 else f"{formats.plural(age, 'day')} ago"
    complete, tasks = int(last["complete"].sum()), int(last["tasks"].sum())
    blocks = [
        partial(plain, "Newest night", formats.day(newest) if newest else formats.ABSENT, ago, "The last night that anything ran for"),
        partial(
            plain,
            "Complete",
            f"{complete / tasks:.0%}" if tasks else formats.ABSENT,
            f"{complete:,} of {formats.plural(tasks, 'task')}",
            "Tasks of the newest night that are complete. A task is one table of one site, in one country.",
        ),
        partial(
            plain,
            "Never complete",
            f"{int(fresh['behind'].sum()):,}",
            f"of {formats.plural(int(fresh['tasks'].sum()), 'task')}",
            "Tasks that were tried and have not been complete on any night so far",
        ),
        partial(
            plain,
            "Units in period",
            f"{int(spent[0]['units'].to_pandas().sum()):,}" if spent else formats.ABSENT,
            context.summary.rsplit(" · ", 1)[-1],
            "API units that were charged, or may have been",
        ),
    ]
    if month:
        about = f"Budget `{month.name}`, as the run of {month.night} left it. It starts again on {month.reset[:10]}."
        left = f"left of {month.limit:,}"
        blocks.append(partial(plain, "Month's budget", f"{month.left:,}", left, about))
    tiles(blocks)


def _freshness(context: Context, fresh: pandas.DataFrame) -> None:
    st.subheader("Freshness", anchor=False)
    if fresh.empty:
        note("Nothing is known of these sites.")
        return
    newest = queries.newest_night(context.export)
    columns: Columns = {
        "report": "Table",
        "site": "Site",
        "newest": NIGHT("Newest complete night"),
        "stalest": NIGHT("Stalest site", help="Of its sites, the newest complete night of the one that lags most"),
        "age": st.column_config.NumberColumn("Days behind", format="%d", help="Behind the newest night of the export"),
        "behind": st.column_config.NumberColumn("Never complete", format="localized"),
        "tasks": st.column_config.NumberColumn("Tasks", format="localized"),
        "sites": st.column_config.NumberColumn("Sites", format="localized"),
        "finished_at": st.column_config.DatetimeColumn("Last answer (UTC)", format="D MMM YYYY, HH:mm", timezone="UTC"),
        "last_status": "Last outcome",
        "last_tried": NIGHT("Last tried"),
    }

    def aged(frame: pandas.DataFrame, of: str) -> pandas.DataFrame:
        ages = [(newest - night).days if newest and isinstance(night, type(newest)) else None for night in frame[of]]
        return frame.assign(age=pandas.array(ages, dtype="Int64"))

    by_table, by_site = st.tabs(["By table", "By site"])
    with by_table:
        table(aged(fresh, "stalest"), "freshness", columns)
    with by_site:
        sites = framed(queries.freshness_of_sites(context.export, context.scope_of_health))
        table(aged(sites, "newest"), "freshness-by-site", columns)


def _completeness(nights: pandas.DataFrame) -> None:
    st.subheader("Completeness", anchor=False)
    if nights.empty:
        note("No night in this period.")
        return
    st.altair_chart(charts.heat(nights), alt="Share of tasks that are complete, by night and table")
    st.caption("Share of the tasks of each table and night that are complete · no mark: nothing was due, or nothing ran")


def _shortfalls(context: Context) -> None:
    st.subheader("Capped and unfinished tasks", anchor=False)
    rows = framed(queries.shortfalls(context.export, context.scope_of_health, LISTED))
    if rows.empty:
        st.success("Every task of the period is complete.", icon=":material/check_circle:")
        return
    open_ones = int((~rows["complete_since"]).sum())
    st.caption(
        f"{formats.plural(len(rows), 'task')}{' (the newest)' if len(rows) == LISTED else ''}, {open_ones:,} of them not complete on a "
        "later night either. None of their rows counts in comparisons."
    )
    columns: Columns = {
        "night": NIGHT("Night"),
        "report": "Table",
        "site": "Site",
        "parameters": "Parameters",
        "status": "Status",
        "reason": st.column_config.TextColumn("Why", width="large"),
        "rows": st.column_config.NumberColumn("Rows", format="localized"),
        "units": st.column_config.NumberColumn("Units", format="localized"),
        "complete_since": "Complete since",
    }
    table(rows, "unfinished-tasks", columns)


def _units(context: Context) -> None:
    st.subheader("Units", anchor=False)
    spent = queries.units(context.export, context.scope_of_health)
    if spent is None or not spent[0].num_rows:
        note("No units were spent in this period, as far as this folder tells.")
        return
    frame, origin = framed(spent[0]), spent[1]
    if frame["units"].sum() > 0:
        parts, order = at_most(frame, "report", "units", "other tables")
        bars = charts.stacked(summed(parts, ["day", "report"], "units"), "day", "report", "units", "API units", order)
        st.altair_chart(bars, alt="Units by day and table")
    st.caption(f"From {origin}")
    totals = summed(frame, ["report"], "units").merge(summed(frame, ["report"], "requests")).sort_values("units", ascending=False)
    columns: Columns = {
        "report": "Table",
        "units": st.column_config.NumberColumn("Units", format="localized"),
        "requests": st.column_config.NumberColumn("Requests", format="localized"),
    }
    table(totals, "units", columns)
