use super::*;

mod asked;
mod bodies;
pub(crate) mod go;
mod tables;

const CREATE: Operation = Operation::ContainerCreate;
const SERVICE: Operation = Operation::ServiceCreate;

/// The name of every field of every body, in each of its spellings.
pub(crate) fn field_names() -> Vec<&'static str> {
    let mut objects = Vec::new();
    for (_, table) in TABLES {
        tables::objects(table, &mut objects);
    }
    let fields = objects.into_iter().flat_map(tables::fields);
    let mut names: Vec<_> = fields
        .flat_map(|field| [Some(field.name), field.also])
        .flatten()
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[track_caller]
fn read(operation: Operation, body: &str) -> Result<Json<'_>, BadBody> {
    parse(body.as_bytes(), table(operation).unwrap())
}

/// What would be sent for a body.
#[track_caller]
fn sent(operation: Operation, body: &str) -> String {
    match read(operation, body) {
        Ok(kept) => rendered(&kept, operation),
        Err(bad) => panic!("{body}: {bad}"),
    }
}

fn case(path: &str, right: &'static str) -> BadBody {
    let path = path.to_owned();
    BadBody::Case { path, right }
}

fn kind(path: &str, want: &'static str) -> BadBody {
    let path = path.to_owned();
    BadBody::Kind { path, want }
}

fn unknown(path: &str) -> BadBody {
    BadBody::Unknown(path.to_owned())
}

#[test]
fn refuses_what_no_version_of_the_api_has() {
    for (id, body, want) in [
        ("T5", r#"{"Privileged":true}"#, unknown("Privileged")),
        ("T5", r#"{"Binds":["/:/h"]}"#, unknown("Binds")),
        ("T5", r#"{"Mounts":[]}"#, unknown("Mounts")),
        ("T5", r#"{"Config":{"Image":"a"}}"#, unknown("Config")),
        (
            "T5",
            r#"{"HostConfig":{"Resources":{"Memory":1}}}"#,
            unknown("HostConfig.Resources"),
        ),
        (
            "F50",
            r#"{"NetworkingConfig":{"EndpointsConfig":{"Labels":{"Config":{}}}}}"#,
            unknown("NetworkingConfig.EndpointsConfig.Labels.Config"),
        ),
        (
            "T14",
            r#"{"HostConfig":{"Mounts":[{},{"Sauce":"/"}]}}"#,
            unknown("HostConfig.Mounts[1].Sauce"),
        ),
        (
            "long",
            &format!(r#"{{"{}":1}}"#, "x".repeat(1000)),
            unknown(&"x".repeat(64)),
        ),
    ] {
        assert_eq!(read(CREATE, body), Err(want), "{id}: {body}");
    }
}

#[test]
fn refuses_a_key_that_the_daemon_takes_for_another() {
    for (id, body, want) in [
        ("T3", r#"{"image":"evil"}"#, case("image", "Image")),
        (
            "T3",
            r#"{"Ho\u017ftConfig":{"Privileged":true}}"#,
            case("Ho\u{17f}tConfig", "HostConfig"),
        ),
        (
            "T3",
            r#"{"HostConfig":{"\u212aernelMemory":1}}"#,
            case("HostConfig.\u{212a}ernelMemory", "KernelMemory"),
        ),
        (
            "F50",
            r#"{"NetworkingConfig":{"EndpointsConfig":{"config":{"macaddress":"x"}}}}"#,
            case(
                "NetworkingConfig.EndpointsConfig.config.macaddress",
                "MacAddress",
            ),
        ),
        // A null would undo what stands under the right spelling.
        (
            "T4",
            r#"{"HostConfig":{"CapDrop":["ALL"]},"hostconfig":null}"#,
            case("hostconfig", "HostConfig"),
        ),
        (
            "F47",
            r#"{"Labels":{},"labels":{}}"#,
            case("labels", "Labels"),
        ),
        ("T5", r#"{"volumesfrom":[]}"#, unknown("volumesfrom")),
    ] {
        assert_eq!(read(CREATE, body), Err(want), "{id}: {body}");
    }
}

#[test]
fn a_field_of_two_spellings_is_sent_in_the_daemons_own_and_may_stand_once() {
    for (operation, body, want) in [
        (
            SERVICE,
            r#"{"Mode":{"replicated":{"Replicas":2}}}"#,
            r#"{"Mode":{"Replicated":{"Replicas":2}}}"#,
        ),
        (
            SERVICE,
            r#"{"TaskTemplate":{"ContainerSpec":{"HealthCheck":{"Retries":1}}}}"#,
            r#"{"TaskTemplate":{"ContainerSpec":{"Healthcheck":{"Retries":1}}}}"#,
        ),
        (
            Operation::ContainerUpdate,
            r#"{"NanoCPUs":1}"#,
            r#"{"NanoCpus":1}"#,
        ),
    ] {
        assert_eq!(sent(operation, body), want, "{body}");
    }
    for body in [
        r#"{"NanoCpus":1,"NanoCPUs":2}"#,
        r#"{"NanoCPUs":1,"NanoCpus":2}"#,
        r#"{"NanoCPUs":null,"NanoCpus":2}"#,
        r#"{"NanoCpus":2,"NanoCPUs":null}"#,
    ] {
        let refused = read(Operation::ContainerUpdate, body);
        let is_doubled = matches!(
            refused,
            Err(BadBody::Doubled {
                field: "NanoCpus",
                ..
            })
        );
        assert!(is_doubled, "{body}");
    }
}

#[test]
fn refuses_a_value_of_another_kind() {
    for (body, want) in [
        ("[]", kind("the body", "an object")),
        (r#""a""#, kind("the body", "an object")),
        (r#"{"Image":1}"#, kind("Image", "a string")),
        (r#"{"Tty":"true"}"#, kind("Tty", "true or false")),
        (
            r#"{"StopTimeout":1.0}"#,
            kind("StopTimeout", "a whole number"),
        ),
        (
            r#"{"StopTimeout":1e1}"#,
            kind("StopTimeout", "a whole number"),
        ),
        (
            r#"{"StopTimeout":"5"}"#,
            kind("StopTimeout", "a whole number"),
        ),
        (r#"{"Env":{"A":"b"}}"#, kind("Env", "an array")),
        (r#"{"Env":["A=b",null]}"#, kind("Env[1]", "a string")),
        (r#"{"Cmd":["a",1]}"#, kind("Cmd[1]", "a string")),
        (
            r#"{"Cmd":{}}"#,
            kind("Cmd", "a string or an array of strings"),
        ),
        (r#"{"Labels":["a"]}"#, kind("Labels", "an object")),
        (r#"{"Labels":{"a":{}}}"#, kind("Labels.a", "a string")),
        (r#"{"HostConfig":[]}"#, kind("HostConfig", "an object")),
        (
            r#"{"HostConfig":{"PortBindings":{"80/tcp":{"HostPort":"1"}}}}"#,
            kind("HostConfig.PortBindings.80/tcp", "an array"),
        ),
        (
            r#"{"HostConfig":{"Mounts":[null]}}"#,
            kind("HostConfig.Mounts[0]", "an object"),
        ),
        (
            r#"{"HostConfig":{"DeviceRequests":[{"Capabilities":[["gpu"],"x"]}]}}"#,
            kind("HostConfig.DeviceRequests[0].Capabilities[1]", "an array"),
        ),
        (
            r#"{"NetworkingConfig":{"EndpointsConfig":{"n":null}}}"#,
            kind("NetworkingConfig.EndpointsConfig.n", "an object"),
        ),
        (
            r#"{"VolumesFrom":["a"]}"#,
            kind("VolumesFrom", "an empty array"),
        ),
    ] {
        assert_eq!(read(CREATE, body), Err(want), "{body}");
    }
}

#[test]
fn refuses_what_is_no_strict_json() {
    let doubled = BadJson::Doubled("Image".to_owned());
    for (id, body, want) in [
        ("T4", r#"{"Image":"a","Image":"b"}"#, doubled),
        ("T6", r#"{"Image":"a"}}"#, BadJson::More(13)),
        ("empty", "", BadJson::Syntax(0)),
    ] {
        assert_eq!(read(CREATE, body), Err(want.into()), "{id}: {body}");
    }
}

#[test]
fn drops_what_the_daemon_makes_nothing_of() {
    for (operation, body, want) in [
        (Operation::ImageCommit, "null", "{}"),
        (Operation::ContainerUpdate, r#"{"PidsLimit":null}"#, "{}"),
        (Operation::ContainerUpdate, r#"{"Future":null}"#, "{}"),
        (
            Operation::ExecStart,
            r#"{"hijack":true,"stdin":{"a":[1]},"Tty":true}"#,
            r#"{"Tty":true}"#,
        ),
        (
            Operation::ContainerExec,
            r#"{"Container":"web","Cmd":["a"]}"#,
            r#"{"Cmd":["a"]}"#,
        ),
        (
            CREATE,
            r#"{"NetworkingConfig":{"n":null},"HostConfig":{}}"#,
            r#"{"NetworkingConfig":{},"HostConfig":{}}"#,
        ),
    ] {
        assert_eq!(sent(operation, body), want, "{body}");
    }
    // What is ignored in one body is not in another.
    let elsewhere = read(Operation::ExecStart, r#"{"Container":"web"}"#);
    assert_eq!(elsewhere, Err(unknown("Container")));
}

#[test]
fn a_null_under_a_key_becomes_what_the_daemon_takes_it_for() {
    for (body, want) in [
        (r#"{"Labels":{"a":null}}"#, r#""Labels":{"a":""}"#),
        (r#"{"Volumes":{"/a":null}}"#, r#""Volumes":{"/a":{}}"#),
        (
            r#"{"HostConfig":{"PortBindings":{"80/tcp":null}}}"#,
            r#""HostConfig":{"PortBindings":{"80/tcp":[]}}"#,
        ),
    ] {
        assert!(sent(CREATE, body).contains(want), "{body}");
    }
}

#[test]
fn an_empty_array_is_not_taken_for_none() {
    let body = r#"{"HostConfig":{"MaskedPaths":[],"ReadonlyPaths":[]}}"#;
    assert_eq!(sent(CREATE, body), body);
    let body = r#"{"HostConfig":{"MaskedPaths":null}}"#;
    assert_eq!(sent(CREATE, body), r#"{"HostConfig":{}}"#);
}

#[test]
fn a_host_config_is_always_sent_with_a_create() {
    for (body, want) in [
        ("{}", r#"{"HostConfig":{}}"#),
        ("null", r#"{"HostConfig":{}}"#),
        (r#"{"HostConfig":null}"#, r#"{"HostConfig":{}}"#),
        (r#"{"Image":"a"}"#, r#"{"Image":"a","HostConfig":{}}"#),
        (
            r#"{"HostConfig":{"Init":true},"Image":"a"}"#,
            r#"{"HostConfig":{"Init":true},"Image":"a"}"#,
        ),
        // The closing brace is the object's, whatever stands before it.
        (r#"{"Image":"}"}"#, r#"{"Image":"}","HostConfig":{}}"#),
    ] {
        assert_eq!(sent(CREATE, body), want, "{body}");
    }
    assert_eq!(sent(Operation::ImageCommit, "{}"), "{}");
}

#[test]
fn numbers_cross_as_they_are_written() {
    let body = r#"{"HostConfig":{"Memory":9007199254740993}}"#;
    assert_eq!(sent(CREATE, body), body, "F44");
}

#[test]
fn what_is_not_judged_has_no_table() {
    for operation in [Operation::ContainerList, Operation::SwarmInit] {
        assert!(table(operation).is_none(), "{operation}");
    }
}
