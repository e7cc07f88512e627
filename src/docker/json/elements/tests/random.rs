//! Random documents, and valid ones with random changes, compared with two other parsers.

use std::cell::RefCell;
use std::fmt::Write;

use serde_json::Value;

use super::*;
use crate::docker::Json;
use crate::docker::json::folded;

/// Random numbers from a seed.
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(count.max(1)).unwrap()).unwrap()
    }

    fn is_one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn space(&mut self) -> &'static str {
        self.one_of(&["", "", "", "", " ", "\n", "\r\n\t", "  "])
    }

    fn value(&mut self, depth: usize) -> String {
        const SCALARS: &[&str] = &[
            "null",
            "true",
            "false",
            "0",
            "-0",
            "12",
            "-1.50",
            "1e3",
            "0.1E-7",
            "18446744073709551616",
            "\"\"",
            "\"a\"",
            "\"]\"",
            "\"}{,:\"",
            "\"\\\"\"",
            "\"\\\\\"",
            "\"\\\\\\\"]\"",
            "\"drop\"",
            "\"\\u005d\\n\\/\"",
            "\"\\ud83d\\ude00\"",
            "\"\u{e9}\u{20ac}\u{1f600}\"",
            "\"\u{2028}\u{7f}\"",
            "{}",
            "[]",
            "[ ]",
            "{ \n}",
            "\"Volumes\"",
        ];
        let kind = if depth == 0 { 0 } else { self.below(4) };
        let count = self.below(4);
        let mut text = String::new();
        match kind {
            0 | 1 => text.push_str(self.one_of(SCALARS)),
            2 => {
                let values: Vec<_> = (0..count).map(|_| self.value(depth - 1)).collect();
                text.push_str(&self.list(&values));
            }
            _ => {
                let keys = ["Id", "a", "]", "\\u0056olumes", "Volumes", "\u{e9}", ""];
                text.push('{');
                for at in 0..count {
                    let comma = if at > 0 { "," } else { "" };
                    let (key, value) = (self.one_of(&keys), self.value(depth - 1));
                    let (one, two, three) = (self.space(), self.space(), self.space());
                    _ = write!(text, "{comma}{one}\"{key}\"{two}:{value}{three}");
                }
                text.push('}');
            }
        }
        format!("{}{text}{}", self.space(), self.space())
    }

    /// A list whose elements are exactly these, without white space around them.
    fn list(&mut self, values: &[String]) -> String {
        let mut text = "[".to_owned() + self.space();
        for (at, value) in values.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let (before, after) = (self.space(), self.space());
            _ = write!(text, "{comma}{before}{value}{after}");
        }
        text + "]"
    }

    fn elements(&mut self) -> Vec<String> {
        let count = self.below(6);
        let values = (0..count).map(|_| self.value(3).trim().to_owned());
        values.collect()
    }

    /// A document, and the elements of its lists, each with the number of its list.
    fn document(&mut self, place: Place) -> (String, Vec<(usize, String)>) {
        let of_first = |values: Vec<String>| values.into_iter().map(|value| (0, value)).collect();
        let (text, elements) = match place {
            Place::List if self.is_one_in(20) => ("null".to_owned(), Vec::new()),
            Place::List => {
                let values = self.elements();
                (self.list(&values), of_first(values))
            }
            Place::Members(_) => self.members(),
            Place::Values => {
                let values = self.elements();
                let texts = values.iter().map(|value| {
                    let is_bare = !value.ends_with(['}', ']', '"']);
                    value.clone() + if is_bare { "\n" } else { self.space() }
                });
                (texts.collect(), of_first(values))
            }
            Place::Whole => {
                let value = self.value(4).trim().to_owned();
                (value.clone(), vec![(0, value)])
            }
        };
        let document = format!("{}{text}{}", self.space(), self.space());
        (document, elements)
    }

    fn members(&mut self) -> (String, Vec<(usize, String)>) {
        let mut given = Vec::new();
        let mut members = Vec::new();
        let places = if self.is_one_in(2) { [0, 1] } else { [1, 0] };
        for (number, place) in places.into_iter().enumerate() {
            if self.is_one_in(2) {
                let other = self.one_of(&["a", "Warnings", "\\u0049mage", "\u{e9}", "\\n"]);
                members.push((format!("{other}{number}"), self.value(3)));
            }
            let names = [["Volumes", "\\u0056olumes"], ["Images", "Ima\\u0067es"]];
            let key = self.one_of(&names[place]).to_owned();
            let value = match self.below(8) {
                0 => continue,
                1 => "null".to_owned(),
                _ => {
                    let values = self.elements();
                    let text = self.list(&values);
                    given.extend(values.into_iter().map(|value| (place, value)));
                    text
                }
            };
            members.push((key, value));
        }
        let mut text = "{".to_owned();
        for (at, (key, value)) in members.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let (one, two) = (self.space(), self.space());
            _ = write!(text, "{comma}{one}\"{key}\"{two}:{value}");
        }
        (text + "}", given)
    }

    /// Changes a few bytes.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            let other = self.below(bytes.len());
            match self.below(6) {
                _ if bytes.is_empty() => {}
                0 => bytes[at] ^= 1 << self.below(8),
                1 => _ = bytes.remove(at),
                2 => bytes.insert(
                    at,
                    self.one_of(b"[]{},:\"\\ \n01-.eEntu/dD8cf\0\x80\xc3\xff"),
                ),
                3 => bytes.swap(at, other),
                4 => bytes.truncate(at.max(1)),
                _ => {
                    let end = (at + self.below(12)).min(bytes.len());
                    let part = bytes[at..end].to_vec();
                    bytes.splice(other..other, part);
                }
            }
        }
    }
}

const PLACES: [Place; 4] = [Place::List, MEMBERS, Place::Values, Place::Whole];

fn values_of(text: &str) -> Vec<Value> {
    let values = serde_json::Deserializer::from_str(text).into_iter();
    values.collect::<Result<_, _>>().unwrap()
}

/// Removes elements as `dropped` says for each, with the number of its list.
fn without(place: Place, document: &str, dropped: &[(usize, bool)]) -> Vec<Value> {
    let filter = |list: usize, values: &mut Vec<Value>| {
        let mut of_list = dropped.iter().filter(|(of, _)| *of == list);
        values.retain(|_| !of_list.next().unwrap().1);
        assert_eq!(of_list.next(), None);
    };
    let mut values = values_of(document);
    match place {
        Place::Values | Place::Whole => filter(0, &mut values),
        Place::List => _ = values[0].as_array_mut().map(|list| filter(0, list)),
        Place::Members(keys) => {
            for (list, key) in keys.iter().enumerate() {
                let member = values[0].get_mut(key).and_then(Value::as_array_mut);
                _ = member.map(|values| filter(list, values));
            }
        }
    }
    values
}

#[test]
fn what_is_kept_of_a_random_document_is_what_a_parser_would_keep() {
    let mut sizes = 0;
    for seed in 0..4_000 {
        let mut chance = Chance::new(seed);
        let place = chance.one_of(&PLACES);
        let (document, want) = chance.document(place);
        let dropped: Vec<_> = want
            .iter()
            .map(|(list, _)| (*list, chance.is_one_in(2)))
            .collect();
        let given = RefCell::new(Vec::new());
        let each = |list, element: &[u8]| {
            let mut given = given.borrow_mut();
            given.push((list, str::from_utf8(element).unwrap().to_owned()));
            if dropped[given.len() - 1].1 {
                Kept::Dropped
            } else {
                Kept::As
            }
        };
        let size = chance.one_of(&[1, 2, 5, 1000]);
        let (out, result) = split_as(place, LONG, document.as_bytes().chunks(size), each);
        assert_eq!(result, Ok(()), "{document}");
        assert_eq!(given.take(), want, "{document}");
        let out = String::from_utf8(out).unwrap();
        assert_eq!(
            values_of(&out),
            without(place, &document, &dropped),
            "{document}"
        );
        let kept = want.iter().zip(&dropped).filter(|(_, dropped)| !dropped.1);
        let mut rest = &*out;
        for ((_, element), _) in kept {
            rest = rest
                .split_once(&**element)
                .expect("the bytes of the element")
                .1;
        }
        sizes += want.len();
    }
    assert!(sizes > 5_000, "{sizes} elements");
}

/// Whether a document has the stated shape, says the strict parser of whole documents.
fn is_valid(place: Place, document: &[u8]) -> bool {
    let is_list = |value: &Json| matches!(value, Json::List(_) | Json::Null);
    let Ok(value) = Json::parse_with_doubles(document) else {
        return false;
    };
    match place {
        Place::Whole => true,
        Place::List => is_list(&value),
        Place::Members(wanted) => {
            let members = value.members();
            let is_single =
                |key: &str| members.iter().filter(|(other, _)| other == key).count() == 1;
            matches!(value, Json::Object(_))
                && members.iter().all(|(key, value)| {
                    let same = wanted.iter().find(|wanted| folded(wanted) == folded(key));
                    is_single(key) && same.is_none_or(|same| same == key && is_list(value))
                })
        }
        Place::Values => panic!("the parser reads one document"),
    }
}

/// The elements of a document, rendered again.
fn elements_of(place: Place, document: &str) -> Vec<String> {
    let rendered = |value: &Json| {
        let mut text = String::new();
        value.render(&mut text);
        text
    };
    if matches!(place, Place::Values) {
        let mut values =
            serde_json::Deserializer::from_str(document).into_iter::<serde::de::IgnoredAny>();
        let mut texts = Vec::new();
        let mut start = 0;
        while let Some(value) = values.next() {
            value.unwrap();
            let text = document[start..values.byte_offset()].trim();
            texts.push(rendered(
                &Json::parse_with_doubles(text.as_bytes()).unwrap(),
            ));
            start = values.byte_offset();
        }
        return texts;
    }
    if document.is_empty() {
        return Vec::new();
    }
    let value = Json::parse_with_doubles(document.as_bytes()).unwrap();
    match place {
        Place::Whole => vec![rendered(&value)],
        Place::List => value.items().iter().map(rendered).collect(),
        Place::Members(wanted) => {
            let members = value.members().iter();
            let lists = members.filter(|(key, _)| wanted.contains(&&**key));
            lists
                .flat_map(|(_, value)| value.items())
                .map(rendered)
                .collect()
        }
        Place::Values => unreachable!(),
    }
}

#[test]
fn a_changed_document_is_rejected_or_filtered() {
    let mut accepted = 0;
    let count = 20_000;
    for seed in 0..count {
        let mut chance = Chance::new(seed + 100_000);
        let place = chance.one_of(&PLACES);
        let mut document = chance.document(place).0.into_bytes();
        chance.mutate(&mut document);
        let shown = String::from_utf8_lossy(&document);
        let kept = RefCell::new(Vec::new());
        let each = |_, element: &[u8]| {
            if element.contains(&b'o') || element.contains(&b'1') {
                return Kept::Dropped;
            }
            let value = Json::parse_with_doubles(element).unwrap();
            let mut text = String::new();
            value.render(&mut text);
            kept.borrow_mut().push(text);
            Kept::As
        };
        let (out, result) = split_as(place, LONG, [&*document], each);
        let (same_out, same_result) =
            split_as(place, LONG, document.chunks(1), |list, element: &[u8]| {
                let before = kept.borrow().len();
                let result = each(list, element);
                kept.borrow_mut().truncate(before);
                result
            });
        assert_eq!(same_result, result, "{shown}");
        if !matches!(place, Place::Values) {
            assert_eq!(
                result.is_ok(),
                is_valid(place, &document),
                "{place:?} {shown} {result:?}"
            );
        }
        if result.is_ok() {
            accepted += 1;
            assert_eq!(same_out, out, "{shown}");
            let out = String::from_utf8(out).unwrap();
            assert_eq!(elements_of(place, &out), kept.take(), "{shown}");
        }
    }
    let share = accepted * 100 / count;
    assert!((10..90).contains(&share), "accepted {share} %");
}
