use proptest::prelude::*;

use super::*;
use crate::docker::json::Json;
use crate::policy::filter::ReplyRule;

const OWN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const FOREIGN: &str = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
const OWN_IN_SWARM: &str = "obc0kigvtvd5qvhi8aujo70rb";
const FOREIGN_IN_SWARM: &str = "uq1he5krpwh8os13rzcrl0ic0";
const WORD: &str = "zqabcdefghijklmnopqrstuvwxyzabcd";

fn rule(stand_in_for: Option<&str>) -> ErrorRule {
    let stand_ins = stand_in_for.map(|name| StandIn {
        word: WORD.to_owned(),
        name: name.to_owned(),
    });
    ErrorRule {
        known: Arc::new([OWN.to_owned(), OWN_IN_SWARM.to_owned()].into()),
        services: Arc::new(["web".to_owned()]),
        stand_ins: stand_ins.into_iter().collect(),
    }
}

/// What the client gets of an error that arrives in these parts.
fn passed(rule: &ErrorRule, parts: &[&[u8]]) -> Result<Vec<u8>, BadReply> {
    let (mut filter, mut out) = (rule.filter(), Vec::new());
    for part in parts {
        filter.push(part, &mut out)?;
        assert!(out.is_empty(), "it is judged whole");
    }
    filter.finish(&mut out)?;
    assert_eq!(filter.wants(), None);
    Ok(out)
}

fn text_of(rule: &ErrorRule, text: &str) -> String {
    String::from_utf8(passed(rule, &[text.as_bytes()]).unwrap()).unwrap()
}

/// An error of the daemon, as Go's encoder writes it.
fn json(message: &str) -> String {
    let mut text = r#"{"message":""#.to_owned();
    escape(message, &mut text);
    text + "\"}\n"
}

/// Texts of engines, with what the client gets.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn texts() -> Vec<(String, String)> {
    let (short, own) = (&FOREIGN[..12], &OWN[..12]);
    let both =
        |text: &str, id: &str, shown: &str| (text.replace("ID", id), text.replace("ID", shown));
    let endpoints = "error while removing network: network n has active endpoints";
    vec![
        both("remove v: volume is in use - [ID]", FOREIGN, "…"),
        both("remove v: volume is in use - [ID]", OWN, OWN),
        both("remove v: volume is in use - [ID, ID]", FOREIGN, "…"),
        both(
            r#"The container name "/x" is already in use by container "ID". You"#,
            FOREIGN,
            "…",
        ),
        both(
            r#"The container name "/x" is already in use by container "ID". You"#,
            OWN,
            OWN,
        ),
        both(
            "conflict - container ID is using its referenced image",
            short,
            "…",
        ),
        both(
            "conflict - container ID is using its referenced image",
            own,
            own,
        ),
        both("container ID is not connected to network n", FOREIGN, "…"),
        both("network n id ID has active endpoints", FOREIGN, "…"),
        (
            format!(
                r#"{endpoints} (name:"web" id:"{short}", name:"own" id:"{own}", name:"db" id:"{short}")"#
            ),
            format!(r#"{endpoints} (name:"…" id:"…", name:"own" id:"{own}", name:"…" id:"…")"#),
        ),
        (
            format!(r#"{endpoints} (name:"a\"b")"#),
            format!(r#"{endpoints} (name:"…")"#),
        ),
        (
            format!(r#"{endpoints} (name:"" id:"x")"#),
            format!(r#"{endpoints} (name:"" id:"x")"#),
        ),
        (
            "secret 's' is in use by the following service: db".to_owned(),
            "secret 's' is in use by the following service: …".to_owned(),
        ),
        (
            "config 'c' is in use by the following services: db, web, web-2, x.y".to_owned(),
            "config 'c' is in use by the following services: …, web, …, …".to_owned(),
        ),
        both("network n is in use by service ID", FOREIGN_IN_SWARM, "…"),
        both(
            "network n is in use by service ID",
            OWN_IN_SWARM,
            OWN_IN_SWARM,
        ),
        (
            format!(
                "port '80' is already in use by service 'db' ({FOREIGN_IN_SWARM}) as an ingress port"
            ),
            "port '80' is already in use by service '…' (…) as an ingress port".to_owned(),
        ),
        (
            format!(
                "port '80' is already in use by service 'db' ({OWN_IN_SWARM}) as an ingress port"
            ),
            format!(
                "port '80' is already in use by service 'db' ({OWN_IN_SWARM}) as an ingress port"
            ),
        ),
        (format!("line\n{FOREIGN}\t{short}"), "line\n…\t…".to_owned()),
        (
            format!("sha256:{FOREIGN} <{short}> é{short}é"),
            "sha256:… <…> é…é".to_owned(),
        ),
    ]
}

#[test]
fn an_error_names_no_object_that_is_not_known() {
    for (text, shown) in texts() {
        assert_eq!(text_of(&rule(None), &text), shown, "plain");
        assert_eq!(text_of(&rule(None), &json(&text)), json(&shown), "JSON");
    }
}

#[test]
fn what_cannot_be_an_id_stays() {
    let long = format!("{FOREIGN}0");
    for text in [
        "",
        "No such container: web",
        &FOREIGN[..11],
        &long,
        "FEDCBA987654",
        "xfedcba987654",
        "fedcba987654x",
        "fedcba98765g4321",
        "rename:\"web\"",
        "name: \"web\"",
        "service db not found",
        "service 'db' is gone",
        "Obc0kigvtvd5qvhi8aujo70rb",
    ] {
        assert_eq!(text_of(&rule(None), text), text);
        assert_eq!(text_of(&rule(None), &json(text)), json(text));
    }
    let part = format!("{}a", &OWN[..12]);
    assert_eq!(
        text_of(&rule(None), &part),
        "…",
        "like an own id, but not its beginning"
    );
    assert_eq!(text_of(&rule(None), &OWN[1..]), "…", "the end of an own id");
    assert_eq!(text_of(&ErrorRule::default(), OWN), "…", "nothing is known");
}

#[test]
fn an_escape_neither_joins_nor_hides_an_id() {
    let id = &FOREIGN[..12];
    for (text, shown) in [
        (r"\u003cID\u003e", r"\u003c…\u003e"),
        (r#"\nID\\ID\/ID\""#, r#"\n…\\…\/…\""#),
        (r"\u00e9ID\u0141ID\u00E9", r"\u00e9…\u0141…\u00E9"),
        (r"\u0066edcba98765\u0034.", "…."),
        (r"\u0067edcba98765\u0034.", r"\u0067edcba98765\u0034."),
        (r"name:\u0022web\u0022.", r"name:\u0022…\u0022."),
        (r#"name:\"web"#, r#"name:\"…"#),
        (r#"name:\"web\\"#, r#"name:\"…"#),
    ] {
        let (text, shown) = (text.replace("ID", id), shown.to_owned());
        let [text, shown] =
            [text, shown].map(|text| format!(r#"{{"message":"{text}","name":"web"}}"#));
        assert_eq!(text_of(&rule(None), &text), shown);
    }
    let path = format!(r"C:\n{id}");
    assert_eq!(text_of(&rule(None), &path), path, "not JSON");
}

#[test]
fn the_clients_name_is_put_back() {
    for name in ["web", "a\"b\\c", &FOREIGN[..12], FOREIGN, "x y", ""] {
        let rule = rule(Some(name));
        for text in [
            "No such container: WORD",
            "no such image: WORD: No such image: WORD:latest",
            "WORD",
            "get WORD: no such volume",
        ] {
            let (asked, said) = (text.replace("WORD", WORD), text.replace("WORD", name));
            assert_eq!(text_of(&rule, &asked), said, "plain");
            assert_eq!(text_of(&rule, &json(&asked)), json(&said), "JSON");
        }
    }
    let rule = rule(Some(FOREIGN));
    let text = format!("{WORD} and {}", &FOREIGN[..13]);
    assert_eq!(
        text_of(&rule, &text),
        format!("{FOREIGN} and …"),
        "only the name is put back"
    );
    let part = &WORD[..31];
    assert_eq!(text_of(&rule, part), part);
}

#[test]
fn an_error_of_64_kib_is_the_longest() {
    let text = "é.".repeat(MAX / 3 + 1);
    let bytes = text.as_bytes();
    assert_eq!(passed(&rule(None), &[&bytes[..MAX]]).unwrap(), bytes[..MAX]);
    let parts = [&bytes[..MAX - 1], &bytes[..2]];
    let bad = passed(&rule(None), &parts).unwrap_err();
    assert_eq!(bad.to_string(), "its error is longer than 64 KiB");
    assert!(passed(&rule(None), &[&bytes[..=MAX]]).is_err());
}

#[test]
fn only_errors_are_reworded() {
    let rule = ReplyRule::Errors(Box::new(rule(None)));
    for (status, is_filtered) in [
        (200, false),
        (204, false),
        (399, false),
        (400, true),
        (500, true),
    ] {
        assert_eq!(rule.filter(status).is_some(), is_filtered, "{status}");
    }
    assert!(ReplyRule::default().filter(500).is_none());
}

proptest! {
    #[test]
    fn an_error_is_the_same_in_any_parts(
        text in r#"(name:"|" id:"|following services?: |, |service '|' \(|\\|[0-9a-f]{12}|[0-9a-z]{25}|[ "zq,:a-f]|é){0,20}"#,
        is_json in any::<bool>(),
        at in any::<prop::sample::Index>(),
    ) {
        let text = if is_json { json(&text) } else { text };
        let rule = rule(Some("web"));
        let (one, other) = text.as_bytes().split_at(at.index(text.len() + 1));
        let whole = passed(&rule, &[text.as_bytes()]).unwrap();
        prop_assert_eq!(passed(&rule, &[one, other]).unwrap(), whole.clone());
        if is_json {
            prop_assert!(Json::parse(whole.trim_ascii()).is_ok(), "{}", whole.escape_ascii());
        }
        let again = rule.hidden(&Read::of(&whole, is_json).text);
        let names_left = again.iter().all(|part| part.len() == HIDDEN.len());
        prop_assert!(names_left, "{} of {text}", whole.escape_ascii());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), is_json in any::<bool>()) {
        let bytes = if is_json { [b"{\"\\u", &*bytes].concat() } else { bytes };
        prop_assert!(passed(&rule(Some("web")), &[&bytes]).is_ok());
    }
}
