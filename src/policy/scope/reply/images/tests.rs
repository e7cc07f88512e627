//! What is left of replies about images. The same reply in any parts gives the same.

use serde_json::{Value, json};

use super::*;
use crate::policy::filter::Filter;
use crate::policyfile::file::Policy;
use crate::policyfile::file::tests::policy;

fn id(digit: &str) -> String {
    digit.repeat(64)
}

fn scoped() -> Policy {
    policy(
        "ci",
        "allow = ['images:read', 'images:content', 'ImageCreate', 'events:read', 'info:read', 'df:read']\ndeny = ['ImagePrune']\n\
         [scope]\nobjects = ['@own']\nimages = 'scoped'\nsee = ['image:base']",
    )
}

fn label(made: &str) -> Value {
    json!({"dockgate.image": format!("ci docker.io/library/{made}")})
}

/// What the daemon has. The client has made `mine:1` and pulled `pulled:1`.
fn inspection(name: &str) -> Value {
    let (digit, tags, label) = match name {
        "mine:1" => ("1", json!(["mine:1", "other:1"]), label("mine:1")),
        "pulled:1" | "docker.io/library/pulled:1" => ("2", json!(["pulled:1"]), Value::Null),
        _ => ("3", json!(["other:2"]), Value::Null),
    };
    let digests = json!([
        format!("mine@sha256:{}", id("a")),
        format!("other@sha256:{}", id("a"))
    ]);
    json!({"Id": format!("sha256:{}", id(digit)), "RepoTags": tags, "RepoDigests": digests, "Config": {"Labels": label}})
}

fn answer(lookup: &Lookup) -> Answer {
    match lookup {
        Lookup::Named(owner) => {
            assert_eq!(owner, "ci");
            let pulled = NamedImage {
                name: "docker.io/library/pulled:1".to_owned(),
                id: id("2").into(),
                is_pulled: true,
            };
            Answer::Named(Arc::new([pulled]))
        }
        Lookup::Image(name) => lookup
            .read(inspection(name).to_string().as_bytes())
            .unwrap(),
        Lookup::Labeled(..) => Answer::Listed(Arc::new([])),
        other @ (Lookup::Container(_)
        | Lookup::DefaultRuntime
        | Lookup::Exec(_)
        | Lookup::Moved { .. }
        | Lookup::Network(_)
        | Lookup::NewVolume(_)
        | Lookup::SwarmObject(..)
        | Lookup::Predecessor(_)
        | Lookup::Service(_)
        | Lookup::Tag(_)
        | Lookup::UsersOf(_)
        | Lookup::Volume(_)) => panic!("{other:?}"),
    }
}

/// The image that a client has pulled.
type Pulled = Option<(Lookup, Arc<str>)>;

/// What the client gets of a reply that arrives in parts of this length, and the image that it has pulled.
fn passed(target: &str, reply: &str, length: usize) -> Result<(String, Pulled), BadReply> {
    let policy = scoped();
    let is_pull = target.starts_with("/images/create");
    let call = Call::parse(if is_pull { "POST" } else { "GET" }, target).unwrap();
    let mut view = Answers::default();
    let shown = loop {
        match policy.scoped().unwrap().shown(&call, &view) {
            Ok(shown) => break shown,
            Err(NeedsLookup::Ask(lookup)) => {
                let answer = answer(&lookup);
                view.learn(lookup, answer);
            }
            Err(missing @ NeedsLookup::Missing(_)) => panic!("{missing:?}"),
        }
    };
    let mut filter = shown.filter(200).unwrap();
    let mut out = Vec::new();
    let ask = |filter: &mut Box<dyn Filter>, out: &mut Vec<u8>| {
        while let Some(lookup) = filter.wants() {
            filter.learn(Some(answer(&lookup)), out)?;
        }
        Ok(())
    };
    for part in reply.as_bytes().chunks(length) {
        filter.push(part, &mut out)?;
        ask(&mut filter, &mut out)?;
    }
    filter.finish(&mut out)?;
    ask(&mut filter, &mut out)?;
    Ok((String::from_utf8(out).unwrap(), filter.pulled()))
}

#[track_caller]
fn shown(target: &str, reply: &Value) -> Value {
    let whole = passed(target, &reply.to_string(), usize::MAX).unwrap().0;
    for length in [1, 7, 64] {
        let parts = passed(target, &reply.to_string(), length).unwrap().0;
        assert_eq!(parts, whole, "{target}");
    }
    serde_json::from_str(&whole).unwrap()
}

/// An image in a list.
fn listed(digit: &str, tags: &[&str], label: &Value) -> Value {
    json!({"Id": format!("sha256:{}", id(digit)), "RepoTags": tags, "RepoDigests": [], "Labels": label, "Size": 7, "Containers": 3})
}

#[test]
fn a_list_has_only_the_images_and_names_that_the_client_sees() {
    let images = json!([
        listed("1", &["mine:1", "other:1"], &label("mine:1")),
        listed("2", &["pulled:1"], &Value::Null),
        listed("3", &["base:1"], &Value::Null),
        listed("4", &["other:2"], &label("mine:1")),
        listed("5", &["<none>:<none>"], &label("mine:1")),
        listed("6", &["<none>:<none>"], &Value::Null),
    ]);
    let tags = |images: &Value| -> Vec<Value> {
        let images = images.as_array().unwrap().iter();
        images
            .map(|image| {
                assert_eq!(image["Containers"], json!(-1), "{image}");
                image["RepoTags"].clone()
            })
            .collect()
    };
    let want = [
        json!(["mine:1"]),
        json!(["pulled:1"]),
        json!(["base:1"]),
        json!(["<none>:<none>"]),
    ];
    assert_eq!(tags(&shown("/images/json", &images)), want);
    let usage = json!({"LayersSize": 99, "Images": images, "Containers": [], "Volumes": [], "BuildCache": []});
    let usage = shown("/system/df", &usage);
    assert_eq!(tags(&usage["Images"]), want);
    assert_eq!(usage["LayersSize"], json!(4 * 7));
    assert!(passed("/images/json", r#"[{"Id":"x"}]"#, 3).is_err());
    let info = json!({"Images": 9, "Containers": 1});
    assert_eq!(shown("/info", &info)["Images"], json!(0));
}

#[test]
fn an_inspection_and_a_history_lack_the_names_of_others() {
    let shown_of = shown("/images/mine:1/json", &inspection("mine:1"));
    assert_eq!(shown_of["RepoTags"], json!(["mine:1"]));
    let digest = format!("mine@sha256:{}", id("a"));
    assert_eq!(shown_of["RepoDigests"], json!([digest]));
    let step =
        |digit: &str, tags: Value| json!({"Id": format!("sha256:{}", id(digit)), "Tags": tags});
    let history = json!([
        step("1", json!(["mine:1", "other:1"])),
        step("3", json!(["other:2"])),
        step("2", json!(["pulled:1", "base:1"])),
        step("4", json!(["pulled:1"])),
        step("5", Value::Null),
    ]);
    let tags: Vec<_> = shown("/images/mine:1/history", &history)
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["Tags"].clone())
        .collect();
    let want = [
        json!(["mine:1"]),
        json!([]),
        json!(["pulled:1", "base:1"]),
        json!([]),
        Value::Null,
    ];
    assert_eq!(tags, want);
}

#[test]
fn events_are_those_of_images_that_the_client_sees() {
    let event = |action: &str, id: &str, name: &str| json!({"Type": "image", "Action": action, "Actor": {"ID": id, "Attributes": {"name": name}}});
    let mine = format!("sha256:{}", id("1"));
    let events = [
        (event("tag", "mine:1", "mine:1"), true),
        (event("tag", "mine:1", "other:1"), false),
        (event("pull", "pulled:1", "pulled"), true),
        (event("pull", "other:2", "other"), false),
        (event("delete", &mine, &mine), false),
        (event("untag", "mine:1", "mine:1"), true),
        (event("prune", "", ""), false),
    ];
    let lines: Vec<_> = events.iter().map(|(event, _)| event.to_string()).collect();
    let text = lines.join("\n") + "\n";
    for length in [1, 50, usize::MAX] {
        let (passed, _) = passed("/events", &text, length).unwrap();
        let kept: Vec<Value> = passed
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let want = events.iter().filter(|(_, is_seen)| *is_seen);
        let want: Vec<_> = want.map(|(event, _)| event.clone()).collect();
        assert_eq!(kept, want, "{length}");
    }
}

#[test]
fn an_image_is_seen_after_a_pull_without_errors() {
    let good =
        "{\"status\":\"Pulling from library/pulled\"}\r\n{\"status\":\"Digest: sha256:0\"}\r\n";
    let failed = "{\"status\":\"Pulling from library/pulled\"}\r\n{\"errorDetail\":{},\"error\":\"denied\"}\r\n";
    let pulled = |target: &str, reply: &str| {
        let results: Vec<_> = [1, 9, usize::MAX]
            .map(|length| passed(target, reply, length).unwrap())
            .into();
        for (passed, pulled) in &results {
            assert_eq!(
                (passed.as_str(), pulled),
                (reply, &results[0].1),
                "{target}"
            );
        }
        results[0].1.clone()
    };
    let pull = "/images/create?fromImage=pulled&tag=1";
    let lookup = Lookup::Moved {
        owner: "ci".to_owned(),
        name: "docker.io/library/pulled:1".to_owned(),
    };
    assert_eq!(pulled(pull, good), Some((lookup, id("2").into())));
    assert_eq!(pulled(pull, failed), None, "an error");
    assert_eq!(pulled(pull, "{\"status\""), None, "it broke off");
    assert_eq!(pulled(pull, "<html>"), None, "something else");
}
