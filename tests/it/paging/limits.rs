//! The maxima of a task: rows, requests, bytes of a URL, rows of a group.

use backhaul::model::Value;
use backhaul::paging::{
    Evidence, PagerLimits, Paging, PagingError, RowGrouping, Shortfall, Status,
};
use fastrand::Rng;

use super::defects::{Defects, FLOOR, random_cap};
use super::oracle::{key_column, random_plan, run, seeds, selected_of};
use super::source::{Row, Source};
use super::tables::{
    bag, digest_of, identity_of, random_row, row_of_its_own, row_with_few_times, row_with_nulls,
    within,
};

#[test]
fn max_rows_is_never_exceeded_and_is_named_as_the_reason() {
    let mut capped = 0;
    for seed in seeds(10_000) {
        let mut rng = Rng::with_seed(seed);
        let defects = Defects {
            cap: random_cap(&mut rng, FLOOR as usize),
            ..Defects::none()
        };
        let fresh = if rng.bool() {
            row_with_nulls
        } else {
            random_row
        };
        let rows: Vec<Row> = (0..rng.u64(0..40)).map(|id| fresh(&mut rng, id)).collect();
        let most = rng.u64(1..30);
        let mut plan = random_plan(&mut rng, defects.truth(), false);
        plan.limits.max_rows = Some(most);
        let selected = selected_of(&plan);
        let digest = |row: &Row| digest_of(row, &selected);
        let mut source = Source::new(rows, defects, rng.fork(), fresh);
        let expected = bag(source
            .select(plan.base_filter.as_ref())
            .into_iter()
            .map(digest));
        let total: usize = expected.values().sum();
        let ran = run(&plan, &mut source, &digest, &mut rng);
        assert!(within(&ran.emitted, &expected), "seed {seed}: {ran:#?}");
        match ran.end {
            Ok(Evidence {
                status: Status::Complete,
                ..
            }) => assert_eq!(ran.emitted, expected, "seed {seed}"),
            Ok(Evidence {
                status: Status::Capped(Shortfall::MaxRows),
                rows,
                ..
            }) => {
                assert_eq!(rows, most, "seed {seed}");
                assert!(total as u64 >= most, "seed {seed}");
                capped += 1;
            }
            Ok(evidence) => panic!("seed {seed}: {evidence:?}"),
            Err(error) => assert!(
                matches!(error, PagingError::KeyExhausted { .. }),
                "seed {seed}: {error}"
            ),
        }
    }
    assert!(capped > 1_000, "{capped}");
}

#[test]
fn a_url_too_short_for_the_key_is_bridged_by_a_separator_or_refused() {
    fn long_row(rng: &mut Rng, id: u64) -> Row {
        let mut row = row_with_few_times(rng, id);
        let length = if rng.bool() { 0 } else { 150 };
        let text = format!("{}{}", (b'a' + rng.u8(..26)) as char, "x".repeat(length));
        row.values[1] = Value::Text(text.into());
        row
    }
    let (mut refused, mut complete) = (0, 0);
    for seed in seeds(10_000) {
        let mut rng = Rng::with_seed(seed);
        let rows: Vec<Row> = (0..rng.u64(10..40))
            .map(|id| long_row(&mut rng, id))
            .collect();
        let mut plan = random_plan(&mut rng, Defects::none().truth(), false);
        plan.limits.url_bytes = 760;
        let selected = selected_of(&plan);
        let digest = |row: &Row| digest_of(row, &selected);
        let mut source = Source::new(rows, Defects::none(), rng.fork(), long_row);
        let expected = bag(source
            .select(plan.base_filter.as_ref())
            .into_iter()
            .map(digest));
        let ran = run(&plan, &mut source, &digest, &mut rng);
        for (request, ..) in &ran.saved {
            let json = request
                .filter
                .as_ref()
                .map_or_else(String::new, |filter| filter.to_json().to_string());
            let order = request
                .order_by
                .iter()
                .map(|column| format!("{column}:asc"))
                .collect::<Vec<_>>()
                .join(",");
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            let query = query
                .append_pair("where", &json)
                .append_pair("order_by", &order)
                .finish();
            assert!(query.len() <= 760, "seed {seed}: {} bytes", query.len());
        }
        match ran.end {
            Ok(Evidence {
                status: Status::Complete,
                ..
            }) => {
                complete += 1;
                assert_eq!(ran.emitted, expected, "seed {seed}");
            }
            Err(PagingError::UrlTooLong { .. }) => refused += 1,
            end => assert!(
                matches!(end, Err(PagingError::KeyExhausted { .. })),
                "seed {seed}: {end:?}"
            ),
        }
    }
    assert!(
        refused > 100 && complete > 1_000,
        "{refused} refused, {complete} complete"
    );
}

#[test]
fn a_group_wider_than_any_answer_fails_and_names_its_value() {
    let row = |id| Row {
        id,
        values: [
            Value::Time(0),
            Value::Text("same".into()),
            Value::Int(1),
            Value::Null,
            Value::Int(0),
        ],
    };
    let mut plan = random_plan(&mut Rng::with_seed(1), Defects::none().truth(), false);
    let key = ["k0", "k1"].map(|name| key_column(name, false)).to_vec();
    plan.paging = Paging::Keyed {
        key,
        grouping: RowGrouping::Rows,
    };
    plan.base_filter = None;
    plan.limits = PagerLimits {
        first_limit: 5,
        max_limit: 20,
        known_cap: None,
        ..plan.limits
    };
    let mut source = Source::new(
        (0..50).map(row).collect(),
        Defects::none(),
        Rng::with_seed(1),
        random_row,
    );
    let ran = run(&plan, &mut source, &identity_of, &mut Rng::with_seed(3));
    let error = backhaul::error::Error::from(ran.end.unwrap_err());
    assert_eq!(error.code(), backhaul::error::ErrorCode::Paging);
    assert!(
        error
            .to_string()
            .contains(r#"(k0, k1) = (1970-01-01T00:00:00Z, "same")"#),
        "{error}"
    );
    assert!(
        error.render().contains("next: narrow the report"),
        "{}",
        error.render()
    );
    assert!(ran.emitted.is_empty());
}

#[test]
fn requests_stop_at_the_maximum_and_evidence_survives_json() {
    let rows = (0..40)
        .map(|id| row_of_its_own(&mut Rng::with_seed(id), id))
        .collect();
    let mut plan = random_plan(&mut Rng::with_seed(2), Defects::none().truth(), false);
    plan.limits = PagerLimits {
        first_limit: 4,
        max_limit: 4,
        known_cap: None,
        max_requests: 3,
        ..plan.limits
    };
    plan.base_filter = None;
    let mut source = Source::new(rows, Defects::none(), Rng::with_seed(1), random_row);
    let ran = run(&plan, &mut source, &identity_of, &mut Rng::with_seed(3));
    let evidence = ran.end.unwrap();
    assert_eq!(
        (evidence.status, evidence.requests),
        (Status::Capped(Shortfall::MaxRequests), 3)
    );
    let json = serde_json::to_string(&evidence).unwrap();
    assert_eq!(serde_json::from_str::<Evidence>(&json).unwrap(), evidence);
}
