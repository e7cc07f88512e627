//! What is sent in the place of what was asked.

use super::*;
use crate::policy::needs::tests::judged;

/// What is sent for a request that a policy of these blocks grants.
#[track_caller]
fn sent(blocks: &str, request: &str, body: &str) -> (String, String) {
    let permit = judged(blocks, request, body, &[]).unwrap();
    let body = permit.body().unwrap_or_default().to_owned();
    (permit.call().render(), body)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn what_was_looked_up_is_named_by_its_id_wherever_it_stands() {
    let id = "0".repeat(64);
    let create = "POST /containers/create";
    let joins = "[create]\njoin = ['*']";
    for (blocks, request, body, target, want) in [
        (
            "",
            "POST /containers/web/exec",
            r#"{"Cmd":["a"]}"#,
            "/containers/ID/exec",
            r#"{"Cmd":["a"]}"#,
        ),
        (
            "[exec]\nunrestricted = true",
            "POST /containers/web/exec",
            r#"{"Cmd":["a"]}"#,
            "/containers/web/exec",
            r#"{"Cmd":["a"]}"#,
        ),
        (
            "",
            "PUT /containers/web/archive?path=/a",
            "",
            "/containers/ID/archive?path=%2Fa",
            "",
        ),
        (
            "[networks]\ncontainers = ['*']",
            "POST /networks/bridge/connect",
            r#"{"Container":"web"}"#,
            "/networks/bridge/connect",
            r#"{"Container":"ID"}"#,
        ),
        (
            "[networks]\ncontainers = ['*']",
            "POST /networks/n/disconnect",
            r#"{"Container":"/web"}"#,
            "/networks/n/disconnect",
            r#"{"Container":"ID"}"#,
        ),
        (
            joins,
            create,
            r#"{"HostConfig":{"PidMode":"container:web","IpcMode":"container:/web"}}"#,
            "/containers/create",
            r#"{"HostConfig":{"PidMode":"container:ID","IpcMode":"container:ID"},STAMP}"#,
        ),
        (
            joins,
            create,
            r#"{"HostConfig":{"NetworkMode":"container:web","VolumesFrom":["web","web:ro"]}}"#,
            "/containers/create",
            r#"{"HostConfig":{"NetworkMode":"container:ID","VolumesFrom":["ID","ID:ro"]},STAMP}"#,
        ),
        // A link without an alias has its container's name for one.
        (
            joins,
            create,
            r#"{"HostConfig":{"Links":["web","/web","web:x"]}}"#,
            "/containers/create",
            r#"{"HostConfig":{"Links":["ID:web","ID:web","ID:x"]},STAMP}"#,
        ),
    ] {
        let want = want
            .replace("ID", &id)
            .replace("STAMP", r#""Labels":{"dockgate.policy":"p"}"#);
        let target = target.replace("ID", &id);
        assert_eq!(
            sent(blocks, request, body),
            (target, want),
            "{request} {body}"
        );
    }
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
            r#"{"Name":"n","Labels":{"dockgate.policy":"p"}}"#,
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
        // What makes nothing bears nothing.
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
fn what_replaces_another_keeps_its_mark() {
    let marked = |body: &str| {
        let mut body = Json::parse(body.as_bytes()).unwrap();
        labels(
            Operation::ContainerCreate,
            &mut body,
            Some("updater"),
            &Blocks::default(),
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
