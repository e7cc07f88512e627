//! Follows every hint in a denial: writes what it says into the policy's text, reads that again, and judges the same
//! request with the same answers.

use toml::{Table, Value};

use super::*;
use crate::advice::dry_run;
use crate::docker::{Target, classify};
use crate::policy::reason::Asked;
use crate::policy::value;
use crate::policy::{Judgement, Requirement, Rules};
use crate::policyfile::Grants;
use crate::policyfile::example::Given;
use crate::policyfile::file::tests::policy;

/// What a policy denies in a request; `None` if it allows the request.
fn denied(text: &str, request: &str, body: &str, given: &[Given]) -> Option<(String, Asked)> {
    let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
    let rules = Rules::new(vec![policy("p", text)], Grants::default());
    let (method, target) = request.split_once(' ').unwrap();
    let call = classify(method, Target::parse(target).unwrap()).unwrap();
    match dry_run::judge(&rules, call, body, given).unwrap().0 {
        Judgement::Allow(_) => None,
        Judgement::Deny(denial) => Some((denial.message, *denial.asked.unwrap_or_default())),
        other @ (Judgement::Inspect(_) | Judgement::Ask(..) | Judgement::Missing(_)) => {
            panic!("{request} {body}: {other:?}")
        }
    }
}

/// Follows every hint of a denial.
#[track_caller]
pub(crate) fn follow(text: &str, request: &str, body: &str, given: &[Given]) {
    let Some((message, asked)) = denied(text, request, body, given) else {
        return;
    };
    let policy = policy("p", Box::leak(text.to_owned().into_boxed_str()));
    let hints = Hints {
        blocks: &policy.blocks,
        entered: asked.entered.as_ref(),
    };
    let (mut whole, mut is_for_policy): (Table, bool) = (text.parse().unwrap(), true);
    for (at, requirement) in asked.refused.iter().enumerate() {
        let Some(remedy) = hints.remedy(&requirement.what) else {
            is_for_policy = false;
            continue;
        };
        let way = remedy.to_string();
        let case = format!("{text}\n{request} {body}\n{message}\nhint: {way}");
        assert!(
            at >= 3 || message.len() >= 500 || message.contains(&way),
            "not told: {case}"
        );
        let Some(written) = for_policy(&way) else {
            is_for_policy = false;
            assert_no_key_helps(text, (request, body, given), requirement, &case);
            continue;
        };
        let mut single: Table = text.parse().unwrap();
        apply(&mut single, written, requirement, hints, &case);
        apply(&mut whole, written, requirement, hints, &case);
        let after = denied(&single.to_string(), request, body, given);
        let still = after.is_some_and(|(_, after)| after.refused.contains(requirement));
        assert!(!still, "followed, it changes nothing: {case}\n{single}");
    }
    if is_for_policy && !asked.refused.is_empty() {
        let after = denied(&whole.to_string(), request, body, given);
        let after = after.map(|(message, _)| message);
        assert_eq!(
            after, None,
            "all hints followed: {text}\n{request} {body}\n{message}\n{whole}"
        );
    }
}

/// The part of a hint that is about the policy, if there is any.
fn for_policy(way: &str) -> Option<&str> {
    if let Some(change) = way.strip_prefix("have the client ") {
        return change.split_once(", or ").map(|(_, written)| written);
    }
    Some(way)
}

/// Checks that a hint for the client is only given if no value of the key would help.
fn assert_no_key_helps(
    text: &str,
    (request, body, given): (&str, &str, &[Given]),
    requirement: &Requirement,
    case: &str,
) {
    let Some(key) = requirement.what.key() else {
        return;
    };
    let value = requirement.what.value().unwrap();
    let mut table: Table = text.parse().unwrap();
    list(&mut table, key.name()).push(value.to_string().into());
    let (text, name) = (table.to_string(), "p".to_owned());
    if crate::policyfile::Policy::load(&name, &Text(text.clone())).is_err() {
        return;
    }
    let after = denied(&text, request, body, given);
    let still = after.is_some_and(|(_, after)| after.refused.contains(requirement));
    assert!(still, "a key would have granted it: {case}");
}

struct Text(String);

impl crate::policyfile::Library for Text {
    fn read(&self, name: &str) -> Result<(String, String), crate::policyfile::Problem> {
        Ok((name.to_owned(), self.0.clone()))
    }
}

/// Writes what a hint says.
fn apply(table: &mut Table, way: &str, requirement: &Requirement, hints: Hints<'_>, case: &str) {
    let mut rest = way;
    while !rest.is_empty() {
        rest = step(table, rest, requirement, hints)
            .unwrap_or_else(|| panic!("no step: {rest}\n{case}"));
        rest = rest.strip_prefix(" and ").unwrap_or(rest);
    }
}

/// Writes what one step of a hint says, and returns the text after it.
fn step<'a>(
    table: &mut Table,
    way: &'a str,
    requirement: &Requirement,
    hints: Hints<'_>,
) -> Option<&'a str> {
    let rest = if let Some(rest) = way.strip_prefix("set ") {
        let (key, rest) = rest.split_once(" = ")?;
        let end = rest.find(" (").or(rest.find(" and ")).unwrap_or(rest.len());
        let (value, rest) = rest.split_at(end);
        let value: Table = format!("value = {value}").parse().unwrap();
        *entry(table, key) = value.get("value")?.clone();
        rest
    } else if let Some(rest) = way.strip_prefix("remove ") {
        let (taken, rest) = text(rest)?;
        let (key, rest) = key(rest.strip_prefix(" from ")?);
        match entry(table, key) {
            Value::Array(list) => list.retain(|entry| entry.as_str() != Some(&taken)),
            Value::Table(stamps) => _ = stamps.remove(&taken),
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_) => return None,
        }
        rest.strip_prefix(", which sets it to another value")
            .unwrap_or(rest)
    } else if let Some(rest) = way.strip_prefix("raise ") {
        let (keys, rest) = rest.split_once(" in create.limits or remove it there")?;
        for key in keys.split(" and ") {
            entry(table, "create.limits").as_table_mut()?.remove(key)?;
        }
        rest
    } else if let Some(rest) = way.strip_prefix("leave ") {
        let (key, rest) = rest.split_once(" out")?;
        let (block, key) = key.split_once('.')?;
        table.get_mut(block)?.as_table_mut()?.remove(key)?;
        rest
    } else {
        return added(table, way.strip_prefix("add ")?, requirement, hints);
    };
    Some(
        rest.find(')')
            .filter(|_| rest.starts_with(" ("))
            .map_or(rest, |end| &rest[end + 1..]),
    )
}

/// Adds the entry that a hint names.
fn added<'a>(
    table: &mut Table,
    way: &'a str,
    requirement: &Requirement,
    hints: Hints<'_>,
) -> Option<&'a str> {
    let arguments = |what: &What| {
        if let What::Key(_, value::Value::Argv(argv)) = what {
            Some(argv.clone())
        } else {
            None
        }
    };
    let (value, rest): (Value, _) = if let Some(rest) = way.strip_prefix("the whole value to ") {
        (requirement.what.value()?.to_string().into(), rest)
    } else if way.starts_with('[') || way.starts_with("a list of ") {
        (
            arguments(&requirement.what)?.into(),
            way.split_once(" to ")?.1,
        )
    } else {
        let (value, rest) = text(way)?;
        let of_container = hints.entered.map_or(&[][..], |entered| &entered.has);
        match rest.strip_prefix(" with its value to ") {
            None => (value.into(), rest.strip_prefix(" to ")?),
            Some(rest) => {
                let mut requirements = of_container.iter().chain([requirement]);
                let option = requirements.find_map(|requirement| {
                    let What::Key(_, value::Value::Pair { key, value: whole }) = &requirement.what
                    else {
                        return None;
                    };
                    (format!("{key}=") == value).then(|| format!("{key}={whole}"))
                });
                (option?.into(), rest)
            }
        }
    };
    let (key, mut rest) = key(rest);
    let list = list(table, key);
    if let Some(beside) = rest.strip_prefix(", and keep the default ") {
        let (first, behind) = text(beside)?;
        let second = behind.strip_prefix(" and ").and_then(text);
        rest = second.as_ref().map_or(behind, |(_, rest)| rest);
        let words = [Some(first), second.map(|(second, _)| second)];
        if list.is_empty() {
            list.extend(words.into_iter().flatten().map(Value::from));
        }
    }
    list.push(value);
    Some(
        rest.find(')')
            .filter(|_| rest.starts_with(" ("))
            .map_or(rest, |end| &rest[end + 1..]),
    )
}

/// A text in quotes, and the text after it.
fn text(from: &str) -> Option<(String, &str)> {
    let mut escaped = false;
    let end = from.strip_prefix('"')?.find(|letter| {
        let is_end = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        is_end
    })?;
    let (quoted, rest) = from.split_at(end + 2);
    let table: Table = format!("value = {quoted}").parse().unwrap();
    Some((table.get("value")?.as_str()?.to_owned(), rest))
}

/// A key, and the text after it.
fn key(from: &str) -> (&str, &str) {
    let is_key = |letter: char| matches!(letter, 'a'..='z' | '_' | '.');
    from.split_at(from.find(|letter| !is_key(letter)).unwrap_or(from.len()))
}

fn list<'a>(table: &'a mut Table, key: &str) -> &'a mut Vec<Value> {
    let entry = entry(table, key);
    if !entry.is_array() {
        *entry = Value::Array(Vec::new());
    }
    entry.as_array_mut().unwrap()
}

/// The value of a key, which is created if it is missing.
fn entry<'a>(table: &'a mut Table, key: &str) -> &'a mut Value {
    let (first, rest) = key.split_once('.').unwrap_or((key, ""));
    let value = table.entry(first).or_insert(Value::Table(Table::new()));
    if rest.is_empty() {
        return value;
    }
    entry(value.as_table_mut().unwrap(), rest)
}

/// The denial under a policy with these blocks, given these answers.
#[track_caller]
fn told(blocks: &str, request: &str, body: &str, given: &[(&str, Value)]) -> String {
    const ALLOW: &str = "allow = ['ContainerCreate', 'ContainerExec', 'ContainerAttach', 'ContainerStart',
        'ExecStart', 'NetworkConnect', 'NetworkDisconnect', 'PutContainerArchive', 'ServiceUpdate']\n";
    let text = [ALLOW, blocks].concat();
    let given: Vec<Given> = given
        .iter()
        .map(|(of, value)| ((*of).to_owned(), serde_json::to_value(value).unwrap()))
        .collect();
    follow(&text, request, body, &given);
    denied(&text, request, body, &given)
        .map(|(message, _)| message)
        .unwrap_or_default()
}

fn id(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn value(text: &str) -> Value {
    let json: serde_json::Value = serde_json::from_str(text).unwrap();
    Value::try_from(json).unwrap()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn g1_networks_by_id_are_named_as_a_policy_must_name_them() {
    let network = |id: &str, name: &str, driver: &str, labels: &str| {
        value(&format!(
            r#"{{"Id":"{id}","Name":"{name}","Driver":"{driver}","Labels":{{{labels}}}}}"#
        ))
    };
    let own = r#""dockgate.policy":"p""#;
    for (blocks, name, driver, labels, hint) in [
        // Own variants first.
        (
            "[create]\nnetworks = []",
            "backend",
            "bridge",
            own,
            "add \"@own\" to create.networks",
        ),
        ("", "backend", "bridge", own, ""),
        (
            "",
            "host",
            "host",
            "",
            "add \"network\" to create.host_namespaces",
        ),
        (
            "[create]\nnetworks = ['host']",
            "host",
            "host",
            "",
            "add \"network\" to create.host_namespaces",
        ),
        (
            "[create]\nhost_namespaces = ['network']",
            "host",
            "host",
            "",
            "",
        ),
        ("", "bridge", "bridge", "", ""),
        (
            "[create]\nnetworks = []",
            "bridge",
            "bridge",
            "",
            "add \"@default\" to create.networks",
        ),
        ("", "none", "null", "", ""),
        ("[create]\nnetworks = []", "none", "null", "", ""),
        // A client's network of this name is not the daemon's own.
        (
            "[create]\nnetworks = []",
            "none",
            "bridge",
            "",
            "add \"none\" to create.networks",
        ),
        (
            "",
            "backend",
            "bridge",
            "",
            "add \"backend\" to create.networks, and keep the default \"@default\" and \"@own\"",
        ),
        (
            "[create]\nnetworks = ['front']",
            "backend",
            "overlay",
            "",
            "add \"backend\" to create.networks",
        ),
        (
            "",
            "@edge",
            "bridge",
            "",
            "add \"?edge\" to create.networks, and keep the default \"@default\" and \"@own\"",
        ),
        (
            "",
            "a*b",
            "bridge",
            "",
            "add \"a*b\" to create.networks, and keep the default \"@default\" and \"@own\"",
        ),
    ] {
        let full = id('e');
        for by in [full.as_str(), &full[..12], name] {
            // The daemon's own networks are known by name without a lookup, and some of these names are not valid in a
            // request.
            if by == name
                && (matches!(name, "host" | "bridge" | "none")
                    || name.starts_with('@')
                    || name.contains('*'))
            {
                continue;
            }
            let target = format!("/networks/{by}");
            let given = [(target.as_str(), network(&full, name, driver, labels))];
            for (request, body) in [
                (
                    "POST /containers/create",
                    format!(r#"{{"Image":"a","HostConfig":{{"NetworkMode":"{by}"}}}}"#),
                ),
                (
                    "POST /containers/create",
                    format!(
                        r#"{{"Image":"a","HostConfig":{{"NetworkMode":"none"}},"NetworkingConfig":{{"EndpointsConfig":{{"{by}":{{}}}}}}}}"#
                    ),
                ),
                (
                    "POST /services/s/update?version=1",
                    format!(r#"{{"TaskTemplate":{{"Networks":[{{"Target":"{by}"}}]}}}}"#),
                ),
                (
                    "POST /services/s/update?version=1",
                    format!(r#"{{"Networks":[{{"Target":"{by}"}}]}}"#),
                ),
                (
                    &format!("POST /networks/{by}/connect"),
                    r#"{"Container":"@own"}"#.replace("@own", "own"),
                ),
            ] {
                let own = (
                    "/containers/own/json",
                    value(r#"{"Config":{"Labels":{"dockgate.policy":"p"}}}"#),
                );
                let given = [given[0].clone(), own];
                let message = told(blocks, request, &body, &given);
                match hint {
                    "" => assert_eq!(message, "", "G1: {name} by {by}: {request} {body}"),
                    _ => assert!(
                        message.ends_with(&format!("; to allow it, {hint}")),
                        "G1: {message}"
                    ),
                }
            }
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn g1_containers_by_id_are_named_as_a_policy_must_name_them() {
    let full = id('c');
    let container = |name: &str, labels: &str| {
        value(&format!(
            r#"{{"Id":"{}","Name":"/{name}","Config":{{"Labels":{{{labels}}}}}}}"#,
            id('c')
        ))
    };
    let own = r#""dockgate.policy":"p""#;
    let service = r#""com.docker.compose.service":"web","com.docker.compose.config-hash":"1""#;
    for (name, labels, entry) in [
        ("web", own, "@own"),
        ("web", "", "web"),
        ("acme-web-1", service, "acme-web-1"),
        // A name that changes each time should not be suggested.
        (
            "run-4bcff63911fc",
            service,
            "label:com.docker.compose.service=web",
        ),
        (
            "run-4bcff63911fc",
            r#""org.opencontainers.image.title":"a","role":"ci""#,
            "label:role=ci",
        ),
        ("run-4bcff63911fc", "", "run-4bcff63911fc"),
        ("postgres15", service, "postgres15"),
    ] {
        for by in [full.as_str(), &full[..12], name] {
            let target = format!("/containers/{by}/json");
            let given = [(target.as_str(), container(name, labels))];
            for (key, blocks, request, body) in [
                (
                    "create.join",
                    "[create]\njoin = ['other']",
                    "POST /containers/create".to_owned(),
                    format!(r#"{{"Image":"a","HostConfig":{{"NetworkMode":"container:{by}"}}}}"#),
                ),
                (
                    "create.join",
                    "",
                    "POST /containers/create".to_owned(),
                    format!(r#"{{"Image":"a","HostConfig":{{"VolumesFrom":["{by}"]}}}}"#),
                ),
                (
                    "create.join",
                    "",
                    "POST /containers/create".to_owned(),
                    format!(r#"{{"Image":"a","HostConfig":{{"Links":["{by}:db"]}}}}"#),
                ),
                (
                    "exec.into",
                    "[exec]\ninto = ['other']",
                    format!("POST /containers/{by}/exec"),
                    r#"{"Cmd":["a"]}"#.to_owned(),
                ),
                (
                    "exec.into",
                    "[exec]\ninto = ['other']",
                    format!("POST /containers/{by}/attach?stdin=1"),
                    String::new(),
                ),
                (
                    "exec.into",
                    "[exec]\ninto = ['other']",
                    format!("POST /containers/{by}/attach?stdout=1"),
                    String::new(),
                ),
                (
                    "archive.into",
                    "[archive]\ninto = ['other']",
                    format!("PUT /containers/{by}/archive?path=/a"),
                    String::new(),
                ),
                (
                    "networks.containers",
                    "[networks]\ncontainers = ['other']",
                    "POST /networks/bridge/disconnect".to_owned(),
                    format!(r#"{{"Container":"{by}"}}"#),
                ),
            ] {
                let message = told(blocks, &request, &body, &given);
                let hint = format!("; to allow it, add \"{entry}\" to {key}");
                assert!(message.ends_with(&hint), "Messages: {message}, not {hint}");
            }
        }
    }
}

#[test]
fn g7_a_container_that_has_more_is_named_with_what_it_has_and_the_narrowest_key() {
    let full = id('c');
    let target = format!("/containers/{full}/json");
    for (inspection, has, way) in [
        (
            r#"{"Mounts":[{"Type":"bind","Source":"/srv/x","RW":true}]}"#,
            "Mounts \"/srv/x:rw\"",
            "add \"/srv/x:rw\" to create.binds",
        ),
        (
            r#"{"Mounts":[{"Type":"bind","Source":"/srv/x","RW":false},{"Type":"bind","Source":"/srv/y","RW":true}]}"#,
            "Mounts \"/srv/x:ro\", Mounts \"/srv/y:rw\"",
            "add \"/srv/x:ro\" to create.binds and add \"/srv/y:rw\" to create.binds",
        ),
        (
            r#"{"HostConfig":{"PidMode":"host","Privileged":true}}"#,
            "PidMode \"host\", Privileged",
            "add \"pid\" to create.host_namespaces and set create.privileged = true",
        ),
        // No narrower key allows it.
        (
            r#"{"HostConfig":{"MaskedPaths":[]},"Mounts":[{"Type":"bind","Source":"/srv/x","RW":true}]}"#,
            "MaskedPaths, Mounts \"/srv/x:rw\"",
            "set BLOCK.into_privileged = true",
        ),
    ] {
        for (block, request, body) in [
            (
                "exec",
                format!("POST /containers/{full}/exec"),
                r#"{"Cmd":["a"]}"#,
            ),
            (
                "exec",
                format!("POST /containers/{full}/attach?stdin=1"),
                "",
            ),
            (
                "archive",
                format!("PUT /containers/{full}/archive?path=/a"),
                "",
            ),
        ] {
            let mut inspection = value(inspection);
            inspection
                .as_table_mut()
                .unwrap()
                .insert("Name".to_owned(), "/web".into());
            let message = told("", &request, body, &[(&target, inspection)]);
            let way = way.replace("BLOCK", block);
            let want = format!(
                "the container \"web\" has {has}, which [create] does not allow; to allow it, {way}"
            );
            assert!(message.ends_with(&want), "G7: {message}, not {want}");
        }
    }
}

#[test]
fn volumes_are_told_by_what_keeps_them_from_being_mounted() {
    let body = r#"{"Image":"a","HostConfig":{"Binds":["data:/a"]}}"#;
    let request = "POST /containers/create";
    let nfs = r#"{"Driver":"local","Options":{"type":"nfs","device":":/x"}}"#;
    for (blocks, volume, hints) in [
        ("", "{}", 1),
        ("[create]\nvolumes = ['data']", nfs, 2),
        ("", nfs, 3),
        (
            "[create]\nvolumes = []",
            r#"{"Labels":{"dockgate.policy":"p"}}"#,
            1,
        ),
        ("[create]\nvolumes = ['data']", r#"{"Driver":"evil"}"#, 1),
    ] {
        let message = told(blocks, request, body, &[("/volumes/data", value(volume))]);
        assert_eq!(
            message.matches("to allow it").count(),
            hints,
            "{blocks}: {message}"
        );
    }
}

#[test]
fn what_starts_is_told_the_networks_that_it_may_not_be_put_on() {
    let own = r#"{"Config":{"Labels":{"dockgate.policy":"p"}},"NetworkSettings":{"Networks":{"back":{"NetworkID":"b1"},"bridge":{}}}}"#;
    let network = value(r#"{"Name":"back"}"#);
    let message = told(
        "",
        "POST /containers/web/start",
        "",
        &[
            ("/containers/web/json", value(own)),
            ("/networks/b1", network),
        ],
    );
    assert!(
        message.contains("add \"back\" to create.networks"),
        "{message}"
    );
}
