//! Compared with a model: parse, redact, print. Whatever the document, however it is written, in any parts.

use std::fmt::Write;
use std::time::{Duration, Instant};

use proptest::collection;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::{X, passed};
use crate::docker::Json;

/// A document, and how it is written.
#[derive(Clone, Debug)]
enum Doc {
    Bare(&'static str),
    Text(String),
    List(Vec<Doc>),
    Object(Vec<(&'static str, Doc)>),
}

const KEYS: [&str; 14] = [
    "Env",
    "env",
    "ENTRYPOINT",
    "Cmd",
    "Args",
    "Labels",
    "Networks",
    "Options",
    "Config",
    "Test",
    "x.y",
    "x",
    "Name",
    "Value",
];
const BARE: [&str; 6] = [
    "null",
    "true",
    "-1.50e+2",
    "0",
    "18446744073709551616",
    "false",
];

fn docs() -> impl Strategy<Value = Doc> {
    let text = prop_oneof![
        "[A-B]{1,2}=[a-z]{0,3}",
        "CMD",
        any::<String>().prop_map(|text| text.chars().take(8).collect()),
        Just(String::new()),
        Just("VIRTUAL_X=é\"\\\n\u{1f600}".to_owned()),
    ];
    let leaf = prop_oneof![
        prop::sample::select(&BARE[..]).prop_map(Doc::Bare),
        text.prop_map(Doc::Text),
    ];
    leaf.prop_recursive(6, 48, 5, |inner| {
        let key = prop::sample::select(&KEYS[..]);
        prop_oneof![
            collection::vec(inner.clone(), 0..5).prop_map(Doc::List),
            collection::vec((key, inner), 0..5).prop_map(Doc::Object),
        ]
    })
}

/// Prints a document. `style` says where white space and needless escapes are.
fn print(doc: &Doc, style: &mut u64, to: &mut String) {
    let mut next = |of: u64| {
        *style = style
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (*style >> 33) % of
    };
    to.push_str(["", "", " ", "\n\t"][usize::try_from(next(4)).unwrap()]);
    match doc {
        Doc::Bare(word) => to.push_str(word),
        Doc::Text(text) => quote(text, next(3) == 0, to),
        Doc::List(items) => {
            to.push('[');
            for (at, item) in items.iter().enumerate() {
                to.push_str(if at > 0 { "," } else { "" });
                print(item, style, to);
            }
            to.push(']');
        }
        Doc::Object(members) => {
            to.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                to.push_str(if at > 0 { " , " } else { "" });
                quote(key, at % 3 == 2, to);
                to.push(':');
                print(value, style, to);
            }
            to.push_str(" }");
        }
    }
}

fn quote(text: &str, is_escaped: bool, to: &mut String) {
    if !is_escaped {
        to.push_str(&serde_json::to_string(text).unwrap());
        return;
    }
    to.push('"');
    for unit in text.encode_utf16() {
        write!(to, "\\u{unit:04x}").unwrap();
    }
    to.push('"');
}

/// The model's reading: what is hidden of the value under a key.
#[derive(Clone, Copy, PartialEq)]
enum How {
    Walk,
    Names,
    Hide,
    Env,
    Labels,
    Test,
}

fn how(key: &str) -> How {
    match key.to_ascii_lowercase().as_str() {
        "env" => How::Env,
        "cmd" | "args" | "entrypoint" => How::Hide,
        "labels" => How::Labels,
        "networks" | "options" => How::Names,
        "test" => How::Test,
        _ => How::Walk,
    }
}

fn keeps(name: &str) -> bool {
    name.starts_with("VIRTUAL_")
}

fn pair(text: &str, is_shown: impl Fn(&str) -> bool) -> String {
    match text.split_once('=') {
        Some((name, _)) if !is_shown(name) => format!("{name}={X}"),
        Some(_) | None => text.to_owned(),
    }
}

fn model(doc: &Doc, as_: How) -> Doc {
    match doc {
        Doc::Bare(word) => Doc::Bare(word),
        Doc::Text(text) => Doc::Text(match as_ {
            How::Walk | How::Names => text.clone(),
            How::Hide if text.is_empty() => String::new(),
            How::Env => pair(text, keeps),
            How::Labels => pair(text, |key| !key.starts_with("x.")),
            How::Test if ["", "CMD", "CMD-SHELL", "NONE"].contains(&&**text) => text.clone(),
            How::Hide | How::Test => X.to_owned(),
        }),
        Doc::List(items) => Doc::List(match as_ {
            How::Test => {
                let items = items.iter().enumerate();
                let items = items
                    .map(|(at, item)| model(item, if at == 0 { How::Test } else { How::Hide }));
                items.collect()
            }
            How::Env => items.iter().map(variable).collect(),
            How::Names => items.iter().map(|item| model(item, How::Walk)).collect(),
            How::Walk | How::Hide | How::Labels => {
                items.iter().map(|item| model(item, as_)).collect()
            }
        }),
        Doc::Object(members) => Doc::Object(
            members
                .iter()
                .map(|(key, value)| {
                    let as_ = match as_ {
                        How::Walk => how(key),
                        How::Names => How::Walk,
                        How::Env if keeps(key) => How::Names,
                        How::Env | How::Hide | How::Test => How::Hide,
                        How::Labels if key.starts_with("x.") => How::Hide,
                        How::Labels => How::Names,
                    };
                    (*key, model(value, as_))
                })
                .collect(),
        ),
    }
}

/// An element of a list of variables.
fn variable(doc: &Doc) -> Doc {
    let Doc::Object(members) = doc else {
        return match doc {
            Doc::List(items) => Doc::List(items.iter().map(variable).collect()),
            Doc::Bare(_) | Doc::Text(_) | Doc::Object(_) => model(doc, How::Env),
        };
    };
    let mut names: Vec<&str> = Vec::new();
    let members = members.iter().map(|(key, value)| {
        let shown = match (*key, value) {
            ("Name", Doc::Text(name)) => {
                names.push(name);
                return (*key, value.clone());
            }
            ("Value", _) => names.len() == 1 && keeps(names[0]),
            _ => false,
        };
        (
            *key,
            model(value, if shown { How::Names } else { How::Hide }),
        )
    });
    Doc::Object(members.collect())
}

fn parsed(text: &str) -> Json<'_> {
    Json::parse_with_doubles(text.as_bytes()).unwrap()
}

/// Whether the reply is what the model says, as a whole, in parts, and as an element of a list.
fn agree(doc: &Doc, mut style: u64, length: usize) -> Result<(), TestCaseError> {
    let (mut text, mut want) = (String::new(), String::new());
    print(doc, &mut style, &mut text);
    print(&model(doc, How::Walk), &mut 0, &mut want);
    let inspect = "/containers/x/json";
    let redact = |target: &str, text: &str, length: usize| {
        let list = ["env:keep=VIRTUAL_*", "commands", "labels:x.*"];
        passed(&list, target, text.as_bytes(), length).unwrap()
    };
    let whole = redact(inspect, &text, usize::MAX);
    prop_assert_eq!(parsed(&whole), parsed(&want));
    prop_assert_eq!(&redact(inspect, &text, length), &whole);
    prop_assert_eq!(
        redact("/images/json", &format!("[{text}]"), length),
        format!("[{whole}]")
    );
    // What is redacted is not redacted further.
    prop_assert_eq!(redact(inspect, &whole, length), whole);
    Ok(())
}

/// `tests/fuzz.sh` runs it.
#[test]
#[ignore = "takes as long as its variable says"]
fn for_as_long_as_is_told() {
    let number = |name: &str| std::env::var(name).ok().and_then(|it| it.parse().ok());
    let time = Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(10));
    let seed = number("FUZZ_SEED").unwrap_or(1).to_le_bytes().repeat(4);
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), random);
    let (strategy, began) = ((docs(), any::<u64>(), 1..40_usize), Instant::now());
    let mut count = 0_u64;
    while began.elapsed() < time {
        let (doc, style, length) = strategy.new_tree(&mut runner).unwrap().current();
        if let Err(wrong) = agree(&doc, style, length) {
            panic!("{wrong}\n{doc:?}, {style}, {length}");
        }
        count += 1;
    }
    println!("{count} documents were redacted as the model redacts them");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn redacts_what_the_model_redacts(doc in docs(), style in any::<u64>(), length in 1..40_usize) {
        agree(&doc, style, length)?;
    }

    #[test]
    fn a_reply_that_is_cut_or_spoiled_shows_no_secret(
        doc in docs(), at in any::<prop::sample::Index>(), with in any::<u8>(), is_cut in any::<bool>(),
    ) {
        let secret = "hunter2hunter2";
        let doc = Doc::Object(vec![
            ("x", doc),
            ("Env", Doc::List(vec![Doc::Text(format!("A={secret}"))])),
            ("Cmd", Doc::List(vec![Doc::Text(secret.to_owned())])),
        ]);
        let mut text = String::new();
        print(&doc, &mut 0, &mut text);
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        if is_cut {
            bytes.truncate(at);
        } else {
            bytes[at] = with;
        }
        // A changed key is another key, so only the secrets behind keys that stay are compared.
        let is_key = bytes.windows(5).filter(|it| *it == b"\"Env\"").count() == 0
            || bytes.windows(5).filter(|it| *it == b"\"Cmd\"").count() == 0
            || !is_cut && bytes.windows(14).filter(|it| *it == secret.as_bytes()).count() < 2;
        for length in [1, 16, usize::MAX] {
            if let Ok(out) = passed(&["env", "commands"], "/containers/x/json", &bytes, length) {
                prop_assert!(is_key || !out.contains(secret), "{}", out);
            }
        }
    }
}
