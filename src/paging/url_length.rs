//! How many bytes of a URL a request takes.

use crate::filter::Filter;

/// Bytes of a URL that a request's filter, order and key columns take, percent-encoded.
pub(super) fn url_bytes(
    filter: Option<&Filter>,
    order: &[String],
    key_columns: &[String],
) -> usize {
    let mut bytes = "&order_by=".len();
    if let Some(filter) = filter {
        bytes += "&where=".len() + encoded_len(&filter.to_json().to_string());
    }
    for column in order {
        bytes += encoded_len(column) + encoded_len(":asc,");
    }
    for column in key_columns {
        bytes += encoded_len(column) + encoded_len(",");
    }
    bytes
}

/// Length after percent-encoding by the strictest encoder: a byte that it keeps is kept by every encoder.
fn encoded_len(text: &str) -> usize {
    let mut len = 0;
    for byte in text.bytes() {
        let is_kept = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        len += if is_kept { 1 } else { 3 };
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Comparison;
    use crate::model::Value;

    #[test]
    fn the_length_of_a_url_is_never_underestimated() {
        let filter = Filter::Is("a".to_owned(), Comparison::Gte, Value::Text("é %&~".into()));
        let json = filter.to_json().to_string();
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("where", &json)
            .finish();
        assert!(url_bytes(Some(&filter), &[], &[]) >= query.len());
    }
}
