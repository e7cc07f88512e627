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

/// What to say after an unknown key: the key that is probably meant, and all of them.
pub(crate) fn known_keys(wrong: &str, known: &[&str]) -> String {
    let keys = known.join(", ");
    match nearest(wrong, known.iter().copied()) {
        Some(right) => format!(": did you mean \"{right}\"? The keys are {keys}"),
        None => format!(": the keys are {keys}"),
    }
}

/// What to say of a key for a feature that this version does not have.
pub(crate) fn missing_feature(key: &str) -> Option<&'static str> {
    const FEATURES: &[(&str, &str)] = &[
        (
            "metrics",
            "metrics have a listener of their own: set metrics.listen in the settings",
        ),
        (
            "restart",
            "this version cannot limit which containers are restarted",
        ),
        (
            "tls",
            "TLS is set with `cert_path`, with `tls` in a [[listener]], and with `upstream_tls`",
        ),
    ];
    let mut features = FEATURES.iter();
    let found = features.find(|(name, _)| key.starts_with(name));
    found.map(|(_, message)| *message)
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
