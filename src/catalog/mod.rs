//! The API as data: endpoints, parameters, columns, units, filterable columns, order keys, presets.
//!
//! `schemas/*.json` is the truth; it is embedded, parsed once, and checked by tests. This room knows nothing of
//! configuration, requests or Arrow; every other room asks it instead of naming a column or an endpoint itself.

mod column;
mod parse;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

pub use column::{Column, ColumnKind, Filterable, Measure, Presets};
pub use parse::load;

use crate::model::Method;

/// Smallest cost of a billed request, in units.
pub const MIN_UNITS_PER_REQUEST: u64 = 50;

/// Targets that may be queried for nothing, with at most [`FREE_ROWS`] rows a request.
pub const FREE_TARGETS: [&str; 3] = ["ahrefs.com", "yep.com", "firehose.com"];

/// Keywords that may be queried for nothing.
pub const FREE_KEYWORDS: [&str; 3] = ["ahrefs", "yep", "firehose"];

/// Rows a request at most, for a free test query; also the smallest row cap of any plan.
pub const FREE_ROWS: u32 = 100;

/// Every operation of the API, by name.
#[derive(Debug)]
pub struct Catalog {
    endpoints: BTreeMap<String, Endpoint>,
}

impl Catalog {
    /// The embedded catalog. A test proves that it parses, so this cannot fail in a released program.
    ///
    /// # Panics
    /// If the embedded files do not parse, which the test `the_catalog_loads` excludes.
    #[expect(clippy::expect_used, reason = "embedded data, proven by a test")]
    pub fn embedded() -> &'static Self {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        CATALOG.get_or_init(|| {
            load().expect("the embedded catalog parses: see the test the_catalog_loads")
        })
    }

    /// One operation, by its name (`site-explorer/anchors`).
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.get(name)
    }

    /// All operations, by name.
    pub fn endpoints(&self) -> impl ExactSizeIterator<Item = &Endpoint> {
        self.endpoints.values()
    }

    /// The operation that is nearest in spelling to `name`, or carried that name once, if any is near. Where several
    /// sections have the name, the one of Site Explorer is meant.
    pub fn nearest_endpoint(&self, name: &str) -> Option<&Endpoint> {
        let last = name.rsplit('/').next().unwrap_or(name);
        let is_meant = |endpoint: &&Endpoint| {
            endpoint.formerly.as_deref() == Some(last) || endpoint.short_name() == name
        };
        self.endpoints()
            .filter(is_meant)
            .max_by_key(|endpoint| endpoint.section() == "site-explorer")
            .or_else(|| {
                let nearest = nearest(name, self.endpoints.keys().map(String::as_str))?;
                self.endpoint(nearest)
            })
    }
}

/// The candidate nearest in spelling to `wanted`, if it is near enough to be meant.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| {
            let contains = candidate.contains(wanted) || wanted.contains(candidate);
            let score = strsim::jaro_winkler(wanted, candidate) + if contains { 0.1 } else { 0.0 };
            (candidate, score)
        })
        .filter(|(_, score)| *score >= 0.8)
        .max_by(|left, right| left.1.total_cmp(&right.1))
        .map(|(candidate, _)| candidate)
}

/// One read operation of the API.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of an operation, each on its own"
)]
pub struct Endpoint {
    /// `section/operation`.
    pub name: String,
    /// How it is called.
    pub method: Method,
    /// Path from the origin, `/v3/…`.
    pub path: String,
    /// Our one line on what it returns; empty where none is written yet.
    pub description: String,
    /// Query parameters, in catalog order.
    pub parameters: Vec<Parameter>,
    /// Published shape of the POST body, untouched.
    pub body: Option<serde_json::Value>,
    /// Fields of the POST body, as parameters.
    pub body_parameters: Vec<Parameter>,
    /// Groups of parameters of which exactly one is given.
    pub requires_one_of: Vec<Vec<String>>,
    /// Each row belongs to one of the `keywords` that were sent, so that a list may be sent in parts.
    pub divisible: bool,
    /// Top-level key of the answer.
    pub response_key: String,
    /// What stands under that key.
    pub shape: Shape,
    /// Columns that an answer may have, in catalog order.
    pub columns: Vec<Column>,
    /// Columns that `where` knows, with their types: they differ from [`Endpoint::columns`].
    pub filterable: Vec<Filterable>,
    /// Selectable columns that `order_by` refuses.
    pub order_by_excludes: Vec<String>,
    /// How its requests are priced.
    pub pricing: Pricing,
    /// Parameter values under which a billed operation is free (`prompts=custom`).
    pub free_when: Vec<(String, String)>,
    /// Whether it wants a key at all.
    pub needs_key: bool,
    /// The last part of a name it had before.
    pub formerly: Option<String>,
    /// Regular expressions know only `*`.
    pub wildcard_regex: bool,
    /// The vendor calls it beta.
    pub beta: bool,
    /// K: the columns that paging may order by and ask ranges of, best first; empty: it cannot be paged.
    pub order_key: Vec<String>,
    /// Columns that together identify a row at the source; empty where nothing does.
    pub identity: Vec<String>,
    /// For each grouping `aggregation`, the columns that may stand in K when `where` applies before grouping.
    pub group_columns: BTreeMap<String, Vec<String>>,
    /// For each grouping `aggregation`, further columns whose values are equal within a group: a range over them divides none.
    pub group_values: BTreeMap<String, Vec<String>>,
    /// The columns that date a row's coming and going, where the operation has both and shows lost rows.
    pub changes: Option<Changes>,
    /// The operation that gives the same numbers of many targets in one request, where there is one.
    pub batch: Option<Batch>,
    /// Where another operation tells how many rows it has without a filter.
    pub counts: Vec<RowCount>,
    /// Columns by which a table of it is sorted within a target.
    pub sort_key: Vec<String>,
    /// Named selections of columns; empty where the operation takes no `select`.
    pub presets: Presets,
}

/// A number that another operation tells, which is that of an operation's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowCount {
    /// The parameters under which it is.
    pub when: Vec<(String, String)>,
    /// The operation that tells it, one row for a target.
    pub endpoint: String,
    /// Its column.
    pub column: String,
}

impl Endpoint {
    /// The name without its section.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// The section: the name up to the slash.
    pub fn section(&self) -> &str {
        self.name.split('/').next().unwrap_or(&self.name)
    }

    /// One column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether a column says something only with `date_compared`: its plain name, without the ending, is a column as well,
    /// or it tells on which of the two dates the row exists.
    pub fn compares(&self, column: &Column) -> bool {
        const ENDINGS: [&str; 5] = ["_prev", "_previous", "_diff", "_diff_percent", "_merged"];
        let is_status = column.name == "status" && self.parameter("date_compared").is_some();
        let of_another = |ending: &&str| {
            column
                .name
                .strip_suffix(*ending)
                .is_some_and(|plain| self.column(plain).is_some())
        };
        is_status || (!self.order_key.contains(&column.name) && ENDINGS.iter().any(of_another))
    }

    /// One parameter by name, of the query or of the body.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.inputs().find(|parameter| parameter.name == name)
    }

    /// All that a request can say: parameters of the query, then of the body.
    pub fn inputs(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().chain(&self.body_parameters)
    }

    /// Whether its rows are dated, and fetched for a range of days.
    pub fn is_history(&self) -> bool {
        self.history_column().is_some()
    }

    /// Whether one request can ask for many targets.
    pub fn takes_many_targets(&self) -> bool {
        self.parameter("targets").is_some()
    }

    /// One filterable column by name.
    pub fn filterable(&self, name: &str) -> Option<&Filterable> {
        self.filterable
            .iter()
            .find(|filterable| filterable.name == name)
    }

    /// The column that dates the rows of a history: an operation that answers whole for a range of days, row by row.
    pub fn history_column(&self) -> Option<&Column> {
        let takes_days = ["date_from", "date_to"]
            .iter()
            .all(|name| self.parameter(name).is_some());
        let is_history =
            takes_days && self.shape == Shape::Rows && self.parameter("limit").is_none();
        let is_dated =
            |column: &&Column| matches!(column.kind, ColumnKind::Date | ColumnKind::DateTime);
        self.column("date")
            .into_iter()
            .chain(&self.columns)
            .find(is_dated)
            .filter(|_| is_history)
    }

    /// Whether `select` chooses the columns.
    pub fn has_select(&self) -> bool {
        self.parameter("select").is_some()
    }

    /// Whether rows can be ordered by this column.
    pub fn is_sortable(&self, column: &str) -> bool {
        self.parameter("order_by").is_some()
            && self.column(column).is_some()
            && !self
                .order_by_excludes
                .iter()
                .any(|excluded| excluded == column)
    }

    /// Units of one row in which exactly these columns appear in the result, the filter or the order.
    /// Repetitions count once; a column that only the filter knows costs what the filter's entry says.
    pub fn units_per_row<'a>(&self, columns: impl IntoIterator<Item = &'a str>) -> u64 {
        let unique: BTreeSet<&str> = columns.into_iter().collect();
        unique
            .into_iter()
            .map(|name| match (self.column(name), self.filterable(name)) {
                (Some(column), _) => column.units,
                (None, Some(filterable)) => filterable.units,
                (None, None) => 1,
            })
            .sum()
    }

    /// Whether the rows can be fetched in several requests under a key, and so completely whatever the plan's row cap.
    pub fn pageable(&self) -> bool {
        !self.order_key.is_empty()
    }

    /// Whether a request can skip rows, so that pages need no key.
    pub fn has_offset(&self) -> bool {
        self.parameter("offset").is_some()
    }

    /// Units that the first column of K adds to each row when these columns are selected: what paging costs at least.
    pub fn key_surcharge<'a>(&self, selected: impl IntoIterator<Item = &'a str>) -> u64 {
        self.surcharge(1, selected)
    }

    /// Units that all of K adds to each row when these columns are selected: what paging costs at most.
    pub fn whole_key_surcharge<'a>(&self, selected: impl IntoIterator<Item = &'a str>) -> u64 {
        self.surcharge(self.order_key.len(), selected)
    }

    fn surcharge<'a>(
        &self,
        key_columns: usize,
        selected: impl IntoIterator<Item = &'a str>,
    ) -> u64 {
        let selected: Vec<&str> = selected.into_iter().collect();
        let missing = self.order_key.iter().take(key_columns).map(String::as_str);
        self.units_per_row(missing.filter(|column| !selected.contains(column)))
    }

    /// Units of one request that returns `rows` rows at `units_per_row`, if it is not free by its parameters or target.
    pub fn units_per_request(&self, rows: u64, units_per_row: u64) -> u64 {
        match self.pricing {
            Pricing::Free => 0,
            Pricing::Fixed(units) => units,
            Pricing::PerRow => MIN_UNITS_PER_REQUEST.max(rows.saturating_mul(units_per_row)),
        }
    }
}

/// How an operation tells which rows came and went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// When the row was first seen; never null.
    pub new: String,
    /// When it was lost; null while it is live.
    pub lost: String,
}

/// Where the same numbers of many targets come in one request. Marked only where the vendor's own words leave no doubt:
/// Domain Rating and Ahrefs Rank are numbers of a domain today, whoever asks. Counts of links, domains, keywords and traffic
/// are not marked: other operations give them by date, history or country, and nothing says that they agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The operation, which knows the present only.
    pub operation: String,
    /// Its columns, by the name that they have here.
    pub columns: BTreeMap<String, String>,
    /// Columns here that are null where the other operation, which knows no null, may say 0: nobody has rank 0.
    pub zero_is_null: Vec<String>,
}

/// What stands under an answer's top-level key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// An array of objects.
    Rows,
    /// One object.
    Record,
    /// An array of plain values.
    Scalars,
}

/// How requests of an operation are priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pricing {
    /// They cost nothing.
    Free,
    /// Each costs this many units.
    Fixed(u64),
    /// `max(50, rows × units per row)`.
    PerRow,
}

/// A query parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ParameterKind,
    /// The value that the API assumes when it is left out, as text.
    pub default: Option<String>,
    /// Whether a request without it is refused.
    pub required: bool,
}

/// Type of a query parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterKind {
    /// Any text.
    Text,
    /// A URL or domain.
    Url,
    /// `YYYY-MM-DD`.
    Date,
    /// `YYYY-MM-DDThh:mm:ssZ`.
    DateTime,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// true or false.
    Boolean,
    /// One of these.
    Enum(Vec<String>),
    /// A list, comma-separated in the query.
    List(Box<ParameterKind>),
    /// JSON.
    Json,
}
