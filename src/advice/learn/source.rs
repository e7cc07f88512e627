//! The parts of a policy file's text: its comments, and the heads of its tables.

use std::ops::Range;

use toml_edit::{ImDocument, Item};

use crate::policy::requirement::Block;

/// A file's text, read as far as its comments and heads go.
pub(super) struct Source<'a> {
    text: &'a str,
    /// Where each comment stands, behind its `#`.
    comments: Vec<Range<usize>>,
    /// The lines that are heads.
    heads: Vec<Range<usize>>,
}

impl<'a> Source<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut source = Self {
            text,
            comments: Vec::new(),
            heads: Vec::new(),
        };
        let (mut at, mut depth, mut line) = (0, 0_usize, Line::Blank);
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let length = match rest.chars().next() {
                Some('#') => {
                    let length = rest.find('\n').unwrap_or(rest.len());
                    source.comments.push(at + 1..at + length);
                    length
                }
                Some(quote @ ('"' | '\'')) => {
                    line = line.or(Line::Other);
                    string(rest, quote)
                }
                Some('\n') => {
                    line = Line::Blank;
                    1
                }
                Some(letter) => {
                    if letter == '[' && depth == 0 && line == Line::Blank {
                        let length = rest.find('\n').map_or(rest.len(), |end| end + 1);
                        source.heads.push(at..at + length);
                        line = Line::Head;
                    }
                    if !letter.is_whitespace() {
                        line = line.or(Line::Other);
                    }
                    match letter {
                        '[' | '{' => depth += 1,
                        ']' | '}' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    letter.len_utf8()
                }
                None => break,
            };
            at += length;
        }
        source
    }

    /// The comments of a list at the top level, or of one of a block.
    pub(super) fn comments_in(&self, block: Option<Block>, list: &str) -> Vec<&'a str> {
        let Ok(document) = ImDocument::parse(self.text) else {
            return Vec::new();
        };
        let item = match block {
            Some(block) => document.get(block.name()).and_then(|item| item.get(list)),
            None => document.get(list),
        };
        let Some(span) = item.and_then(Item::span) else {
            return Vec::new();
        };
        // What stands behind the list is about it too.
        let end = self.text.get(span.end..).and_then(|rest| rest.find('\n'));
        self.within(span.start..end.map_or(self.text.len(), |end| span.end + end))
    }

    /// The comments below the head of a block.
    pub(super) fn comments_below(&self, block: Block) -> Vec<&'a str> {
        let Some(head) = self.head(block) else {
            return Vec::new();
        };
        let mut next = self.heads.iter().filter(|next| next.start > head.start);
        self.within(head.end..next.next().map_or(self.text.len(), |next| next.start))
    }

    /// Whether a line is this comment and nothing else.
    pub(super) fn has_line(&self, comment: &str) -> bool {
        let mut comments = self
            .comments
            .iter()
            .filter_map(|at| self.text.get(at.clone()));
        comments.any(|text| text.trim() == comment)
    }

    /// Whether a block has a head of its own.
    pub(super) fn has_head(&self, block: Block) -> bool {
        self.head(block).is_some()
    }

    /// The text with lines below the head of a block.
    pub(super) fn with_below(&self, block: Block, lines: &str) -> String {
        let at = self.head(block).map_or(0, |head| head.end);
        let (before, after) = self.text.split_at_checked(at).unwrap_or((self.text, ""));
        let gap = if before.is_empty() || before.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        format!("{before}{gap}{lines}{after}")
    }

    fn head(&self, block: Block) -> Option<Range<usize>> {
        let mut heads = self.heads.iter();
        let is_of = |head: &&Range<usize>| {
            let line = self.text.get((*head).clone()).unwrap_or_default();
            let name = line.trim_start().strip_prefix('[');
            let name = name
                .and_then(|name| name.split(']').next())
                .unwrap_or_default();
            name.trim().trim_matches(['"', '\'']) == block.name()
        };
        heads.find(is_of).cloned()
    }

    fn within(&self, part: Range<usize>) -> Vec<&'a str> {
        let comments = self.comments.iter().filter(|at| part.contains(&at.start));
        comments
            .filter_map(|at| self.text.get(at.clone()))
            .collect()
    }
}

/// What a line holds so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Blank,
    Head,
    Other,
}

impl Line {
    fn or(self, other: Self) -> Self {
        if self == Self::Blank { other } else { self }
    }
}

/// The length of the string that a text begins with, of one line or of several.
fn string(text: &str, quote: char) -> usize {
    let long = quote.to_string().repeat(3);
    let (open, close) = if text.starts_with(&long) {
        (3, long)
    } else {
        (1, quote.to_string())
    };
    let mut at = open;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(&close) {
            // One that ends in quotes of its own has more of them.
            let more = rest.chars().take_while(|letter| *letter == quote).count();
            return at + if open == 3 { more } else { 1 };
        }
        let escape = usize::from(quote == '"' && rest.starts_with('\\'));
        let mut letters = rest.chars();
        at += letters
            .by_ref()
            .take(1 + escape)
            .map(char::len_utf8)
            .sum::<usize>();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_heads_are_told_from_what_looks_like_them() {
        let text = "description = \"\"\"\n[create] # none\n\\\"\"\"\" # one\nallow = [ 'a#b', # two\n[\"x\"],\n] # three\n\
            exec.commands = [\n[\"ps\"],\n]\n[ \"create\" ] # four\nimages = ['''\n[exec]'''] # five\n[build]";
        let source = Source::of(text);
        let all = source.within(0..text.len());
        assert_eq!(all, [" one", " two", " three", " four", " five"]);
        assert!(
            source.has_head(Block::Create)
                && source.has_head(Block::Build)
                && !source.has_head(Block::Exec)
        );
        assert_eq!(source.comments_below(Block::Create), [" five"]);
        assert_eq!(source.comments_in(Some(Block::Create), "images"), [" five"]);
        assert!(
            source
                .with_below(Block::Build, "a = 1\n")
                .ends_with("[build]\na = 1\n")
        );
        assert!(source.has_line("two") && !source.has_line("none"));
        let allow = "allow = [ 'a', # two\n # three\n] # four\n# five\n";
        assert_eq!(
            Source::of(allow).comments_in(None, "allow"),
            [" two", " three", " four"]
        );
    }
}
