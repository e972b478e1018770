//! Which known name was meant by an unknown one.

/// How similar a name must be to be suggested.
const MIN_SIMILARITY: f64 = 0.8;

/// Added to the similarity of two names of which one contains the other.
const CONTAINED_BONUS: f64 = 0.1;

/// The candidate nearest in spelling to `wanted`, if it is near enough to be meant.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut best = None;
    let mut best_similarity = MIN_SIMILARITY;
    for candidate in candidates {
        let mut similarity = strsim::jaro_winkler(wanted, candidate);
        if candidate.contains(wanted) || wanted.contains(candidate) {
            similarity += CONTAINED_BONUS;
        }
        if similarity >= best_similarity {
            best = Some(candidate);
            best_similarity = similarity;
        }
    }
    best
}
