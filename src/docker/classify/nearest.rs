//! The route that a client may have meant.

use std::sync::LazyLock;

use crate::docker::operation::Route;
use crate::docker::table::Operation;

/// The route whose spelling is nearest to a method and path, if any is near: a `HEAD` or `get` is
/// near to a `GET`, another method is not. What stands where a route has a name counts for nothing.
#[must_use]
pub fn nearest_route(method: &str, path: &str) -> Option<&'static Route> {
    let method = if method.eq_ignore_ascii_case("HEAD") {
        "GET"
    } else {
        method
    };
    let given: Vec<_> = path
        .split('/')
        .skip(1)
        .take(MAX_NEAR_SEGMENTS + 1)
        .collect();
    // Comparing takes time with the path's length, and nothing that long is a slip.
    let given = Some(given).filter(|given| given.len() <= MAX_NEAR_SEGMENTS)?;
    let patterns = INDEX_ORDER.iter();
    let of_method =
        patterns.filter(|(route, _)| route.method.as_str().eq_ignore_ascii_case(method));
    let scored = of_method.filter_map(|(route, segments)| {
        let literals = segments.iter().filter(|segment| !segment.starts_with('{'));
        let most = literals.map(|segment| segment.len()).sum::<usize>() / 3;
        let distance = distance(segments, &given, most)?;
        Some((distance, *route))
    });
    let best = scored.min_by_key(|(distance, _)| *distance);
    best.map(|(_, route)| route)
}

/// How far the segments of a path are from those of a template, if no further than this. A segment too much
/// or too little counts as a slip of a few letters.
fn distance(template: &[&str], given: &[&str], most: usize) -> Option<usize> {
    let (wanted, rest) = match (template.split_first(), given.split_first()) {
        (None, None) => return Some(0),
        (None, Some((_, rest))) => {
            let most = most.checked_sub(SEGMENT)?;
            return Some(SEGMENT + distance(template, rest, most)?);
        }
        (Some((_, wanted)), None) => {
            let most = most.checked_sub(SEGMENT)?;
            return Some(SEGMENT + distance(wanted, given, most)?);
        }
        (Some(wanted), Some(rest)) => (wanted, rest),
    };
    let step = if wanted.0.starts_with('{') || wanted.0 == rest.0 {
        Some(0)
    } else {
        let is_short = rest.0.len() <= wanted.0.len() + most;
        is_short.then(|| strsim::levenshtein(wanted.0, rest.0))
    };
    let by_step = |step: Option<usize>, template, given| {
        let step = step?;
        Some(step + distance(template, given, most.checked_sub(step)?)?)
    };
    let ways = [
        by_step(step, wanted.1, rest.1),
        by_step(Some(SEGMENT), template, rest.1),
        by_step(Some(SEGMENT), wanted.1, given),
    ];
    ways.into_iter().flatten().min()
}

/// What a segment too much or too little counts.
const SEGMENT: usize = 4;

/// The most segments of a path to which the nearest is sought.
const MAX_NEAR_SEGMENTS: usize = 8;

/// The routes in the order of the table, each with the segments of its template.
static INDEX_ORDER: LazyLock<Vec<(&'static Route, Vec<&'static str>)>> = LazyLock::new(|| {
    let specs = Operation::ALL.iter().map(|operation| operation.spec());
    let routes = specs.flat_map(|spec| spec.routes);
    let split = routes.map(|route| (route, route.path.split('/').skip(1).collect()));
    split.collect()
});
