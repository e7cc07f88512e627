//! What a policy is asked.

use std::collections::HashSet;

use super::*;

/// The fields of a body that a policy must check: path, meaning and value.
#[track_caller]
pub(super) fn judged(
    operation: Operation,
    body: &str,
) -> Vec<(String, Option<FieldMeaning>, String)> {
    let kept = read(operation, body).unwrap();
    let asked = asked(&kept, table(operation).unwrap());
    let shown = asked.into_iter().map(|asked| {
        let mut value = String::new();
        asked.value.render(&mut value);
        (asked.path, asked.meaning, value)
    });
    shown.collect()
}

#[test]
fn names_what_a_policy_must_judge() {
    let asked = judged(
        CREATE,
        r#"{"Image":"a","Tty":true,"Cmd":"x","HostConfig":{"Privileged":true,"CapDrop":["ALL"],
            "LogConfig":{"Type":"syslog","Config":{"a":"b"}},"Annotations":{"a":"b"},
            "Mounts":[{"Type":"bind","Source":"/"}]},"NetworkingConfig":{"EndpointsConfig":
            {"n":{"Aliases":["x"],"NetworkID":"host","GwPriority":3}}}}"#,
    );
    let shown: Vec<_> = asked
        .iter()
        .map(|(path, meaning, value)| (path.as_str(), *meaning, value.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("Image", Some(FieldMeaning::Image), r#""a""#),
            (
                "HostConfig.Privileged",
                Some(FieldMeaning::Privileged),
                "true"
            ),
            (
                "HostConfig.LogConfig",
                Some(FieldMeaning::LogDriver),
                r#"{"Type":"syslog","Config":{"a":"b"}}"#
            ),
            (
                "HostConfig.Annotations",
                Some(FieldMeaning::Annotations),
                r#"{"a":"b"}"#
            ),
            (
                "HostConfig.Mounts",
                Some(FieldMeaning::Mounts),
                r#"[{"Type":"bind","Source":"/"}]"#
            ),
            (
                "NetworkingConfig.EndpointsConfig",
                Some(FieldMeaning::Networks),
                r#"{"n":{"Aliases":["x"],"NetworkID":"host","GwPriority":3}}"#
            ),
            (
                "NetworkingConfig.EndpointsConfig.n.Aliases",
                Some(FieldMeaning::Aliases),
                r#"["x"]"#
            ),
            (
                "NetworkingConfig.EndpointsConfig.n.NetworkID",
                Some(FieldMeaning::Networks),
                r#""host""#
            ),
        ]
    );
}

#[test]
fn a_zero_value_is_checked_only_if_it_means_something() {
    for body in [
        r#"{"HostConfig":{"Privileged":false,"Memory":0,"PidMode":"","Binds":[],"Sysctls":{}}}"#,
        r#"{"HostConfig":{"Cgroup":"","Annotations":{},"LogConfig":{"Type":"","Config":{}}}}"#,
        r#"{"HostConfig":{"RestartPolicy":{"Name":"","MaximumRetryCount":-0}}}"#,
        r#"{"NetworkingConfig":{"EndpointsConfig":{}}}"#,
    ] {
        assert_eq!(judged(CREATE, body), [], "{body}");
    }
    for (operation, body, want) in [
        (
            CREATE,
            r#"{"HostConfig":{"MaskedPaths":[]}}"#,
            Some(FieldMeaning::MaskedPaths),
        ),
        (CREATE, r#"{"HostConfig":{"Capabilities":[]}}"#, None),
        (
            CREATE,
            r#"{"HostConfig":{"Binds":[""]}}"#,
            Some(FieldMeaning::Binds),
        ),
        (
            CREATE,
            r#"{"HostConfig":{"Sysctls":{"a":""}}}"#,
            Some(FieldMeaning::Sysctls),
        ),
        (
            CREATE,
            r#"{"HostConfig":{"Mounts":[{}]}}"#,
            Some(FieldMeaning::Mounts),
        ),
        (
            CREATE,
            r#"{"HostConfig":{"PortBindings":{"80/tcp":null}}}"#,
            Some(FieldMeaning::Ports),
        ),
        (
            CREATE,
            r#"{"NetworkingConfig":{"EndpointsConfig":{"host":{}}}}"#,
            Some(FieldMeaning::Networks),
        ),
        (
            Operation::ContainerUpdate,
            r#"{"PidsLimit":0}"#,
            Some(FieldMeaning::Limit),
        ),
        (
            SERVICE,
            r#"{"Mode":{"Global":{}}}"#,
            Some(FieldMeaning::Replicas),
        ),
        (Operation::VolumeCreate, r#"{"ClusterVolumeSpec":{}}"#, None),
    ] {
        assert_eq!(meanings(operation, body), [want], "{body}");
    }
}

fn meanings(operation: Operation, body: &str) -> Vec<Option<FieldMeaning>> {
    let asked = judged(operation, body);
    asked.iter().map(|(_, meaning, _)| *meaning).collect()
}

/// Fields that lead out of a container, or use up the host's resources, by row of attack.
#[test]
fn everything_that_leads_out_of_a_container_is_checked() {
    let mut seen = HashSet::new();
    for (meaning, row) in asking() {
        let asked = meanings(operation_of(&row), row.body);
        let named = asked.iter().map(|meaning| match meaning {
            Some(meaning) => format!("{meaning:?}"),
            None => "Refused".to_owned(),
        });
        assert_eq!(
            named.collect::<Vec<_>>(),
            [meaning],
            "{}: {} {}",
            row.ids,
            row.target,
            row.body
        );
        seen.extend(asked);
    }
    assert!(
        seen.contains(&None),
        "no row asks for something that nothing allows"
    );
    let all = FieldMeaning::ALL.iter().copied();
    let missing: Vec<_> = all.filter(|it| !seen.contains(&Some(*it))).collect();
    assert_eq!(missing, [], "tests/data/hostile.txt has no row for them");
}
