//! The route that a client may have meant.

use super::{PATTERNS, Route};

/// The route whose spelling is nearest to a method and path, if any is near: a `HEAD` or `get` is
/// near to a `GET`, another method is not. What stands where a route has a name counts for nothing.
pub(crate) fn nearest_route(method: &str, path: &str) -> Option<&'static Route> {
    let method = if method.eq_ignore_ascii_case("HEAD") {
        "GET"
    } else {
        method
    };
    let given: Vec<_> = path.split('/').skip(1).take(MAX_SEGMENTS + 1).collect();
    if given.len() > MAX_SEGMENTS {
        return None;
    }
    let patterns = PATTERNS
        .iter()
        .filter(|pattern| pattern.route.method.as_str().eq_ignore_ascii_case(method));
    let scored = patterns.filter_map(|pattern| {
        let segments = &pattern.segments;
        let literals = segments.iter().filter(|segment| !segment.starts_with('{'));
        let most = literals.map(|segment| segment.len()).sum::<usize>() / 3;
        Some((distance(segments, &given, most)?, pattern.route))
    });
    let best = scored.min_by_key(|(distance, _)| *distance);
    best.map(|(_, route)| route)
}

/// How far the segments of a path are from those of a template, if no further than this. A segment too much
/// or too little counts as a slip of a few letters.
fn distance(template: &[&str], given: &[&str], most: usize) -> Option<usize> {
    let after = |step: usize, template: &[&str], given: &[&str]| {
        Some(step + distance(template, given, most.checked_sub(step)?)?)
    };
    let ways = match (template.split_first(), given.split_first()) {
        (None, None) => return Some(0),
        (None, Some((_, given))) => [None, after(SEGMENT, template, given), None],
        (Some((_, template)), None) => [None, None, after(SEGMENT, template, given)],
        (Some((wanted, wanted_after)), Some((segment, given_after))) => {
            let step = if wanted.starts_with('{') || wanted == segment {
                Some(0)
            } else {
                let is_short = segment.len() <= wanted.len() + most;
                is_short.then(|| strsim::levenshtein(wanted, segment))
            };
            [
                step.and_then(|step| after(step, wanted_after, given_after)),
                after(SEGMENT, template, given_after),
                after(SEGMENT, wanted_after, given),
            ]
        }
    };
    ways.into_iter().flatten().min()
}

/// What a segment too much or too little counts.
const SEGMENT: usize = 4;

/// The most segments of a path to which the nearest is sought. Comparing takes time with the path's length, and
/// nothing that long is a slip.
const MAX_SEGMENTS: usize = 8;
