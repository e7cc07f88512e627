//! Each spelling of a mount, next to a similar one that is rejected.

use super::*;

fn host(path: &str) -> Source<'_> {
    Source::Host(path.into())
}

#[test]
fn reads_the_short_form_as_the_daemon_does() {
    let volume = |name| Source::Volume {
        name,
        driver: None,
        options: &[],
        labels: &[],
    };
    let (read, top, write) = (Access::Read, Access::ReadNonRecursive, Access::Write);
    for (text, source, access, is_shared) in [
        ("/srv/a:/a", host("/srv/a"), write, false),
        ("/srv/a:/a:ro", host("/srv/a"), read, false),
        ("/:/h:ro", host("/"), top, false),
        ("/:/h", host("/"), write, false),
        ("/a:/b:", host("/a"), write, false),
        ("/a:/b:ro,z", host("/a"), write, false),
        ("/a:/b:ro,rshared", host("/a"), read, true),
        ("/a:/b/", host("/a"), write, false),
        ("/a/:/b", host("/a"), write, false),
        ("//a/./b/.:/x", host("/a/b"), write, false),
        ("/mnt/./:/h:ro", host("/mnt"), top, false),
        ("/.:/h:ro", host("/"), top, false),
        ("//:/h", host("/"), write, false),
        ("/a:/b//c/./", host("/a"), write, false),
        ("data:/a:nocopy", volume(Some("data")), write, false),
        ("data:/a:ro", volume(Some("data")), read, false),
        ("/a", volume(None), write, false),
    ] {
        let want = Mount {
            source,
            access,
            is_shared,
        };
        assert_eq!(short(text), Ok(want), "{text}");
    }
}

#[test]
fn refuses_an_ambiguous_short_form() {
    for (text, want) in [
        ("/a/../b:/x", BadMount::Source),
        ("/a/..:/x", BadMount::Source),
        ("/..//a/:/x", BadMount::Source),
        ("/a\\b:/x", BadMount::Source),
        ("/a\n:/x", BadMount::Source),
        ("/a:ro", BadMount::Parts),
        (":/x", BadMount::Parts),
        ("/a:/b:/c:ro", BadMount::Parts),
        ("/a:/b:RO", BadMount::Mode),
        ("/a:/b:ro,exec", BadMount::Mode),
        ("/a:b", BadMount::Relative),
        ("/a:/b,U=true", BadMount::Target),
        ("/a:/b*", BadMount::Target),
        ("/a:/", BadMount::Root),
        ("/a://", BadMount::Root),
        ("/a:/./", BadMount::Root),
        ("/a:./b", BadMount::Relative),
        ("/a:/b/../c", BadMount::Target),
        ("../a:/x", BadMount::VolumeName),
        ("a/b:/x", BadMount::VolumeName),
        ("~:/x", BadMount::VolumeName),
        ("/{{.Node.ID}}:/x", BadMount::Template),
    ] {
        assert_eq!(short(text), Err(want), "{text}");
    }
}

#[test]
fn reads_the_long_form_as_the_daemon_does() {
    let json = |text: &'static str| Json::parse(text.as_bytes()).unwrap();
    let text = r#"{"Type":"bind","Source":"/srv","Target":"/a","ReadOnly":true,"BindOptions":{"Propagation":"rshared"}}"#;
    let bind = json(text);
    let want = Mount {
        source: host("/srv"),
        access: Access::Read,
        is_shared: true,
    };
    assert_eq!(long(&bind), Ok(want));
    for (text, want) in [
        (
            r#""Source":"/srv","ReadOnly":true,"BindOptions":{"ReadOnlyNonRecursive":true}"#,
            Access::ReadNonRecursive,
        ),
        (
            r#""Source":"/srv","ReadOnly":true,"BindOptions":{"ReadOnlyNonRecursive":false}"#,
            Access::Read,
        ),
        (
            r#""Source":"/srv","ReadOnly":true,"BindOptions":{"ReadOnlyForceRecursive":true}"#,
            Access::Read,
        ),
        (
            r#""Source":"/","ReadOnly":true,"BindOptions":{"ReadOnlyForceRecursive":true}"#,
            Access::ReadNonRecursive,
        ),
        (
            r#""Source":"/srv","BindOptions":{"ReadOnlyNonRecursive":true}"#,
            Access::Write,
        ),
    ] {
        let text = format!(r#"{{"Type":"bind","Target":"/a",{text}}}"#);
        let mount = Json::parse(text.as_bytes()).unwrap();
        assert_eq!(long(&mount).unwrap().access, want, "S11: {text}");
    }
    let tmpfs = json(
        r#"{"Type":"tmpfs","Target":"/a","TmpfsOptions":{"Options":[["noexec"],["exec"],["suid"]]}}"#,
    );
    assert_eq!(
        long(&tmpfs).unwrap().source,
        Source::Memory(vec!["exec", "suid"])
    );
    let tmpfs = json(
        r#"{"Type":"tmpfs","Target":"/a","TmpfsOptions":{"Options":[["size=1m,exec"],["noexec","dev"],["mode=1777"]]}}"#,
    );
    let want = Source::Memory(vec!["exec", "dev"]);
    assert_eq!(long(&tmpfs).unwrap().source, want, "S19");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn refuses_an_ambiguous_long_form() {
    for (id, text, want) in [
        (
            "F75",
            r#"{"Type":"cluster","Source":"a","Target":"/a"}"#,
            BadMount::Type,
        ),
        (
            "F75",
            r#"{"Type":"npipe","Source":"a","Target":"/a"}"#,
            BadMount::Type,
        ),
        (
            "F75",
            r#"{"Type":"Bind","Source":"/","Target":"/a"}"#,
            BadMount::Type,
        ),
        ("F75", r#"{"Source":"/","Target":"/a"}"#, BadMount::Type),
        (
            "2c",
            r#"{"Type":"bind","Source":"\\..\\x","Target":"/a"}"#,
            BadMount::Source,
        ),
        (
            "S19",
            r#"{"Type":"bind","Source":"/a","Target":"/x,U=true"}"#,
            BadMount::Target,
        ),
        (
            "S19",
            r#"{"Type":"tmpfs","Target":"/x,exec,dev,suid"}"#,
            BadMount::Target,
        ),
        (
            "S19",
            r#"{"Type":"bind","Source":"/a,target=/x","Target":"/a"}"#,
            BadMount::Source,
        ),
        (
            "S19",
            r#"{"Type":"image","Source":"a,rw=true","Target":"/a"}"#,
            BadMount::Source,
        ),
        (
            "S19",
            r#"{"Type":"bind","Source":"/a","Target":"/a","Consistency":"cached,U=true"}"#,
            BadMount::Consistency,
        ),
        (
            "S19",
            r#"{"Type":"volume","Source":"a","Target":"/a","VolumeOptions":{"Subpath":"x,U=true"}}"#,
            BadMount::Subpath,
        ),
        (
            "2c",
            r#"{"Type":"tmpfs","Source":"a","Target":"/a"}"#,
            BadMount::Type,
        ),
        (
            "2c",
            r#"{"Type":"bind","Source":"/a","Target":"/a","VolumeOptions":{"NoCopy":true}}"#,
            BadMount::Options,
        ),
        (
            "F76",
            r#"{"Type":"volume","Source":"a","Target":"/a","VolumeOptions":{"Subpath":"../../x"}}"#,
            BadMount::Subpath,
        ),
        (
            "F76",
            r#"{"Type":"image","Source":"a","Target":"/a","ImageOptions":{"Subpath":"/x"}}"#,
            BadMount::Subpath,
        ),
        (
            "3",
            r#"{"Type":"bind","Source":"{{index .Service.Labels \"p\"}}","Target":"/a"}"#,
            BadMount::Template,
        ),
        (
            "3",
            r#"{"Type":"volume","Target":"/a","VolumeOptions":{"DriverConfig":{"Options":{"device":"{{.Node.ID}}"}}}}"#,
            BadMount::Template,
        ),
    ] {
        let mount = Json::parse(text.as_bytes()).unwrap();
        assert_eq!(long(&mount), Err(want), "{id}: {text}");
    }
}
