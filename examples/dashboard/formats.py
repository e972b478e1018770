"""How figures and days are written: the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from queries import Unit

# Of `st.column_config`.
COLUMN_FORMATS: dict[Unit, str] = {"score": "%.1f", "count": "localized", "usd": "dollar"}
# Of Vega.
AXIS_FORMATS: dict[Unit, str] = {"score": ".1~f", "count": "~s", "usd": "$~s"}
TOOLTIP_FORMATS: dict[Unit, str] = {"score": ".1f", "count": ",.0f", "usd": "$,.2f"}

ABSENT = "–"


def figure(value: float | None, unit: Unit) -> str:
    """`71.3`, `12,345`, `$1,234`; millions as `1.23M`."""
    if value is None:
        return ABSENT
    if unit == "score":
        return f"{value:.1f}"
    sign, size = ("-" if value < 0 else ""), abs(value)
    money = "$" if unit == "usd" else ""
    if size >= 1e9:
        return f"{sign}{money}{size / 1e9:.2f}B"
    if size >= 1e6:
        return f"{sign}{money}{size / 1e6:.2f}M"
    return f"{sign}{money}{size:,.0f}"


def difference(value: float, unit: Unit) -> str:
    """The same with its sign."""
    written = figure(value, unit)
    return written if written.startswith("-") else f"+{written}"


def day(value: date) -> str:
    """`3 Nov 2026`."""
    return f"{value.day} {value:%b %Y}"


def days(start: date, end: date) -> str:
    """`3 Nov 2026 – 9 Nov 2026`."""
    return day(start) if start == end else f"{day(start)} – {day(end)}"


def plural(number: int, word: str) -> str:
    """`1 site`, `1,200 sites`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Table names in a sentence."""
    return ", ".join(f"`{name}`" for name in names)
