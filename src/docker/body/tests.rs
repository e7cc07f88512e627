use std::sync::LazyLock;

use super::table::Field;
use super::*;
use crate::docker::json::BadJson;

mod asked;
mod bodies;
pub(crate) mod go;
#[path = "../../../tests/support/hostile.rs"]
#[allow(dead_code, reason = "the tests of the whole read the verdicts")]
pub(crate) mod hostile;
mod tables;

use crate::docker::{Target, classify};
use hostile::{Hostile, asking};

const CREATE: Operation = Operation::ContainerCreate;
const SERVICE: Operation = Operation::ServiceCreate;

/// The body, if the daemon would not ignore or reject anything in it.
pub(crate) fn parse<'a>(bytes: &'a [u8], table: &'static Table) -> Result<Json<'a>, BadBody> {
    let Parsed { value, flaw } = parse_with_flaws(bytes, table)?;
    flaw.map_or(Ok(value), Err)
}

/// The operations whose bodies are checked.
static TABLES: LazyLock<Vec<(Operation, &Table)>> = LazyLock::new(|| {
    let all = Operation::ALL.iter();
    all.filter_map(|operation| Some((*operation, table(*operation)?)))
        .collect()
});

/// The name of every field of every body.
pub(crate) fn field_names() -> Vec<&'static str> {
    let mut objects = Vec::new();
    for (_, table) in TABLES.iter() {
        tables::objects(table, &mut objects);
    }
    let fields = objects.into_iter().flat_map(tables::fields);
    let mut names: Vec<_> = fields.map(|field| field.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The operation that a row of the hostile bodies is sent to.
pub(crate) fn operation_of(row: &Hostile) -> Operation {
    let target = Target::parse(row.target).unwrap();
    classify(row.method, target).unwrap().operation().unwrap()
}

#[track_caller]
fn read(operation: Operation, body: &str) -> Result<Json<'_>, BadBody> {
    parse(body.as_bytes(), table(operation).unwrap())
}

/// The bytes that would be sent for a body.
#[track_caller]
fn sent(operation: Operation, body: &str) -> String {
    match read(operation, body) {
        Ok(kept) => rendered(&kept, operation.spec().judged.body),
        Err(bad) => panic!("{body}: {bad}"),
    }
}

fn doubled(path: &str) -> BadBody {
    BadBody::Doubled(path.to_owned())
}

fn misplaced(path: &str, right: &'static str) -> BadBody {
    let path = path.to_owned();
    BadBody::Misplaced { path, right }
}

fn kind(path: &str, want: &'static str) -> BadBody {
    let path = path.to_owned();
    BadBody::Kind { path, want }
}

fn unknown(path: &str) -> BadBody {
    BadBody::Unknown(path.to_owned())
}

#[test]
fn refuses_fields_that_no_version_of_the_api_has() {
    for (id, body, want) in [
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

/// If there is no `HostConfig`, engines up to 26.1 read its fields from there; newer ones do not.
#[test]
fn m_a_field_of_a_host_config_beside_it_names_where_it_belongs() {
    for (body, path, right) in [
        (r#"{"Privileged":true}"#, "Privileged", "Privileged"),
        (r#"{"Binds":["/:/h"]}"#, "Binds", "Binds"),
        (r#"{"binds":["/:/h"],"HostConfig":{}}"#, "binds", "Binds"),
        (r#"{"HostConfig":{},"Dns":["1.1.1.1"]}"#, "Dns", "Dns"),
        (r#"{"Runtime":"runc"}"#, "Runtime", "Runtime"),
        (r#"{"VolumesFrom":["a"]}"#, "VolumesFrom", "VolumesFrom"),
        // An empty list hides nothing there.
        (r#"{"MaskedPaths":[]}"#, "MaskedPaths", "MaskedPaths"),
        (r#"{"PidsLimit":0}"#, "PidsLimit", "PidsLimit"),
    ] {
        let bad = read(CREATE, body).unwrap_err();
        assert_eq!(bad, misplaced(path, right), "{body}");
        let message = bad.to_string();
        assert!(
            message.ends_with(&format!("send it as HostConfig.{right}")),
            "{message}"
        );
    }
    // No engine reads a zero value.
    for nothing in [
        r#""Privileged":false"#,
        r#""Binds":null"#,
        r#""Mounts":[]"#,
        r#""volumesfrom":[]"#,
        r#""Memory":0"#,
        r#""Sysctls":{}"#,
        r#""Runtime":"""#,
    ] {
        let body = format!("{{{nothing}}}");
        assert_eq!(sent(CREATE, &body), r#"{"HostConfig":{}}"#, "{body}");
    }
    // In any other place no engine reads it.
    let elsewhere = read(Operation::VolumeCreate, r#"{"Binds":["/:/h"]}"#);
    assert_eq!(elsewhere, Err(unknown("Binds")));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn b_a_key_in_another_case_is_the_field_and_sent_in_the_right_spelling() {
    for (operation, body, want) in [
        (
            CREATE,
            r#"{"image":"a"}"#,
            r#"{"Image":"a","HostConfig":{}}"#,
        ),
        (
            CREATE,
            r#"{"Ho\u017ftConfig":{"privileged":true}}"#,
            r#"{"HostConfig":{"Privileged":true}}"#,
        ),
        (
            CREATE,
            r#"{"HostConfig":{"\u212aernelMemory":1}}"#,
            r#"{"HostConfig":{"KernelMemory":1}}"#,
        ),
        (
            CREATE,
            r#"{"hostconfig":{},"networkingconfig":{"endpointsconfig":{"Net":{"macaddress":"x"}}}}"#,
            r#"{"HostConfig":{},"NetworkingConfig":{"EndpointsConfig":{"Net":{"MacAddress":"x"}}}}"#,
        ),
        (
            Operation::NetworkConnect,
            r#"{"container":"c"}"#,
            r#"{"Container":"c"}"#,
        ),
        (
            Operation::ContainerExec,
            r#"{"TTY":false,"Cmd":["x"]}"#,
            r#"{"Tty":false,"Cmd":["x"]}"#,
        ),
        (
            Operation::ExecStart,
            r#"{"Detach":false,"TTY":true}"#,
            r#"{"Detach":false,"Tty":true}"#,
        ),
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
        // An ignored field is ignored in any case.
        (Operation::ExecStart, r#"{"Hijack":true}"#, "{}"),
    ] {
        assert_eq!(sent(operation, body), want, "{body}");
    }
    // A key of a map is the client's own.
    let labels = r#"{"Labels":{"a":"1","A":"2"},"HostConfig":{}}"#;
    assert_eq!(sent(CREATE, labels), labels);
    for (body, key) in [
        (r#"{"\u0131mage":"a"}"#, "\u{131}mage"),
        (r#"{"Im-age":"a"}"#, "Im-age"),
        (r#"{" Image":"a"}"#, " Image"),
    ] {
        assert_eq!(read(CREATE, body), Err(unknown(key)), "{body}");
    }
}

#[test]
fn b_a_repeated_field_counts_once_if_the_values_are_equal() {
    for (operation, body, want) in [
        (
            Operation::NetworkCreate,
            r#"{"Name":"n","EnableIPv6":null,"enableIPv6":null}"#,
            r#"{"Name":"n"}"#,
        ),
        (
            Operation::NetworkCreate,
            r#"{"Name":"n","EnableIPv6":false,"enableIPv6":false}"#,
            r#"{"Name":"n","EnableIPv6":false}"#,
        ),
        (
            CREATE,
            r#"{"Image":"a","Image":"a","image":"a"}"#,
            r#"{"Image":"a","HostConfig":{}}"#,
        ),
        // Other spellings within it, too: they mean the same.
        (
            CREATE,
            r#"{"HostConfig":{"Binds":["/a:/b"],"Init":true},"hostConfig":{"binds":["/a:/b"],"INIT":true}}"#,
            r#"{"HostConfig":{"Binds":["/a:/b"],"Init":true}}"#,
        ),
        (
            CREATE,
            r#"{"HostConfig":{"Init":true},"HostConfig":{"Init":true,"Memory":null}}"#,
            r#"{"HostConfig":{"Init":true}}"#,
        ),
        (
            CREATE,
            r#"{"Labels":{"a":"1","a":"1"},"HostConfig":{}}"#,
            r#"{"Labels":{"a":"1"},"HostConfig":{}}"#,
        ),
        (
            CREATE,
            r#"{"Labels":{"a":null,"a":""},"HostConfig":{}}"#,
            r#"{"Labels":{"a":""},"HostConfig":{}}"#,
        ),
        (Operation::ExecStart, r#"{"hijack":true,"hijack":1}"#, "{}"),
    ] {
        assert_eq!(sent(operation, body), want, "{body}");
    }
}

/// The daemon would merge objects, keep the elements of arrays, and take the last of anything else.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn b_a_field_with_two_values_is_refused() {
    for (id, operation, body, path) in [
        ("T4", CREATE, r#"{"Image":"a","Image":"b"}"#, "Image"),
        ("T4", CREATE, r#"{"Image":"a","image":"b"}"#, "Image"),
        ("T4", CREATE, r#"{"image":"a","IMAGE":"b"}"#, "Image"),
        // Depending on the daemon's type, a null would or would not undo the value under the other
        // spelling.
        (
            "T4",
            CREATE,
            r#"{"HostConfig":{"CapDrop":["ALL"]},"hostconfig":null}"#,
            "HostConfig",
        ),
        (
            "L",
            CREATE,
            r#"{"HostConfig":{},"Hostconfig":{"Privileged":true}}"#,
            "HostConfig",
        ),
        (
            "L",
            Operation::ServiceUpdate,
            r#"{"RollbackConfig":{"Order":"stop-first","order":"start-first"}}"#,
            "RollbackConfig.Order",
        ),
        (
            "T4",
            CREATE,
            r#"{"HostConfig":{"Binds":["/a:/b"],"Binds":[]}}"#,
            "HostConfig.Binds",
        ),
        (
            "T4",
            CREATE,
            r#"{"HostConfig":{"Mounts":[{"Source":"/x","source":"/y"}]}}"#,
            "HostConfig.Mounts[0].Source",
        ),
        (
            "F47",
            CREATE,
            r#"{"Labels":{"a":"1"},"labels":{"b":"2"}}"#,
            "Labels",
        ),
        ("F47", CREATE, r#"{"Labels":{"a":"1","a":"2"}}"#, "Labels.a"),
        (
            "F50",
            CREATE,
            r#"{"NetworkingConfig":{"EndpointsConfig":{"n":{},"n":{"Aliases":["x"]}}}}"#,
            "NetworkingConfig.EndpointsConfig.n",
        ),
        (
            "null",
            Operation::ContainerUpdate,
            r#"{"NanoCPUs":null,"NanoCpus":2}"#,
            "NanoCpus",
        ),
        (
            "null",
            Operation::ContainerUpdate,
            r#"{"NanoCpus":2,"NanoCPUs":null}"#,
            "NanoCpus",
        ),
        (
            "zero",
            Operation::ContainerUpdate,
            r#"{"Memory":0,"Memory":-0}"#,
            "Memory",
        ),
    ] {
        assert_eq!(read(operation, body), Err(doubled(path)), "{id}: {body}");
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
    ] {
        assert_eq!(read(CREATE, body), Err(want), "{body}");
    }
}

#[test]
fn refuses_what_is_not_strict_json() {
    for (id, body, want) in [
        ("T6", r#"{"Image":"a"}}"#, BadJson::More(13)),
        ("T6", "\u{feff}{}", BadJson::ByteOrderMark),
    ] {
        assert_eq!(read(CREATE, body), Err(want.into()), "{id}: {body}");
    }
}

#[test]
fn drops_what_the_daemon_ignores() {
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
    // A field that one body ignores may matter in another.
    let elsewhere = read(Operation::ExecStart, r#"{"Container":"web"}"#);
    assert_eq!(elsewhere, Err(unknown("Container")));
}

#[test]
fn a_null_under_a_key_becomes_what_the_daemon_reads_it_as() {
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
fn an_empty_array_is_not_the_same_as_a_missing_one() {
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
        // The closing brace belongs to the object, whatever comes before it.
        (r#"{"Image":"}"}"#, r#"{"Image":"}","HostConfig":{}}"#),
    ] {
        assert_eq!(sent(CREATE, body), want, "{body}");
    }
    assert_eq!(sent(Operation::ImageCommit, "{}"), "{}");
}

#[test]
fn numbers_are_sent_on_as_written() {
    let body = r#"{"HostConfig":{"Memory":9007199254740993}}"#;
    assert_eq!(sent(CREATE, body), body, "F44");
}

#[test]
fn unchecked_bodies_have_no_table() {
    for operation in [Operation::ContainerList, Operation::SwarmInit] {
        assert!(table(operation).is_none(), "{operation}");
    }
}
