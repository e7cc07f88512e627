use proptest::prelude::*;

use super::*;
use crate::docker::query::BadQuery;

fn call(method: &str, target: &str) -> Result<Call, Unclassified> {
    classify(method, Target::parse(target)?)
}

/// Method, target, its operation, and the target to send.
const SPELLINGS: &str = "
    GET /_ping SystemPing /_ping
    HEAD /v1.44/_ping SystemPing /v1.44/_ping
    GET /networks/ NetworkList /networks/
    GET /v1.45/containers/json?all=1 ContainerList /v1.45/containers/json?all=1
    GET /containers/web/json ContainerInspect /containers/web/json
    GET /containers/json/json ContainerInspect /containers/json/json
    HEAD /containers/web/archive?path=/ ContainerArchiveInfo /containers/web/archive?path=%2F
    DELETE /containers/prune ContainerDelete /containers/prune
    DELETE /containers/a/checkpoints/b ContainerCheckpointDelete /containers/a/checkpoints/b
    GET /containers/a/attach/ws ContainerAttachWebsocket /containers/a/attach/ws
    GET /images/json ImageList /images/json
    GET /images/json/json ImageInspect /images/json/json
    GET /images/a/b/json/json ImageInspect /images/a/b/json/json
    GET /images/a%2Fb%3A1/json ImageInspect /images/a/b:1/json
    DELETE /images/a%2fjson ImageDelete /images/a/json
    POST /images/host:5000/a/push ImagePush /images/host:5000/a/push
    GET /plugins/privileges?remote=x GetPluginPrivileges /plugins/privileges?remote=x
    GET /networks/create NetworkInspect /networks/create
    GET /networks/bugs%20net NetworkInspect /networks/bugs%20net
    GET /networks/bugs%2Fnet NetworkInspect /networks/bugs%2Fnet
    GET /networks/bugs/net NetworkInspect /networks/bugs%2Fnet
    GET /networks/b%c3%bcgs?verbose=1 NetworkInspect /networks/b%C3%BCgs?verbose=1
    GET /networks/bugs@1 NetworkInspect /networks/bugs%401
    GET /networks/%77eb NetworkInspect /networks/web
    GET /networks/a%2520b NetworkInspect /networks/a%2520b
    DELETE /networks/x%2Fconnect NetworkDelete /networks/x%2Fconnect
    DELETE /networks/prun%65 NetworkDelete /networks/prune
    POST /networks/-bugs/connect NetworkConnect /networks/-bugs/connect
    POST /networks/bugs/net/connect NetworkConnect /networks/bugs%2Fnet/connect
    POST /networks/x/connect/disconnect NetworkDisconnect /networks/x%2Fconnect/disconnect
    POST /containers/create?Env=secret&name=a ContainerCreate /containers/create?name=a
";

#[test]
fn finds_the_one_row_and_renders_its_canonical_target() {
    let rows = SPELLINGS
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    for row in rows.filter(|row| !row.is_empty()) {
        let call = call(row[0], row[1]).unwrap();
        assert_eq!(call.operation().unwrap().spec().name, row[2], "{row:?}");
        assert_eq!(call.render(), row[3], "{row:?}");
    }
}

#[test]
fn refuses_targets_that_no_row_matches() {
    for (method, target) in [
        ("get", "/_ping"),
        ("PATCH", "/containers/json"),
        ("OPTIONS", "/containers/json"),
        ("POST", "/containers/json"),
        ("HEAD", "/containers/json"),
        ("GET", "/containers"),
        ("GET", "/containers/JSON"),
        ("GET", "/containers/web"),
        ("GET", "/containers/a/b/json"),
        ("POST", "/v1.23/containers/web/copy"),
        ("GET", "/containers/web/logs/x"),
        ("GET", "/images/a%2Fjson"),
        ("GET", "/swarm/x"),
        ("POST", "/networks/x%2Fconnect"),
        ("POST", "/networks/x/conn%65ct"),
        ("POST", "/networks/creat%65"),
        ("POST", "/networks/prun%65"),
        ("GET", "/auth"),
    ] {
        assert!(
            matches!(call(method, target), Err(Unclassified::Unknown { .. })),
            "{method} {target}"
        );
    }
}

#[test]
fn refuses_unclean_names() {
    for (target, want) in [
        ("/containers/-x/json", BadTarget::Name("-x".to_owned())),
        ("/containers/a:b/json", BadTarget::Name("a:b".to_owned())),
        ("/containers/json/", BadTarget::TrailingSlash),
        ("/_ping/", BadTarget::TrailingSlash),
        ("/libpod/info/", BadTarget::TrailingSlash),
        ("/networks/a/", BadTarget::TrailingSlash),
        ("/networks/a%zz", BadTarget::Escape),
        ("/networks/a%ff", BadTarget::Escape),
        ("/networks/a%0ab", BadTarget::NetworkName("a\nb".to_owned())),
        (
            "/networks/a%2F..%2Fcreate",
            BadTarget::NetworkName("a/../create".to_owned()),
        ),
        ("/networks/%2e%2e", BadTarget::NetworkName("..".to_owned())),
        (
            "/networks/container:web",
            BadTarget::NetworkName("container:web".to_owned()),
        ),
        (
            "/networks/@default",
            BadTarget::NetworkName("@default".to_owned()),
        ),
        ("/volumes/a%20b", BadTarget::Escape),
        ("/images/a%2e/json", BadTarget::Escape),
        ("/images/a%252Fb/json", BadTarget::Escape),
        ("/images/%2Fa/json", BadTarget::Reference("/a".to_owned())),
        (
            "/images/a%2F..%2Fb/json",
            BadTarget::Reference("a/../b".to_owned()),
        ),
        (
            "/containers/a/logs?follow=0&follow=1",
            BadQuery::Doubled("follow".to_owned()).into(),
        ),
    ] {
        assert_eq!(
            call("GET", target),
            Err(Unclassified::Bad(want)),
            "{target}"
        );
    }
    for target in [
        "/images/create?fromImage=a&fromImage=b",
        "/containers/create?name=a&name=b",
    ] {
        let refused = call("POST", target);
        assert!(
            matches!(
                refused,
                Err(Unclassified::Bad(BadTarget::Query(BadQuery::Doubled(_))))
            ),
            "{target}"
        );
    }
}

#[test]
fn names_the_nearest_route() {
    for (target, want) in [
        ("/containers/jsn", Some("/containers/json")),
        ("/images/web/jsno", Some("/images/{name...}/json")),
        ("/exec/x", None),
    ] {
        let Err(Unclassified::Unknown { nearest, .. }) = call("GET", target) else {
            panic!("{target} is unknown");
        };
        assert_eq!(nearest.map(|route| route.path), want, "{target}");
    }
}

#[test]
fn recognizes_endless_replies_by_the_query() {
    for (method, target, want) in [
        ("GET", "/events?until=1", true),
        ("GET", "/containers/a/logs", false),
        ("GET", "/containers/a/logs?follow=yes", true),
        ("GET", "/containers/a/logs?follow=TRUE", true),
        ("GET", "/containers/a/logs?follow=0", false),
        ("GET", "/containers/a/stats", true),
        ("GET", "/containers/a/stats?stream=no", false),
        ("POST", "/containers/a/wait", true),
        ("POST", "/containers/a/attach", true),
        ("GET", "/containers/a/export", false),
        ("GET", "/libpod/events", true),
    ] {
        assert_eq!(
            call(method, target).unwrap().is_endless(),
            want,
            "F27 to F29: {method} {target}"
        );
    }
}

#[test]
fn an_import_has_a_body_and_a_pull_has_none() {
    assert_eq!(
        call("POST", "/images/create?fromSrc=-").unwrap().body(),
        Body::Tar
    );
    assert_eq!(
        call("POST", "/images/create?fromImage=a").unwrap().body(),
        Body::Discarded
    );
    assert_eq!(
        call("POST", "/images/create").unwrap().body(),
        Body::Discarded
    );
}

fn matching_rows(method: Method, target: &Target<'_>) -> usize {
    let segments: Vec<_> = target.segments().collect();
    let patterns = INDEX.values().flatten();
    patterns
        .filter(|pattern| pattern.route.method == method && pattern.names(&segments).is_some())
        .count()
}

proptest! {
    #[test]
    fn what_is_accepted_matches_one_row_and_renders_to_itself(
        method in prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "DELETE"]),
        first in prop::sample::select(vec!["containers", "images", "networks", "volumes", "plugins", "exec", "swarm", "services"]),
        rest in prop::collection::vec(prop::sample::select(vec!["json", "create", "a", "b%2Fc", "connect", "%2D", "d:1", "prune", "attach", "ws", "checkpoints", "get"]), 0..4),
        query in prop::sample::select(vec!["", "?all=1", "?filters={\"a\":[\"b\"]}"]),
    ) {
        let text = format!("/v1.45/{first}/{}{query}", rest.join("/"));
        if let Ok(target) = Target::parse(&text) {
            let method_kind = Method::named(method).unwrap();
            if let Ok(call) = classify(method, target.clone()) {
                prop_assert_eq!(matching_rows(method_kind, &target), 1);
                let rendered = call.render();
                let again = classify(method, Target::parse(&rendered).unwrap());
                prop_assert_eq!(again, Ok(call));
            }
        }
    }

    #[test]
    fn no_input_panics(method in "[A-Za-z]{0,7}", target in "/[ -~]{0,60}") {
        let _ = call(&method, &target);
    }
}

#[test]
fn pairs_the_names_of_a_path_with_their_kinds() {
    let objects = |method: &str, target: &str| {
        let call = call(method, target).unwrap();
        let objects = call
            .objects()
            .map(|(kind, name)| format!("{kind:?} {name}"));
        let first = call.objects().next().map(|(kind, _)| format!("{kind:?}"));
        (
            objects.collect::<Vec<_>>().join(", "),
            first.unwrap_or_default(),
        )
    };
    for (method, target, want, first) in [
        ("GET", "/containers/json", "", ""),
        ("GET", "/containers/web/json", "Container web", "Container"),
        (
            "DELETE",
            "/containers/web/checkpoints/one",
            "Container web, Checkpoint one",
            "Container",
        ),
        ("GET", "/images/a%2Fb:1/json", "Image a/b:1", "Image"),
        (
            "GET",
            "/distribution/a/b/json",
            "Repository a/b",
            "Repository",
        ),
        (
            "POST",
            "/networks/front/connect",
            "Network front",
            "Network",
        ),
        ("POST", "/libpod/containers/web/kill", "", ""),
    ] {
        let want = (want.to_owned(), first.to_owned());
        assert_eq!(objects(method, target), want, "{method} {target}");
    }
}
