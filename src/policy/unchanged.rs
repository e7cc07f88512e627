//! Whether an update leaves a service as it is. Clients send the whole service even to restart its tasks or to change
//! their number. Such an update is allowed everything that the service has.

use std::collections::BTreeSet;

use super::replaces::sameness::is_same;
use crate::docker::{Call, Json};
use crate::policy::objects::Service;
use crate::policy::requirements::is_reserved;

/// What an update may change: how often the tasks were restarted, and how many there are.
const COUNTS: &[&str] = &["Mode.Replicated.Replicas", "TaskTemplate.ForceUpdate"];
/// The objects that are compared member by member.
const OPENED: &[&str] = &["", "Mode", "Mode.Replicated", "TaskTemplate"];

/// Where an update changes a service. Of its labels only Dockgate's own are compared: the policy checks all others.
pub(crate) fn differences(call: &Call, body: &Json, service: &Service) -> Vec<String> {
    let mut found = Vec::new();
    // The daemon rejects the update if the service has another version by then, so this is the service that is updated.
    let version = call.query.first("version").unwrap_or_default();
    if service.version.as_deref() != Some(version) {
        found.push(VERSION.to_owned());
    }
    compare("", body, &service.spec, &mut found);
    found
}

/// The difference of an update that is meant for another version of the service.
const VERSION: &str = "the version in the query is not the one that the service has";

/// Whether something that an update asks for was compared with the service.
pub(crate) fn is_compared(path: &str) -> bool {
    let first = path.split('.').next().unwrap_or_default();
    // A key of the query is not part of the service.
    first.starts_with(|letter: char| letter.is_ascii_uppercase()) && first != "Labels"
}

fn compare(path: &str, new: &Json, old: &Json, found: &mut Vec<String>) {
    let is_equal = match path {
        _ if COUNTS.contains(&path) => true,
        "Labels" => own_labels(new) == own_labels(old),
        // The name of the member says which mode it is, and the member may be empty.
        "Mode" if keys(new) != keys(old) => false,
        _ if OPENED.contains(&path) => {
            for key in keys(new).into_iter().chain(keys(old)) {
                let below = [path, key].join(".");
                let below = below.trim_start_matches('.');
                compare(below, new.at(key), old.at(key), found);
            }
            true
        }
        _ => is_same(new, old),
    };
    if !is_equal && !found.iter().any(|listed| listed == path) {
        found.push(path.to_owned());
    }
}

fn keys<'j>(of: &'j Json<'_>) -> BTreeSet<&'j str> {
    let members = of.members().iter();
    let members = members.filter(|(_, value)| !value.is_null());
    members.map(|(key, _)| &**key).collect()
}

fn own_labels<'j>(of: &'j Json<'_>) -> BTreeSet<(&'j str, Option<&'j str>)> {
    let labels = of.members().iter();
    let labels = labels.filter(|(key, _)| is_reserved(key));
    labels.map(|(key, value)| (&**key, value.text())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::{Target, classify};

    const SPEC: &str = r#"{"Name":"job","Labels":{"swarm.cronjob.enable":"true","dockgate.policy":"p"},
        "TaskTemplate":{"ContainerSpec":{"Image":"a:1","CapabilityAdd":["CAP_SYS_ADMIN"],"Sysctls":{"net.x":"1"},
            "Configs":[{"ConfigID":"c","ConfigName":"c"}],"ReadOnly":true,"Labels":{"a":"b"}},
            "Networks":[{"Target":"host"}],"ForceUpdate":3,"Runtime":"container"},
        "Mode":{"Replicated":{"Replicas":0}},"EndpointSpec":{"Mode":"vip"}}"#;

    fn found(version: &str, change: (&str, &str)) -> Vec<String> {
        let reply = format!(r#"{{"ID":"x","Version":{{"Index":7}},"Spec":{SPEC}}}"#);
        let service = Service::parse(reply.as_bytes()).unwrap();
        let target = format!("/services/job/update?{version}");
        let call = classify("POST", Target::parse(&target).unwrap()).unwrap();
        assert!(SPEC.contains(change.0), "{change:?}");
        let body = SPEC.replacen(change.0, change.1, 1);
        differences(&call, &Json::parse(body.as_bytes()).unwrap(), &service)
    }

    #[test]
    fn g2_a_service_that_stays_as_it_is_may_be_started_again() {
        for change in [
            ("", ""),
            (r#""ForceUpdate":3"#, r#""ForceUpdate":99"#),
            (r#","ForceUpdate":3"#, ""),
            (r#""Replicas":0"#, r#""Replicas":5"#),
            (r#""swarm.cronjob.enable":"true""#, r#""b":"c""#),
            // These mean nothing.
            (
                r#""ReadOnly":true"#,
                r#""ReadOnly":true,"Init":null,"Hosts":[]"#,
            ),
        ] {
            assert_eq!(
                found("version=7", change),
                Vec::<String>::new(),
                "G2: {change:?}"
            );
        }
    }

    #[test]
    fn g2_what_changes_anything_else_of_a_service_is_told() {
        for (change, want) in [
            (("a:1", "a:2"), "TaskTemplate.ContainerSpec"),
            (("CAP_SYS_ADMIN", "CAP_BPF"), "TaskTemplate.ContainerSpec"),
            ((r#","ReadOnly":true"#, ""), "TaskTemplate.ContainerSpec"),
            (
                (r#""Labels":{"a":"b"}"#, r#""Labels":{}"#),
                "TaskTemplate.ContainerSpec",
            ),
            (
                (r#""a:1","#, r#""a:1","Command":["sh"],"#),
                "TaskTemplate.ContainerSpec",
            ),
            (("host", "bridge"), "TaskTemplate.Networks"),
            (
                (r#""Runtime":"container""#, r#""Runtime":"plugin""#),
                "TaskTemplate.Runtime",
            ),
            (
                (
                    r#""Runtime""#,
                    r#""Resources":{"Limits":{"Pids":5}},"Runtime""#,
                ),
                "TaskTemplate.Resources",
            ),
            (
                (r#"{"Replicated":{"Replicas":0}}"#, r#"{"Global":{}}"#),
                "Mode",
            ),
            (
                (
                    r#"{"Replicated":{"Replicas":0}}"#,
                    r#"{"ReplicatedJob":{}}"#,
                ),
                "Mode",
            ),
            (
                (
                    r#"{"Replicated":{"Replicas":0}}"#,
                    r#"{"Replicated":{"Replicas":0},"Global":{}}"#,
                ),
                "Mode",
            ),
            ((r#","dockgate.policy":"p""#, ""), "Labels"),
            (
                (r#""dockgate.policy":"p""#, r#""dockgate.policy":"q""#),
                "Labels",
            ),
            ((r#""vip""#, r#""dnsrr""#), "EndpointSpec"),
            ((r#""Name":"job""#, r#""Name":"other""#), "Name"),
        ] {
            assert_eq!(found("version=7", change), [want], "G2: {change:?}");
        }
        for version in ["version=8", "version=6", "version=07", "version=", ""] {
            assert_eq!(found(version, ("", "")), [VERSION], "G2: {version}");
        }
    }

    #[test]
    fn g2_only_what_was_compared_is_granted_with_it() {
        for (path, want) in [
            ("TaskTemplate.ContainerSpec.CapabilityAdd", true),
            ("EndpointSpec.Ports", true),
            ("Labels", false),
            ("rollback", false),
        ] {
            assert_eq!(is_compared(path), want, "G2: {path}");
        }
    }
}
