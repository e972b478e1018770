"""Sets a running Superset up over a warehouse of backhaul: database, datasets, charts, a dashboard.

    SUPERSET_PASSWORD=… python superset_setup.py warehouse.duckdb
    SUPERSET_PASSWORD=… python superset_setup.py snowflake://user@account/seo   # any SQLAlchemy address

Needs Python 3.9 and nothing else. What is there already under its name is left as it is, so it may be run again.
Charts over reports that the export lacks are left out. Also read: SUPERSET_URL (http://127.0.0.1:8088), SUPERSET_USER (admin).
"""

import http.cookiejar
import json
import os
import pathlib
import sys
import urllib.error
import urllib.parse
import urllib.request

DATABASE, DASHBOARD, SCHEMA = "backhaul", "SEO overview", "backhaul"


def metric(sql, label):
    return {"expressionType": "SQL", "sqlExpression": sql, "label": label, "optionName": f"metric_{label}"}


def table(columns, order, rows=50, **more):
    order_by = [json.dumps([order, False])]
    return "table", {"query_mode": "raw", "all_columns": columns, "order_by_cols": order_by, "row_limit": rows, **more}


def where(sql):
    return {"adhoc_filters": [{"expressionType": "SQL", "clause": "WHERE", "sqlExpression": sql, "filterOptionName": "f"}]}


def over_time(column, value, label):
    return "echarts_timeseries_line", {
        "x_axis": column, "time_grain_sqla": "P1D", "metrics": [metric(value, label)], "groupby": ["target"],
        "row_limit": 10000, "rich_tooltip": True, "show_legend": True,
    }


# The view, the chart's name, its width of 12, and what it shows.
CHARTS = [
    ("domain_rating_latest", "Domain rating now", 4,
     table(["target", "domain_rating", "ahrefs_rank", "snapshot_date"], "domain_rating")),
    ("domain_rating", "Domain rating by night", 8, over_time("snapshot_date", "max(domain_rating)", "domain rating")),
    ("metrics_history_money", "Value of organic traffic, USD", 6, over_time("date", "sum(org_cost_usd)", "USD")),
    ("backlinks_latest", "Live backlinks by target", 6, ("echarts_timeseries_bar", {
        "x_axis": "target", "metrics": [metric("count(*)", "links"), metric("count(DISTINCT root_name_source)", "domains")],
        "groupby": [], "row_limit": 1000, "show_legend": True, **where("last_seen IS NULL")})),
    ("backlinks_latest", "Strongest backlinks", 12,
     table(["target", "root_name_source", "url_from", "anchor", "domain_rating_source", "is_dofollow", "first_seen_link"],
           "domain_rating_source", 100)),
    ("coverage", "Freshness", 12, ("table", {
        "query_mode": "aggregate", "groupby": ["report"], "row_limit": 100, "metrics": [
            metric("max(snapshot_date)", "newest night"),
            metric("sum(CASE WHEN status = 'complete' THEN 1 ELSE 0 END)", "complete"),
            metric("sum(CASE WHEN status IN ('complete', 'skipped', 'deferred') THEN 0 ELSE 1 END)", "capped or failed"),
            metric("sum(units)", "units")]})),
]


class Superset:
    """The REST API, for as long as one script runs."""

    def __init__(self, url, user, password):
        self.url, self.headers = url.rstrip("/"), {"Content-Type": "application/json", "Referer": url}
        self.open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())).open
        login = {"username": user, "password": password, "provider": "db", "refresh": False}
        self.headers["Authorization"] = "Bearer " + self.call("POST", "security/login", login)["access_token"]
        # A change needs this token and the cookie that comes with it.
        self.headers["X-CSRFToken"] = self.call("GET", "security/csrf_token/")["result"]

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", data, self.headers, method=method)
        try:
            with self.open(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path}: {error.code} {error.read().decode(errors='replace')[:1000]}")
        except urllib.error.URLError as error:
            sys.exit(f"{self.url} does not answer: {error.reason}")

    def find(self, kind, **wanted):
        """The id of what has these values; None where there is no such thing."""
        filters = [{"col": column, "opr": opr, "value": value} for column, (opr, value) in wanted.items()]
        question = urllib.parse.quote(json.dumps({"filters": filters, "page_size": 1}))
        ids = self.call("GET", f"{kind}/?q={question}")["ids"]
        return ids[0] if ids else None

    def make(self, kind, body, **wanted):
        found = self.find(kind, **wanted)
        print(f"{kind} {list(wanted.values())[-1][1]}: {'there' if found else 'made'}")
        return found or self.call("POST", f"{kind}/", body)["id"]


def address(argument):
    """A file becomes the address of a DuckDB that is only read, and whose SQL reaches no other file of this machine."""
    if "://" in argument:
        return argument
    if not pathlib.Path(argument).is_file():
        sys.exit(f"{argument} is no file: backhaul load duckdb --apply --database {argument}")
    return f"duckdb:///{pathlib.Path(argument).resolve()}?access_mode=read_only&enable_external_access=false"


def layout(charts):
    """The dashboard's position_json: charts in rows of 12 columns."""
    grid = {"DASHBOARD_VERSION_KEY": "v2", "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
            "GRID_ID": {"type": "GRID", "id": "GRID_ID", "parents": ["ROOT_ID"], "children": []}}
    row, used = None, 12
    for chart, name, width in charts:
        if used + width > 12:
            row, used = f"ROW-{chart}", 0
            grid[row] = {"type": "ROW", "id": row, "parents": ["ROOT_ID", "GRID_ID"], "children": [],
                         "meta": {"background": "BACKGROUND_TRANSPARENT"}}
            grid["GRID_ID"]["children"].append(row)
        used += width
        grid[row]["children"].append(f"CHART-{chart}")
        grid[f"CHART-{chart}"] = {
            "type": "CHART", "id": f"CHART-{chart}", "parents": ["ROOT_ID", "GRID_ID", row], "children": [],
            "meta": {"chartId": chart, "sliceName": name, "width": width, "height": 50}}
    return json.dumps(grid)


def main():
    if len(sys.argv) != 2 or "SUPERSET_PASSWORD" not in os.environ:
        sys.exit(__doc__)
    superset = Superset(os.environ.get("SUPERSET_URL", "http://127.0.0.1:8088"),
                        os.environ.get("SUPERSET_USER", "admin"), os.environ["SUPERSET_PASSWORD"])
    database = superset.make("database", {
        "database_name": DATABASE, "sqlalchemy_uri": address(sys.argv[1]), "expose_in_sqllab": True,
        "allow_dml": False, "allow_ctas": False, "allow_cvas": False}, database_name=("eq", DATABASE))
    question = urllib.parse.quote(json.dumps({"schema_name": SCHEMA, "force": True}))
    there = {entry["value"] for entry in superset.call("GET", f"database/{database}/tables/?q={question}")["result"]}
    datasets, charts = {}, []
    for view, name, width, (kind, params) in CHARTS:
        if view not in there:
            print(f"no {view}: left out {name}")
            continue
        if view not in datasets:
            datasets[view] = superset.make("dataset", {"database": database, "schema": SCHEMA, "table_name": view},
                                           schema=("eq", SCHEMA), table_name=("eq", view))
        params = {"viz_type": kind, "datasource": f"{datasets[view]}__table", **params}
        charts.append((superset.make("chart", {
            "slice_name": name, "viz_type": kind, "datasource_id": datasets[view], "datasource_type": "table",
            "params": json.dumps(params)}, slice_name=("eq", name)), name, width))
    dashboard = superset.make("dashboard", {"dashboard_title": DASHBOARD, "published": True, "position_json": layout(charts)},
                              dashboard_title=("eq", DASHBOARD))
    for chart, _, _ in charts:
        superset.call("PUT", f"chart/{chart}", {"dashboards": [dashboard]})
    print(f"{superset.url}/superset/dashboard/{dashboard}/")


if __name__ == "__main__":
    main()
