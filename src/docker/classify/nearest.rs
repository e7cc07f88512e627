//! Finds the route that a client may have meant.

use super::{PATTERNS, Route};

/// The route most similar to a method and path, if any is close enough: `HEAD` or `get` is close to
/// `GET`, other methods are not. Names in a path are ignored.
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

/// The distance between a path's segments and a template's, if it is within the limit. A missing or extra
/// segment counts as much as a few mistyped letters.
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

/// The distance of a missing or extra segment.
const SEGMENT: usize = 4;

/// The longest path, in segments, for which the nearest route is searched. Comparing takes longer the longer
/// the path is, and such a long path is not a typo.
const MAX_SEGMENTS: usize = 8;
