//! Which objects belong to a policy, and which to somebody else.

use crate::policy::requirements::tests::judged;

/// Whether a policy named `p` allows a request, given what the daemon has.
#[track_caller]
fn is_allowed(blocks: &str, request: &str, body: &str, given: &[(&str, &str)]) -> bool {
    judged(blocks, request, body, given).is_ok()
}

const CREATE: &str = "POST /containers/create";
const OWN: &str = r#"{"Labels":{"dockgate.policy":"p"}}"#;
const OTHERS: &str = r#"{"Labels":{"dockgate.policy":"q"}}"#;
const NOBODYS: &str = r#"{"Labels":null}"#;

/// S8: each way in which a container's body can name a volume.
fn mounting(name: &str) -> Vec<String> {
    [
        r#"{"HostConfig":{"Binds":["NAME:/d"]}}"#,
        r#"{"HostConfig":{"Binds":["NAME:/d:ro"]}}"#,
        r#"{"HostConfig":{"Binds":["own:/o","NAME:/d:nocopy"]}}"#,
        r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"NAME","Target":"/d"}]}}"#,
        r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"NAME","Target":"/d","ReadOnly":true,"VolumeOptions":{"Labels":{"dockgate.policy":"p"}}}]}}"#,
    ]
    .map(|body| body.replace("NAME", name))
    .into()
}

#[test]
fn a_volume_is_mounted_by_those_whose_it_is() {
    let own = ("/volumes/own", OWN);
    for (blocks, volume, want) in [
        ("", OWN, true),
        ("", OTHERS, false),
        ("", NOBODYS, false),
        ("[create]\nvolumes = ['@new']", OWN, false),
        ("[create]\nvolumes = ['@own']", OWN, true),
        ("[create]\nvolumes = ['da*', '@own']", OTHERS, true),
        ("[create]\nvolumes = ['dat', '@own']", OTHERS, false),
        ("[create]\nvolumes = ['*']", NOBODYS, true),
    ] {
        for body in mounting("data") {
            if blocks.contains("['@new']") && body.contains("own:/o") {
                continue;
            }
            let given = [("/volumes/data", volume), own];
            assert_eq!(
                is_allowed(blocks, CREATE, &body, &given),
                want,
                "S8: {blocks} {volume} {body}"
            );
        }
    }
}

#[test]
fn a_new_volume_is_made_first_and_is_the_policys_from_then_on() {
    for (blocks, want) in [
        ("", true),
        ("[create]\nvolumes = ['@own', '@new']", true),
        ("[create]\nvolumes = ['@new']", true),
        ("[create]\nvolumes = ['@own']", false),
        ("[create]\nvolumes = ['new', '@own']", true),
        ("[create]\nvolumes = []", false),
    ] {
        for body in mounting("new") {
            let given = [("/volumes/own", OWN)];
            if !blocks.contains("'@own'") && !blocks.is_empty() && body.contains("own:/o") {
                continue;
            }
            assert_eq!(
                is_allowed(blocks, CREATE, &body, &given),
                want,
                "S8: {blocks} {body}"
            );
        }
    }
    // Volumes have no ids. Forgejo's runner names them with 32 digits, and the daemon those without a name with 64.
    for (digits, want) in [(12, true), (32, true), (63, true), (64, false)] {
        let name = &"4b".repeat(32)[..digits];
        let body = format!(r#"{{"HostConfig":{{"Binds":["{name}:/d"]}}}}"#);
        let judged = is_allowed("[create]\nvolumes = ['*', '@new']", CREATE, &body, &[]);
        assert_eq!(judged, want, "S1: {name}");
    }
}

#[test]
fn a_volume_without_a_name_belongs_to_the_containers_that_use_it() {
    let name = "4b".repeat(32);
    let (path, body) = (
        format!("/volumes/{name}"),
        format!(r#"{{"HostConfig":{{"Binds":["{name}:/d"]}}}}"#),
    );
    for (users, want) in [
        (r#"[{"Labels":{"dockgate.policy":"p"}}]"#, true),
        (
            r#"[{"Labels":{"dockgate.policy":"p"}},{"Labels":{"dockgate.policy":"p"}}]"#,
            true,
        ),
        (
            r#"[{"Labels":{"dockgate.policy":"p"}},{"Labels":{}}]"#,
            false,
        ),
        (r#"[{"Labels":{"dockgate.policy":"q"}}]"#, false),
        (r#"[{"Labels":null}]"#, false),
        ("[]", false),
    ] {
        let given = [(path.as_str(), NOBODYS), ("/containers/json", users)];
        assert_eq!(is_allowed("", CREATE, &body, &given), want, "S8: {users}");
        let named = [("/volumes/data", NOBODYS), ("/containers/json", users)];
        let body = body.replace(&name, "data");
        assert!(
            !is_allowed("", CREATE, &body, &named),
            "S8: a name: {users}"
        );
    }
}

#[test]
fn a_service_needs_the_names_of_its_volumes() {
    let body = r#"{"TaskTemplate":{"ContainerSpec":{"Image":"a","Mounts":[{"Type":"volume","Source":"data","Target":"/d"}]}}}"#;
    for (blocks, want) in [
        ("", false),
        ("[create]\nvolumes = ['@own', '@new', '@project']", false),
        ("[create]\nvolumes = ['data']", true),
    ] {
        for given in [&[][..], &[("/volumes/data", OWN)]] {
            assert_eq!(
                is_allowed(blocks, "POST /services/create", body, given),
                want,
                "S8: {blocks}"
            );
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn what_is_made_joins_a_project_that_nobody_else_has_something_in() {
    let labels = |label: &str| format!(r#"{{"{label}":"shop","x":"y"}}"#);
    let (theirs, ours) = (
        r#"[{"Labels":{}}]"#,
        r#"[{"Labels":{"dockgate.policy":"p"}}]"#,
    );
    let both = r#"[{"Labels":{"dockgate.policy":"p"}},{"Labels":{"dockgate.policy":"q"}}]"#;
    let volumes = r#"{"Volumes":[{"Labels":null}]}"#;
    for label in ["com.docker.compose.project", "com.docker.stack.namespace"] {
        let labels = labels(label);
        for (request, body) in [
            (CREATE, format!(r#"{{"Labels":{labels}}}"#)),
            (
                "POST /networks/create",
                format!(r#"{{"Name":"n","Labels":{labels}}}"#),
            ),
            (
                "POST /volumes/create",
                format!(r#"{{"Name":"v","Labels":{labels}}}"#),
            ),
            (
                CREATE,
                format!(
                    r#"{{"HostConfig":{{"Mounts":[{{"Type":"volume","Target":"/d","VolumeOptions":{{"Labels":{labels}}}}}]}}}}"#
                ),
            ),
            (
                "POST /services/create",
                format!(r#"{{"Name":"s","Labels":{labels}}}"#),
            ),
            (
                "POST /services/create",
                format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{"Labels":{labels}}}}}}}"#),
            ),
            (
                "POST /services/web/update?version=1",
                format!(r#"{{"Labels":{labels}}}"#),
            ),
        ] {
            let both_words = "[create]\nprojects = ['@own', '@new']";
            for (blocks, given, want) in [
                ("", &[][..], false),
                (both_words, &[], true),
                (both_words, &[("/containers/json", ours)], true),
                (both_words, &[("/containers/json", theirs)], false),
                (both_words, &[("/containers/json", both)], false),
                (both_words, &[("/networks", theirs)], false),
                (both_words, &[("/volumes", volumes)], false),
                ("[create]\nprojects = ['@new']", &[], true),
                (
                    "[create]\nprojects = ['@new']",
                    &[("/containers/json", ours)],
                    false,
                ),
                ("[create]\nprojects = ['@own']", &[], false),
                (
                    "[create]\nprojects = ['@own']",
                    &[("/networks", ours)],
                    true,
                ),
                (
                    "[create]\nprojects = ['sh*']",
                    &[("/containers/json", theirs)],
                    true,
                ),
                ("[create]\nprojects = ['other']", &[], false),
            ] {
                assert_eq!(
                    is_allowed(blocks, request, &body, given),
                    want,
                    "S10: {blocks} {request} {body} {given:?}"
                );
            }
        }
    }
}

#[test]
fn a_service_that_is_updated_stays_in_its_project() {
    let update = "POST /services/web/update?version=1";
    let body = r#"{"Labels":{"com.docker.stack.namespace":"shop"}}"#;
    let of = |project: &str| {
        format!(r#"{{"Spec":{{"Labels":{{"com.docker.stack.namespace":"{project}"}}}}}}"#)
    };
    assert!(is_allowed(
        "",
        update,
        body,
        &[("/services/web", &of("shop"))]
    ));
    assert!(
        !is_allowed("", update, body, &[("/services/web", &of("other"))]),
        "S10"
    );
}

#[test]
fn a_project_that_is_allowed_opens_its_volumes_and_networks() {
    let blocks = "[create]\nprojects = ['shop']\nvolumes = ['@own', '@project']\nnetworks = ['@own', '@project']";
    for (project, want) in [("shop", true), ("other", false)] {
        let labels = format!(r#"{{"Labels":{{"com.docker.compose.project":"{project}"}}}}"#);
        for (body, path) in [
            (
                r#"{"HostConfig":{"NetworkMode":"none","Binds":["data:/d"]}}"#,
                "/volumes/data",
            ),
            (r#"{"HostConfig":{"NetworkMode":"back"}}"#, "/networks/back"),
        ] {
            assert_eq!(
                is_allowed(blocks, CREATE, body, &[(path, &labels)]),
                want,
                "S10: {project} {body}"
            );
            let without = blocks.replace(", '@project'", "");
            assert!(
                !is_allowed(&without, CREATE, body, &[(path, &labels)]),
                "S10: {project} {body}"
            );
        }
    }
}

#[test]
fn a_tag_is_moved_by_those_who_made_the_image_that_has_it() {
    let image =
        |stamp: &str| format!(r#"{{"Config":{{"Labels":{{"dockgate.image":"{stamp}"}}}}}}"#);
    let named = "/images/docker.io/library/app:1/json";
    for (request, body) in [
        ("POST /images/a/tag?repo=app&tag=1", ""),
        ("POST /commit?container=web&repo=app&tag=1", "{}"),
        ("POST /build?t=app:1", ""),
        ("POST /build?t=new:1&t=docker.io/library/app:1", ""),
        ("POST /build?version=2&t=index.docker.io/library/app:1", ""),
        ("POST /images/create?fromSrc=-&repo=app&tag=1", ""),
    ] {
        let import = "[images]\nimport = true\n";
        for (blocks, stamp, want) in [
            ("", None, true),
            ("", Some("p docker.io/library/app:1"), true),
            (
                "",
                Some("p docker.io/library/x:1 docker.io/library/app:1"),
                true,
            ),
            // An image that is built from it has its labels, but another name.
            ("", Some("p docker.io/library/base:1"), false),
            ("", Some("q docker.io/library/app:1"), false),
            ("", Some("p"), false),
            ("", Some(""), false),
            ("tags = ['@new']", Some("p docker.io/library/app:1"), false),
            ("tags = ['@own']", None, false),
            ("tags = ['app']", Some(""), true),
            ("tags = ['*']", Some(""), true),
        ] {
            let stamped = stamp.map(image);
            let given: Vec<_> = stamped
                .iter()
                .map(|image| (named, image.as_str()))
                .collect();
            let blocks = [import, blocks].concat();
            if want && blocks.contains("['app']") && request.contains("new:1") {
                continue;
            }
            assert_eq!(
                is_allowed(&blocks, request, body, &given),
                want,
                "S9: {blocks} {request} {stamp:?}"
            );
        }
    }
    // The names in a tar are not read.
    assert!(!is_allowed("", "POST /images/load", "", &[]), "S9");
    assert!(
        !is_allowed("[images]\ntags = ['acme/*']", "POST /images/load", "", &[]),
        "S9"
    );
    assert!(
        is_allowed("[images]\ntags = ['*']", "POST /images/load", "", &[]),
        "S9"
    );
}
