//! The answer of `subscription-info/limits-and-usage`.

use chrono::{DateTime, Datelike, Days, Months, SecondsFormat, Utc};

use super::meter::Meter;
use crate::sandbox::answer::Page;

/// The operation that is answered here.
pub(crate) const OPERATION: &str = "subscription-info/limits-and-usage";

/// Days until the key expires.
const KEY_DAYS: u64 = 300;

/// Units used and left, as they are now.
pub(crate) fn limits_and_usage(meter: &Meter, now: DateTime<Utc>) -> Page {
    let today = now.date_naive();
    let this_month = today.with_day(1).unwrap_or(today);
    let reset = this_month
        .checked_add_months(Months::new(1))
        .unwrap_or(this_month);
    let expires = now.checked_add_days(Days::new(KEY_DAYS)).unwrap_or(now);
    let body = serde_json::json!({"limits_and_usage": {
        "subscription": "Sandbox, billed never",
        "usage_reset_date": format!("{reset}T00:00:00Z"),
        "units_limit_workspace": meter.limit(),
        "units_usage_workspace": meter.used(),
        "units_limit_api_key": null,
        "units_usage_api_key": meter.used(),
        "api_key_expiration_date": expires.to_rfc3339_opts(SecondsFormat::Secs, true),
    }});
    Page {
        rows: 1,
        rows_examined: 0,
        body: body.to_string().into_bytes(),
    }
}
