//! What a body becomes.

use std::fmt::Write as _;

use arrow::array::AsArray;
use backhaul::decode::{BadValue, DecodeError, OnBadValue};
use backhaul::error::{Error, ErrorCode};
use backhaul::model::{Value, format_time};
use backhaul::table::ColumnType;
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::{EVERY_COLUMN, cell, cells, decode, decoder, endpoint, every_type, names, wanted};

/// Deepest nesting inside one value.
const MAX_DEPTH: usize = 128;

#[test]
fn numbers_are_read_by_value_and_not_by_spelling() {
    let body = r#"{"rows":[{"whole":26.0,"real":26},{"whole":2.6e1,"real":26.0},{"whole":-0,"real":-0.0},
        {"whole":9223372036854775807,"real":1e-3},{"whole":-9223372036854775808,"real":12345678901234567890}]}"#;
    let page = decode(&["whole", "real"], body).unwrap();
    let wanted = json!([
        [26, 26.0],
        [26, 26.0],
        [0, -0.0],
        [i64::MAX, 0.001],
        [i64::MIN, 12_345_678_901_234_567_890.0]
    ]);
    assert_eq!(json!(cells(&page.batch)), wanted);
    assert_eq!(page.keys.digests[0], page.keys.digests[1]);
    assert!(page.notes.is_empty());
}

#[test]
fn zero_has_one_digest_whatever_its_sign() {
    let body = r#"{"rows":[{"real":0},{"real":-0.0},{"real":1}]}"#;
    let page = decode(&["real"], body).unwrap();
    assert_eq!(page.keys.digests[0], page.keys.digests[1]);
    assert_ne!(page.keys.digests[0], page.keys.digests[2]);
}

#[test]
fn dates_and_date_times_are_read_in_every_form_that_was_seen() {
    let body = r#"{"rows":[{"day":"2024-01-29","moment":"2024-01-29T10:20:30Z"},
        {"day":"2024-01-29T00:00:00Z","moment":"2024-01-29T12:20:30.000000+02:00"},
        {"day":"1969-12-31","moment":"1969-12-31T23:59:59.999999Z"},
        {"day":null,"moment":"2024-01-29"}]}"#;
    let page = decode(&["day", "moment"], body).unwrap();
    let wanted = json!([
        ["2024-01-29", "2024-01-29T10:20:30Z"],
        ["2024-01-29", "2024-01-29T10:20:30Z"],
        ["1969-12-31", "1969-12-31T23:59:59.999999Z"],
        [null, "2024-01-29T00:00:00Z"],
    ]);
    assert_eq!(json!(cells(&page.batch)), wanted);
    assert_eq!(page.keys.digests[0], page.keys.digests[1]);
}

#[test]
fn a_value_that_does_not_fit_is_reported_with_row_column_value_and_hint() {
    let cases = [
        ("whole", "9223372036854775808", "a 64-bit integer"),
        ("whole", "26.5", "a 64-bit integer"),
        ("whole", "\"26\"", "a 64-bit integer"),
        ("real", "1e400", "a number"),
        ("flag", "0", "a boolean"),
        ("day", "\"2024-02-30\"", "a date"),
        ("day", "\"2024-01-29T10:00:00Z\"", "a date"),
        ("moment", "\"yesterday\"", "a date-time"),
        ("text", "12", "a string"),
        ("text", "{\"a\":[1]}", "a string"),
        ("list", "\"a\"", "a list"),
        ("object", "[1]", "an object"),
        ("places", "{\"place\":\"us\"}", "a list"),
    ];
    for (column, value, wanted) in cases {
        let body = format!("{{\"rows\":[{{\"{column}\":null}},{{\"{column}\":{value}}}]}}");
        let error = decode(&[column], &body).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("row 2, column `{column}`: {value} is not {wanted}")
        );
        let error = Error::from(error);
        assert_eq!(error.code(), ErrorCode::Value);
        assert!(error.hint().contains("on_bad_value = \"null\""));

        let mut lenient = decoder(&every_type(), &[column], &[], OnBadValue::Null);
        let page = lenient.decode(body.as_bytes()).unwrap();
        assert_eq!(json!(cells(&page.batch)), json!([[null], [null]]));
        let bad = BadValue {
            page: 0,
            row: 2,
            column: column.to_owned(),
            text: value.to_owned(),
        };
        assert_eq!(
            (page.notes.bad_values, page.notes.num_bad_values),
            (vec![bad], 1)
        );
    }
}

#[test]
fn what_is_unusual_is_kept_and_counted() {
    let body = r#"{"license":"x","rows":[
        {"text":"a","whole":1,"new":{"deep":[1,"]"]},"text":"b"},
        {"whole":null},
        {"text":"\ud83d","new":1,"object":{"x":1,"z":2}}]}"#;
    let page = decode(&["whole", "text", "object"], body).unwrap();
    let wanted =
        json!([[1, "a", null], [null, null, null], [null, "\u{fffd}", {"x": 1, "y": null}]]);
    assert_eq!(json!(cells(&page.batch)), wanted);
    let notes = page.notes;
    assert_eq!(json!(notes.unexpected_nulls), json!({"whole": 1}));
    assert_eq!(
        json!(notes.unknown_columns),
        json!({"new": 2, "object.z": 1})
    );
    assert_eq!(
        json!(notes.missing_columns),
        json!({"whole": 1, "text": 1, "object": 2, "object.y": 1})
    );
    assert_eq!(
        (
            notes.num_duplicate_keys,
            notes.num_lone_surrogates,
            notes.num_bad_values
        ),
        (1, 1, 0)
    );
}

#[test]
fn an_object_that_is_sent_as_an_array_is_read_by_position() {
    let body = r#"{"rows":[{"places":[["us",123],["gb"],[],null,["de",null,7,8]]},{"places":[]},{"places":null}]}"#;
    let page = decode(&["places"], body).unwrap();
    let pair = |place: &str, number: Json| json!({"place": place, "number": number});
    let first = json!([pair("us", json!(123)), pair("gb", Json::Null), {"place": null, "number": null}, null, pair("de", Json::Null)]);
    assert_eq!(json!(cells(&page.batch)), json!([[first], [[]], [null]]));
    assert_eq!(
        json!(page.notes.missing_columns),
        json!({"places.place": 1, "places.number": 2})
    );
    assert_eq!(
        json!(page.notes.unknown_columns),
        json!({"places.2": 1, "places.3": 1})
    );

    let crossed = r#"{"rows":[{"places":[[123,"us"]]}]}"#;
    let error = decode(&["places"], crossed).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 1, column `places.place`: 123 is not a string"
    );
    let named = decode(
        &["places"],
        r#"{"rows":[{"places":[{"place":"us","number":1}]}]}"#,
    )
    .unwrap_err();
    assert!(
        named
            .to_string()
            .starts_with("row 1, column `places`: {\"place\""),
        "{named}"
    );
    let placed = decode(&["object"], r#"{"rows":[{"object":[1,"z"]}]}"#).unwrap_err();
    assert_eq!(
        placed.to_string(),
        "row 1, column `object`: [1,\"z\"] is not an object"
    );
}

#[test]
fn values_that_the_catalog_does_not_list_are_kept_and_counted_by_name() {
    let mut endpoint = every_type();
    for column in endpoint
        .columns
        .iter_mut()
        .filter(|column| ["text", "list"].contains(&column.name.as_str()))
    {
        column.values = names(&["left", "right"]);
    }
    let body = r#"{"rows":[{"text":"left","list":["right","up"]},{"text":"down","list":null},{"text":null,"list":[null]},
        {"text":"down","list":["left","left"]}]}"#;
    let page = decoder(&endpoint, &["text", "list"], &[], OnBadValue::Fail)
        .decode(body.as_bytes())
        .unwrap();
    let wanted = json!([
        ["left", ["right", "up"]],
        ["down", null],
        [null, [null]],
        ["down", ["left", "left"]]
    ]);
    assert_eq!(json!(cells(&page.batch)), wanted);
    let found: Vec<_> = page
        .notes
        .unknown_values
        .iter()
        .map(|(column, unknown)| (column.as_str(), unknown.count))
        .collect();
    assert_eq!(found, [("list", 1), ("text", 2)]);
    assert_eq!(
        page.notes.unknown_values["text"]
            .examples
            .iter()
            .collect::<Vec<_>>(),
        ["down"]
    );

    let many: Vec<Json> = (0..500)
        .map(|number| json!({"text": format!("v{number:03}")}))
        .collect();
    let mut all = page.notes;
    let page = decoder(&endpoint, &["text"], &[], OnBadValue::Fail)
        .decode(json!({"rows": many}).to_string().as_bytes());
    all.merge(page.unwrap().notes);
    assert_eq!(
        (
            all.unknown_values["text"].count,
            all.unknown_values["text"].examples.len()
        ),
        (502, 10)
    );
}

#[test]
fn strings_come_through_whole() {
    let long = "ä".repeat(1 << 19);
    let body = json!({"rows": [{"text": long, "list": ["\u{0}", "\"\\/\u{8}\n", "😀", null, ""]}]})
        .to_string();
    let page = decode(&["text", "list"], &body).unwrap();
    assert_eq!(
        json!(cells(&page.batch)),
        json!([[long, ["\u{0}", "\"\\/\u{8}\n", "😀", null, ""]]])
    );
}

#[test]
fn json_columns_keep_the_text_without_white_space() {
    let body =
        r#"{"rows":[{"json":[ {"b" : 1.0, "a": "x y"} ]},{"json":"s"},{"json":null},{"json":7}]}"#;
    let page = decode(&["json"], body).unwrap();
    assert_eq!(
        json!(cells(&page.batch)),
        json!([["[{\"b\":1.0,\"a\":\"x y\"}]"], ["\"s\""], [null], ["7"]])
    );
}

#[test]
fn bodies_that_are_something_else_are_refused_by_name() {
    let deep = format!(
        "{{\"rows\":[{{\"json\":{}{}}}]}}",
        "[".repeat(MAX_DEPTH + 1),
        "]".repeat(MAX_DEPTH + 1)
    );
    let cases: [(&str, &str); 12] = [
        ("", "the body ends early, after 0 bytes"),
        (
            "<html><body>502",
            "the body is not JSON but begins with \"<html><body>502\"",
        ),
        (
            "{\"rows\":[]} x",
            "the body is not JSON at byte 12: the end expected",
        ),
        (
            "{\"rows\":[]}{\"rows\":[]}",
            "the body is not JSON at byte 11: the end expected",
        ),
        (
            "{\"lines\":[],\"a\":1}",
            "the body has no key `rows`, only `lines`, `a`",
        ),
        ("{}", "the body has no key `rows`, only none"),
        (
            "{\"rows\":{}}",
            "`rows` is not an array of objects but begins with \"{}}\"",
        ),
        (
            "{\"rows\":[1]}",
            "`rows` is not an array of objects but begins with \"1]}\"",
        ),
        (
            "{\"rows\":[],\"rows\":[]}",
            "the body has the key `rows` twice",
        ),
        (
            "{\"rows\":[{\"json\":01}]}",
            "the body is not JSON at byte 18: `,` or `}` expected",
        ),
        (
            "{\"error\":\"no\"}",
            "the body of a successful answer is an error: \"no\"",
        ),
        (&deep, "the body nests deeper than 128 levels at byte 145"),
    ];
    for (body, message) in cases {
        assert_eq!(decode(&["json"], body).unwrap_err().to_string(), message);
    }
    let mut decoder = decoder(&every_type(), &["text"], &[], OnBadValue::Fail);
    let error = decoder
        .decode(b"{\"rows\":[{\"text\":\"\xff\"}]}")
        .unwrap_err();
    assert_eq!(error.to_string(), "the body is not UTF-8 at byte 18");
    let page = decoder
        .decode("\u{feff} \r\n{ \"rows\" : [ { \"text\" : \"a\" } ] }\n".as_bytes())
        .unwrap();
    assert_eq!(json!(cells(&page.batch)), json!([["a"]]));
}

#[test]
fn a_decoder_goes_on_after_a_broken_page_as_if_it_had_not_been() {
    let mut decoder = decoder(&every_type(), &EVERY_COLUMN, &[], OnBadValue::Fail);
    let good = r#"{"rows":[{"whole":1,"list":["a"],"object":{"x":1}}]}"#;
    let before = decoder.decode(good.as_bytes()).unwrap();
    for broken in [
        r#"{"rows":[{"whole":7,"text":"x","list":["b","#,
        r#"{"rows":[{"text":"x","object":{"x":"y"}}]}"#,
    ] {
        assert!(decoder.decode(broken.as_bytes()).is_err());
        let after = decoder.decode(good.as_bytes()).unwrap();
        assert_eq!(
            (&after.batch, &after.keys, &after.notes),
            (&before.batch, &before.keys, &before.notes)
        );
    }
}

#[test]
fn records_are_one_row_and_plain_values_one_column() {
    let record = endpoint("site-explorer/domain-rating");
    let mut decoder_of_record = decoder(
        &record,
        &["domain_rating", "ahrefs_rank"],
        &[],
        OnBadValue::Fail,
    );
    let page = decoder_of_record
        .decode(br#"{"domain_rating":{"ahrefs_rank":640,"domain_rating":91.0}}"#)
        .unwrap();
    assert_eq!(json!(cells(&page.batch)), json!([[91.0, 640]]));
    assert_eq!(
        decoder_of_record
            .decode(br#"{"domain_rating":null}"#)
            .unwrap()
            .batch
            .num_rows(),
        0
    );

    let mut scalars = every_type();
    scalars.shape = backhaul::catalog::Shape::Scalars;
    let page = decoder(&scalars, &[], &[], OnBadValue::Fail)
        .decode(br#"{"rows":[3, null, 5]}"#)
        .unwrap();
    assert_eq!(page.batch.schema().field(0).name(), "value");
    assert_eq!(json!(cells(&page.batch)), json!([[3], [null], [5]]));
}

#[test]
fn keys_are_handed_out_and_columns_that_only_paging_added_are_not_in_the_table() {
    let body = r#"{"rows":[{"whole":1,"text":"a","moment":"1970-01-01T00:00:01Z","flag":true},
        {"text":"b","whole":2,"flag":null,"moment":"1970-01-01T00:00:02Z"}]}"#;
    let mut paged = decoder(
        &every_type(),
        &["whole", "text"],
        &["moment", "text", "flag", "whole"],
        OnBadValue::Fail,
    );
    let page = paged.decode(body.as_bytes()).unwrap();
    assert_eq!(page.batch.num_columns(), 2);
    assert_eq!(page.keys.width, 4);
    let text = |text: &str| Value::Text(text.into());
    assert_eq!(
        page.keys.key(0),
        [
            Value::Time(1_000_000),
            text("a"),
            Value::Bool(true),
            Value::Int(1)
        ]
    );
    assert_eq!(
        page.keys.key(1),
        [
            Value::Time(2_000_000),
            text("b"),
            Value::Null,
            Value::Int(2)
        ]
    );

    let unpaged = decode(&["whole", "text"], body).unwrap();
    assert_eq!(unpaged.keys.digests, page.keys.digests);
}

#[test]
fn every_prefix_of_a_body_is_called_cut_off() {
    let body = r#"{"a":[{"x":"é\u00e9"}],"rows":[{"whole":-12,"real":1.5e-3,"flag":true,"day":"2024-01-29","moment":
        "2024-01-29T00:00:00Z","text":"a\\😀","json":{"k":[null,false]},"list":["a","b"],"object":{"x":1,"y":"z"}}]}"#;
    let mut decoder = decoder(&every_type(), &EVERY_COLUMN, &[], OnBadValue::Fail);
    assert_eq!(decoder.decode(body.as_bytes()).unwrap().batch.num_rows(), 1);
    for end in 0..body.len() {
        let error = decoder.decode(&body.as_bytes()[..end]).unwrap_err();
        assert!(
            matches!(error, DecodeError::Truncated { .. }),
            "{end}: {error}"
        );
    }
}

/// JSON text in which every character that may be escaped is, and which has white space where it may be.
fn spell(value: &Json, ascii: bool, space: &str) -> String {
    let string = |text: &str| {
        let plain = Json::from(text).to_string();
        if !ascii {
            return plain;
        }
        let mut escaped = String::new();
        for unit in text.encode_utf16() {
            let _ = write!(escaped, "\\u{unit:04x}");
        }
        format!("\"{escaped}\"")
    };
    let comma = format!("{space},{space}");
    match value {
        Json::String(text) => string(text),
        Json::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| spell(item, ascii, space)).collect();
            format!("[{space}{}{space}]", items.join(&comma))
        }
        Json::Object(fields) => {
            let field = |(key, value): (&String, &Json)| {
                format!(
                    "{}{space}:{space}{}",
                    string(key),
                    spell(value, ascii, space)
                )
            };
            format!(
                "{{{space}{}{space}}}",
                fields.iter().map(field).collect::<Vec<_>>().join(&comma)
            )
        }
        other => other.to_string(),
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        ".{0,12}".prop_map(Json::from)
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((".{0,4}", inner), 0..4)
                .prop_map(|pairs| Json::Object(pairs.into_iter().collect())),
        ]
    })
}

fn any_value(column: &str) -> BoxedStrategy<Json> {
    let second = 0_i64..4_000_000_000;
    let value = match column {
        "whole" => any::<i64>().prop_map(Json::from).boxed(),
        "real" => prop_oneof![
            (-1e300..1e300).prop_map(Json::from),
            any::<i32>().prop_map(Json::from)
        ]
        .boxed(),
        "flag" => any::<bool>().prop_map(Json::from).boxed(),
        "day" => second
            .prop_map(|second| Json::from(&format_time(second * 1_000_000)[..10]))
            .boxed(),
        "moment" => second
            .prop_map(|second| Json::from(format_time(second * 1_000_000)))
            .boxed(),
        "text" => "\\PC{0,40}|.{0,20}".prop_map(Json::from).boxed(),
        "list" => prop::collection::vec(prop::option::of(".{0,8}"), 0..5)
            .prop_map(|items| json!(items))
            .boxed(),
        "object" => (any::<i64>(), ".{0,8}")
            .prop_map(|(x, y)| json!({"y": y, "x": x}))
            .boxed(),
        "places" => {
            let one = prop_oneof![
                1 => Just(Json::Null),
                1 => ".{0,8}".prop_map(|place| json!([place])),
                6 => (prop::option::of(".{0,8}"), prop::option::of(any::<i64>()), 0..2_usize)
                    .prop_map(|(place, number, more)| {
                        [json!(place), json!(number)].into_iter().chain(vec![json!({"a": []}); more]).collect()
                    }),
            ];
            prop::collection::vec(one, 0..4)
                .prop_map(Json::from)
                .boxed()
        }
        _ => any_json().boxed(),
    };
    prop_oneof![1 => Just(Json::Null), 6 => value].boxed()
}

fn any_row() -> impl Strategy<Value = Map<String, Json>> {
    let columns = EVERY_COLUMN.iter().chain(&["stranger"]);
    let field = |name: &&'static str| {
        let name = *name;
        prop::option::weighted(0.9, any_value(name))
            .prop_map(move |value| value.map(|value| (name.to_owned(), value)))
    };
    let fields: Vec<_> = columns.map(field).collect();
    (fields, any::<prop::sample::Index>()).prop_map(|(fields, turn)| {
        let mut fields: Vec<_> = fields.into_iter().flatten().collect();
        if !fields.is_empty() {
            let turn = turn.index(fields.len());
            fields.rotate_left(turn);
        }
        fields.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_the_spelling_and_order_the_values_are_those_that_were_written(
        rows in prop::collection::vec(any_row(), 0..6),
        ascii in any::<bool>(),
        space in prop_oneof![Just(""), Just(" "), Just("\r\n\t")],
    ) {
        let endpoint = every_type();
        let rows: Vec<Json> = rows.into_iter().map(Json::Object).collect();
        let body = spell(&json!({"rows": rows}), ascii, space);
        let page = decoder(&endpoint, &EVERY_COLUMN, &[], OnBadValue::Fail).decode(body.as_bytes()).unwrap();
        prop_assert_eq!(page.batch.num_rows(), rows.len());
        for (place, column) in EVERY_COLUMN.iter().enumerate() {
            let kind = ColumnType::from(&endpoint.column(column).unwrap().kind);
            for (row, object) in rows.iter().enumerate() {
                let value = object.get(*column).unwrap_or(&Json::Null);
                let found = cell(page.batch.column(place), row);
                if kind == ColumnType::Json && !found.is_null() {
                    let text = page.batch.column(place).as_string::<i32>().value(row);
                    prop_assert_eq!(&serde_json::from_str::<Json>(text).unwrap(), value);
                } else {
                    prop_assert_eq!(found, wanted(&kind, value));
                }
            }
        }
        let other = spell(&json!({"rows": rows}), false, "");
        let again = decoder(&endpoint, &EVERY_COLUMN[..6], &[], OnBadValue::Fail).decode(other.as_bytes()).unwrap();
        let first = decoder(&endpoint, &EVERY_COLUMN[..6], &[], OnBadValue::Fail).decode(body.as_bytes()).unwrap();
        prop_assert_eq!(again.keys.digests, first.keys.digests);
    }

    #[test]
    fn a_damaged_body_never_panics_and_is_json_exactly_if_serde_json_says_so(
        rows in prop::collection::vec(any_row(), 1..3),
        ascii in any::<bool>(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..4),
    ) {
        let rows: Vec<Json> = rows.into_iter().map(Json::Object).collect();
        let mut body = spell(&json!({"rows": rows}), ascii, "").into_bytes();
        for (place, byte, kind) in damages {
            let place = place.index(body.len());
            match kind {
                0 => body[place] = byte,
                1 => body[place] = b"{}[]\",:\\0-e.tfn u"[usize::from(byte) % 17],
                2 if body.len() > 1 => drop(body.remove(place)),
                _ => body.insert(place, byte % 128),
            }
        }
        let result = decoder(&every_type(), &EVERY_COLUMN, &[], OnBadValue::Null).decode(&body);
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
        match result {
            Ok(_) => prop_assert!(is_json, "accepted: {}", String::from_utf8_lossy(&body)),
            Err(DecodeError::Syntax { .. } | DecodeError::Truncated { .. }) => {
                prop_assert!(!is_json, "refused: {}", String::from_utf8_lossy(&body));
            }
            Err(_) => {}
        }
    }
}

#[test]
fn a_column_that_the_endpoint_lacks_is_refused_by_name() {
    let schema =
        backhaul::decode::PageSchema::new(&every_type(), &names(&["nope"]), &[], OnBadValue::Fail);
    assert_eq!(schema.unwrap_err().code(), ErrorCode::Column);
}
