//! The keys of the blocks: what they take, and that the documents have them.

use super::*;

#[test]
fn every_key_is_in_the_documents() {
    let text = include_str!("../../../docs/bodies.md");
    for (block, keys) in [
        ("archive", Archive::KEYS),
        ("build", Build::KEYS),
        ("create", Create::KEYS),
        ("exec", Exec::KEYS),
        ("images", Images::KEYS),
        ("networks", Networks::KEYS),
        ("volumes", Volumes::KEYS),
    ] {
        let start = text.find(&format!("## `[{block}]`")).unwrap_or_default();
        let section = &text[start..];
        for key in keys {
            let is_there = [format!("| `{key}` |"), format!("| `{block}.{key}` |")]
                .iter()
                .any(|row| section.contains(row));
            assert!(is_there, "{block}.{key}");
        }
    }
}
