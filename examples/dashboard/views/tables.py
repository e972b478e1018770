"""Any table of the export, row by row."""

from __future__ import annotations

import streamlit as st

import formats
import queries
from export import OWN_COLUMNS
from queries import Rows
from views.common import Context, framed, heading, note

SHOWN = 1_000
# As many rows as a spreadsheet takes.
IN_CSV = 1_000_000
FIRST_COLUMNS = 14


def show(context: Context) -> None:
    """The page."""
    heading("Tables", context.summary)
    names = list(context.export.tables)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Table", names, key="tables-table", width=260)
        table = context.export.tables[name]
        nights = queries.nights(context.export, table, context.scope)
        night = st.selectbox(
            "Night", [None, *nights], index=1 if nights else 0, key=f"tables-night-{name}", width=200,
            format_func=lambda night: formats.day(night) if night else "All of the period",
        )
        contains = st.text_input("Rows that contain", key="tables-contains", width=260, placeholder="any text")
    plain = [column for column in table.columns if column not in OWN_COLUMNS - {"_target", "_snapshot_date"}]
    columns = st.multiselect(
        "Columns", table.columns, default=plain[:FIRST_COLUMNS], key=f"tables-columns-{name}", placeholder="Choose columns"
    )
    if not columns:
        note("Choose a column.")
        return
    wanted = Rows(table, tuple(columns), night, contains.strip())
    rows, number = queries.rows(context.export, wanted, context.scope, SHOWN)
    operation = f" · `{table.endpoint}`" if table.endpoint else ""
    shown = f", the first {SHOWN:,} of them here" if number > SHOWN else ""
    st.caption(f"{formats.plural(number, 'row')}{shown}{operation} · as it lies in the files: money in US cents")
    if not number:
        note("No row matches.")
        return
    st.dataframe(rows, hide_index=True, height=480, key="tables-rows", placeholder=formats.ABSENT)
    st.download_button(
        "Download CSV",
        lambda: framed(queries.rows(context.export, wanted, context.scope, IN_CSV)[0]).to_csv(index=False).encode(),
        file_name=f"{name}.csv",
        mime="text/csv",
        icon=":material/download:",
        key="csv-tables",
        on_click="ignore",
    )
