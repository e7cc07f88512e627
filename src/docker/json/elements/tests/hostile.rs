//! Documents that try to get elements past the callback, or to use up memory.

use super::super::bad::MAX_KEYS;
use super::super::scan::MAX_DEPTH;
use super::*;

fn syntax(at: usize, found: u8, place: &'static str) -> BadElements {
    BadElements::Syntax { at, found, place }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_document_of_another_shape_is_an_error() {
    let shape = |at, found, wanted| BadElements::Shape { at, found, wanted };
    let doubled = |key: &str| BadElements::Doubled(key.to_owned());
    let case = |key: &str| BadElements::Case {
        key: key.to_owned(),
        wanted: "Volumes",
    };
    let value = "where a value must begin";
    let end = "after the end of the document";
    for (place, document, want) in [
        (Place::List, "{}", shape(0, b'{', "a list or null")),
        (Place::List, " \"a\"", shape(1, b'"', "a list or null")),
        (Place::List, "1", shape(0, b'1', "a list or null")),
        (Place::List, "\u{feff}[]", shape(0, 0xef, "a list or null")),
        (Place::List, "\0[]", shape(0, 0, "a list or null")),
        (Place::List, "nul[", syntax(3, b'[', "in a literal")),
        (MEMBERS, "[]", shape(0, b'[', "an object")),
        (MEMBERS, "null", shape(0, b'n', "an object")),
        (
            MEMBERS,
            r#"{"Volumes":{"a":1}}"#,
            shape(11, b'{', "a list or null"),
        ),
        (
            MEMBERS,
            r#"{"Volumes": "a"}"#,
            shape(12, b'"', "a list or null"),
        ),
        (
            MEMBERS,
            r#"{"Volumes":[],"Volumes":[1]}"#,
            doubled("Volumes"),
        ),
        (
            MEMBERS,
            r#"{"Volumes":[],"\u0056olumes":[1]}"#,
            doubled("Volumes"),
        ),
        (MEMBERS, r#"{"a":[],"a":[1]}"#, doubled("a")),
        (MEMBERS, r#"{"volumes":[1]}"#, case("volumes")),
        (MEMBERS, r#"{"Volumes":[],"VOLUMES":[1]}"#, case("VOLUMES")),
        // Go's parser reads this as an s.
        (MEMBERS, r#"{"Volume\u017f":[1]}"#, case("Volume\u{17f}")),
        (MEMBERS, "{\"Volume\u{17f}\":[1]}", case("Volume\u{17f}")),
        (MEMBERS, r#"{"\u0076olumes":[1]}"#, case("volumes")),
        (
            MEMBERS,
            r#"{"a":1 "b":2}"#,
            syntax(7, b'"', "after a member of an object"),
        ),
        (
            MEMBERS,
            r#"{"a":1,}"#,
            syntax(7, b'}', "where a key must begin"),
        ),
        (
            MEMBERS,
            r#"{,"a":1}"#,
            syntax(1, b',', "where a key must begin"),
        ),
        (MEMBERS, "{a:1}", syntax(1, b'a', "where a key must begin")),
        (MEMBERS, r#"{"a",1}"#, syntax(4, b',', "after a key")),
        (MEMBERS, r#"{"a"1}"#, syntax(4, b'1', "after a key")),
        (MEMBERS, r#"{"a":}"#, syntax(5, b'}', value)),
        (
            MEMBERS,
            r#"{"a":1]"#,
            syntax(6, b']', "after a member of an object"),
        ),
        (
            MEMBERS,
            r#"{"Volumes":[1}"#,
            syntax(13, b'}', "after an element of a list"),
        ),
        (MEMBERS, "{}{}", syntax(2, b'{', end)),
        (Place::List, "[]]", syntax(2, b']', end)),
        (Place::List, "[] x", syntax(3, b'x', end)),
        (Place::List, "null,", syntax(4, b',', end)),
        (Place::List, "[]\0", syntax(2, 0, end)),
        (Place::List, "[\x0c]", syntax(1, 0x0c, value)),
        (Place::List, "[1,]", syntax(3, b']', value)),
        (Place::List, "[,1]", syntax(1, b',', value)),
        (Place::List, "[1,,2]", syntax(3, b',', value)),
        (
            Place::List,
            "[1 2]",
            syntax(3, b'2', "after an element of a list"),
        ),
        (
            Place::List,
            "[{} {}]",
            syntax(4, b'{', "after an element of a list"),
        ),
        (
            Place::List,
            "[1}",
            syntax(2, b'}', "after an element of a list"),
        ),
        (
            Place::List,
            "[01]",
            syntax(2, b'1', "after an element of a list"),
        ),
        (Place::List, "[//a\n1]", syntax(1, b'/', value)),
        (Place::List, "[NaN]", syntax(1, b'N', value)),
        (
            Place::Values,
            "1{}",
            syntax(1, b'{', "directly after a number or a literal"),
        ),
        (
            Place::Values,
            "truefalse",
            syntax(4, b'f', "directly after a number or a literal"),
        ),
        (Place::Values, "{},{}", syntax(2, b',', value)),
        (Place::Values, "{}\u{1e}{}", syntax(2, 0x1e, value)),
        (Place::Whole, "{}{}", syntax(2, b'{', end)),
        (Place::Whole, "1 1", syntax(2, b'1', end)),
        (Place::Whole, "", BadElements::Incomplete(0)),
    ] {
        assert_eq!(
            split(place, document.as_bytes(), keep),
            Err(want),
            "{document}"
        );
    }
}

/// The same in an element and around it.
#[test]
fn a_value_that_parsers_could_disagree_about_is_an_error() {
    let escape = "in a string escape";
    let utf8 = "in a string that is not UTF-8";
    let surrogate = "after half a surrogate pair";
    for (value, at, found, wrong) in [
        (
            &b"\"a\nb\""[..],
            2,
            b'\n',
            "in a string, where it must be escaped",
        ),
        (b"\"\0\"", 1, 0, "in a string, where it must be escaped"),
        (b"\"\\x\"", 2, b'x', escape),
        (b"\"\\u12g4\"", 5, b'g', escape),
        (b"\"\\u\xc3\xa9\"", 3, 0xc3, escape),
        (b"\"\\ud800\"", 7, b'"', surrogate),
        (b"\"\\ud800\\n\"", 8, b'n', surrogate),
        (b"\"\\ud800\\u0041\"", 12, b'1', surrogate),
        (b"\"\\udc00\"", 6, b'0', surrogate),
        (b"\"\xff\"", 1, 0xff, utf8),
        (b"\"\xc3\"", 2, b'"', utf8),
        (b"\"\xe2\x82\\n\"", 3, b'\\', utf8),
        (b"\"\xed\xa0\x80\"", 2, 0xa0, utf8),
        (b"{\"a\":1,}", 7, b'}', "where a key must begin"),
        (b"{\"a\":[1}]", 7, b'}', "after an element of a list"),
        (b"[{\"a\":1]}", 7, b']', "after a member of an object"),
        (b"{\"a\" 1}", 5, b'1', "after a key"),
        (b"[1,]", 3, b']', "where a value must begin"),
        (b"[1 2]", 3, b'2', "after an element of a list"),
        (b"[-]", 2, b']', "in a number"),
        (b"1.,", 2, b',', "in a number"),
        (b"[1e+]", 4, b']', "in a number"),
        (b"trux", 3, b'x', "in a literal"),
        (b"[tru]", 4, b']', "in a literal"),
    ] {
        for (place, before) in [
            (Place::List, &b"[1,"[..]),
            (MEMBERS, b"{\"Volumes\":[1,"),
            (MEMBERS, b"{\"other\":"),
            (Place::Values, b"{}"),
            (Place::Whole, b" "),
        ] {
            let document = [before, value].concat();
            let want = syntax(before.len() + at, found, wrong);
            let shown = String::from_utf8_lossy(&document);
            assert_eq!(split(place, &document, keep), Err(want), "{shown}");
        }
    }
}

#[test]
fn keys_of_the_document_are_strict() {
    let key = |key: &str| split(MEMBERS, format!("{{\"{key}\":1}}").as_bytes(), keep);
    assert!(key(&"k".repeat(MAX_KEY - 2)).is_ok());
    assert_eq!(key(&"k".repeat(MAX_KEY - 1)), Err(BadElements::LongKey));
    let keys = |count: usize| {
        let members: Vec<_> = (0..count).map(|key| format!("\"{key}\":1")).collect();
        split(
            MEMBERS,
            format!("{{{}}}", members.join(",")).as_bytes(),
            keep,
        )
    };
    assert!(keys(MAX_KEYS).is_ok());
    assert_eq!(keys(MAX_KEYS + 1), Err(BadElements::ManyKeys));
    let wrong = "in a string, where it must be escaped";
    assert_eq!(key("Volumes\0"), Err(syntax(9, 0, wrong)));
    assert_eq!(
        key("Volumes\\u0000"),
        Ok("{\"Volumes\\u0000\":1}".to_owned())
    );
}

#[test]
fn an_element_is_bounded() {
    let text = |length: usize| format!("\"{}\"", "a".repeat(length - 2));
    let number = |length: usize| "1".repeat(length);
    let list = |length: usize| format!("[{}]", " ".repeat(length - 2));
    for element in [text, number, list] {
        for (place, before, after) in [
            (Place::List, "[1,", ",2]"),
            (MEMBERS, "{\"Volumes\":[", "]}"),
            (Place::Values, "{}", " {}"),
            (Place::Whole, " ", " "),
        ] {
            let document = |length| format!("{before}{}{after}", element(length)).into_bytes();
            assert!(split(place, &document(MOST), keep).is_ok());
            let result = split(place, &document(MOST + 1), keep);
            assert_eq!(result, Err(BadElements::LongElement(MOST)), "{place:?}");
        }
    }
    // A value without elements is not held.
    let other = format!("{{\"other\":{}}}", text(2 * MOST));
    assert_eq!(split(MEMBERS, other.as_bytes(), keep).as_ref(), Ok(&other));
    let space = " ".repeat(MOST + 1);
    let long = Err(BadElements::LongSpace(MOST));
    assert_eq!(
        split(Place::List, format!("[1,{space}2]").as_bytes(), keep),
        long
    );
    assert_eq!(
        split(Place::Whole, format!("{{}}{space}").as_bytes(), keep),
        long
    );
    assert_eq!(
        split(Place::Whole, format!("{space}{{}}").as_bytes(), keep),
        long
    );
    let passed = format!("{space}[{space}1{space},2{space}]{space}");
    assert_eq!(split(Place::List, passed.as_bytes(), keep), Ok(passed));
}

#[test]
fn nesting_is_bounded() {
    let most = usize::try_from(MAX_DEPTH).unwrap();
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let lists = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let mixed = |depth: usize| {
        let half = depth / 2;
        let inner = lists(depth % 2);
        let inner = if inner.is_empty() { "1" } else { &inner };
        format!("{}{inner}{}", "[{\"a\":".repeat(half), "}]".repeat(half))
    };
    let kept = |place, document: &str| split_as(place, LONG, [document.as_bytes()], keep);
    let values: [&dyn Fn(usize) -> String; 3] = [&lists, &objects, &mixed];
    for value in values {
        for (place, before, after, around) in [
            (Place::List, "[", "]", 1),
            (MEMBERS, "{\"Volumes\":[", "]}", 2),
            (MEMBERS, "{\"other\":", "}", 1),
            (Place::Values, "", "", 0),
            (Place::Whole, "", "", 0),
        ] {
            let document = |depth: usize| format!("{before}{}{after}", value(depth - around));
            let (out, result) = kept(place, &document(most));
            assert_eq!((result, out), (Ok(()), document(most).into_bytes()));
            let mut elements = Elements::new(place, LONG);
            let result = elements.push(document(most + 1).as_bytes(), &mut Vec::new(), &mut keep);
            assert!(
                matches!(result, Err(BadElements::Depth(_))),
                "{place:?} {result:?}"
            );
        }
    }
    let mut elements = Elements::new(Place::Values, usize::MAX);
    let deep = "[".repeat(1_000_000);
    let result = elements.push(deep.as_bytes(), &mut Vec::new(), &mut keep);
    assert_eq!(result, Err(BadElements::Depth(most)));
}

#[test]
fn after_an_error_nothing_more_is_read() {
    let mut elements = Elements::new(Place::List, MOST);
    let mut out = Vec::new();
    let mut given = 0;
    let mut each = |_, _: &[u8]| {
        given += 1;
        Kept::As
    };
    let bad = elements
        .push(b"[1,{\"a\":]},2]", &mut out, &mut each)
        .unwrap_err();
    assert_eq!(bad, syntax(8, b']', "where a value must begin"));
    assert_eq!(elements.push(b"[3]", &mut out, &mut each), Err(bad.clone()));
    assert_eq!(elements.push(b"", &mut out, &mut each), Err(bad.clone()));
    assert_eq!(elements.finish(&mut out, &mut each), Err(bad));
    assert_eq!((given, out), (1, b"[1".to_vec()));

    let mut early = Elements::new(Place::List, MOST);
    let mut out = Vec::new();
    _ = early.push(b"[1", &mut out, &mut keep).unwrap();
    let bad = early.finish(&mut out, &mut keep).unwrap_err();
    assert_eq!(bad, BadElements::Incomplete(2));
    assert_eq!(early.push(b"]", &mut out, &mut keep), Err(bad));
    assert_eq!(out, b"[");
}

#[test]
fn an_error_is_for_people() {
    for (bad, want) in [
        (
            syntax(7, 0, "where a value must begin"),
            "invalid JSON: byte 0x00 where a value must begin, in byte 7",
        ),
        (
            syntax(7, b'}', "in a number"),
            "invalid JSON: '}' in a number, in byte 7",
        ),
        (
            BadElements::Shape {
                at: 0,
                found: b'{',
                wanted: "a list or null",
            },
            "expected a list or null, but the value in byte 0 begins with '{'",
        ),
        (
            BadElements::Case {
                key: "v\u{1b}".to_owned(),
                wanted: "V",
            },
            r#"the key "v\u001B" differs from "V" only in case, and clients ignore case"#,
        ),
        (
            BadElements::Depth(3),
            "nested deeper than 128 levels in byte 3",
        ),
    ] {
        assert_eq!(bad.to_string(), want);
    }
}
