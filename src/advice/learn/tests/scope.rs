//! When a learned policy has a scope.

use super::*;
use crate::audit::reading::Line;

/// A record: the client, the request, its status, and further fields as JSON.
type Recorded = (&'static str, &'static str, u16, &'static str);

fn learned(requests: &[Recorded]) -> String {
    let mut seen = Seen::default();
    for (number, (client, request, status, more)) in requests.iter().enumerate() {
        let (method, path) = request.split_once(' ').unwrap();
        let verdict = if *status == 403 { "deny" } else { "allow" };
        let text = format!(
            r#"{{"time":"2026-11-21T10:00:{number:02}.123456Z","event":"request","id":"1","client":{{"address":"10.0.0.1:1",
            "name":"{client}"}},"listener":"tcp://0.0.0.0:2375","method":"{method}","path":"{path}","effect":"write",
            "verdict":"{verdict}","reason":"granted","status":{status}{more}}}"#
        );
        let line = Line::parse(&text).unwrap_or_else(|| panic!("{text}"));
        let call = line.call().unwrap();
        seen.see(&call, &line.findings, &line.time, verdict == "deny");
        seen.see_objects(&line, &call);
    }
    let text = seen.policy("learned");
    assert!(load(&text).is_ok(), "{text}");
    text
}

const CREATE: Recorded = ("a", "POST /containers/create", 201, r#","name":"job""#);
const SCOPE: &str = "\n[scope]\nobjects = [\"@own\"] # each object that a request named was created by the same client, so \
                     all others are hidden\n";

/// What the client does after it created the container `job`.
const ITS_OWN: &[&[Recorded]] = &[
    &[],
    &[("a", "POST /containers/job/start", 204, "")],
    &[("a", "DELETE /containers/job", 204, "")],
    &[
        ("a", "GET /containers/json", 200, ""),
        ("a", "GET /images/x/json", 200, ""),
    ],
    &[("a", "GET /networks/bridge", 200, "")],
    // By its id, or the beginning of that, if a record connects it with the name.
    &[
        (
            "a",
            "GET /containers/job/json",
            200,
            r#","object_id":"4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1""#,
        ),
        (
            "a",
            "POST /containers/4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1/stop",
            204,
            "",
        ),
        ("a", "DELETE /containers/4bcff63911fc", 204, ""),
    ],
    &[
        ("a", "POST /containers/job/rename", 204, r#","name":"done""#),
        ("a", "DELETE /containers/done", 204, ""),
    ],
    &[
        (
            "a",
            "POST /containers/job/exec",
            201,
            r#","findings":["exec.into=job"]"#,
        ),
        (
            "a",
            "POST /exec/e1/start",
            200,
            r#","findings":["exec.into=job"]"#,
        ),
        ("a", "GET /exec/e1/json", 200, ""),
    ],
    &[
        (
            "a",
            "POST /containers/4bcff63911fc/exec",
            201,
            r#","findings":["exec.into=@own"]"#,
        ),
        (
            "a",
            "POST /exec/e1/start",
            200,
            r#","findings":["exec.into=@own"]"#,
        ),
    ],
    &[
        ("a", "POST /networks/create", 201, r#","name":"net""#),
        (
            "a",
            "POST /networks/net/connect",
            200,
            r#","findings":["networks.containers=job"]"#,
        ),
        (
            "a",
            "POST /containers/create",
            201,
            r#","name":"two","findings":["create.networks=net","create.join=job","create.volumes=@new"]"#,
        ),
    ],
    &[("a", "POST /commit", 201, r#","query":["container=job"]"#)],
    // By an id that the daemon gave to it, also without a name.
    &[
        (
            "a",
            "POST /containers/create",
            201,
            r#","created_id":"5bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1""#,
        ),
        (
            "a",
            "POST /containers/5bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1/start",
            204,
            "",
        ),
        (
            "a",
            "POST /containers/5bcff63911fc/exec",
            201,
            r#","created_id":"e7","findings":["exec.into=5bcff63911fc"]"#,
        ),
        ("a", "GET /exec/e7/json", 200, ""),
    ],
];

#[test]
fn who_names_only_what_he_created_gets_a_scope() {
    for rest in ITS_OWN {
        let all: Vec<_> = [CREATE].iter().chain(*rest).copied().collect();
        let text = learned(&all);
        assert!(text.contains(SCOPE), "{rest:?}: {text}");
        assert!(!text.contains("No [scope]"), "{text}");
        assert_eq!(
            load(&text).unwrap().scope.unwrap().objects.as_slice().len(),
            1
        );
    }
}

/// What the client does after it created the container `job`, and what it did not create.
const OF_OTHERS: &[(&[Recorded], &str)] = &[
    (
        &[("a", "POST /containers/web/start", 204, "")],
        "the container \"web\"",
    ),
    // A denied one too, because the policy may allow it.
    (
        &[("a", "GET /containers/web/json", 403, "")],
        "the container \"web\"",
    ),
    (
        &[("b", "POST /containers/job/start", 204, "")],
        "the container \"job\"",
    ),
    (
        &[("a", "DELETE /networks/job", 204, "")],
        "the network \"job\"",
    ),
    (
        &[("a", "POST /containers/4bcff63911fc/start", 204, "")],
        "the container \"4bcff63911fc\"",
    ),
    (&[("a", "GET /exec/e1/json", 200, "")], "the exec \"e1\""),
    // Another client has created it, or nobody has.
    (
        &[
            (
                "b",
                "POST /containers/create",
                201,
                r#","created_id":"5bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1""#,
            ),
            ("a", "POST /containers/5bcff63911fc/start", 204, ""),
        ],
        "the container \"5bcff63911fc\"",
    ),
    (
        &[
            (
                "a",
                "POST /containers/create",
                403,
                r#","created_id":"5bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1""#,
            ),
            ("a", "POST /containers/5bcff63911fc/start", 204, ""),
        ],
        "the container \"5bcff63911fc\"",
    ),
    (
        &[(
            "a",
            "POST /exec/e1/start",
            200,
            r#","findings":["exec.into=web"]"#,
        )],
        "the exec \"e1\"",
    ),
    (
        &[(
            "a",
            "POST /containers/create",
            201,
            r#","findings":["create.networks=edge"]"#,
        )],
        "the network \"edge\"",
    ),
    (
        &[
            ("a", "POST /networks/create", 409, r#","name":"net""#),
            ("a", "DELETE /networks/net", 204, ""),
        ],
        "the network \"net\"",
    ),
    // The volume existed before.
    (
        &[
            ("a", "GET /volumes/v", 200, ""),
            ("a", "POST /volumes/create", 201, r#","name":"v""#),
        ],
        "the volume \"v\"",
    ),
    (
        &[("a", "POST /commit", 201, r#","query":["container=web"]"#)],
        "the container \"web\"",
    ),
    (&[("a", "POST /images/x/push", 200, "")], "the image \"x\""),
];

#[test]
fn an_object_that_the_client_did_not_create_prevents_a_scope() {
    for (rest, want) in OF_OTHERS {
        let all: Vec<_> = [CREATE].iter().chain(*rest).copied().collect();
        let text = learned(&all);
        let note = format!(
            "# No [scope] is proposed, because the log does not show that the client created {want}, which a request \
             names.\n"
        );
        assert!(
            text.contains(&note) && !text.contains("\n[scope]"),
            "{rest:?}: {text}"
        );
    }
    // It did not exist before it was created.
    let text = learned(&[("a", "GET /containers/job/json", 404, ""), CREATE]);
    assert!(text.contains(SCOPE), "{text}");
    let cut = (
        "a",
        "POST /containers/create",
        201,
        r#","findings":["..."]"#,
    );
    let text = learned(&[CREATE, cut]);
    let note =
        "# No [scope] is proposed, because the log does not have everything that requests name.\n";
    assert!(text.contains(note) && !text.contains("\n[scope]"), "{text}");
}

#[test]
fn a_client_that_creates_nothing_or_does_what_no_scope_limits_gets_none() {
    let text = learned(&[("a", "GET /containers/json", 200, "")]);
    assert!(!text.contains("[scope]"), "{text}");
    for (request, want) in [
        ("POST /images/prune", "it cannot limit ImagePrune"),
        ("GET /nodes", "it cannot limit NodeList"),
        ("GET /libpod/info", "it cannot limit raw paths"),
    ] {
        let text = learned(&[CREATE, ("a", request, 200, "")]);
        let note = format!("# No [scope] is proposed, because {want}.\n");
        assert!(
            text.contains(&note) && !text.contains("\n[scope]"),
            "{text}"
        );
    }
}
