//! Which of the daemon's answers can be read. No verdict may depend on the others.

use serde_json::{Value, json};

use super::*;
use crate::policy::owner::POLICY_LABEL;

fn id() -> String {
    "a".repeat(64)
}

fn container() -> Value {
    json!({
        "Id": id(), "Name": "/web", "Config": {"Labels": {"a": "b", "c": null}}, "HostConfig": {}, "Mounts": [],
        "NetworkSettings": {"Networks": {"n": {}}},
    })
}

#[test]
fn an_inspection_must_have_what_a_verdict_rests_on() {
    let read = |value: &Value| Container::parse(value.to_string().as_bytes());
    let web = read(&container()).unwrap();
    assert_eq!((web.name.as_str(), web.label("a")), ("web", Some("b")));
    assert_eq!((web.label("c"), web.label("d")), (None, None));
    for (at, value) in [
        ("/Id", json!(null)),
        ("/Id", json!("abc")),
        ("/Id", json!("A".repeat(64))),
        ("/Id", json!("a".repeat(63))),
        ("/Id", json!(1)),
        ("/Name", json!(null)),
        ("/Config", json!(null)),
        ("/Config", json!([])),
        ("/HostConfig", json!(null)),
        ("/HostConfig", json!("x")),
    ] {
        let mut broken = container();
        *broken.pointer_mut(at).unwrap() = value.clone();
        assert_eq!(read(&broken), Err(Unreadable), "{at} {value}");
    }
    for key in ["Id", "Name", "Config", "HostConfig", "Mounts"] {
        let mut broken = container();
        broken.as_object_mut().unwrap().remove(key);
        assert_eq!(read(&broken), Err(Unreadable), "{key}");
    }
    for text in ["", "{", "[]", "null", "{}{}", "<html>"] {
        assert_eq!(Container::parse(text.as_bytes()), Err(Unreadable), "{text}");
    }
}

#[test]
fn an_exec_is_its_container_command_user_and_privilege() {
    let read = |process: &str| {
        let text = format!(
            r#"{{"ID":"e1","ContainerID":"{}","ProcessConfig":{process}}}"#,
            id()
        );
        let exec = Exec::parse(text.as_bytes())?;
        Ok((exec.command.join(" "), exec.user, exec.is_privileged))
    };
    for (process, want) in [
        (r#"{"entrypoint":"ls"}"#, Ok(("ls", "", false))),
        (
            r#"{"entrypoint":"ls","arguments":null,"user":null}"#,
            Ok(("ls", "", false)),
        ),
        (
            r#"{"entrypoint":"ls","arguments":["-l"],"user":"1:1","privileged":true}"#,
            Ok(("ls -l", "1:1", true)),
        ),
        (
            r#"{"entrypoint":"ls","privileged":"true"}"#,
            Err(Unreadable),
        ),
        (r#"{"entrypoint":"ls","arguments":"-l"}"#, Err(Unreadable)),
        (r#"{"arguments":["-l"]}"#, Err(Unreadable)),
        ("null", Err(Unreadable)),
    ] {
        let want = want.map(|(command, user, is_privileged)| {
            (command.to_owned(), user.to_owned(), is_privileged)
        });
        assert_eq!(read(process), want, "{process}");
    }
    let of = |exec: &str, container: &str| {
        let text = format!(
            r#"{{"ID":{exec},"ContainerID":"{container}","ProcessConfig":{{"entrypoint":"ls"}}}}"#
        );
        Exec::parse(text.as_bytes())
    };
    assert!(of("\"e1\"", &id()).is_ok());
    for (exec, container) in [
        ("\"e1\"", "abc"),
        ("\"a/b\"", &id()),
        ("\"\"", &id()),
        ("1", &id()),
    ] {
        assert_eq!(of(exec, container), Err(Unreadable), "{exec} {container}");
    }
}

#[test]
fn volumes_and_networks_are_read_or_not_at_all() {
    for (text, want) in [
        (r#"{"Driver":"local"}"#, Ok(0)),
        (r#"{"Driver":"local","Options":null}"#, Ok(0)),
        (r#"{"Driver":"local","Options":{"o":"bind"}}"#, Ok(1)),
        (r#"{"Driver":"local","Options":{"o":1}}"#, Err(Unreadable)),
        (r#"{"Driver":"local","Options":[]}"#, Err(Unreadable)),
        (r#"{"Options":{}}"#, Err(Unreadable)),
    ] {
        let read = Volume::parse(text.as_bytes()).map(|volume| volume.options.len());
        assert_eq!(read, want, "{text}");
    }
    for (text, want) in [
        (r#"{"Id":"1","Name":"n","Driver":"bridge"}"#, Ok((None, 0))),
        (
            r#"{"Id":"1","Name":"n","Driver":"bridge","Labels":null,"Containers":null}"#,
            Ok((None, 0)),
        ),
        (
            r#"{"Id":"1","Name":"n","Driver":"bridge","Labels":{"dockgate.policy":"p"},"Containers":{"c":{}}}"#,
            Ok((Some("p"), 1)),
        ),
        (r#"{"Id":"1","Name":"n"}"#, Err(Unreadable)),
        (r#"{"Id":"1","Driver":"bridge"}"#, Err(Unreadable)),
        (r#"{"Name":"n","Driver":"bridge"}"#, Err(Unreadable)),
        (r#"{"Id":"1","Name":"n","Driver":null}"#, Err(Unreadable)),
    ] {
        let read = Network::parse(text.as_bytes()).map(|network| {
            (
                network.labels.get(POLICY_LABEL).map(str::to_owned),
                network.containers.len(),
            )
        });
        let want = want.map(|(policy, count)| (policy.map(str::to_owned), count));
        assert_eq!(read, want, "{text}");
    }
    assert_eq!(text_at(br#"{"a":"b"}"#, "a"), Ok("b".to_owned()));
    for text in [r#"{"a":1}"#, "{}", "[]", ""] {
        assert_eq!(text_at(text.as_bytes(), "a"), Err(Unreadable), "{text}");
    }
}
