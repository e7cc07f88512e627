//! Finds the correct spelling that is nearest to a wrong one, for messages.

/// The candidate nearest to `wrong`, if one is near enough to be what was meant. Ignores case.
pub(crate) fn nearest<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wrong = wrong.to_ascii_lowercase();
    let scored = candidates.into_iter().map(|right| {
        (
            strsim::normalized_damerau_levenshtein(&wrong, &right.to_ascii_lowercase()),
            right,
        )
    });
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(score, _)| *score >= 0.6)
        .map(|(_, right)| right)
}

/// `: did you mean "..."?`, or nothing if no candidate is near.
pub(crate) fn did_you_mean<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> String {
    nearest(wrong, candidates)
        .map(|right| format!(": did you mean \"{right}\"?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_a_near_spelling_and_no_far_one() {
        let names = ["ContainerList", "ContainerInspect", "SystemPing"];
        for (wrong, want) in [
            ("ContainersList", Some("ContainerList")),
            ("containerinspect", Some("ContainerInspect")),
            ("xyz", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, names), want, "{wrong}");
        }
    }
}
