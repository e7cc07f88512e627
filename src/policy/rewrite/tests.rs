//! What is sent instead of what the client sent.

use crate::policy::requirements::tests::judged;

/// What is sent for a request that a policy with these blocks allows.
#[track_caller]
fn sent(blocks: &str, request: &str, body: &str) -> (String, String) {
    let by_id = ("/containers/0000/json", r#"{"Name":"/of-an-id"}"#);
    let permit = judged(blocks, request, body, &[by_id]).unwrap();
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
            r#"{"HostConfig":{"NetworkMode":"container:ID","VolumesFrom":["web","web:ro"]},STAMP}"#,
        ),
        // G6: what an engine stores and a client sends back stays as it was written. A name that could be the beginning
        // of an id is distinguished from one, and such a beginning becomes the whole id.
        (
            joins,
            create,
            r#"{"HostConfig":{"Links":["web","/web","web:x","cafe:x"],"VolumesFrom":["cafe","0000:ro","/db"]}}"#,
            "/containers/create",
            r#"{"HostConfig":{"Links":["web","/web","web:x","/cafe:x"],"VolumesFrom":["/cafe","ID:ro","/db"]},STAMP}"#,
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
fn a_network_is_sent_with_its_id_and_shown_under_the_name_that_the_client_wrote() {
    let id = "0".repeat(64);
    let blocks = "[create]\nnetworks = ['*', '@default']\n[networks]\ncontainers = ['*']";
    for (request, body, target, want) in [
        (
            "POST /containers/create",
            r#"{"HostConfig":{"NetworkMode":"n"}}"#,
            "/containers/create",
            r#"{"HostConfig":{"NetworkMode":"n"},"NetworkingConfig":{"EndpointsConfig":{"n":{"NetworkID":"ID"}}},STAMP}"#,
        ),
        // S2a: the id that the client sends is ignored.
        (
            "POST /containers/create",
            r#"{"HostConfig":{"NetworkMode":"n"},"NetworkingConfig":{"EndpointsConfig":{"n":{"NetworkID":"abc123abc123","Aliases":["a"]},"bridge":{"NetworkID":"abc"}}}}"#,
            "/containers/create",
            r#"{"HostConfig":{"NetworkMode":"n"},"NetworkingConfig":{"EndpointsConfig":{"n":{"Aliases":["a"],"NetworkID":"ID"},"bridge":{}}},STAMP}"#,
        ),
        // An engine that gets other endpoints does not join one for the mode.
        (
            "POST /containers/create",
            r#"{"HostConfig":{"NetworkMode":"n"},"NetworkingConfig":{"EndpointsConfig":{"m":{}}}}"#,
            "/containers/create",
            r#"{"HostConfig":{"NetworkMode":"n"},"NetworkingConfig":{"EndpointsConfig":{"m":{"NetworkID":"ID"}}},STAMP}"#,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"NetworkMode":"n"},"NetworkDisabled":true}"#,
            "/containers/create",
            r#"{"HostConfig":{"NetworkMode":"n"},"NetworkDisabled":true,STAMP}"#,
        ),
        (
            "POST /containers/create",
            r#"{"HostConfig":{"NetworkMode":"bridge"}}"#,
            "/containers/create",
            r#"{"HostConfig":{"NetworkMode":"bridge"},STAMP}"#,
        ),
        // S2b: the engine looks up the name of the path's network again.
        (
            "POST /networks/n/connect",
            r#"{"Container":"web"}"#,
            "/networks/ID/connect",
            r#"{"Container":"ID","EndpointConfig":{"NetworkID":"ID"}}"#,
        ),
        (
            "POST /networks/n/connect",
            r#"{"Container":"web","EndpointConfig":{"NetworkID":"m","Aliases":["a"]}}"#,
            "/networks/ID/connect",
            r#"{"Container":"ID","EndpointConfig":{"Aliases":["a"],"NetworkID":"ID"}}"#,
        ),
        (
            "POST /services/create",
            r#"{"Networks":[{"Target":"n"}],"TaskTemplate":{"Networks":[{"Target":"n"}]}}"#,
            "/services/create",
            r#"{"Networks":[{"Target":"ID"}],"TaskTemplate":{"Networks":[{"Target":"ID"}]},STAMP}"#,
        ),
    ] {
        let want = want
            .replace("ID\"", &format!("{id}\""))
            .replace(&format!("Network{id}"), "NetworkID")
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
fn what_gets_a_name_gets_none_that_reads_as_the_id_of_another_object() {
    let whole = "4b".repeat(32);
    let names = [
        whole.as_str(),
        "4bcff63911fc",
        "4bcff63911f",
        "4bcff63911fg",
    ];
    for (request, body, path) in [
        (
            "POST /containers/create?name=NAME",
            "{}",
            "/containers/NAME/json",
        ),
        (
            "POST /containers/create?name=/NAME",
            "{}",
            "/containers/NAME/json",
        ),
        (
            "POST /containers/web/rename?name=NAME",
            "",
            "/containers/NAME/json",
        ),
        (
            "POST /containers/web/rename?name=/NAME",
            "",
            "/containers/NAME/json",
        ),
        (
            "POST /networks/create",
            r#"{"Name":"NAME"}"#,
            "/networks/NAME",
        ),
        (
            "POST /services/create",
            r#"{"Name":"NAME"}"#,
            "/services/NAME",
        ),
    ] {
        for (name, is_there, want) in [
            (names[0], true, false),
            (names[0], false, false),
            (names[1], true, false),
            // Testcontainers sometimes gives its networks such random names.
            (names[1], false, true),
            (names[2], true, true),
            (names[3], true, true),
        ] {
            let (request, body) = (request.replace("NAME", name), body.replace("NAME", name));
            let path = path.replace("NAME", name);
            let missing = [(path.as_str(), "null")];
            let given = if is_there { &[][..] } else { &missing[..] };
            let judged = judged("", &request, &body, given);
            assert_eq!(
                judged.is_ok(),
                want,
                "S1 S16 S22: {request} {body} {is_there}: {judged:?}"
            );
        }
    }
    for (request, body, is_read) in [
        ("POST /images/a/tag?repo=NAME", "", true),
        ("POST /images/a/tag?repo=NAME&tag=latest", "", true),
        ("POST /images/a/tag?repo=docker.io/library/NAME", "", true),
        ("POST /build?t=a:1&t=NAME", "", true),
        ("POST /commit?container=web&repo=NAME", "{}", true),
        // An image of another repository cannot be read as an id.
        ("POST /images/a/tag?repo=acme/NAME&tag=1", "", false),
    ] {
        for (name, reads_as_id) in [(names[1], true), (names[2], false), (names[3], false)] {
            let judged = judged("", &request.replace("NAME", name), body, &[]);
            assert_eq!(
                judged.is_err(),
                reads_as_id && is_read,
                "S22: {request} {name}: {judged:?}"
            );
        }
    }
    let volume = format!(r#"{{"Name":"{whole}"}}"#);
    assert!(
        judged("", "POST /volumes/create", &volume, &[]).is_err(),
        "S1"
    );
    let swarm = r#"{"Name":"qjz3h8y1mbl5a0ya8o4wuibxq"}"#;
    assert!(
        judged("", "POST /services/create", swarm, &[]).is_err(),
        "S1"
    );
}
