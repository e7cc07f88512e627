use proptest::prelude::*;

use super::*;

fn version(major: u16, minor: u16) -> ApiVersion {
    ApiVersion {
        major,
        minor,
        patch: None,
    }
}

#[test]
fn accepts_the_spellings_that_clients_use() {
    for (target, want_version, want_path) in [
        ("/_ping", None, "/_ping"),
        (
            "/v1.45/containers/json?all=1",
            Some(version(1, 45)),
            "/containers/json",
        ),
        ("/v9.99/info", Some(version(9, 99)), "/info"),
        ("/v1.0/info", Some(version(1, 0)), "/info"),
        ("/volumes", None, "/volumes"),
        ("/version", None, "/version"),
        ("/networks/", None, "/networks/"),
        (
            "/images/quay.io:5000/a/b:1@sha256:00/json",
            None,
            "/images/quay.io:5000/a/b:1@sha256:00/json",
        ),
        ("/images/a%2Fb%3A1/json", None, "/images/a%2Fb%3A1/json"),
        (
            "/v5.4.2/libpod/info",
            Some(ApiVersion {
                major: 5,
                minor: 4,
                patch: Some(2),
            }),
            "/libpod/info",
        ),
    ] {
        let parsed = Target::parse(target).unwrap();
        assert_eq!(
            (parsed.version, parsed.path),
            (want_version, want_path),
            "{target}"
        );
    }
}

#[test]
fn refuses_a_target_with_two_spellings() {
    for (id, target, want) in [
        ("F01", "/containers/../images/json", BadTarget::DotSegment),
        ("F01", "//containers/json", BadTarget::EmptySegment),
        ("F01", "/containers//json", BadTarget::EmptySegment),
        ("F02", "/containers%2Fcreate", BadTarget::Escape),
        ("F02", "/containers%2fcreate", BadTarget::Escape),
        ("F02", "/containers%252Fcreate", BadTarget::Escape),
        (
            "F02",
            "/containers/%252e%252e/images/json",
            BadTarget::Escape,
        ),
        ("F03", "/containers/%252e/json", BadTarget::Escape),
        ("F07", "/v5.0.0/containers/json", BadTarget::Version),
        ("F12", "/admin/%252fvalidate", BadTarget::Escape),
        (
            "section 2",
            "/v1.41//containers/json",
            BadTarget::EmptySegment,
        ),
        ("section 2", "/./x", BadTarget::DotSegment),
        ("section 2", "/x/%2e%2e/x", BadTarget::Escape),
        ("section 2", "/networks//", BadTarget::EmptySegment),
        ("section 2", "/v1.41%2F_ping", BadTarget::Version),
        ("section 2", "/%5fping", BadTarget::Escape),
        ("section 2", "/_ping;x=1", BadTarget::Byte(b';')),
        ("section 2", "/_ping#f", BadTarget::Byte(b'#')),
        ("section 2", "/_ping%00", BadTarget::Escape),
        ("section 2", "/_ping%zz", BadTarget::Escape),
        ("section 2", "http://any/_ping", BadTarget::NotOriginForm),
        ("section 2", "x:/_ping", BadTarget::NotOriginForm),
        ("section 2", "*", BadTarget::NotOriginForm),
        ("section 2", "_ping", BadTarget::NotOriginForm),
        ("section 2", "", BadTarget::NotOriginForm),
        ("section 2", "/_ping\u{e9}", BadTarget::Byte(0xc3)),
        ("inputs", "/", BadTarget::Empty),
        ("inputs", "/v01.45/info", BadTarget::Version),
        ("inputs", "/v1.045/info", BadTarget::Version),
        ("inputs", "/v1/info", BadTarget::Version),
        ("inputs", "/v0/info", BadTarget::Version),
        ("inputs", "/v1./info", BadTarget::Version),
        ("inputs", "/v1..41/info", BadTarget::Version),
        ("inputs", "/v1.45.99.1/info", BadTarget::Version),
        ("inputs", "/v1.99999999/info", BadTarget::Version),
        ("inputs", "/v1.45", BadTarget::Version),
        ("inputs", "/containers/json\\", BadTarget::Byte(b'\\')),
        ("inputs", "/containers/json\t", BadTarget::Byte(b'\t')),
        ("inputs", "/containers/{id}/json", BadTarget::Byte(b'{')),
    ] {
        assert_eq!(Target::parse(target).unwrap_err(), want, "{id}: {target}");
    }
    assert_eq!(
        Target::parse(&format!("/{}", "a".repeat(Target::MAX_PATH))),
        Err(BadTarget::TooLong)
    );
}

proptest! {
    #[test]
    fn no_input_panics(target in "\\PC{0,80}") {
        let _ = Target::parse(&target);
    }

    #[test]
    fn an_accepted_path_is_clean(target in "/(v[0-9.]{0,5}|images|[a-z.%]{1,4})?(/[a-zA-Z0-9._%/-]{0,6}){0,4}") {
        if let Ok(parsed) = Target::parse(&target) {
            prop_assert!(!parsed.path.contains("//"));
            prop_assert!(parsed.segments().all(|segment| segment != "." && segment != ".."));
        }
    }
}

#[test]
fn a_field_is_read_from_its_version_on() {
    for (first, version, want) in [
        (ApiVersion::NANO_CPUS, "1.24", false),
        (ApiVersion::NANO_CPUS, "1.25", true),
        (ApiVersion::SERVICE_PIDS, "1.40", false),
        (ApiVersion::SERVICE_PIDS, "1.41", true),
        (ApiVersion::SERVICE_PIDS, "1.51", true),
    ] {
        let is_read = first.is_read_under(ApiVersion::parse(version));
        assert_eq!(is_read, want, "{first} under {version}");
    }
    assert!(ApiVersion::SERVICE_PIDS.is_read_under(None));
}
