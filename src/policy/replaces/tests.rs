//! Which containers may replace another one, with one change on each line.

use std::cell::Cell;

use serde_json::{Value, json};

use super::*;

thread_local! {
    /// How many values the test in this thread has compared.
    static COMPARED: Cell<usize> = const { Cell::new(0) };
}

/// Counts one compared value.
pub(super) fn count() {
    COMPARED.set(COMPARED.get() + 1);
}

/// How many values this code compares.
fn compared(work: impl FnOnce()) -> usize {
    let before = COMPARED.get();
    work();
    COMPARED.get() - before
}

/// The removed container as the daemon shows it.
fn inspection() -> Value {
    json!({
        "Id": "0".repeat(64),
        "Name": "/web",
        "Config": {
            "Image": "acme/web:1", "User": "1000", "Hostname": "web", "Env": ["A=b", "PATH=/bin"], "Cmd": ["a", "b"],
            "Labels": {"x": "y", "dockgate.policy": "p"}, "Healthcheck": {"Test": ["CMD", "a"]},
        },
        "HostConfig": {
            "Privileged": true, "Binds": ["/srv:/srv"], "CapAdd": ["SYS_ADMIN"], "NetworkMode": "bridge",
            "Links": ["/db:/web/db"], "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
            "MaskedPaths": null, "ReadonlyPaths": null, "Memory": 0, "PidsLimit": null,
        },
        "Mounts": [],
        "NetworkSettings": {"Networks": {
            "bridge": {"NetworkID": "b1", "Aliases": null, "IPAMConfig": null},
            "back": {"NetworkID": "n1", "Aliases": ["web", "api"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}, "MacAddress": "02:00:00:00:00:09"},
        }},
    })
}

fn old() -> Container {
    Container::parse(inspection().to_string().as_bytes()).unwrap()
}

/// What an updater sends: the old configuration with another version of the image.
fn body() -> Value {
    let inspection = inspection();
    let mut body = inspection["Config"].clone();
    body["Image"] = json!("acme/web:2");
    body["HostConfig"] = inspection["HostConfig"].clone();
    body["NetworkingConfig"] =
        json!({"EndpointsConfig": {"back": {"Aliases": ["web"], "NetworkID": "n1"}}});
    body
}

fn of(body: &Value) -> Vec<String> {
    body_differences(&Json::from(body), &old())
}

#[test]
fn another_version_of_the_same_container_takes_its_place() {
    assert_eq!(of(&body()), [""; 0]);
    for (at, value) in [
        (
            "/Image",
            json!("acme/web@sha256:".to_owned() + &"a".repeat(64)),
        ),
        ("/Image", json!("acme/web")),
        ("/Env", json!(["PATH=/bin"])),
        ("/Cmd", json!(null)),
        ("/Labels", json!({"x": "y"})),
        ("/HostConfig/Links", json!(["db:db"])),
        ("/HostConfig/NetworkMode", json!("default")),
        ("/HostConfig/Memory", json!(null)),
        ("/NetworkingConfig", json!(null)),
        (
            "/NetworkingConfig/EndpointsConfig/back/MacAddress",
            json!("02:00:00:00:00:09"),
        ),
    ] {
        let mut body = body();
        set(&mut body, at, value.clone());
        assert_eq!(of(&body), [""; 0], "{at} {value}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn one_change_of_anything_else_is_told() {
    for (at, value, want) in [
        ("/Image", json!("evil/web:2"), "Image"),
        ("/Image", json!("acme/web-evil:2"), "Image"),
        ("/Image", json!("evil.io/acme/web:2"), "Image"),
        ("/Image", json!(null), "Image"),
        ("/Env", json!(["A=c"]), "Env"),
        ("/Env", json!(["A=b", "LD_PRELOAD=x"]), "Env"),
        ("/Cmd", json!(["a"]), "Cmd"),
        ("/Cmd", json!(["b", "a"]), "Cmd"),
        ("/Entrypoint", json!(["sh"]), "Entrypoint"),
        ("/User", json!("0"), "User"),
        ("/Labels", json!({"x": "z"}), "Labels"),
        ("/Labels", json!({"new": "y"}), "Labels"),
        ("/Healthcheck", json!({"Test": ["CMD", "b"]}), "Healthcheck"),
        ("/HostConfig", json!(null), "HostConfig.Binds"),
        ("/HostConfig/Binds", json!(["/:/srv"]), "HostConfig.Binds"),
        (
            "/HostConfig/Binds",
            json!(["/srv:/srv", "/:/h"]),
            "HostConfig.Binds",
        ),
        (
            "/HostConfig/CapAdd",
            json!(["SYS_ADMIN", "SYS_PTRACE"]),
            "HostConfig.CapAdd",
        ),
        ("/HostConfig/PidMode", json!("host"), "HostConfig.PidMode"),
        (
            "/HostConfig/NetworkMode",
            json!("host"),
            "HostConfig.NetworkMode",
        ),
        ("/HostConfig/Links", json!(["evil:db"]), "HostConfig.Links"),
        (
            "/HostConfig/MaskedPaths",
            json!([]),
            "HostConfig.MaskedPaths",
        ),
        (
            "/HostConfig/ReadonlyPaths",
            json!([]),
            "HostConfig.ReadonlyPaths",
        ),
        (
            "/NetworkingConfig/EndpointsConfig/other",
            json!({}),
            "NetworkingConfig.EndpointsConfig.other",
        ),
        (
            "/NetworkingConfig/EndpointsConfig/back/Aliases",
            json!(["db"]),
            "NetworkingConfig.EndpointsConfig.back",
        ),
        (
            "/NetworkingConfig/EndpointsConfig/back/NetworkID",
            json!("host"),
            "NetworkingConfig.EndpointsConfig.back",
        ),
        (
            "/NetworkingConfig/EndpointsConfig/back/IPAMConfig",
            json!({"IPv4Address": "10.0.0.1"}),
            "NetworkingConfig.EndpointsConfig.back",
        ),
        ("/MacAddress", json!("02:00:00:00:00:01"), "MacAddress"),
    ] {
        let mut body = body();
        set(&mut body, at, value.clone());
        let found = of(&body);
        assert_eq!(
            found.first().map(String::as_str),
            Some(want),
            "{at} {value}: {found:?}"
        );
        // Several settings of `HostConfig` differ.
        assert!(
            found.len() == 1 || at == "/HostConfig",
            "{at} {value}: {found:?}"
        );
    }
}

#[test]
fn a_container_of_no_image_takes_nobodys_place() {
    let mut body = body();
    body.as_object_mut().unwrap().remove("Image");
    assert_eq!(of(&body), ["Image"]);
}

/// Sets the value at a place.
fn set(body: &mut Value, at: &str, value: Value) {
    let (above, key) = at.rsplit_once('/').unwrap();
    body.pointer_mut(above).unwrap()[key] = value;
}

/// The differences between a new container and an old one, both as JSON.
fn between(new: &str, old: &str) -> Vec<String> {
    let id = "0".repeat(64);
    let (config, host) = old.split_once('|').unwrap();
    let inspection = format!(
        r#"{{"Id":"{id}","Name":"/web","Config":{config},"HostConfig":{host},"Mounts":[],
        "NetworkSettings":{{"Networks":{{"front":{{"Aliases":["www"],"IPAMConfig":{{"B":"1","A":"2"}}}}}}}}}}"#
    );
    let old = Container::parse(inspection.as_bytes()).unwrap();
    body_differences(&Json::parse(new.as_bytes()).unwrap(), &old)
}

const OLD: &str = r#"{"Image":"web:1","Env":["A=1","B=2"],"Cmd":["--a=1","--b=2"]}|
    {"Devices":[{"PathOnHost":"/dev/fuse","CgroupPermissions":"rwm"}],"LogConfig":{"Type":"local","Config":{}}}"#;

#[test]
fn the_order_of_members_says_nothing_and_what_is_nothing_may_be_left_out() {
    let host = r#"{"LogConfig":{"Config":null,"Type":"local"},"Privileged":false,
        "Devices":[{"CgroupPermissions":"rwm","PathOnHost":"/dev/fuse"}]}"#;
    let none: [&str; 0] = [];
    assert_eq!(
        between(&format!(r#"{{"Image":"web:2","HostConfig":{host}}}"#), OLD),
        none
    );
    let networks = r#"{"EndpointsConfig":{"front":{"IPAMConfig":{"A":"2","B":"1"}}}}"#;
    let with = format!(r#"{{"Image":"web:2","HostConfig":{host},"NetworkingConfig":{networks}}}"#);
    assert_eq!(between(&with, OLD), none);
    let more = host.replace("rwm", "r");
    let changed = between(&format!(r#"{{"Image":"web:2","HostConfig":{more}}}"#), OLD);
    assert_eq!(changed, ["HostConfig.Devices"]);
}

#[test]
fn variables_may_be_fewer_and_in_another_order_and_words_of_a_command_may_not() {
    let host = r#"{"LogConfig":{"Type":"local"},"Devices":[{"PathOnHost":"/dev/fuse","CgroupPermissions":"rwm"}]}"#;
    let with = |rest: &str| {
        between(
            &format!(r#"{{"Image":"web:2",{rest},"HostConfig":{host}}}"#),
            OLD,
        )
    };
    assert!(with(r#""Env":["B=2","A=1"],"Cmd":["--a=1","--b=2"]"#).is_empty());
    assert_eq!(with(r#""Env":["B=2","C=3"]"#), ["Env"]);
    assert_eq!(with(r#""Cmd":["--b=2","--a=1"]"#), ["Cmd"]);
    assert_eq!(with(r#""Cmd":["--b=2"]"#), ["Cmd"]);
}

#[test]
fn an_empty_list_of_hidden_paths_is_not_the_daemons_own() {
    let old = r#"{"Image":"web:1"}|{"MaskedPaths":null,"ReadonlyPaths":null}"#;
    for key in ["MaskedPaths", "ReadonlyPaths"] {
        let new = format!(r#"{{"Image":"web:1","HostConfig":{{"{key}":[]}}}}"#);
        assert_eq!(between(&new, old), [format!("HostConfig.{key}")]);
    }
}

#[test]
fn what_is_left_out_is_what_the_image_says() {
    let image = Json::from(&json!({"User": "1000", "Env": ["PATH=/bin"], "Labels": {"x": "y"}}));
    let nothing = Json::from(&json!({}));
    let left = |at: &str, value: Value, image: &Json| {
        let mut body = body();
        set(&mut body, at, value);
        left_out(&Json::from(&body), &old(), image)
    };
    assert_eq!(left("/User", json!("1000"), &nothing), [""; 0]);
    for (at, value, is_said) in [
        ("/User", json!(""), true),
        ("/Env", json!(["A=b"]), true),
        ("/Env", json!(["PATH=/bin"]), false),
        ("/Labels", json!({"dockgate.policy": "p"}), true),
        ("/Labels", json!({"x": "y"}), false),
        ("/Cmd", json!(null), false),
        ("/Healthcheck", json!(null), false),
    ] {
        let key = at.trim_start_matches('/').to_owned();
        assert_eq!(
            left(at, value.clone(), &nothing),
            std::slice::from_ref(&key),
            "{at} {value}"
        );
        let shortfall = if is_said { vec![] } else { vec![key] };
        assert_eq!(left(at, value.clone(), &image), shortfall, "{at} {value}");
    }
}

#[test]
fn s12_as_many_values_are_compared_as_there_are() {
    let deep = (0..24).fold(json!("end"), |inner, _| json!({ "a": inner }));
    let labels: serde_json::Map<_, _> =
        (0..4000).map(|at| (format!("l{at}"), json!("x"))).collect();
    let networks: serde_json::Map<_, _> =
        (0..200).map(|at| (format!("n{at}"), json!({}))).collect();
    let mut inspection = inspection();
    inspection["Config"]["Labels"] = labels.clone().into();
    inspection["Config"]["Healthcheck"] = deep.clone();
    inspection["NetworkSettings"]["Networks"] = networks.clone().into();
    let old = Container::parse(inspection.to_string().as_bytes()).unwrap();
    let mut body = inspection["Config"].clone();
    body["HostConfig"] = inspection["HostConfig"].clone();
    body["NetworkingConfig"] = json!({ "EndpointsConfig": networks });
    let body = Json::from(&body);
    let count = compared(|| assert_eq!(body_differences(&body, &old), [""; 0]));
    let values = size(&body);
    assert!(
        (4000..2 * values).contains(&count),
        "S12: {count} for {values} values"
    );
}

#[test]
fn s12_what_is_compared_for_one_verdict_has_a_ceiling() {
    let of = |count: usize| {
        let mut inspection = inspection();
        inspection["Config"]["Env"] = (0..count).map(|at| format!("V{at}=x")).collect();
        Arc::new(Container::parse(inspection.to_string().as_bytes()).unwrap())
    };
    let sizes = |olds: &[Arc<Container>]| -> Vec<usize> {
        let parts = |old: &Arc<Container>| [&old.config, &old.host_config, &old.networks].map(size);
        olds.iter().map(|old| parts(old).iter().sum()).collect()
    };
    let body = |count: usize| Json::List(vec![Json::Null; count]);
    let large = vec![of(6000); 256];
    for body in [body(10), body(16_000)] {
        let newest = newest(&body, &large);
        let total: usize = sizes(newest).iter().map(|old| old + size(&body)).sum();
        assert!(!newest.is_empty() && total <= MOST_COMPARED, "S12: {total}");
        assert!(newest.len() < large.len(), "S12");
    }
    let usual = vec![of(60); 256];
    assert_eq!(
        newest(&body(120), &usual).len(),
        usual.len(),
        "S12: those of usual size are all compared"
    );
    let mixed = [vec![of(6000); 200], vec![of(1)]].concat();
    assert_eq!(
        newest(&body(16_000), &mixed)
            .last()
            .map(|old| size(&old.config)),
        Some(size(&of(1).config)),
        "S12: the newest are compared"
    );
}
