//! Changes a body: its tree, its spelling, and its bytes.

use std::fmt::Write;
use std::mem::discriminant;

use crate::docker::Json;
use crate::docker::body::tests::field_names;
use crate::docker::json::Member;

/// Random numbers from a seed.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(count.max(1)).unwrap()).unwrap()
    }

    pub(super) fn is_one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(super) fn one_of<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Values from the bodies of attacks.
const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "1.0",
    "1e1",
    "9223372036854775808",
    "{}",
    "[]",
    "[null]",
    "[[]]",
    "[{}]",
    r#""""#,
    r#""host""#,
    r#""private""#,
    r#""none""#,
    r#""container:web""#,
    r#""container:""#,
    r#""ns:/proc/1/ns/net""#,
    r#""/:/h""#,
    r#""/:/h:ro""#,
    r#""v:/h""#,
    r#""v:/h:ro,z""#,
    r#""/h""#,
    r#""/h,U=true""#,
    r#""*""#,
    r#""A""#,
    r#""A=b""#,
    r#"{"/:/h:rw":{}}"#,
    r#"{"/h":{}}"#,
    r#"{"/h:exec":""}"#,
    r#"{"a=b":"c"}"#,
    r#"["*"]"#,
    r#"["A=b"]"#,
    r#"{"80/tcp":{}}"#,
    "3601",
    r#""/..""#,
    r#""\\..\\x""#,
    r#""../x""#,
    r#""/proc/1""#,
    r#""bind""#,
    r#""volume""#,
    r#""tmpfs""#,
    r#""image""#,
    r#""cluster""#,
    r#""BIND""#,
    r#""SYS_ADMIN""#,
    r#""cap_sys_admin""#,
    r#""ALL""#,
    r#""CHOWN""#,
    "\"\u{17f}ys_admin\"",
    r#""runc""#,
    r#""io.containerd.runc.v2""#,
    r#""no-new-privileges""#,
    r#""no-new-privileges=false""#,
    r#""seccomp=unconfined""#,
    r#""label:disable""#,
    r#""{{.Node.ID}}""#,
    r#""local""#,
    r#""json-file""#,
    r#""syslog""#,
    r#""bridge""#,
    r#""macvlan""#,
    r#""rollback""#,
    r#""plugin""#,
    r#""rshared""#,
    r#""1000:1000""#,
    r#""/dev/sda""#,
    r#""b *:* rwm""#,
    r#""dockgate.policy""#,
    r#""size=1m,exec""#,
    r#""a\u0000b""#,
    r#""\ud800""#,
    r#""web""#,
    r#"["/:/h"]"#,
    r#"["ALL"]"#,
    r#"["web"]"#,
    r#"{"a":"b"}"#,
    r#"{"device":"/","o":"bind","type":"none"}"#,
    r#"{"host":{}}"#,
    r#"[{"Type":"bind","Source":"/","Target":"/h"}]"#,
    r#"[{"Type":"volume","Source":"v","Target":"/h"}]"#,
    r#"[{"PathOnHost":"/dev/sda"}]"#,
    r#"{"Type":"syslog"}"#,
    r#"{"Mode":"unconfined"}"#,
    r#"{"dockgate.policy":"x"}"#,
];

/// Bytes that mean something to a reader of JSON.
const BYTES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b" ",
    b"\n",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xc5\xbf",
    b"\xe2\x84\xaa",
    b"-",
    b"1e400",
    b"null",
    b"/**/",
    b"}{",
    b"]]",
];

pub(super) struct Mutator {
    names: Vec<&'static str>,
    values: Vec<Json<'static>>,
}

impl Mutator {
    pub(super) fn new() -> Self {
        let parsed = VALUES
            .iter()
            .filter_map(|text| Json::parse(text.as_bytes()).ok());
        Self {
            names: field_names(),
            values: parsed.collect(),
        }
    }

    /// Creates a body from another one and from parts of a third.
    pub(super) fn changed(&self, chance: &mut Chance, body: &str, other: &str) -> Vec<u8> {
        let mut bytes = match Json::parse(body.as_bytes()) {
            Ok(mut tree) => {
                let other = Json::parse(other.as_bytes()).unwrap_or(Json::Null);
                for _ in 0..=chance.below(3) {
                    self.change_tree(chance, &mut tree, &other);
                }
                let mut text = String::new();
                spelled(chance, &tree, &mut text);
                text.into_bytes()
            }
            Err(_) => body.as_bytes().to_vec(),
        };
        if chance.is_one_in(8) {
            for _ in 0..=chance.below(3) {
                change_bytes(chance, &mut bytes);
            }
        }
        bytes
    }

    /// Walks down to some place, most often a deep one, and changes the value there. Walks the other body in parallel.
    fn change_tree<'t>(&self, chance: &mut Chance, tree: &mut Json<'t>, other: &Json<'t>) {
        match tree {
            Json::Object(members) if !members.is_empty() && !chance.is_one_in(4) => {
                let at = chance.below(members.len());
                let (key, value) = &mut members[at];
                self.change_tree(chance, value, other.get(key).unwrap_or(&Json::Null));
            }
            Json::List(values) if !values.is_empty() && !chance.is_one_in(4) => {
                let at = chance.below(values.len());
                let other = other.items().first().unwrap_or(&Json::Null);
                self.change_tree(chance, &mut values[at], other);
            }
            Json::Object(members) => self.change_members(chance, members, other),
            Json::List(values) => match chance.below(4) {
                0 => values.clear(),
                1 if !values.is_empty() => {
                    let again = chance.one_of(values).clone();
                    values.push(again);
                }
                2 if !values.is_empty() => drop(values.remove(chance.below(values.len()))),
                _ => {
                    let like = values.first().or(other.items().first());
                    let like = like.cloned().unwrap_or(Json::Text("".into()));
                    values.push(self.value(chance, &like));
                }
            },
            leaf @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_)) => {
                *leaf = self.value(chance, leaf);
            }
        }
    }

    fn change_members<'t>(
        &self,
        chance: &mut Chance,
        members: &mut Vec<Member<'t>>,
        other: &Json<'t>,
    ) {
        let at = chance.below(members.len());
        match chance.below(24) {
            0 if !members.is_empty() => drop(members.remove(at)),
            // Repeats a key, in the same spelling or another one.
            1..=3 if !members.is_empty() => {
                let (key, mut again) = members[at].clone();
                match chance.below(3) {
                    0 => again = Json::Null,
                    1 => {
                        self.change_tree(
                            chance,
                            &mut again,
                            other.get(&key).unwrap_or(&Json::Null),
                        );
                    }
                    _ => again = self.value(chance, &again),
                }
                let key = if chance.is_one_in(2) {
                    key
                } else {
                    otherwise(chance, &key).into()
                };
                members.push((key, again));
            }
            4 if !members.is_empty() => members[at].0 = otherwise(chance, &members[at].0).into(),
            5 => {
                let name = *chance.one_of(&self.names);
                members.push((name.into(), self.value(chance, &Json::Null)));
            }
            6..=9 if !members.is_empty() => members[at].1 = self.value(chance, &members[at].1),
            _ if !other.members().is_empty() => {
                let (key, value) = chance.one_of(other.members()).clone();
                members.retain(|(there, _)| *there != key);
                members.push((key, value));
            }
            _ => {}
        }
    }

    /// A value from an attack, usually of the same kind.
    fn value(&self, chance: &mut Chance, like: &Json) -> Json<'static> {
        let is_alike = |value: &&Json| discriminant(*value) == discriminant(like);
        let alike: Vec<_> = self.values.iter().filter(is_alike).collect();
        if alike.is_empty() || chance.is_one_in(8) {
            return chance.one_of(&self.values).clone();
        }
        (*chance.one_of(&alike)).clone()
    }
}

/// Another spelling of a key that some reader might accept.
fn otherwise(chance: &mut Chance, key: &str) -> String {
    match chance.below(6) {
        0 => key.to_lowercase(),
        1 => key.to_uppercase(),
        2 => key.replace(['s', 'S'], "\u{17f}"),
        3 => key.replace(['k', 'K'], "\u{212a}"),
        4 => format!("{key} "),
        _ => key.to_owned(),
    }
}

/// Renders a tree, sometimes with escapes and spaces that change nothing.
fn spelled(chance: &mut Chance, value: &Json, to: &mut String) {
    let space = |chance: &mut Chance, to: &mut String| {
        if chance.is_one_in(40) {
            to.push(*chance.one_of(&[' ', '\n', '\t', '\r']));
        }
    };
    space(chance, to);
    match value {
        Json::Text(text) => spelled_text(chance, text, to),
        Json::List(values) => {
            to.push('[');
            for (at, value) in values.iter().enumerate() {
                to.push_str(if at > 0 { "," } else { "" });
                spelled(chance, value, to);
            }
            to.push(']');
        }
        Json::Object(members) => {
            to.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                to.push_str(if at > 0 { "," } else { "" });
                space(chance, to);
                spelled_text(chance, key, to);
                to.push(':');
                spelled(chance, value, to);
            }
            to.push('}');
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => value.render(to),
    }
    space(chance, to);
}

fn spelled_text(chance: &mut Chance, text: &str, to: &mut String) {
    if !chance.is_one_in(20) {
        return Json::Text(text.into()).render(to);
    }
    to.push('"');
    for unit in text.encode_utf16() {
        write!(to, "\\u{unit:04x}").unwrap();
    }
    to.push('"');
}

fn change_bytes(chance: &mut Chance, bytes: &mut Vec<u8>) {
    let at = chance.below(bytes.len() + 1);
    match chance.below(5) {
        0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
        1 if at < bytes.len() => drop(bytes.remove(at)),
        2 => bytes.truncate(at),
        3 => {
            let again = bytes[at..(at + chance.below(40)).min(bytes.len())].to_vec();
            bytes.splice(at..at, again);
        }
        _ => {
            let new = chance.one_of(BYTES).iter().copied();
            bytes.splice(at..at, new);
        }
    }
}
