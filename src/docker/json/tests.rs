use std::borrow::Cow;

use proptest::prelude::*;
use proptest::{collection, option, string};

use super::bad::MAX_DEPTH;
use super::*;

#[track_caller]
fn rendered(text: &str) -> String {
    let mut to = String::new();
    Json::parse(text.as_bytes()).unwrap().render(&mut to);
    to
}

#[test]
fn refuses_ambiguous_documents() {
    for (id, text, want) in [
        ("T6", "{}}", BadJson::More(2)),
        ("T6", "{} {}", BadJson::More(3)),
        ("T6", "{\"Image\":\"a\"}]junk", BadJson::More(13)),
        ("T6", "\u{feff}{}", BadJson::ByteOrderMark),
        ("T4", "{\"a\":1,\"a\":2}", BadJson::Doubled("a".to_owned())),
        (
            "T4",
            "{\"a\":1,\"\\u0061\":2}",
            BadJson::Doubled("a".to_owned()),
        ),
        (
            "T4",
            "{\"x\":{\"a\":null,\"b\":0,\"a\":1}}",
            BadJson::Doubled("a".to_owned()),
        ),
        ("H22", "{\"a\":\"\\ud800\"}", BadJson::Surrogate(6)),
        ("H22", "{\"a\":\"\\ud800\\u0041\"}", BadJson::Surrogate(6)),
        ("H22", "{\"a\":\"\\udc00\"}", BadJson::Surrogate(6)),
        ("json", "{\"a\":\"\n\"}", BadJson::Control(6)),
        ("json", "01", BadJson::More(1)),
    ] {
        assert_eq!(Json::parse(text.as_bytes()), Err(want), "{id}: {text}");
    }
    assert_eq!(Json::parse(b"\"\xff\""), Err(BadJson::Utf8(1)), "T6");
}

/// The texts begin like the daemon's own, because tests of clients and of the daemon search for
/// them.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn reports_invalid_json_in_the_daemons_words() {
    let key = "looking for beginning of object key string";
    let value = "looking for beginning of value";
    for (text, want) in [
        (
            "{invalid json",
            format!("invalid character 'i' {key}, in byte 1"),
        ),
        (
            "{'a':1}",
            format!("invalid character '\\'' {key}, in byte 1"),
        ),
        (
            "{\"a\":1,}",
            format!("invalid character '}}' {key}, in byte 7"),
        ),
        (
            "{\"a\" 1}",
            "invalid character '1' after object key, in byte 5".to_owned(),
        ),
        (
            "{\"a\":1 \"b\"}",
            "invalid character '\"' after object key:value pair, in byte 7".to_owned(),
        ),
        ("[1,]", format!("invalid character ']' {value}, in byte 3")),
        (
            "[1 2]",
            "invalid character '2' after array element, in byte 3".to_owned(),
        ),
        ("+1", format!("invalid character '+' {value}, in byte 0")),
        ("NaN", format!("invalid character 'N' {value}, in byte 0")),
        (
            "/*a*/1",
            format!("invalid character '/' {value}, in byte 0"),
        ),
        (
            "trux",
            "invalid character 'x' in a literal, in byte 3".to_owned(),
        ),
        (
            "-x",
            "invalid character 'x' in numeric literal, in byte 1".to_owned(),
        ),
        (
            "\"\\x\"",
            "invalid character 'x' in string escape code, in byte 2".to_owned(),
        ),
        (
            "\"\\u12g4\"",
            "invalid character '1' in \\u hexadecimal character escape, in byte 3".to_owned(),
        ),
        ("", format!("unexpected EOF {value}")),
        ("tru", "unexpected EOF in a literal".to_owned()),
        ("{\"a\":\"", "unexpected EOF in a string".to_owned()),
        ("1.", "unexpected EOF in numeric literal".to_owned()),
        ("1e", "unexpected EOF in numeric literal".to_owned()),
        ("-", "unexpected EOF in numeric literal".to_owned()),
    ] {
        let bad = Json::parse(text.as_bytes()).unwrap_err();
        assert_eq!(bad.to_string(), format!("invalid JSON: {want}"), "{text}");
    }
    let more = Json::parse(b"{} trailing content").unwrap_err();
    assert_eq!(
        more.to_string(),
        "unexpected content after JSON, from byte 3 on: send one document"
    );
}

#[test]
fn keys_with_the_same_value_can_be_made_one() {
    let united = |text: &'static str| {
        let Json::Object(mut members) = Json::parse_with_doubles(text.as_bytes()).unwrap() else {
            panic!("{text}");
        };
        single(&mut members).map(|()| members.into_iter().map(|(key, _)| key).collect::<Vec<_>>())
    };
    let letters = |text: &str| {
        text.split(' ')
            .map(|key| Cow::Owned(key.to_owned()))
            .collect()
    };
    for (text, want) in [
        (r#"{"a":1,"b":2}"#, Ok("a b")),
        (r#"{"a":1,"b":2,"a":1,"b":2,"a":1}"#, Ok("a b")),
        (r#"{"b":{"x":[1,{}]},"a":null,"b":{"x":[1,{}]}}"#, Ok("b a")),
        // Numbers stay as written.
        (r#"{"a":1,"a":1.0}"#, Err("a")),
        (r#"{"a":null,"a":0}"#, Err("a")),
        (r#"{"a":1,"a":1,"a":2}"#, Err("a")),
        (
            r#"{"a":{"x":1,"y":[{"z":2,"w":3}]},"a":{"y":[{"w":3,"z":2}],"x":1}}"#,
            Ok("a"),
        ),
        (r#"{"a":{"x":1,"y":2},"a":{"x":1,"y":3}}"#, Err("a")),
        (r#"{"a":{"x":1},"a":{"x":1,"y":3}}"#, Err("a")),
        (r#"{"a":[1,2],"a":[2,1]}"#, Err("a")),
        (r#"{"a":[1],"a":[1,1]}"#, Err("a")),
    ] {
        let want = want.map(letters).map_err(str::to_owned);
        assert_eq!(united(text), want, "{text}");
    }
}

#[test]
fn accepts_all_json_and_renders_it_canonically() {
    for (text, want) in [
        (" { } ", "{}"),
        ("[ 1 , -0.5e+10,\t0 ]", "[1,-0.5e+10,0]"),
        ("{\"a\" : [true,false,null]}", "{\"a\":[true,false,null]}"),
        (
            "\"\\u0041\\ud83d\\ude00\\/\\b\\n\\u2028\"",
            "\"A\u{1f600}/\\u0008\\n\u{2028}\"",
        ),
        (
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        ),
        // Keys of maps may differ only in case; for structs, the view decides.
        ("{\"a\":1,\"A\":2}", "{\"a\":1,\"A\":2}"),
    ] {
        assert_eq!(rendered(text), want, "{text}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}0{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Json::parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(
        Json::parse(nested(MAX_DEPTH + 1).as_bytes()),
        Err(BadJson::Depth)
    );
    assert_eq!(
        Json::parse("[".repeat(1_000_000).as_bytes()),
        Err(BadJson::Depth)
    );
}

#[test]
fn folds_keys_as_the_daemon_does() {
    for (key, other) in [
        ("HostConfig", "hostconfig"),
        ("Ho\u{17f}tConfig", "HOSTCONFIG"),
        ("\u{212a}ernelMemory", "KernelMemory"),
        ("Memory-Swap_", "memory-swap_"),
    ] {
        assert_eq!(folded(key), folded(other), "{key} {other}");
    }
    for (key, other) in [
        ("\u{131}mage", "Image"),
        ("HostConfi", "HostConfig"),
        ("HostConfigs", "HostConfig"),
        ("Memory-Swap", "Memory_Swap"),
    ] {
        assert_ne!(folded(key), folded(other), "{key} {other}");
    }
}

#[test]
fn refuses_more_values_than_any_body_has() {
    let of = |count: usize| format!("[{}]", vec!["1"; count - 1].join(","));
    assert!(Json::parse(of(MAX_VALUES).as_bytes()).is_ok());
    let many = Err(BadJson::Many);
    assert_eq!(Json::parse(of(MAX_VALUES + 1).as_bytes()), many);
    let nested = format!("[{}]", vec![r#"{"a":{}}"#; MAX_VALUES / 2].join(","));
    assert_eq!(Json::parse(nested.as_bytes()), many);
}

#[test]
fn a_message_shows_the_beginning_of_a_key() {
    for (key, want) in [
        ("short", 5),
        (&"a".repeat(100), 64),
        (&"\u{20ac}".repeat(30), 63),
    ] {
        assert_eq!(shortened(key), &key[..want], "{key}");
    }
}

#[test]
fn s7_what_is_quoted_is_printable_and_read_back_by_toml() {
    for (text, want) in [
        ("web", r#""web""#),
        (r#"a"b\c"#, r#""a\"b\\c""#),
        ("a\nb\u{1b}\u{7f}", r#""a\u000Ab\u001B\u007F""#),
        (
            "\u{85}\u{9b}\u{2028}\u{202e}",
            r#""\u0085\u009B\u2028\u202E""#,
        ),
        (
            "\u{200b}\u{61c}\u{feff}\u{ffff}",
            r#""\u200B\u061C\uFEFF\uFFFF""#,
        ),
        (
            "m\u{fc}ller\u{1f600}\u{e0001}",
            r#""m\u00FCller\U0001F600\U000E0001""#,
        ),
    ] {
        assert_eq!(quoted(text), want, "S7");
        let read: toml::Table = toml::from_str(&format!("a = {want}")).unwrap();
        assert_eq!(
            read.get("a").and_then(toml::Value::as_str),
            Some(text),
            "S7"
        );
    }
}

fn json() -> impl Strategy<Value = Json<'static>> {
    let number =
        string::string_regex("-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?");
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        number
            .unwrap()
            .prop_map(|number| Json::Number(number.into())),
        any::<String>().prop_map(|text| Json::Text(text.into())),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6).prop_map(Json::List),
            collection::btree_map(any::<String>(), inner, 0..6).prop_map(|members| {
                let members = members.into_iter();
                Json::Object(members.map(|(key, value)| (key.into(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_rendered_is_read_back(value in json()) {
        let mut text = String::new();
        value.render(&mut text);
        prop_assert_eq!(Json::parse(text.as_bytes()), Ok(value));
    }

    /// Another parser, as lenient as Go's about repeated keys, reads the same.
    #[test]
    fn what_is_taken_another_reader_takes_for_the_same(
        value in json(),
        cut in option::of(any::<prop::sample::Index>()),
        byte in any::<u8>(),
    ) {
        let mut text = String::new();
        value.render(&mut text);
        let mut bytes = text.into_bytes();
        if let Some(cut) = cut {
            let at = cut.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(parsed) = Json::parse(&bytes) {
            let mut again = String::new();
            parsed.render(&mut again);
            let original: Result<serde_json::Value, _> = serde_json::from_slice(&bytes);
            // That parser has a range for numbers; this one keeps them as they are.
            if let Ok(original) = original {
                let anew: serde_json::Value = serde_json::from_str(&again).unwrap();
                prop_assert_eq!(anew, original);
            }
        }
    }

    #[test]
    fn no_input_panics(bytes: Vec<u8>) {
        _ = Json::parse(&bytes);
    }
}
