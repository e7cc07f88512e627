//! What is left of the daemon's replies. The same reply in any parts gives the same.

use serde_json::{Value, json};

use super::*;
use crate::policy::answers::Lookup;
use crate::policy::filter::BadReply;
use crate::policyfile::file::Policy;
use crate::policyfile::file::tests::policy;

const OWN_ID: &str = "4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1";
const FOREIGN_ID: &str = "9bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d9";

const OWN_SERVICE: &str = "obc0kigvtvd5qvhi8aujo70rb";

fn own() -> Value {
    json!({"dockgate.policy": "ci"})
}

fn scoped() -> Policy {
    policy(
        "ci",
        "allow = ['containers:read', 'images:read', 'networks:read', 'volumes:read', 'events:read', 'info:read', 'df:read', \
         'services:read', 'tasks:read', 'secrets:read', 'secrets:write', 'configs:read', 'configs:content']\n\
         [scope]\nobjects = ['@own']\nsee = ['network:edge']",
    )
}

/// What is known about the daemon's objects, when the reply comes.
fn view() -> Answers {
    let mut view = Answers::default();
    let listed = json!([{"Id": OWN_ID, "Names": ["/own"], "Labels": own(), "State": "running"}]);
    let lookup = Lookup::Labeled(Object::Container, "dockgate.policy=ci".to_owned());
    let answer = lookup.read(listed.to_string().as_bytes()).unwrap();
    view.learn(lookup, answer);
    let listed = json!([
        {"ID": OWN_SERVICE, "Spec": {"Name": "web", "Labels": own()}},
        {"ID": "other", "Spec": {"Name": "db", "Labels": {}}},
    ]);
    let lookup = Lookup::Labeled(Object::Service, "dockgate.policy=ci".to_owned());
    let answer = lookup.read(listed.to_string().as_bytes()).unwrap();
    view.learn(lookup, answer);
    view
}

/// The daemon's answer to what a filter asks.
fn answer(lookup: &Lookup) -> Answer {
    let labels = |is_own: bool| if is_own { own() } else { json!({}) };
    let reply = match lookup {
        Lookup::Network(id) => {
            json!({"Id": id, "Name": id, "Driver": "bridge", "Labels": labels(id == "own-net")})
        }
        Lookup::Volume(name) => json!({"Driver": "local", "Labels": labels(name == "own-vol")}),
        Lookup::Container(id) => json!({
            "Id": id, "Name": "/x", "HostConfig": {}, "Mounts": [],
            "Config": {"Labels": labels(id == OWN_ID)},
        }),
        Lookup::Service(id) | Lookup::SwarmObject(_, id) => {
            let is_own = id.starts_with("own");
            // What is called like the id of something that is gone.
            let id = if id == "own-name" { "another" } else { id };
            json!({"ID": id, "Spec": {"Name": "x", "Labels": labels(is_own)}})
        }
        other @ (Lookup::DefaultRuntime
        | Lookup::Exec(_)
        | Lookup::Image(_)
        | Lookup::Labeled(..)
        | Lookup::Moved { .. }
        | Lookup::Named(_)
        | Lookup::NewVolume(_)
        | Lookup::Predecessor(_)
        | Lookup::Tag(_)
        | Lookup::UsersOf(_)) => panic!("{other:?}"),
    };
    lookup.read(reply.to_string().as_bytes()).unwrap()
}

/// What the client gets of a reply that arrives in parts of this length.
fn passed(target: &str, reply: &str, length: usize) -> Result<String, BadReply> {
    let policy = scoped();
    let call = Call::parse("GET", target).unwrap();
    let shown = policy.scoped().unwrap().shown(&call, &view()).unwrap();
    let mut filter = shown.filter(200).unwrap();
    let mut out = Vec::new();
    let ask = |filter: &mut Box<dyn Filter>, out: &mut Vec<u8>| {
        while let Some(lookup) = filter.wants() {
            filter.learn(Some(answer(&lookup)), out)?;
        }
        Ok(())
    };
    for part in reply.as_bytes().chunks(length) {
        filter.push(part, &mut out)?;
        ask(&mut filter, &mut out)?;
    }
    filter.finish(&mut out)?;
    ask(&mut filter, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

/// The same for parts of several lengths.
#[track_caller]
fn shown(target: &str, reply: &str) -> Value {
    let whole = passed(target, reply, usize::MAX).unwrap();
    for length in [1, 7, 64] {
        assert_eq!(
            passed(target, reply, length).as_deref(),
            Ok(&*whole),
            "{target}"
        );
    }
    serde_json::from_str(&whole).unwrap()
}

fn container(id: &str, name: &str, labels: &Value) -> Value {
    json!({"Id": id, "Names": [format!("/{name}")], "Labels": labels, "SizeRw": 1.50})
}

#[test]
fn lists_have_only_what_is_in_scope() {
    let mine = container(OWN_ID, "own", &own());
    let other = container(FOREIGN_ID, "other", &json!({"dockgate.policy": "cix"}));
    let bare = container(FOREIGN_ID, "bare", &Value::Null);
    let all = json!([other, mine, bare, mine]);
    let list = "/containers/json";
    assert_eq!(shown(list, &all.to_string()), json!([mine, mine]));
    assert_eq!(
        shown(&format!("{list}?limit=1"), &all.to_string()),
        json!([mine])
    );
    assert_eq!(
        shown(&format!("{list}?limit=-1"), &all.to_string()),
        json!([mine, mine])
    );
    assert_eq!(shown(list, "[]\n"), json!([]));
    // What is kept keeps its bytes.
    let text = r#"[{"Id":"a"}, { "Labels":{"dockgate.policy":"ci"},"N":1.50e+2 }]"#;
    assert_eq!(
        passed(list, text, 5).unwrap(),
        r#"[{ "Labels":{"dockgate.policy":"ci"},"N":1.50e+2 }]"#
    );
    let networks = json!([
        {"Name": "bridge", "Id": "1", "Labels": {}},
        {"Name": "edge", "Id": "2", "Labels": {}},
        {"Name": "foreign", "Id": "3", "Labels": {}},
        {"Name": "own", "Id": "4", "Labels": own()},
    ]);
    let names = |target: &str| -> Vec<_> {
        let shown = shown(target, &networks.to_string());
        let shown = shown.as_array().unwrap().iter();
        shown
            .map(|it| it["Name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("/networks"), ["bridge", "edge", "own"]);
    // Whether others use what may only be seen is nobody's business.
    for dangling in [
        "%7B%22dangling%22:%5B%22true%22%5D%7D",
        "%7B%22dangling%22:%7B%22false%22:true%7D%7D",
    ] {
        assert_eq!(names(&format!("/networks?filters={dangling}")), ["own"]);
    }
    let volumes = json!({"Volumes": [{"Name": "a", "Labels": own()}, {"Name": "b", "Labels": null}], "Warnings": null});
    assert_eq!(
        shown("/volumes", &volumes.to_string()),
        json!({"Volumes": [{"Name": "a", "Labels": own()}], "Warnings": null})
    );
    for bad in ["{}", "[1]", "[{}", r#"[{"Id":1}"#, "x", ""] {
        assert!(passed(list, bad, 3).is_err(), "{bad}");
    }
}

#[test]
fn lists_of_the_swarm_have_only_what_is_in_scope() {
    let listed = |id: &str, labels: &Value| {
        json!({"ID": id, "Labels": own(), "Spec": {"Name": "x", "Labels": labels, "TaskTemplate":
            {"ContainerSpec": {"Labels": own()}}}})
    };
    let (mine, other) = (
        listed("1", &own()),
        listed("2", &json!({"dockgate.policy": "cix"})),
    );
    let bare = listed("3", &Value::Null);
    for list in ["/services", "/secrets", "/configs"] {
        let all = json!([other, mine, bare]).to_string();
        assert_eq!(shown(list, &all), json!([mine]), "{list}");
        assert!(passed(list, "[1]", 3).is_err(), "{list}");
    }
    let task = |id: &str, service: &str| json!({"ID": id, "ServiceID": service, "Spec": {"ContainerSpec": {"Labels": own()}}});
    let mine = task("1", OWN_SERVICE);
    let all = json!([task("2", "other"), mine, task("3", ""), {"ID": "4"}]);
    assert_eq!(shown("/tasks", &all.to_string()), json!([mine]));
}

#[test]
fn an_error_names_the_own_services_that_use_a_secret() {
    let policy = scoped();
    let text = r#"{"message":"secret 's' is in use by the following services: db, web"}"#;
    let said = |method: &str| {
        let call = Call::parse(method, "/secrets/s").unwrap();
        let shown = policy.scoped().unwrap().shown(&call, &view()).unwrap();
        let (mut filter, mut out) = (shown.filter(400).unwrap(), Vec::new());
        filter.push(text.as_bytes(), &mut out).unwrap();
        filter.finish(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(said("DELETE"), text.replace("db", "…"));
    assert_eq!(said("GET"), text.replace("db, web", "…, …"));
}

#[test]
fn a_list_of_images_is_whole_but_counts_no_containers() {
    let images = json!([{"Id": "i", "Containers": 4}, {"Id": "j", "Containers": -1}, {"Id": "k"}]);
    assert_eq!(
        shown("/images/json", &images.to_string()),
        json!([{"Id": "i", "Containers": -1}, {"Id": "j", "Containers": -1}, {"Id": "k"}])
    );
}

#[test]
fn a_list_of_networks_shows_no_containers() {
    let network = json!([{"Name": "edge", "Id": "2", "Labels": {}, "Containers": {FOREIGN_ID: {"Name": "x"}}}]);
    assert_eq!(
        shown("/networks", &network.to_string()),
        json!([{"Name": "edge", "Id": "2", "Labels": {}, "Containers": {}}])
    );
}

#[test]
fn documents_have_only_what_is_in_scope() {
    let network = json!({"Id": "2", "Containers": {FOREIGN_ID: {"Name": "x"}, OWN_ID: {"Name": "own"}}, "Services": {"a": {}}, "Peers": [1]});
    assert_eq!(
        shown("/networks/edge?verbose=1", &network.to_string()),
        json!({"Id": "2", "Containers": {OWN_ID: {"Name": "own"}}})
    );
    let info = json!({"ID": "x", "Containers": 9, "ContainersRunning": 7, "ContainersPaused": 1, "ContainersStopped": 1, "Images": 3,
        "Swarm": {"NodeID": "n", "LocalNodeState": "active", "ControlAvailable": true, "RemoteManagers": [], "Managers": 1}});
    assert_eq!(
        shown("/info", &info.to_string()),
        json!({"ID": "x", "Containers": 1, "ContainersRunning": 1, "ContainersPaused": 0, "ContainersStopped": 0, "Images": 3,
            "Swarm": {"LocalNodeState": "active", "ControlAvailable": true}})
    );
    let mine = container(OWN_ID, "own", &own());
    let mut mine = mine;
    mine["Mounts"] = json!([{"Type": "volume", "Name": "a"}]);
    let usage = json!({"LayersSize": 5, "Images": [{"Id": "i", "Containers": 4}], "Containers": [container(FOREIGN_ID, "x", &json!({})), mine],
        "Volumes": [{"Name": "a", "Labels": own(), "UsageData": {"RefCount": 3, "Size": 1}}, {"Name": "b", "Labels": null}], "BuildCache": [{"ID": "c"}], "BuilderSize": 7, "New": 1});
    assert_eq!(
        shown("/system/df", &usage.to_string()),
        json!({"LayersSize": 5, "Images": [{"Id": "i", "Containers": -1}], "Containers": [mine],
            "Volumes": [{"Name": "a", "Labels": own(), "UsageData": {"RefCount": 1, "Size": 1}}], "BuildCache": [], "BuilderSize": 0})
    );
    for bad in ["[]", "{", "null", ""] {
        assert!(passed("/info", bad, 3).is_err(), "{bad}");
    }
}

fn event(of: &str, action: &str, id: &str, attributes: &Value) -> String {
    json!({"Type": of, "Action": action, "Actor": {"ID": id, "Attributes": attributes}}).to_string()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn events_are_those_of_objects_in_scope() {
    let mine = json!({"dockgate.policy": "ci", "name": "own", "image": "x"});
    let other = json!({"dockgate.policy": "cix", "name": "other"});
    let is_shown = |events: &[(String, bool)]| {
        let all: Vec<_> = events
            .iter()
            .map(|(event, _)| format!("{event}\n"))
            .collect();
        let want: Vec<_> = events
            .iter()
            .filter(|it| it.1)
            .map(|(event, _)| format!("{event}\n"))
            .collect();
        for length in [1, 50, usize::MAX] {
            assert_eq!(
                passed("/events", &all.concat(), length).unwrap(),
                want.concat()
            );
        }
    };
    is_shown(&[
        (event("container", "start", OWN_ID, &mine), true),
        (event("container", "start", FOREIGN_ID, &other), false),
        (
            event("container", "start", FOREIGN_ID, &json!({"name": "x"})),
            false,
        ),
        (
            event("container", "prune", "", &json!({"reclaimed": "0"})),
            false,
        ),
        (event("image", "pull", "x:1", &json!({})), true),
        (
            event("network", "create", "own-net", &json!({"name": "n"})),
            true,
        ),
        (
            event(
                "network",
                "connect",
                "own-net",
                &json!({"container": OWN_ID}),
            ),
            true,
        ),
        (
            event(
                "network",
                "connect",
                "own-net",
                &json!({"container": FOREIGN_ID}),
            ),
            false,
        ),
        (
            event(
                "network",
                "connect",
                "edge",
                &json!({"container": FOREIGN_ID}),
            ),
            false,
        ),
        (
            event("network", "connect", "edge", &json!({"container": OWN_ID})),
            true,
        ),
        (
            event(
                "network",
                "connect",
                "bridge",
                &json!({"container": FOREIGN_ID}),
            ),
            false,
        ),
        (
            event("network", "create", "other-net", &json!({"name": "n"})),
            false,
        ),
        (
            event("network", "destroy", "other-net", &json!({"name": "n"})),
            false,
        ),
        (
            event("network", "destroy", "own-net", &json!({"name": "n"})),
            true,
        ),
        // It is gone, so another one has that name by now.
        (
            event("network", "destroy", "own-net", &json!({"name": "n"})),
            false,
        ),
        (
            event("volume", "create", "own-vol", &json!({"driver": "local"})),
            true,
        ),
        (
            event("volume", "mount", "own-vol", &json!({"container": OWN_ID})),
            true,
        ),
        (
            event(
                "volume",
                "mount",
                "own-vol",
                &json!({"container": FOREIGN_ID}),
            ),
            false,
        ),
        (
            event("volume", "create", "other-vol", &json!({"driver": "local"})),
            false,
        ),
        (
            event("volume", "destroy", "own-vol", &json!({"driver": "local"})),
            true,
        ),
        (event("node", "update", "n", &json!({})), false),
        (event("daemon", "reload", "d", &json!({})), false),
        (event("service", "create", "s", &mine), false),
        (event("service", "create", "own-s", &json!({})), true),
        (event("service", "update", "own-s", &json!({})), true),
        (event("service", "remove", "own-s", &json!({})), true),
        (event("service", "remove", "own-s", &json!({})), false),
        (event("service", "create", "own-name", &json!({})), false),
        (event("secret", "create", "own-s", &json!({})), true),
        (event("secret", "create", "other", &json!({})), false),
        (event("secret", "remove", "other", &json!({})), false),
        (event("secret", "create", "own-name", &json!({})), false),
        (event("config", "create", "own-c", &json!({})), true),
        (event("config", "create", "other", &json!({})), false),
    ]);
    for bad in ["[]", "1", r#"{"Type":"container""#, "{}"] {
        assert!(passed("/events", bad, 3).is_err(), "{bad}");
    }
}

#[test]
fn errors_name_only_what_is_in_scope() {
    let policy = scoped();
    let call = Call::parse("GET", "/containers/json").unwrap();
    let shown = policy.scoped().unwrap().shown(&call, &view()).unwrap();
    let mut filter = shown.filter(409).unwrap();
    let mut out = Vec::new();
    let text = format!(r#"{{"message":"in use by [{FOREIGN_ID}]"}}"#);
    filter.push(text.as_bytes(), &mut out).unwrap();
    filter.finish(&mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"{"message":"in use by […]"}"#
    );
    assert!(shown.filter(304).is_none() && shown.filter(101).is_none());
}
