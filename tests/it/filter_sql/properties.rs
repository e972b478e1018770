//! Random filters keep their meaning on the way through SQL; random text never breaks anything.

use backhaul::filter::{Comparison, Filter, Quantifier};
use backhaul::model::Value;
use proptest::prelude::*;

use super::{compiled, endpoint};

fn is_null(column: &str) -> Filter {
    Filter::IsNull(column.to_owned())
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

/// A condition as it is compiled: with `not is_null` where null could pass otherwise.
fn known(column: &str, filter: Filter) -> Filter {
    if column == "alt" || column == "redirect_code" {
        return Filter::And(vec![filter, not(is_null(column))]);
    }
    filter
}

fn comparison(column: &'static str, comparison: Comparison, value: Value) -> Filter {
    let filter = Filter::Is(column.to_owned(), comparison, value);
    if comparison == Comparison::Neq {
        known(column, filter)
    } else {
        filter
    }
}

fn ordered() -> impl Strategy<Value = Comparison> {
    use Comparison::{Eq, Gt, Gte, Lt, Lte, Neq};
    proptest::sample::select(vec![Eq, Neq, Gt, Gte, Lt, Lte])
}

fn words() -> impl Strategy<Value = String> {
    "[a-z' äß.]{1,6}"
}

fn leaf() -> impl Strategy<Value = Filter> {
    use Comparison::{IphraseMatch, Isubstring, PhraseMatch, Prefix, Regex, Substring, Suffix};
    let textual = proptest::sample::select(vec![
        Substring,
        Isubstring,
        PhraseMatch,
        IphraseMatch,
        Prefix,
        Suffix,
        Regex,
    ]);
    let text = || proptest::sample::select(vec!["alt", "anchor"]);
    let whole = proptest::sample::select(vec!["class_c", "redirect_code"]);
    let number = (-1_000_000i32..1_000_000).prop_map(|number| match number % 8 {
        0 => Value::Int(i64::from(number / 8)),
        _ => Value::float(f64::from(number) / 8.0),
    });
    prop_oneof![
        (whole, ordered(), any::<i64>()).prop_map(|(column, asked, value)| comparison(
            column,
            asked,
            Value::Int(value)
        )),
        (ordered(), number).prop_map(|(asked, value)| comparison(
            "domain_rating_source",
            asked,
            value
        )),
        (text(), ordered(), words()).prop_map(|(column, asked, text)| comparison(
            column,
            asked,
            Value::Text(text.into())
        )),
        (text(), textual, words(), any::<bool>()).prop_map(|(column, asked, text, negated)| {
            let filter = Filter::Is(column.to_owned(), asked, Value::Text(text.into()));
            if negated {
                known(column, not(filter))
            } else {
                filter
            }
        }),
        (ordered(), 0i64..4_000_000_000).prop_map(|(asked, seconds)| {
            comparison("first_seen", asked, Value::Time(seconds * 1_000_000))
        }),
        any::<bool>().prop_map(|value| comparison(
            "is_dofollow",
            Comparison::Eq,
            Value::Bool(value)
        )),
        (any::<bool>(), ordered(), words(), any::<bool>()).prop_map(
            |(any, asked, text, negated)| {
                let quantifier = if any {
                    Quantifier::Any
                } else {
                    Quantifier::All
                };
                let filter = Filter::Items(
                    "languages".to_owned(),
                    quantifier,
                    asked,
                    Value::Text(text.into()),
                );
                if negated { not(filter) } else { filter }
            }
        ),
        (text(), any::<bool>()).prop_map(|(column, negated)| {
            let filter = Filter::Empty(column.to_owned());
            if negated {
                known(column, not(filter))
            } else {
                filter
            }
        }),
        (text(), any::<bool>()).prop_map(|(column, negated)| if negated {
            not(is_null(column))
        } else {
            is_null(column)
        }),
    ]
}

/// One filter of several, without repetitions and without one of its own kind inside.
fn joined(parts: Vec<Filter>, is_and: bool) -> Filter {
    let mut flat = Vec::new();
    for part in parts {
        let inner = match part {
            Filter::And(inner) if is_and => inner,
            Filter::Or(inner) if !is_and => inner,
            other => vec![other],
        };
        for part in inner {
            if !flat.contains(&part) {
                flat.push(part);
            }
        }
    }
    match (flat.len(), is_and) {
        (1, _) => flat.remove(0),
        (_, true) => Filter::And(flat),
        (_, false) => Filter::Or(flat),
    }
}

fn tree() -> impl Strategy<Value = Filter> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        (proptest::collection::vec(inner, 1..4), any::<bool>())
            .prop_map(|(parts, is_and)| joined(parts, is_and))
    })
}

fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Time(micros) => format!("'{}'", backhaul::model::format_time(*micros)),
        other => other.to_string(),
    }
}

/// SQL that says the filter, in a spelling that the generator chooses.
fn spelled(filter: &Filter, rng: &mut fastrand::Rng) -> String {
    let connected = |parts: &[Filter], word: &str, rng: &mut fastrand::Rng| {
        let parts: Vec<String> = parts
            .iter()
            .map(|part| format!("({})", spelled(part, rng)))
            .collect();
        parts.join(word)
    };
    let text = match filter {
        Filter::And(parts) => connected(parts, " AND ", rng),
        Filter::Or(parts) => connected(parts, " or ", rng),
        Filter::Not(inner) => format!("NOT {}", spelled_leaf(inner, rng)),
        leaf => spelled_leaf(leaf, rng),
    };
    match rng.u8(..6) {
        0 => format!("(\n {text} )"),
        1 => format!("NOT (NOT ({text}))"),
        _ => text,
    }
}

fn spelled_leaf(filter: &Filter, rng: &mut fastrand::Rng) -> String {
    match filter {
        Filter::IsNull(column) => format!("{column} IS NULL"),
        Filter::Empty(column) => format!("empty({column})"),
        Filter::Items(column, quantifier, asked, value) => {
            let word = if *quantifier == Quantifier::Any {
                "ANY"
            } else {
                "ALL"
            };
            format!(
                "{} {} {word}({column})",
                literal(value),
                sign(asked.swapped())
            )
        }
        Filter::Is(column, asked, value) => {
            let literal = literal(value);
            let inner = literal.trim_matches('\'');
            match asked {
                Comparison::Prefix => {
                    format!("{column} LIKE {}%'", literal.strip_suffix('\'').unwrap())
                }
                Comparison::Suffix => {
                    format!("{column} LIKE '%{}", literal.strip_prefix('\'').unwrap())
                }
                Comparison::Substring | Comparison::Isubstring => {
                    let word = if *asked == Comparison::Substring {
                        "LIKE"
                    } else {
                        "ILIKE"
                    };
                    let inner = literal
                        .strip_prefix('\'')
                        .and_then(|text| text.strip_suffix('\''))
                        .unwrap();
                    format!("{column} {word} '%{inner}%'")
                }
                Comparison::PhraseMatch => format!("phrase({column}, {literal})"),
                Comparison::IphraseMatch => format!("iphrase({column},{literal})"),
                Comparison::Regex => format!("{column} ~ {literal}"),
                _ if *value == Value::Bool(true) && rng.bool() => column.clone(),
                _ if *value == Value::Bool(false) && rng.bool() => format!("NOT {column}"),
                _ if rng.bool() => format!("{literal} {} {column}", sign(asked.swapped())),
                _ if inner.is_empty() => format!("{column} {} {literal}", sign(*asked)),
                _ => format!("{} {} {literal}", column.to_uppercase(), sign(*asked)),
            }
        }
        other => panic!("{other:?} is no leaf"),
    }
}

fn sign(asked: Comparison) -> &'static str {
    match asked {
        Comparison::Eq => "=",
        Comparison::Neq => "<>",
        Comparison::Gt => ">",
        Comparison::Gte => ">=",
        Comparison::Lt => "<",
        Comparison::Lte => "<=",
        other => panic!("{other:?} has no sign"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn a_filter_written_in_sql_compiles_to_itself(filter in tree(), seed in any::<u64>()) {
        let text = spelled(&filter, &mut fastrand::Rng::with_seed(seed));
        let found = compiled(&text);
        prop_assert_eq!(found, Ok(filter.clone()), "{}", text);
        // And what is compiled is what the checks of the API's own JSON let through, unchanged.
        let json = filter.to_json();
        let checked = backhaul::filter::from_json(&json, endpoint(super::BACKLINKS));
        prop_assert_eq!(checked.map(|filter| filter.to_json().to_string()), Ok(json.to_string()));
    }

    #[test]
    fn no_text_breaks_anything(text in ".{0,60}", words in proptest::collection::vec(0usize..40, 0..24)) {
        const WORDS: [&str; 40] = [
            "class_c", "anchor", "languages", "is_dofollow", "nothing", "(", ")", "=", "<>", "<", "AND", "OR", "NOT", "IN",
            "BETWEEN", "LIKE", "ILIKE", "~", "IS", "NULL", "ANY", "ALL", "empty", "phrase", ",", "'a%'", "''", "1", "-", "+",
            "1.5", "TRUE", "::", "int", "\"x\"", ".", "CASE", "SELECT", "EXISTS", "ä",
        ];
        let sentence = words.iter().map(|at| WORDS[*at]).collect::<Vec<_>>().join(" ");
        for text in [text, sentence] {
            if let Err(error) = compiled(&text)
                && let Some(backhaul::filter::ErrorLocation::Bytes(bytes)) = error.location
            {
                prop_assert!(text.get(bytes.clone()).is_some(), "{bytes:?} of {text:?}");
            }
        }
    }
}
