//! The parts of a policy file's text.

use super::super::need::Block;

/// A text with a line below the head of a block.
pub(super) fn below(text: &str, block: Block, added: &str) -> String {
    let mut lines: Vec<_> = text.lines().collect();
    let at = lines.iter().position(|line| is_head(line, block));
    lines.insert(at.map_or(0, |at| at + 1), added);
    lines.join("\n") + "\n"
}

/// Whether a line is the head of a block, in its plain form.
fn is_head(line: &str, block: Block) -> bool {
    let head = line.split('#').next().unwrap_or_default().trim();
    head.strip_prefix('[')
        .and_then(|head| head.strip_suffix(']'))
        .is_some_and(|name| name == block.name())
}

/// What stands in a file below the head of a block; nothing where it has none.
pub(super) fn table_of(source: &str, block: Block) -> &str {
    let mut at = 0;
    let mut begin = None;
    for line in source.split_inclusive('\n') {
        if begin.is_some() && line.starts_with('[') {
            break;
        }
        at += line.len();
        if begin.is_none() && is_head(line, block) {
            begin = Some(at);
        }
    }
    begin
        .and_then(|begin| source.get(begin..at))
        .unwrap_or_default()
}

/// What stands in a file before its tables.
pub(super) fn before_tables(source: &str) -> &str {
    let head = source.find("\n[").unwrap_or(source.len());
    source.get(..head).unwrap_or_default()
}
