//! Random bodies: mostly valid, sometimes wrong in ways that parsers disagree about.

use super::*;
use crate::docker::body::tests::tables;

/// A body for an operation, or for one of the objects in it as if it were a body: those are smaller,
/// so each of their fields comes up more often.
pub(super) fn chosen(bytes: &[u8]) -> (Operation, &'static Table, String) {
    let mut choices = Choices(bytes);
    let (mut operation, mut table) = choices.one_of(&TABLES);
    if choices.pick(2) == 1 {
        let mut objects = Vec::new();
        tables::objects(table, &mut objects);
        (operation, table) = (Operation::ExecStart, choices.one_of(&objects));
    }
    let mut body = String::new();
    choices.value(Shape::Object(table), &mut body);
    (operation, table, body)
}

/// Makes choices from random bytes; with none left, it takes the first of everything.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn pick(&mut self, of: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        usize::from(*first) % of
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.pick(of.len())]
    }

    /// Appends a value for a place, usually a valid one.
    fn value(&mut self, shape: Shape, to: &mut String) {
        match self.pick(32) {
            30 => return to.push_str("null"),
            31 => {
                let other = self.one_of(&["{}", "[]", "[null]", "\"\"", "0", "false"]);
                return to.push_str(other);
            }
            _ => {}
        }
        match shape {
            Shape::Bool => to.push_str(self.one_of(&["true", "false"])),
            Shape::Integer => to.push_str(self.one_of(&["1", "0", "-7", "1.0", "1e1"])),
            Shape::Number => to.push_str(self.one_of(&["1", "0", "0.5"])),
            Shape::Text => to.push_str(self.one_of(&["\"a\"", "\"\"", "\"\\u0062\""])),
            Shape::TextOrTexts => to.push_str(self.one_of(&["\"a\"", "[\"a\",\"b\"]", "[]"])),
            Shape::Any => to.push_str(self.one_of(&["{\"a\":[1]}", "\"a\"", "true"])),
            Shape::List(inner) => self.several(3, "[]", to, |choices, to| {
                choices.value(*inner, to);
            }),
            Shape::Map(inner) => self.several(3, "{}", to, |choices, to| {
                to.push_str(choices.one_of(&["\"a\":", "\"A\":", "\"b\":", "\"Image\":"]));
                match choices.pick(8) {
                    7 => to.push_str("null"),
                    _ => choices.value(*inner, to),
                }
            }),
            Shape::Object(table) => self.object(table, to),
        }
    }

    fn object(&mut self, table: &'static Table, to: &mut String) {
        let fields = tables::fields(table);
        let mut last: Option<(&Field, String)> = None;
        self.several(6, "{}", to, |choices, to| {
            if choices.pick(16) == 15 || fields.is_empty() {
                to.push_str(choices.one_of(&["\"Zz\":null", "\"Zz\":1", "\"Config\":null"]));
                return;
            }
            // Parsers disagree about a repeated field.
            let again = last.take().filter(|_| choices.pick(8) == 7);
            let field = match &again {
                Some((field, _)) => *field,
                None => choices.one_of(&fields),
            };
            choices.key(field, if again.is_some() { 8 } else { 40 }, to);
            let start = to.len();
            match (again, choices.pick(4)) {
                (Some((_, value)), 1 | 2) => to.push_str(&value),
                (Some(_), 3) => to.push_str("null"),
                _ => choices.value(field.shape, to),
            }
            last = Some((field, to[start..].to_owned()));
        });
    }

    /// Appends a key, sometimes in another spelling.
    fn key(&mut self, field: &Field, one_in: usize, to: &mut String) {
        let escaped = |name: &str| format!("\\u{:04x}{}", name.as_bytes()[0], &name[1..]);
        let name = match self.pick(one_in) {
            1 => field.name.to_lowercase(),
            2 => field.name.to_uppercase(),
            3 => field.name.replace(['s', 'S'], "\u{17f}"),
            4 => field.name.replace(['k', 'K'], "\u{212a}"),
            5 => escaped(field.name),
            6 => field.name.chars().rev().collect(),
            7 => self.in_any_case(field.name),
            _ => field.name.to_owned(),
        };
        to.extend(["\"", &name, "\":"]);
    }

    fn in_any_case(&mut self, name: &str) -> String {
        let letters = name.chars().map(|letter| match self.pick(2) {
            1 => letter.to_ascii_uppercase(),
            _ => letter.to_ascii_lowercase(),
        });
        letters.collect()
    }

    fn several(
        &mut self,
        most: usize,
        brackets: &str,
        to: &mut String,
        mut each: impl FnMut(&mut Self, &mut String),
    ) {
        to.push_str(&brackets[..1]);
        for at in 0..self.pick(most + 1) {
            to.push_str(if at > 0 { "," } else { "" });
            each(self, to);
        }
        to.push_str(&brackets[1..]);
    }
}
