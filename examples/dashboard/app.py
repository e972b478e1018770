"""A dashboard over what backhaul exports: `streamlit run app.py -- FOLDER`.

Here the folder is opened and the sites and days are chosen; the pages in `views/` show them, `queries.py` asks for them.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pandas
import streamlit as st

import formats
import queries
from export import Export, ExportError
from queries import Scope
from views import health, keywords, links, overview, tables
from views.common import Context, framed

# Of its own: an icon of Streamlit's would be fetched from elsewhere.
ICON = Path(__file__).with_name("icon.png")
DEFAULT_FOLDER = "backhaul-demo"
# A night comes once a day; this long a new one may go unnoticed.
REREAD = timedelta(minutes=10)
PERIODS = {"7 nights": 7, "30 days": 30, "90 days": 90, "12 months": 366, "All": None, "Custom": None}
OWN = "own"
EVERY_CLIENT, EVERY_ROLE, EVERY_SITE = "All clients", "All roles", "All sites"

# Streamlit's own layout, but for figures: two beside each other on a phone, and whole at any width.
STYLE = """<style>
.stMainBlockContainer { padding-top: 4.5rem; padding-bottom: 3rem; max-width: 1480px; }
@media (max-width: 640px) {
  .stMainBlockContainer { padding-left: 1rem; padding-right: 1rem; }
  .st-key-tiles [data-testid="stColumn"] { min-width: calc(50% - 1rem); flex: 1 1 calc(50% - 1rem); }
  .st-key-filters > div { min-width: calc(50% - 0.5rem); }
}
h2 { font-size: 1.7rem !important; padding-bottom: 0.25rem !important; }
h3 { font-size: 1.2rem !important; }
[data-testid="stMetricValue"] { font-size: 1.65rem; font-variant-numeric: tabular-nums; }
</style>"""


@st.cache_resource(ttl=REREAD, show_spinner="Opening the export…")
def opened(root: str) -> tuple[Export, datetime]:
    """The export, and when it was opened."""
    return Export(root), datetime.now(UTC)


def period(first: date, last: date) -> tuple[date, date]:
    """The days that were chosen."""
    name = st.selectbox("Period", list(PERIODS), index=2, key="period", bind="query-params")
    if name == "Custom":
        chosen = st.date_input("Days", (max(first, last - timedelta(days=89)), last), first, last, key="days", format="YYYY-MM-DD")
        # While only the first day is picked, the range is that day.
        ends = chosen if isinstance(chosen, tuple) else (chosen,)
        return (ends[0], ends[-1]) if ends else (first, last)
    length = PERIODS[name]
    return (first if length is None else last - timedelta(days=length - 1), last)


def chosen(export: Export, sites: pandas.DataFrame, first: date, last: date) -> Context:
    """The export, and what is looked at."""
    with st.container(horizontal=True, key="filters"):
        clients = list(dict.fromkeys(sites["client"]))
        client = st.selectbox("Client", [EVERY_CLIENT, *clients], key="client", bind="query-params")
        if client != EVERY_CLIENT:
            sites = sites[sites["client"] == client]
        roles = sorted(set(sites["role"].dropna()))
        of_role = sites
        if roles:
            # What competitors have is not to be added to one's own.
            index = 1 + roles.index(OWN) if OWN in roles else 0
            role = st.selectbox("Role", [EVERY_ROLE, *roles], index=index, key="role", bind="query-params")
            of_role = sites if role == EVERY_ROLE else sites[sites["role"].fillna(OWN) == role]
        site = st.selectbox("Site", [EVERY_SITE, *of_role["site"]], key="site", bind="query-params")
        start, end = period(first, last)
    if site != EVERY_SITE:
        sites = of_role = of_role[of_role["site"] == site]
    everything = client == EVERY_CLIENT and site == EVERY_SITE
    scope = Scope(tuple(of_role["site"]), start, end)
    scope_of_health = Scope(None if everything else tuple(sites["site"]), start, end)
    days = formats.days(start, end)
    every_role = f"{formats.plural(len(sites), 'site')}{' of every role' if roles else ''} · {days}"
    return Context(export, scope, scope_of_health, f"{formats.plural(len(of_role), 'site')} · {days}", every_role)


def main() -> None:
    """The page that was asked for."""
    st.set_page_config(page_title="Backhaul", page_icon=str(ICON), layout="wide")
    st.html(STYLE)
    root = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("DASHBOARD_DATA", DEFAULT_FOLDER)
    try:
        export, since = opened(root)
        days = queries.extent(export)
        sites = framed(queries.sites(export))
    except (ExportError, duckdb.Error) as error:
        st.header("Nothing to show", anchor=False)
        st.error(str(error), icon=":material/error:")
        return
    context: Context | None = None
    views = {
        "overview": ("Overview", overview.show, ":material/dashboard:"),
        "links": ("Links", links.show, ":material/link:"),
        "keywords": ("Keywords", keywords.show, ":material/key:"),
        "tables": ("Tables", tables.show, ":material/table:"),
        "health": ("Data health", health.show, ":material/health_and_safety:"),
    }

    def run(view: str) -> None:
        if context is not None:
            views[view][1](context)

    pages = [
        st.Page(partial(run, path), title=title, icon=icon, url_path=path, default=path == "overview")
        for path, (title, _, icon) in views.items()
    ]
    page = st.navigation(pages, position="top")
    if days is None or sites.empty:
        st.header("Nothing to show yet", anchor=False)
        st.info(f"{root} has tables, but no night of any site yet. `backhaul run` brings one.", icon=":material/info:")
        return
    for warning in export.warnings:
        st.warning(warning, icon=":material/warning:")
    context = chosen(export, sites, *days)
    page.run()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{root} · read at {since:%H:%M} UTC, again after {REREAD.seconds // 60} minutes")
        if st.button("Read again", icon=":material/refresh:", type="tertiary"):
            opened.clear()
            st.rerun()


main()
