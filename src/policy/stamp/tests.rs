//! The labels that say through which policy something was created.

use super::*;
use crate::policy::requirements::tests::judged;

/// What is sent for a request that a policy with these blocks allows.
#[track_caller]
fn sent(blocks: &str, request: &str, body: &str) -> (String, String) {
    let permit = judged(blocks, request, body, &[]).unwrap();
    let body = permit
        .request
        .body
        .as_deref()
        .unwrap_or_default()
        .to_owned();
    (permit.request.call.render(), body)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn what_is_made_bears_the_name_of_the_policy_that_granted_it() {
    let stamp = "[create]\nlabels = { stamp = { owner = 'ci' } }";
    for (blocks, request, body, want) in [
        (
            "",
            "POST /containers/create",
            r#"{"Image":"a"}"#,
            r#"{"Image":"a","Labels":{"dockgate.policy":"p"},"HostConfig":{}}"#,
        ),
        (
            "",
            "POST /containers/create",
            r#"{"Labels":{"x":"y","dockgate.policy":"p"},"HostConfig":{}}"#,
            r#"{"Labels":{"x":"y","dockgate.policy":"p"},"HostConfig":{}}"#,
        ),
        (
            "",
            "POST /volumes/create",
            r#"{"Name":"v"}"#,
            r#"{"Name":"v","Labels":{"dockgate.policy":"p"}}"#,
        ),
        (
            "",
            "POST /networks/create",
            r#"{"Name":"n","Labels":{}}"#,
            r#"{"Name":"n","Labels":{"dockgate.policy":"p"},"CheckDuplicate":true}"#,
        ),
        (
            "",
            "POST /services/create",
            r#"{"TaskTemplate":{"ContainerSpec":{"Image":"a"}}}"#,
            r#"{"TaskTemplate":{"ContainerSpec":{"Image":"a","Labels":{"dockgate.policy":"p"}}},"Labels":{"dockgate.policy":"p"}}"#,
        ),
        (
            "",
            "POST /services/s/update?version=1",
            r#"{"Labels":{"a":"b"}}"#,
            r#"{"Labels":{"a":"b"}}"#,
        ),
        (
            "[create]\nunrestricted = true",
            "POST /containers/create",
            r#"{"Image":"a"}"#,
            r#"{"Image":"a","HostConfig":{}}"#,
        ),
        (
            "[volumes]\nunrestricted = true",
            "POST /volumes/create",
            r#"{"Name":"v"}"#,
            r#"{"Name":"v"}"#,
        ),
        (
            stamp,
            "POST /containers/create",
            r#"{"Labels":{"owner":"ci"},"HostConfig":{}}"#,
            r#"{"Labels":{"owner":"ci","dockgate.policy":"p"},"HostConfig":{}}"#,
        ),
        (
            stamp,
            "POST /volumes/create",
            "{}",
            r#"{"Labels":{"owner":"ci","dockgate.policy":"p"}}"#,
        ),
        // A request that creates nothing gets no labels.
        (
            "",
            "POST /containers/web/update",
            r#"{"Memory":1}"#,
            r#"{"Memory":1}"#,
        ),
        ("", "POST /exec/e1/start", "{}", "{}"),
    ] {
        assert_eq!(sent(blocks, request, body).1, want, "{request} {body}");
    }
}

#[test]
fn an_image_that_is_made_bears_the_policy_and_its_names_and_no_mark_for_containers() {
    let label = r#"LABEL dockgate.policy="" dockgate.image="p docker.io/library/app:1""#;
    let encoded = |text: &str| {
        let mut query = crate::docker::query::Query::default();
        query.add("", text);
        let mut shown = String::new();
        query.render(&mut shown);
        shown.trim_start_matches("?=").to_owned()
    };
    let labels = r#"{"a":"b","dockgate.policy":"","dockgate.image":"p docker.io/library/app:1"}"#;
    for (request, body, want) in [
        (
            "POST /build?t=app:1&labels=%7B%22a%22:%22b%22%7D",
            "",
            format!("/build?t=app%3A1&labels={}", encoded(labels)),
        ),
        (
            "POST /build",
            "",
            format!(
                "/build?labels={}",
                encoded(r#"{"dockgate.policy":"","dockgate.image":"p"}"#)
            ),
        ),
        (
            "POST /commit?container=web&repo=app&tag=1&changes=CMD%20a",
            "{}",
            format!(
                "/commit?container=web&repo=app&tag=1&changes=CMD+a&changes={}",
                encoded(label)
            ),
        ),
        (
            "POST /images/create?fromSrc=-&repo=app:1",
            "",
            format!(
                "/images/create?fromSrc=-&repo=app%3A1&changes={}",
                encoded(label)
            ),
        ),
        (
            "POST /images/create?fromImage=app&tag=1",
            "",
            "/images/create?fromImage=app&tag=1".to_owned(),
        ),
    ] {
        let blocks = "[images]\nimport = true";
        assert_eq!(sent(blocks, request, body).0, want, "S9: {request}");
    }
    let lifted = "[build]\nunrestricted = true";
    assert_eq!(
        sent(lifted, "POST /build?t=app:1", "").0,
        "/build?t=app%3A1"
    );
}

#[test]
fn what_replaces_another_keeps_its_mark() {
    let marked = |body: &str| {
        let mut body = Json::parse(body.as_bytes()).unwrap();
        labels(
            crate::docker::Operation::ContainerCreate.spec().judged,
            &mut body,
            Some(Owner::of("updater")),
            (&Blocks::default(), None),
            None,
        );
        let mark = body.get("Labels").and_then(|it| it.get(POLICY_LABEL));
        mark.and_then(Json::text).map(str::to_owned)
    };
    assert_eq!(marked("{}").as_deref(), Some("updater"));
    assert_eq!(
        marked(r#"{"Labels":{"dockgate.policy":"agent"}}"#).as_deref(),
        Some("agent")
    );
}
