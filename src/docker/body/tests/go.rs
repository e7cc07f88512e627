//! A differential property: whatever a client sends, the daemon reads from the sent bytes exactly the
//! value that was checked, and would have read the same from the client's own bytes.
//!
//! The daemon is a model here: Go's `encoding/json`, reading into the types that the tables describe.
//! It is as lenient as Go. Keys match exactly or, failing that, without regard to case; a repeated
//! object goes into the same struct or map; a repeated array goes into the existing elements, and
//! elements after its end come back if a later array is longer; a null empties maps, lists and
//! pointers, and leaves everything else as it is.

use std::collections::BTreeMap;

use proptest::collection;
use proptest::prelude::*;

use super::*;
use chance::chosen;
use loose::Loose;

mod chance;
pub(crate) mod danger;
mod loose;

/// A value that Go has read.
#[derive(Clone, Debug, PartialEq)]
enum Go {
    /// Nothing, or a zero value; which of them depends on the place.
    Nil,
    Bool(bool),
    Number(String),
    Text(String),
    /// The elements, and those that Go keeps after the end.
    List(Vec<Go>, Vec<Go>),
    Map(BTreeMap<String, Go>),
    Struct(BTreeMap<&'static str, Go>),
}

/// Go's parser. The tables do not say which of the daemon's fields are pointers, so the property
/// must hold if all of them are and if none is.
#[derive(Clone, Copy)]
struct Reader {
    has_pointers: bool,
}

/// The daemon answers 400.
#[derive(Debug)]
struct Refused;

impl Reader {
    fn read(self, text: &str, table: &'static Table) -> Result<Go, Refused> {
        let value: Loose = serde_json::from_str(text).map_err(|_| Refused)?;
        let shape = Shape::Object(table);
        // A null leaves the struct as it was made.
        let made = Go::Struct(BTreeMap::new());
        let is_null = matches!(value, Loose::Null);
        let read = if is_null {
            made
        } else {
            self.take(&value, shape, made)?
        };
        Ok(settled(read, shape))
    }

    /// Reads a value into an existing one.
    fn take(self, value: &Loose, shape: Shape, before: Go) -> Result<Go, Refused> {
        match (shape, value) {
            (Shape::TextOrTexts, Loose::Text(text)) => Ok(texts([text.clone()])),
            (Shape::TextOrTexts, Loose::List(_)) => {
                self.take(value, Shape::List(&Shape::Text), Go::Nil)
            }
            (Shape::List(_) | Shape::Map(_) | Shape::TextOrTexts, Loose::Null) => Ok(Go::Nil),
            (Shape::Object(table), Loose::Null) if table.index.is_empty() => Ok(before),
            (_, Loose::Null) => Ok(if self.has_pointers { Go::Nil } else { before }),
            (Shape::Bool, Loose::Bool(is_set)) => Ok(Go::Bool(*is_set)),
            (Shape::Integer | Shape::Number, Loose::Integer(number)) => {
                Ok(Go::Number(number.to_string()))
            }
            (Shape::Number, Loose::Fraction(number)) => Ok(Go::Number(number.to_string())),
            (Shape::Text, Loose::Text(text)) => Ok(Go::Text(text.clone())),
            (Shape::List(inner), Loose::List(values)) => self.list(values, *inner, before),
            (Shape::Map(inner), Loose::Object(members)) => self.map(members, *inner, before),
            (Shape::Object(table), Loose::Object(members)) => self.merge(members, table, before),
            _ => Err(Refused),
        }
    }

    fn list(self, values: &[Loose], shape: Shape, before: Go) -> Result<Go, Refused> {
        let mut there = Vec::new();
        if let Go::List(values, behind) = before {
            there.extend(values.into_iter().chain(behind));
        }
        if values.is_empty() {
            return Ok(Go::List(Vec::new(), Vec::new()));
        }
        let behind = there.split_off(values.len().min(there.len()));
        there.resize(values.len(), Go::Nil);
        let read = values.iter().zip(there);
        let read = read.map(|(value, before)| self.take(value, shape, before));
        Ok(Go::List(read.collect::<Result<_, _>>()?, behind))
    }

    fn map(self, members: &[(String, Loose)], shape: Shape, before: Go) -> Result<Go, Refused> {
        let mut map = BTreeMap::new();
        if let Go::Map(before) = before {
            map = before;
        }
        for (key, value) in members {
            map.insert(key.clone(), self.take(value, shape, Go::Nil)?);
        }
        Ok(Go::Map(map))
    }

    fn merge(
        self,
        members: &[(String, Loose)],
        table: &'static Table,
        before: Go,
    ) -> Result<Go, Refused> {
        let mut fields = BTreeMap::new();
        if let Go::Struct(before) = before {
            fields = before;
        }
        for (key, value) in members {
            if let Some(field) = matched(table, key) {
                let before = fields.remove(field.name).unwrap_or(Go::Nil);
                fields.insert(field.name, self.take(value, field.shape, before)?);
            }
        }
        Ok(Go::Struct(fields))
    }
}

/// The field that Go matches a key with. It does not know the ignored fields.
fn matched(table: &'static Table, key: &str) -> Option<&'static Field> {
    let own = table
        .own
        .iter()
        .filter(|field| field.class != Class::Ignored);
    let exact = own.clone().find(|field| field.name == key);
    let nearly = || own.clone().find(|field| folded(field.name) == folded(key));
    let embedded = || table.embedded.iter().find_map(|table| matched(table, key));
    exact.or_else(nearly).or_else(embedded)
}

/// A key as Go compares it. This must not use the same code as the check.
pub(crate) fn folded(key: &str) -> String {
    let upper = |letter: char| match letter {
        '\u{17f}' => 'S',
        '\u{212a}' => 'K',
        'a'..='z' => letter.to_ascii_uppercase(),
        other => other,
    };
    key.chars().map(upper).collect()
}

fn texts<const N: usize>(texts: [String; N]) -> Go {
    Go::List(texts.into_iter().map(Go::Text).collect(), Vec::new())
}

/// What the handlers see: an absent field is the same as nil, nil under a key is the same as a zero
/// value, and the host configuration may be in any case.
fn settled(read: Go, shape: Shape) -> Go {
    let mut read = without_nil(read, shape);
    if let (Go::Struct(fields), Shape::Object(table)) = (&mut read, shape)
        && table.field("HostConfig").is_some()
    {
        fields
            .entry("HostConfig")
            .or_insert(Go::Struct(BTreeMap::new()));
    }
    read
}

fn without_nil(read: Go, shape: Shape) -> Go {
    match (shape, read) {
        (Shape::List(inner), Go::List(values, _)) => {
            let values = values.into_iter().map(|value| without_nil(value, *inner));
            Go::List(values.collect(), Vec::new())
        }
        (Shape::Map(inner), Go::Map(members)) => {
            let members = members.into_iter();
            Go::Map(
                members
                    .map(|(key, value)| (key, under_a_key(value, *inner)))
                    .collect(),
            )
        }
        (Shape::Object(table), Go::Struct(fields)) => {
            let set = fields.into_iter().filter(|(_, value)| *value != Go::Nil);
            let settled = set
                .map(|(name, value)| (name, without_nil(value, table.field(name).unwrap().shape)));
            Go::Struct(settled.collect())
        }
        (_, read) => read,
    }
}

fn under_a_key(read: Go, shape: Shape) -> Go {
    match (shape, read) {
        (Shape::Text, Go::Nil) => Go::Text(String::new()),
        (Shape::List(_), Go::Nil) => Go::List(Vec::new(), Vec::new()),
        (Shape::Object(table), Go::Nil) if table.index.is_empty() => Go::Struct(BTreeMap::new()),
        (shape, read) => without_nil(read, shape),
    }
}

/// The checked value, as Go would read it.
fn kept_as_go(kept: &Json, shape: Shape) -> Go {
    match (shape, kept) {
        (_, Json::Null) => panic!("a null was kept"),
        (_, Json::Bool(is_set)) => Go::Bool(*is_set),
        (_, Json::Number(number)) => match number.parse::<i64>() {
            Ok(number) => Go::Number(number.to_string()),
            Err(_) => Go::Number(number.parse::<f64>().unwrap().to_string()),
        },
        (Shape::TextOrTexts, Json::Text(text)) => texts([text.to_string()]),
        (_, Json::Text(text)) => Go::Text(text.to_string()),
        (_, Json::List(values)) => {
            let mut inner = Shape::Text;
            if let Shape::List(of) = shape {
                inner = *of;
            }
            let values = values.iter().map(|value| kept_as_go(value, inner));
            Go::List(values.collect(), Vec::new())
        }
        (Shape::Object(table), Json::Object(members)) => {
            let fields = members.iter().map(|(key, value)| {
                let field = table.field(key).unwrap();
                assert_eq!(field.name, key, "is kept in another spelling");
                (field.name, kept_as_go(value, field.shape))
            });
            Go::Struct(fields.collect())
        }
        (Shape::Map(inner), Json::Object(members)) => {
            let members = members.iter();
            let members = members.map(|(key, value)| (key.to_string(), kept_as_go(value, *inner)));
            Go::Map(members.collect())
        }
        (shape, kept) => panic!("{kept:?} was kept for {shape:?}"),
    }
}

/// Whether it has a number that the daemon rejects, or that the model cannot represent.
fn has_number_out_of_range(kept: &Json) -> bool {
    match kept {
        Json::Number(number) => {
            let value = number.parse::<f64>().unwrap();
            let is_whole = value.fract() == 0.0;
            !value.is_finite()
                || is_whole && (number.starts_with("-0") || number.parse::<i64>().is_err())
        }
        Json::List(values) => values.iter().any(has_number_out_of_range),
        Json::Object(members) => members.iter().any(|(_, it)| has_number_out_of_range(it)),
        Json::Null | Json::Bool(_) | Json::Text(_) => false,
    }
}

/// Whether a body was accepted; panics unless the daemon reads the checked value from both.
pub(crate) fn is_taken_for_what_it_is(
    operation: Operation,
    table: &'static Table,
    body: &str,
) -> bool {
    let Ok(kept) = parse(body.as_bytes(), table) else {
        return false;
    };
    if has_number_out_of_range(&kept) {
        return true;
    }
    let shape = Shape::Object(table);
    let judged = settled(kept_as_go(&kept, shape), shape);
    let sent = rendered(&kept, operation.spec().judged.body);
    for has_pointers in [false, true] {
        let daemon = Reader { has_pointers };
        let from_sent = daemon.read(&sent, table).unwrap();
        assert_eq!(from_sent, judged, "sent: {sent}");
        let from_original = daemon.read(body, table).unwrap();
        assert_eq!(from_original, judged, "original: {body}");
    }
    // Checking the sent bytes again gives the same: there is nothing left to clean up.
    let again = parse(sent.as_bytes(), table).unwrap();
    assert_eq!(rendered(&again, operation.spec().judged.body), sent);
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn the_daemon_reads_what_was_judged(bytes in collection::vec(any::<u8>(), 0..200)) {
        let (operation, table, body) = chosen(&bytes);
        is_taken_for_what_it_is(operation, table, &body);
    }
}

#[test]
fn random_bodies_are_accepted_as_often_as_refused() {
    let mut chance = 1_u64;
    let mut taken = 0;
    for _ in 0..1000 {
        let bytes = [(); 200].map(|()| {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            chance.to_be_bytes()[0]
        });
        let (operation, table, body) = chosen(&bytes);
        taken += usize::from(is_taken_for_what_it_is(operation, table, &body));
    }
    assert!((250..750).contains(&taken), "{taken} of 1000");
}

#[test]
fn what_clients_send_is_read_correctly() {
    for (operation, body) in bodies::all() {
        let table = table(operation).unwrap();
        let is_taken = is_taken_for_what_it_is(operation, table, body);
        assert!(is_taken, "{operation}: {body}");
    }
}

/// A test of the model itself: what an engine did with such bodies.
#[test]
fn the_model_merges_as_an_engine_does() {
    let engine = Reader {
        has_pointers: false,
    };
    let create = table(CREATE).unwrap();
    for (text, same) in [
        (r#"{"Image":"a","image":"b"}"#, r#"{"Image":"b"}"#),
        (
            r#"{"Ho\u017ftConfig":{"Init":true}}"#,
            r#"{"HostConfig":{"Init":true}}"#,
        ),
        (
            r#"{"HostConfig":{"Memory":1},"HostConfig":{"ShmSize":2}}"#,
            r#"{"HostConfig":{"Memory":1,"ShmSize":2}}"#,
        ),
        (
            r#"{"HostConfig":{"Mounts":[{"Source":"/x"},{}],"Mounts":[{"Target":"/y"}]}}"#,
            r#"{"HostConfig":{"Mounts":[{"Source":"/x","Target":"/y"}]}}"#,
        ),
        (
            r#"{"Env":["a","b"],"Env":["c"],"env":["d",null]}"#,
            r#"{"Env":["d","b"]}"#,
        ),
        (
            r#"{"Env":["a","b"],"Env":[],"Env":["c"]}"#,
            r#"{"Env":["c"]}"#,
        ),
        (
            r#"{"Labels":{"a":"1","b":"2"},"Labels":{"b":"3"}}"#,
            r#"{"Labels":{"a":"1","b":"3"}}"#,
        ),
        (
            r#"{"Labels":{"a":"1"},"Labels":null}"#,
            r#"{"Labels":null}"#,
        ),
        (r#"{"Image":"a","Image":null}"#, r#"{"Image":"a"}"#),
        (r#"{"Zz":{"Image":"b"},"Image":"a"}"#, r#"{"Image":"a"}"#),
    ] {
        let (read, want) = (engine.read(text, create), engine.read(same, create));
        assert_eq!(read.unwrap(), want.unwrap(), "{text}");
    }
    for text in [
        r#"{"Tty":1}"#,
        r#"{"StopTimeout":1.0}"#,
        r#"{"Env":"a"}"#,
        "[]",
        "{",
    ] {
        assert!(engine.read(text, create).is_err(), "{text}");
    }
}
