//! Links in the documents lead to files and headings that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_link_within_the_documents_works() {
    let mut broken = Vec::new();
    let documents = documents();
    assert!(documents.len() > 15, "found only {documents:?}");
    for document in &documents {
        let text = prose(document);
        for link in links(&text).filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => document.clone(),
                file => document.parent().unwrap().join(file),
            };
            let leads_somewhere =
                target.exists() && (heading.is_empty() || headings(&target).contains(heading));
            if !leads_somewhere {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Every Markdown file that readers are sent to.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["", "docs", "examples", "bench"].map(|folder| root.join(folder));
    let files = folders.iter().flat_map(|it| fs::read_dir(it).unwrap());
    let files = files.map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect()
}

/// A document without its code blocks.
fn prose(document: &Path) -> String {
    let text = fs::read_to_string(document).unwrap();
    let outside = text.split("\n```").step_by(2);
    outside.collect::<Vec<_>>().join("\n")
}

/// The targets of `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let behind = text.split("](").skip(1);
    behind.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// The anchors of a document's headings, as GitHub generates them.
fn headings(document: &Path) -> BTreeSet<String> {
    let text = prose(document);
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let headings = headings.map(|line| line.trim_start_matches('#').trim().to_lowercase());
    let is_kept = |it: &char| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_');
    headings
        .map(|heading| {
            heading
                .chars()
                .filter(is_kept)
                .map(|it| if it == ' ' { '-' } else { it })
                .collect()
        })
        .collect()
}
