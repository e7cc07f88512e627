//! How many lookups each operation needs before it can be evaluated.

use std::collections::BTreeSet;
use std::fmt::Write;

use dockgate::advice::dry_run;
use dockgate::config::Files;
use dockgate::docker::{Call, Operation};
use dockgate::policy::{Lookup, Rules};
use dockgate::policyfile::example::Given;
use dockgate::policyfile::{Grants, Library, Policy, Problem, shipped};
use serde_json::json;

use crate::support::hostile::asking;

/// Bodies, one per line after its operation; `hostile.txt` has more.
const BODIES: &[&str] = &[include_str!("../data/bodies.txt"), MORE];

/// Bodies that name objects which the recorded ones do not.
const MORE: &str = r#"
ContainerCreate {"Image":"a","HostConfig":{"Binds":["new:/a"],"NetworkMode":"n","VolumesFrom":["web"],"Runtime":"r"}}
ContainerCreate {"Image":"a","HostConfig":{"Binds":["new:/a"]}}
ServiceUpdate {"Name":"s","TaskTemplate":{"ContainerSpec":{"Image":"a"},"Networks":[{"Target":"n"}]}}
"#;

/// The queries of requests that name objects in their query.
const QUERIES: &[(Operation, &str)] = &[
    (Operation::ContainerCreate, "?name=web"),
    (Operation::ImageBuild, "?t=r:t&t=s:t&networkmode=n"),
    (Operation::ImageCommit, "?container=web&repo=r&tag=t"),
    (Operation::ImageCreate, "?fromImage=r&tag=t"),
    (Operation::ImageTag, "?repo=r&tag=t"),
    (Operation::PutContainerArchive, "?path=/srv"),
    (Operation::ServiceUpdate, "?version=1"),
];

/// Blocks that cause as many lookups as possible.
const CURIOUS: &str = "
[create]
replaces = true
volumes  = ['@own', '@new']
networks = ['@own']
join     = ['@own']
";

/// For each operation that causes lookups, a line: the most lookups of one request, with every recorded
/// body under every built-in policy and two with all operations, and which operations they use. The objects
/// are ordinary; each volume is tried both existing and missing.
pub(super) fn lookups() -> String {
    let policies = policies();
    let bodies: Vec<_> = BODIES.iter().flat_map(|text| text.lines()).collect();
    let mut made = String::new();
    for operation in Operation::ALL {
        let of_it = bodies.iter().filter_map(|line| body_of(*operation, line));
        let asking = asking().filter(|(_, row)| {
            let call = Call::parse(row.method, row.target).unwrap();
            call.operation() == Some(*operation)
        });
        let of_it: Vec<_> = of_it
            .chain(asking.map(|(_, row)| row.body))
            .chain([""])
            .collect();
        let granting = policies.iter().filter(|policy| policy.has(*operation));
        let rules = granting.map(|policy| Rules::new(vec![policy.clone()], Grants::default()));
        let rules: Vec<_> = rules.collect();
        let (mut most, mut by) = (0, BTreeSet::new());
        for call in calls(*operation) {
            for body in &of_it {
                for rules in &rules {
                    let raised = raised(rules, &call, body);
                    most = most.max(raised.len());
                    by.extend(raised.iter().map(ToString::to_string));
                }
            }
        }
        if most > 0 {
            let by = by.into_iter().collect::<Vec<_>>().join(" ");
            writeln!(made, "{operation} {most} {by}").unwrap();
        }
    }
    made
}

/// The body of a line, if it is for this operation.
fn body_of(operation: Operation, line: &'static str) -> Option<&'static str> {
    let (of, body) = line.split_once(' ')?;
    (of == operation.to_string()).then_some(body)
}

/// A call for each route of an operation.
fn calls(operation: Operation) -> Vec<Call> {
    let query = QUERIES.iter().find(|(of, _)| *of == operation);
    let query = query.map_or("", |(_, query)| query);
    let routes = operation.spec().routes.iter();
    let call = |method: &str, path: &str| {
        let path = path.split('/').map(|segment| {
            if segment.starts_with('{') {
                "web"
            } else {
                segment
            }
        });
        let target = path.collect::<Vec<_>>().join("/") + query;
        Call::parse(method, &target).unwrap()
    };
    routes
        .map(|route| call(route.method.as_str(), route.path))
        .collect()
}

/// The operations that a request makes Dockgate send to the daemon, once for each lookup: the longer list
/// of two runs, with and without existing volumes.
fn raised(rules: &Rules, call: &Call, body: &str) -> Vec<Operation> {
    let judge = |given: &[Given]| {
        dry_run::judge(rules, call.clone(), body, given).map_or(Vec::new(), |(_, asked)| asked)
    };
    let operations = |asked: &[Lookup]| {
        asked
            .iter()
            .filter_map(Lookup::operation)
            .collect::<Vec<_>>()
    };
    let without = judge(&[]);
    let volumes: Vec<_> = without
        .iter()
        .filter_map(|lookup| {
            if let Lookup::Volume(name) = lookup {
                Some((format!("/volumes/{name}"), json!({})))
            } else {
                None
            }
        })
        .collect();
    let mut with = operations(&judge(&volumes));
    with.extend(volumes.iter().map(|_| Operation::VolumeInspect));
    let without = operations(&without);
    if with.len() > without.len() {
        with
    } else {
        without
    }
}

fn policies() -> Vec<Policy> {
    let shipped = shipped::ALL
        .iter()
        .map(|(name, _)| Policy::load(name, &Files));
    let names = Operation::ALL.iter().map(|it| format!("'{it}'"));
    let all = format!("allow = [{}]\n", names.collect::<Vec<_>>().join(", "));
    let own = [all.clone(), all + CURIOUS].map(|text| Policy::load("all", &Text(text)));
    shipped.chain(own).map(Result::unwrap).collect()
}

/// One policy; its name does not matter.
struct Text(String);

impl Library for Text {
    fn read(&self, reference: &str) -> Result<(String, String), Problem> {
        Ok((reference.to_owned(), self.0.clone()))
    }
}
