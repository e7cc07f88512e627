//! Spellings that real clients use and that are clear, each with the most similar one that is ambiguous.

use super::*;

/// What is sent for a request, or its denial.
fn sent(blocks: &str, request: &str, body: &str) -> Result<(String, String), (Reason, String)> {
    let permit = judged(blocks, request, body, &[])?;
    let body = permit
        .request
        .body
        .as_deref()
        .unwrap_or_default()
        .to_owned();
    Ok((permit.request.call.render(), body))
}

#[test]
fn d_the_path_of_an_upload_passes_as_it_is_where_nothing_reads_it() {
    for path in [
        ".",
        "/tmp/.",
        "./tmp",
        "//tmp",
        "/tmp//",
        "/tmp/",
        "tmp",
        "/",
        "/tmp/../tmp",
        "..",
        "a\\b",
    ] {
        for blocks in [
            "",
            "[archive]\ninto = ['*']",
            "[archive]\nunrestricted = true",
            "[archive]\nunrestricted = true\npaths = ['/srv:rw']",
        ] {
            let request = format!(
                "PUT /containers/web/archive?path={}",
                path.replace('\\', "%5C")
            );
            let (target, _) = sent(blocks, &request, "").unwrap();
            let (_, query) = target.split_once("path=").unwrap();
            let want = path.replace('/', "%2F").replace('\\', "%5C");
            assert_eq!(query, want, "D: {blocks} {path}");
        }
    }
}

#[test]
fn d_a_path_that_is_read_is_judged_and_sent_without_what_says_nothing() {
    let blocks = "[archive]\npaths = ['/srv/**:rw']";
    for (path, want) in [
        ("/srv/a", Some("/srv/a")),
        ("/srv/a/.", Some("/srv/a")),
        ("/srv/./a//", Some("/srv/a")),
        ("//srv", Some("/srv")),
        ("./srv/a", Some("/srv/a")),
        ("srv", Some("/srv")),
        ("/srv/a/..", None),
        ("/srv/../etc", None),
        ("/srv/a/../../etc", None),
        ("..", None),
        ("/srv/a%5Cb", None),
        ("/srv/a%0Ab", None),
        (".", None),
        ("//", None),
        ("/srvx", None),
    ] {
        let request = format!("PUT /containers/web/archive?path={path}");
        let sent = sent(blocks, &request, "").map(|(target, _)| target);
        let want = want.map(|path| path.replace('/', "%2F"));
        let found = sent
            .as_ref()
            .ok()
            .and_then(|target| target.split_once("path="));
        assert_eq!(
            found.map(|(_, path)| path),
            want.as_deref(),
            "D: {path}: {sent:?}"
        );
    }
    assert_judged(
        blocks,
        "PUT /containers/web/archive?path=/srv/../srv",
        "",
        "path \"/srv/../srv\" is not allowed; to allow it, have the client send a path without `..` and backslash, or leave archive.paths out",
    );
}

#[test]
fn j_the_source_of_a_bind_is_judged_and_sent_without_what_says_nothing() {
    let create = "POST /containers/create";
    let service = "POST /services/create";
    let blocks = "[create]\nbinds = ['/srv/**:rw', '/mnt:ro']\nunrestricted = false";
    for (request, body, want) in [
        (
            create,
            r#"{"HostConfig":{"Binds":["/srv/:/t"]}}"#,
            Some(r#""/srv:/t""#),
        ),
        (
            create,
            r#"{"HostConfig":{"Binds":["//srv/./a/.:/t/:rw"]}}"#,
            Some(r#""/srv/a:/t/:rw""#),
        ),
        (
            create,
            r#"{"HostConfig":{"Binds":["/srv/a:/t/./x"]}}"#,
            Some(r#""/srv/a:/t/./x""#),
        ),
        (
            create,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/srv//","Target":"/t"}]}}"#,
            Some(r#""Source":"/srv""#),
        ),
        (
            service,
            r#"{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/srv/.","Target":"/t"}]}}}"#,
            Some(r#""Source":"/srv""#),
        ),
        // Only volumes have names that are not paths.
        (
            create,
            r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"data","Target":"/t"}]}}"#,
            Some(r#""Source":"data""#),
        ),
        (
            create,
            r#"{"HostConfig":{"Binds":["/srv/../etc:/t"]}}"#,
            None,
        ),
        (create, r#"{"HostConfig":{"Binds":["/srv/..:/t"]}}"#, None),
        (create, r#"{"HostConfig":{"Binds":["/srv\\..:/t"]}}"#, None),
        (create, r#"{"HostConfig":{"Binds":["//:/t"]}}"#, None),
        (create, r#"{"HostConfig":{"Binds":["/./etc/:/t"]}}"#, None),
        // Mounts below it stay writable.
        (
            create,
            r#"{"HostConfig":{"Binds":["/mnt/./:/t:ro"]}}"#,
            None,
        ),
        (create, r#"{"HostConfig":{"Binds":["./srv:/t"]}}"#, None),
        (create, r#"{"HostConfig":{"Binds":["/srv:/.//"]}}"#, None),
        (
            create,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"srv/","Target":"/t"}]}}"#,
            None,
        ),
        (
            create,
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"","Target":"/t"}]}}"#,
            None,
        ),
        (
            service,
            r#"{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/etc/","Target":"/t"}]}}}"#,
            None,
        ),
    ] {
        match (sent(blocks, request, body), want) {
            (Ok((_, sent)), Some(want)) => assert!(sent.contains(want), "J: {body}: {sent}"),
            (Err(_), None) => {}
            (sent, want) => panic!("J: {body}: {sent:?}, not {want:?}"),
        }
    }
}

#[test]
fn f_a_network_is_judged_and_sent_by_the_name_that_its_escapes_stand_for() {
    let join = |name: &str| format!(r#"{{"HostConfig":{{"NetworkMode":{name}}}}}"#);
    let key =
        |name: &str| format!(r#"{{"NetworkingConfig":{{"EndpointsConfig":{{{name}:{{}}}}}}}}"#);
    let named = |name: &str| format!(r#"{{"Name":{name}}}"#);
    let create = "POST /containers/create";
    let make = "POST /networks/create";
    let blocks = "[create]\nnetworks = ['@default', 'my net', 'bugs/*', 'b?gs']";
    for (request, body, is_granted) in [
        (create, join(r#""my net""#), true),
        (create, key(r#""my net""#), true),
        (create, key(r#""my\u0020net""#), true),
        (create, join(r#""bugs/net""#), true),
        (create, join(r#""bügs""#), true),
        (create, join(r#""your net""#), false),
        (create, join(r#""my%20net""#), false),
        (create, join(r#""container:my net""#), false),
        (create, key(r#""container:web""#), false),
        (create, key(r#""@default""#), false),
        (create, key(r#""@own""#), false),
        (create, join(r#""bugs/../net""#), false),
        (create, join(r#""b\u200bgs""#), false),
        (create, join(r#"" my net""#), false),
        (create, join(r#""ns:/proc/1/ns/net""#), false),
        (make, named(r#""my net""#), true),
        (make, named(r#""bugs^x""#), true),
        (make, named(r#""-bugs""#), true),
        (make, named(r#"" ""#), false),
        (make, named(r#""a\nb""#), false),
        (make, named(r#""container:x""#), false),
        (make, named(r#""@default""#), false),
        (make, named(r#""a/..""#), false),
        (make, named(&format!("\"{}\"", "a".repeat(64))), false),
    ] {
        let verdict = judged(blocks, request, &body, &[]);
        assert_eq!(
            verdict.is_ok(),
            is_granted,
            "F: {request} {body}: {verdict:?}"
        );
    }
    let wide = "[create]\nnetworks = ['*']\n[networks]\ncontainers = ['*']";
    let connect = "POST /networks/my%20net/connect";
    let (target, body) = sent(wide, connect, r#"{"Container":"web"}"#).unwrap();
    assert_eq!(target, format!("/networks/{}/connect", "0".repeat(64)), "F");
    assert!(body.contains(&"0".repeat(64)), "F: {body}");
    let (_, body) = sent(wide, create, &join(r#""my net""#)).unwrap();
    assert!(
        body.contains(r#""NetworkMode":"my net""#),
        "F: what clients compare stays: {body}"
    );
    let pinned = format!(r#""my net":{{"NetworkID":"{}"}}"#, "0".repeat(64));
    assert!(body.contains(&pinned), "F: {body}");
}

#[test]
fn n_other_arguments_of_ps_are_for_a_key() {
    let top = "POST /containers/web/top?ps_args=".replacen("POST", "GET", 1);
    for (blocks, arguments, want) in [
        ("", "-eo+pid,user", Some("-A+-o+pid%2Cuser")),
        ("", "faux", Some("faux")),
        ("", "auxe", None),
        ("", "-o+ppid%3DPID", None),
        ("[exec]\nps_args = ['auxe']", "auxe", Some("auxe")),
        ("[exec]\nps_args = ['aux?']", "auxe", Some("auxe")),
        ("[exec]\nps_args = ['-Z *']", "-Z+-ef", Some("-Z+-ef")),
        ("[exec]\nps_args = ['-Z *']", "-Z", None),
        ("[exec]\nunrestricted = true", "e", Some("e")),
    ] {
        let sent = sent(blocks, &format!("{top}{arguments}"), "").map(|(target, _)| target);
        let found = sent
            .as_ref()
            .ok()
            .and_then(|target| target.split_once("ps_args="));
        assert_eq!(
            found.map(|(_, sent)| sent),
            want,
            "N: {blocks} {arguments}: {sent:?}"
        );
    }
    assert_judged(
        "",
        &format!("{top}auxe"),
        "",
        "ps_args \"auxe\" is not allowed; to allow it, add \"auxe\" to exec.ps_args",
    );
}
