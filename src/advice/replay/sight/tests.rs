//! Which recorded requests name only what is certainly in scope.

use super::super::{Replayed, judge};
use crate::docker::Call;
use crate::policy::Rules;
use crate::policy::finding;
use crate::policyfile::Grants;
use crate::policyfile::file::tests::policy;

const ALLOW: &str = "allow = ['*:read', 'ContainerStop', 'ContainerPrune', 'ContainerRename', 'ContainerCreate', \
                     'ContainerExec', 'NetworkConnect', 'NetworkCreate', 'ImageTag']\n\
                     deny = ['swarm:read', 'services:read', 'nodes:read', 'tasks:read', 'secrets:read', \
                     'configs:read', 'plugins:read']\n\
                     [create]\nnetworks = ['*', '@own', '@default']\nvolumes = ['*', '@own', '@new']\njoin = ['*', '@own']\n[networks]\ncontainers = ['*', '@own']\n";

/// The verdict on a request under policies with these scopes, or without one. A name follows the request.
fn judged(scopes: &[&str], request: &str, findings: &[&str]) -> &'static str {
    let policies = scopes.iter().map(|scope| {
        let scope = if scope.is_empty() {
            String::new()
        } else {
            format!("[scope]\n{scope}\n")
        };
        policy("ci", format!("{ALLOW}{scope}").leak())
    });
    let rules = Rules::new(policies.collect(), Grants::default());
    let mut words = request.split(' ');
    let call = Call::parse(words.next().unwrap(), words.next().unwrap()).unwrap();
    let findings = findings.iter().map(|text| finding::parse(text).unwrap());
    match judge(&rules, &call, &findings.collect::<Vec<_>>(), words.next()) {
        Replayed::Allowed => "allowed",
        Replayed::Refused(_) => "refused",
        Replayed::UnknownScope => "unknown",
        Replayed::Unsure(_) => "unsure",
    }
}

const OWN: &str = "objects = ['@own']\nsee = ['network:edge', 'container:monitor']";

/// The verdict under the scope above, the request and its findings.
const BY_LABELS: &str = "
allowed GET /containers/json
unknown GET /containers/web/json
unknown POST /containers/web/stop
unknown POST /containers/web/exec exec.into=@own
unknown GET /exec/e1/json
unknown GET /volumes/data
allowed GET /images/a/json
unknown POST /images/a/tag?repo=b
allowed GET /containers/monitor/json
unknown POST /containers/monitor/stop
allowed GET /networks/edge
allowed GET /networks/bridge
allowed POST /networks/edge/connect networks.containers=@own
unknown POST /networks/edge/connect networks.containers=web
unknown GET /networks/4bcff63911fc
allowed POST /containers/create create.networks=@own create.volumes=@new
allowed POST /containers/create create.networks=host
allowed POST /containers/create create.networks=edge
unknown POST /containers/create create.networks=other
unknown POST /containers/create create.volumes=data
unknown POST /containers/create create.join=web
refused POST /containers/create create.privileged=true
allowed POST /containers/prune
";

#[test]
fn nothing_is_claimed_about_an_object_whose_labels_decide() {
    for row in BY_LABELS.lines().skip(1) {
        let words: Vec<_> = row.split_whitespace().collect();
        let (want, request) = (words[0], words[1..3].join(" "));
        let judged = |scopes: &[&str]| judged(scopes, &request, &words[3..]);
        assert_eq!(judged(&[OWN]), want, "{row}");
        // One policy without a scope shows everything.
        let unscoped = if want == "unknown" { "allowed" } else { want };
        assert_eq!(judged(&[""]), unscoped, "{row}");
        assert_eq!(judged(&[OWN, ""]), unscoped, "{row}");
    }
}

/// The verdict, the request, the new name or `-`, a finding or `-`, and the scope.
const BY_NAMES: &str = "
allowed POST /containers/ci-1/stop - - objects = ['name:ci-*']
unknown POST /containers/web/stop - - objects = ['name:ci-*']
unknown POST /containers/web/stop - - objects = ['not-label:a']
allowed POST /containers/create ci-1 - objects = ['name:ci-*']
unknown POST /containers/create web - objects = ['name:ci-*']
unknown POST /containers/create web - objects = ['project:a']
allowed POST /containers/create web - objects = ['label:a=b']
unknown POST /containers/create - create.networks=@own objects = ['label:a=b']
allowed POST /containers/create ci-1 - objects = ['@own']; names = ['ci-*']
refused POST /containers/create web - objects = ['@own']; names = ['ci-*']
allowed POST /containers/create - - objects = ['@own']; names = ['ci-*']
unknown POST /networks/create ci-... - objects = ['@own']; names = ['ci-*']
refused POST /containers/a/rename web - objects = ['name:*']; names = ['ci-*']
allowed POST /containers/a/rename ci-1 - objects = ['name:*']; names = ['ci-*']
refused POST /containers/create 4bcff63911fc - objects = ['@own']
allowed POST /networks/create 4bcff63911fc - objects = ['@own']
refused POST /containers/prune - - objects = ['@own', 'label:a']
";

#[test]
fn names_decide_as_far_as_a_record_has_them() {
    for row in BY_NAMES.lines().skip(1) {
        let (want, rest) = row.split_once(' ').unwrap();
        let words: Vec<_> = rest.trim_start().splitn(5, ' ').collect();
        let request = words[..3].join(" ");
        let request = request.trim_end_matches(" -");
        let findings: &[&str] = if words[3] == "-" { &[] } else { &words[3..4] };
        let scope = words[4].replace("; ", "\n");
        assert_eq!(judged(&[&scope], request, findings), want, "{row}");
    }
}
