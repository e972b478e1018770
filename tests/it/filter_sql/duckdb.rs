//! The rows that the sandbox answers to a compiled expression are those that `DuckDB` finds by the same expression among all
//! rows: the oracle knows neither our parser, nor our filters, nor the sandbox's reading of them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use arrow::array::ArrayRef;
use backhaul::catalog::{ColumnKind, Endpoint};
use backhaul::filter::from_sql;
use serde_json::{Value as Json, json};

use super::endpoint;
use crate::support::{TestContext, canonical_arrow, parquet_files, today, unlimited};

/// Tables with columns of every type that a filter can be asked about, and the query of each.
const TABLES: [(&str, &str, &str); 3] = [
    (
        "links",
        "site-explorer/all-backlinks",
        "aggregation = \"all\"",
    ),
    (
        "keywords",
        "site-explorer/organic-keywords",
        "countries = [\"us\"]",
    ),
    ("refdomains", "site-explorer/refdomains", ""),
];

/// Expressions for each table.
const EXPRESSIONS: usize = 160;

/// Rows of each table: enough that most conditions choose some and leave some.
const ROWS: u64 = 300;

/// An expression as `where` and as `DuckDB` spell it.
#[derive(Debug, Clone)]
struct Pair {
    ours: String,
    duckdb: String,
}

impl Pair {
    fn same(text: String) -> Self {
        Self {
            duckdb: text.clone(),
            ours: text,
        }
    }
}

/// A column that can be both selected and filtered by, with values that its rows have.
struct Tested {
    name: String,
    kind: ColumnKind,
    values: Vec<Json>,
}

/// Makes random expressions.
struct Maker<'a> {
    columns: &'a [Tested],
    rng: fastrand::Rng,
    used: BTreeMap<String, usize>,
}

impl Maker<'_> {
    fn expression(&mut self, depth: u32) -> Pair {
        if depth == 0 || self.rng.u8(..4) == 0 {
            return self.condition();
        }
        if self.rng.u8(..4) == 0 {
            let inner = self.expression(depth - 1);
            return Pair {
                ours: format!("NOT ({})", inner.ours),
                duckdb: format!("NOT ({})", inner.duckdb),
            };
        }
        let word = if self.rng.bool() { "AND" } else { "OR" };
        let (left, right) = (self.expression(depth - 1), self.expression(depth - 1));
        Pair {
            ours: format!("({}) {word} ({})", left.ours, right.ours),
            duckdb: format!("({}) {word} ({})", left.duckdb, right.duckdb),
        }
    }

    fn condition(&mut self) -> Pair {
        let column = &self.columns[self.rng.usize(..self.columns.len())];
        let name = column.name.clone();
        let not = if self.rng.u8(..4) == 0 { "NOT " } else { "" };
        if self.rng.u8(..8) == 0 || column.values.is_empty() {
            self.count("IS NULL");
            return Pair::same(format!("{name} IS {not}NULL"));
        }
        let (kind, values) = (column.kind.clone(), column.values.clone());
        match &kind {
            ColumnKind::Boolean => self.boolean(&name, not),
            ColumnKind::List(item) => self.items(&name, item, &values, not),
            ColumnKind::Text if self.rng.u8(..3) > 0 => self.textual(&name, &values, not),
            kind => self.comparison(&name, kind, &values, not),
        }
    }

    fn boolean(&mut self, name: &str, not: &str) -> Pair {
        self.count("boolean");
        Pair::same(match self.rng.u8(..3) {
            0 => format!("{not}{name}"),
            1 => format!("{not}{name} = TRUE"),
            _ => format!("{not}{name} <> TRUE"),
        })
    }

    fn comparison(&mut self, name: &str, kind: &ColumnKind, values: &[Json], not: &str) -> Pair {
        let value = |maker: &mut Self| literal(kind, &values[maker.rng.usize(..values.len())]);
        let (first, second) = (value(self), value(self));
        match self.rng.u8(..6) {
            0 => {
                self.count("IN");
                let third = value(self);
                Pair {
                    ours: format!(
                        "{name} {not}IN ({}, {}, {})",
                        first.ours, second.ours, third.ours
                    ),
                    duckdb: format!(
                        "{name} {not}IN ({}, {}, {})",
                        first.duckdb, second.duckdb, third.duckdb
                    ),
                }
            }
            1 => {
                self.count("BETWEEN");
                Pair {
                    ours: format!("{name} {not}BETWEEN {} AND {}", first.ours, second.ours),
                    duckdb: format!("{name} {not}BETWEEN {} AND {}", first.duckdb, second.duckdb),
                }
            }
            kind => {
                let sign = self.sign();
                let pair = |value: &str| match kind {
                    2 => format!("{not}{value} {sign} {name}"),
                    _ => format!("{not}{name} {sign} {value}"),
                };
                Pair {
                    ours: pair(&first.ours),
                    duckdb: pair(&first.duckdb),
                }
            }
        }
    }

    fn sign(&mut self) -> &'static str {
        let sign = ["=", "<>", "!=", "<", "<=", ">", ">="][self.rng.usize(..7)];
        self.count(sign);
        sign
    }

    fn textual(&mut self, name: &str, values: &[Json], not: &str) -> Pair {
        let text = values[self.rng.usize(..values.len())]
            .as_str()
            .unwrap()
            .to_owned();
        let letters: Vec<char> = text.chars().collect();
        let start = self.rng.usize(..=letters.len());
        let some: String = letters
            .iter()
            .skip(start)
            .take(self.rng.usize(1..6))
            .collect();
        let is_plain = !some.is_empty() && !some.contains(['%', '_', '\\']);
        let form = self.rng.u8(..8);
        match form {
            0 => {
                self.count("empty");
                return Pair {
                    ours: format!("{not}empty({name})"),
                    duckdb: format!("{not}{name} = ''"),
                };
            }
            1 | 2 if is_plain => {
                let word = text
                    .split(' ')
                    .nth(self.rng.usize(..2))
                    .filter(|word| !word.is_empty())
                    .unwrap_or(&some);
                let function = if form == 1 { "phrase" } else { "iphrase" };
                let word = if form == 1 {
                    word.to_owned()
                } else {
                    word.to_uppercase()
                };
                self.count(function);
                let flags = if form == 1 { "" } else { "(?i)" };
                let end = r"[^\pL\pM\pN\p{Pc}]";
                let pattern = format!("{flags}(^|{end}){}({end}|$)", regex::escape(&word));
                return Pair {
                    ours: format!("{not}{function}({name}, {})", quoted(&word)),
                    duckdb: format!("{not}regexp_matches({name}, {})", quoted(&pattern)),
                };
            }
            3 if !some.is_empty() => {
                self.count("~");
                let pattern = ["^", ""][self.rng.usize(..2)].to_owned()
                    + &regex::escape(&some)
                    + ["$", ".*[0-9]", ""][self.rng.usize(..3)];
                return Pair {
                    ours: format!("{not}{name} ~ {}", quoted(&pattern)),
                    duckdb: format!("{not}regexp_matches({name}, {})", quoted(&pattern)),
                };
            }
            _ => {}
        }
        if !is_plain {
            return self.comparison(name, &ColumnKind::Text, values, not);
        }
        let (word, pattern) = match form {
            4 => ("ILIKE", format!("%{}%", some.to_uppercase())),
            5 => (
                "LIKE",
                format!(
                    "{}%",
                    letters
                        .iter()
                        .take(3)
                        .filter(|letter| !"%_\\".contains(**letter))
                        .collect::<String>()
                ),
            ),
            6 => ("LIKE", format!("%{some}")),
            _ => ("LIKE", format!("%{some}%")),
        };
        if pattern == "%" {
            return self.comparison(name, &ColumnKind::Text, values, not);
        }
        self.count(word);
        Pair::same(format!("{name} {not}{word} {}", quoted(&pattern)))
    }

    fn items(&mut self, name: &str, item: &ColumnKind, values: &[Json], not: &str) -> Pair {
        let items: Vec<&Json> = values.iter().filter_map(Json::as_array).flatten().collect();
        if items.is_empty() || self.rng.u8(..4) == 0 {
            self.count("empty list");
            return Pair {
                ours: format!("{not}empty({name})"),
                duckdb: format!("{not}len({name}) = 0"),
            };
        }
        let value = literal(item, items[self.rng.usize(..items.len())]);
        let sign = self.sign();
        let holds = format!("{} {sign} x", value.duckdb);
        if self.rng.bool() {
            self.count("ANY");
            return Pair {
                ours: format!("{not}{} {sign} ANY({name})", value.ours),
                duckdb: format!("{not}len(list_filter({name}, lambda x: {holds})) > 0"),
            };
        }
        self.count("ALL");
        Pair {
            ours: format!("{not}{} {sign} ALL({name})", value.ours),
            duckdb: format!("{not}len(list_filter({name}, lambda x: NOT ({holds}))) = 0"),
        }
    }

    fn count(&mut self, form: &str) {
        *self.used.entry(form.to_owned()).or_default() += 1;
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn literal(kind: &ColumnKind, value: &Json) -> Pair {
    match (kind, value) {
        (ColumnKind::Float, number) => Pair {
            ours: number.to_string(),
            duckdb: format!("{number}::DOUBLE"),
        },
        (ColumnKind::DateTime, Json::String(text)) => Pair {
            ours: quoted(text),
            duckdb: format!("TIMESTAMPTZ '{text}'"),
        },
        (ColumnKind::Date, Json::String(text)) => {
            let day = quoted(&text[..10]);
            Pair {
                duckdb: format!("DATE {day}"),
                ours: day,
            }
        }
        (_, Json::String(text)) => Pair::same(quoted(text)),
        (_, other) => Pair::same(other.to_string()),
    }
}

/// The columns of a table that can be both selected and filtered by. Objects have no form that both sides know.
fn columns(endpoint: &Endpoint) -> Vec<String> {
    let is_plain = |kind: &ColumnKind| !matches!(kind, ColumnKind::Json | ColumnKind::Struct(_));
    let is_tested = |kind: &ColumnKind| match kind {
        ColumnKind::List(item) => is_plain(item),
        kind => is_plain(kind),
    };
    let selected = endpoint
        .columns
        .iter()
        .filter(|column| column.not_with.is_none());
    let names = selected.filter(|column| {
        endpoint
            .filterable(&column.name)
            .is_some_and(|known| is_tested(&known.kind))
    });
    names.map(|column| column.name.clone()).collect()
}

/// All rows of a table's one file, in its order.
fn file_rows(context: &TestContext, table: &str, names: &[String]) -> (PathBuf, Vec<Vec<String>>) {
    let mut files = parquet_files(&context.destination().join(table));
    assert_eq!(files.len(), 1, "{table}");
    let file = files.remove(0);
    let mut rows = Vec::new();
    for batch in backhaul::sink::read_batches(&file, None).unwrap() {
        let batch = batch.unwrap();
        let columns: Vec<ArrayRef> = names
            .iter()
            .map(|name| batch.column_by_name(name).unwrap().clone())
            .collect();
        let row = |row| {
            columns
                .iter()
                .map(|column| canonical_arrow(column, row))
                .collect()
        };
        rows.extend((0..batch.num_rows()).map(row));
    }
    (file, rows)
}

/// Which rows of each file pass, as `DuckDB` sees it.
fn ask_duckdb(questions: &[Json]) -> Vec<Vec<usize>> {
    let python = std::env::var("BACKHAUL_TEST_PYTHON").expect("make test sets it");
    let mut child = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/python/filter_rows.py"
        ))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(Json::from(questions).to_string().as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "DuckDB refused an expression");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[ignore = "needs Python with DuckDB: make test"]
fn rows_are_chosen_as_duckdb_chooses_them_among_all() {
    let context = TestContext::new(unlimited(ROWS));
    let report = |(name, endpoint_name, line): &(&str, &str, &str)| {
        let columns = columns(endpoint(endpoint_name)).join("\", \"");
        format!(
            "[[report]]\nname = \"{name}\"\nendpoint = \"{endpoint_name}\"\ncolumns = [\"{columns}\"]\n{line}\n\n"
        )
    };
    context.configure(&TABLES.iter().map(report).collect::<String>());
    context.run().expect(0);
    let today = today().to_string();
    let (mut questions, mut asked) = (Vec::new(), Vec::new());
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    for (seed, (name, endpoint_name, _)) in (7..).zip(TABLES) {
        let names = columns(endpoint(endpoint_name));
        let mut query = vec![
            ("target", "acme.com"),
            ("mode", "subdomains"),
            ("protocol", "both"),
            ("history", "live"),
        ];
        match name {
            "links" => query.push(("aggregation", "all")),
            "keywords" => query.extend([("country", "us"), ("date", today.as_str())]),
            _ => {}
        }
        let (file, rows) = file_rows(&context, name, &names);
        let mut expected = rows.clone();
        expected.sort();
        assert_eq!(
            expected,
            context.oracle_rows(endpoint_name, &names, &query),
            "{name}: all rows"
        );
        let select = names.join(",");
        let body = context.ask_oracle(
            endpoint_name,
            &[
                query.clone(),
                vec![("select", &select), ("limit", "100000")],
            ]
            .concat(),
        );
        let described = endpoint(endpoint_name);
        let all = body[&described.response_key].as_array().unwrap();
        let tested = |name: &String| Tested {
            name: name.clone(),
            kind: described.filterable(name).unwrap().kind.clone(),
            values: all
                .iter()
                .map(|row| row[name].clone())
                .filter(|value| !value.is_null())
                .collect(),
        };
        let tested: Vec<Tested> = names.iter().map(tested).collect();
        let mut maker = Maker {
            columns: &tested,
            rng: fastrand::Rng::with_seed(seed),
            used: std::mem::take(&mut used),
        };
        for _ in 0..EXPRESSIONS {
            let pair = maker.expression(3);
            let filter = from_sql(&pair.ours, described);
            let filter = filter
                .unwrap_or_else(|error| panic!("{}: {error}; {}", pair.ours, error.help))
                .to_json()
                .to_string();
            let mut query = query.clone();
            query.push(("where", &filter));
            let found = context.oracle_rows(endpoint_name, &names, &query);
            questions.push(json!({"file": file, "where": pair.duckdb}));
            asked.push((pair, filter, found, rows.clone()));
        }
        used = maker.used;
    }
    let mut choosing = 0;
    for ((pair, filter, found, rows), numbers) in asked.iter().zip(ask_duckdb(&questions)) {
        let mut expected: Vec<Vec<String>> = numbers.iter().map(|row| rows[*row].clone()).collect();
        expected.sort();
        choosing += usize::from(!expected.is_empty() && expected.len() < rows.len());
        assert_eq!(
            found.len(),
            expected.len(),
            "{} → {filter}; DuckDB: {}",
            pair.ours,
            pair.duckdb
        );
        assert!(
            *found == expected,
            "other rows: {} → {filter}; DuckDB: {}",
            pair.ours,
            pair.duckdb
        );
    }
    assert!(
        choosing > asked.len() / 2,
        "only {choosing} of {} expressions choose",
        asked.len()
    );
    for form in [
        "IS NULL", "boolean", "IN", "BETWEEN", "=", "<>", "<", "empty", "phrase", "iphrase", "~",
        "LIKE", "ILIKE", "ANY", "ALL",
    ] {
        assert!(
            used.get(form).is_some_and(|times| *times >= 10),
            "{form}: {used:?}"
        );
    }
}
