use proptest::prelude::*;

use super::curl::BadCurl;
use super::*;

/// A request in a line: method, target, body, and what stands for the rest.
fn told(pasted: Result<Pasted, BadPaste>) -> String {
    let pasted = match pasted {
        Ok(pasted) => pasted,
        Err(bad) => return bad.to_string(),
    };
    let pieces = pasted.body.iter().map(|piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::File {
            path,
            in_one_line: true,
        } => format!("<{path}>"),
        Piece::File { path, .. } => format!("<<{path}>>"),
    });
    let body: String = pieces.collect();
    let types = pasted.content_types.map(|types| types.join(","));
    let parts = [
        Some(format!("{} {}", pasted.method, pasted.target)),
        Some(body).filter(|body| !body.is_empty()),
        types.map(|types| format!("({types})")),
        Some(pasted.left_out.join(","))
            .filter(|keys| !keys.is_empty())
            .map(|keys| format!("without {keys}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Commands, and what curl sends for them.
const COMMANDS: &[(&str, &str)] = &[
    ("curl http://localhost/v1.45/info", "GET /v1.45/info"),
    ("$ curl localhost:2375/info", "GET /info"),
    ("curl /v1.45/info", "GET /v1.45/info"),
    ("curl http://[::1]:2375/info", "GET /info"),
    ("curl HTTP://user:pw@h/info#all", "GET /info"),
    (
        "curl 'h/containers/json?all=1#x'",
        "GET /containers/json?all=1",
    ),
    // Up to three slashes come before a host.
    ("curl http:/v1.24/info", "GET /info"),
    ("curl http:///v1.24/info", "GET /info"),
    ("curl http://h", "GET /"),
    ("curl 'http://h?all=1'", "GET /?all=1"),
    ("curl --url h/info -s", "GET /info"),
    ("curl -- h/info", "GET /info"),
    (
        "curl -sS --unix-socket /var/run/docker.sock -X POST http://d/containers/web/kill",
        "POST /containers/web/kill",
    ),
    (
        "curl -sSXPOST h/containers/web/kill",
        "POST /containers/web/kill",
    ),
    (
        "curl --request DELETE h/containers/web",
        "DELETE /containers/web",
    ),
    ("curl \\\n  -X POST \\\n  h/a", "POST /a"),
    (
        "curl -XPOST -d \"a\\\r\n\\\"b\" \\\n--data-raw 'c\\\n\"' h/a",
        "POST /a a\"b&c\\\n\" (application/x-www-form-urlencoded)",
    ),
    ("curl -s h/info | jq .Name", "GET /info"),
    ("curl -I h/_ping", "HEAD /_ping"),
    (
        "curl -T a.tar 'h/containers/web/archive?path=/'",
        "PUT /containers/web/archive?path=/",
    ),
    (
        "curl -d '{\"a\":1}' h/x",
        "POST /x {\"a\":1} (application/x-www-form-urlencoded)",
    ),
    (
        "curl -d a -d@b --data-raw @c h/x",
        "POST /x a&<b>&@c (application/x-www-form-urlencoded)",
    ),
    (
        "curl --data-binary @b -X PUT h/x",
        "PUT /x <<b>> (application/x-www-form-urlencoded)",
    ),
    (
        "curl --json '{' --json @b h/x",
        "POST /x {<<b>> (application/json)",
    ),
    (
        "curl -H 'content-type: application/json' -d '{}' h/x",
        "POST /x {} (application/json)",
    ),
    ("curl -H Content-Type: -d '{}' h/x", "POST /x {} ()"),
    ("curl -H 'X-A: b' -H'Accept: */*' h/x", "GET /x"),
    (
        "curl -g 'h/x?f={\"a\":[\"b\"]}'",
        "GET /x?f={\"a\":[\"b\"]}",
    ),
    ("curl -G -d a=1 -d b=2 'h/x?c=3'", "GET /x?c=3&a=1&b=2"),
    ("curl -G -d a 'h/x?'", "GET /x?a"),
    (
        "curl -G --data-urlencode 'f={\"a\":[\"b c\"]}' --data-urlencode =d h/x",
        "GET /x?f=%7B%22a%22%3A%5B%22b%20c%22%5D%7D&d",
    ),
    ("curl -IG -d a=1 h/x", "HEAD /x?a=1"),
    ("curl --path-as-is h/x/../y", "GET /x/../y"),
];

#[test]
fn a_curl_command_is_what_curl_sends() {
    for (command, want) in COMMANDS {
        assert_eq!(told(Pasted::parse(command)), *want, "{command}");
    }
}

#[test]
fn a_curl_command_that_is_not_understood_is_refused() {
    let text = str::to_owned;
    for (command, want) in [
        ("curl", BadCurl::NoUrl),
        ("curl h/x -X", BadCurl::NoValue(text("-X"))),
        (
            "curl h/x --request=POST",
            BadCurl::Option(text("--request=POST")),
        ),
        ("curl h/x --reques POST", BadCurl::Option(text("--reques"))),
        ("curl h/x -F a=b", BadCurl::Option(text("-F"))),
        ("curl -sZ h/x", BadCurl::Option(text("-Z"))),
        ("curl -K file", BadCurl::Option(text("-K"))),
        // A proxy would be sent another target.
        ("curl -x p h/x", BadCurl::Option(text("-x"))),
        ("curl h/x h/y", BadCurl::TwoUrls(text("h/x"), text("h/y"))),
        ("curl h/x > file", BadCurl::TwoUrls(text("h/x"), text(">"))),
        ("curl h/x --next h/y", BadCurl::Option(text("--next"))),
        ("curl tcp://h/x", BadCurl::Scheme(text("tcp://h/x"))),
        ("curl 'h/x?f={\"a\"}'", BadCurl::Glob(text("h/x?f={\"a\"}"))),
        ("curl h/x/../y", BadCurl::Dots(text("h/x/../y"))),
        ("curl h/x/%2E%2e/y", BadCurl::Dots(text("h/x/%2E%2e/y"))),
        ("curl -d @- h/x", BadCurl::Stdin),
        ("curl -Id a h/x", BadCurl::Methods),
        ("curl -T f -d a h/x", BadCurl::Methods),
        ("curl -T f h/x/", BadCurl::FileName(text("h/x/"))),
        ("curl -G -d @f h/x", BadCurl::FileInQuery(text("@f"))),
        (
            "curl --data-urlencode a@f h/x",
            BadCurl::FileInQuery(text("a@f")),
        ),
    ] {
        assert_eq!(
            Pasted::parse(command),
            Err(BadPaste::Curl(want)),
            "{command}"
        );
    }
    assert_eq!(Pasted::parse("curl -d '{ h/x"), Err(BadPaste::Quote));
}

/// As engines 20.10 and 28 write them.
const CALLED: &str = r#"time="2026-11-21T12:07:01.912891161Z" level=debug msg="Calling POST /v1.45/containers/create?name=web""#;
const FORM_DATA: &str = r#"time="2026-11-21T12:07:01.913039773Z" level=debug msg="form data: {\"Cmd\":[\"echo\",\"it's\"],\"Image\":\"n\\n\\u003cx\\u003e\"}""#;
const HANDLED: &str = r#"time="2026-11-21T12:07:01.913039773Z" level=debug msg="handling POST request" form-data="{\"Image\":\"a\"}" method=POST module=api request-url="/v1.45/containers/create?name=web" vars="map[version:1.45]""#;

#[test]
fn a_line_of_the_daemons_debug_log_is_its_request() {
    let create = "POST /v1.45/containers/create?name=web";
    let body = r#"{"Cmd":["echo","it's"],"Image":"n\n\u003cx\u003e"}"#;
    let failed = HANDLED.replace("handling POST request", "error response for POST request");
    let json = r#"{"level":"debug","msg":"handling POST request","method":"POST","request-url":"/info","form-data":{"a":1}}"#;
    for (text, want) in [
        (CALLED.to_owned(), create.to_owned()),
        (
            format!("Nov 21 12:07:01 host dockerd[7]: {CALLED}"),
            create.to_owned(),
        ),
        (
            format!("{CALLED}\n{FORM_DATA}\n"),
            format!("{create} {body}"),
        ),
        (HANDLED.to_owned(), format!("{create} {{\"Image\":\"a\"}}")),
        (
            format!("{HANDLED}\n{failed}"),
            format!("{create} {{\"Image\":\"a\"}}"),
        ),
        (
            "level=debug msg=\"handling GET request\" method=GET module=api request-url=/_ping"
                .to_owned(),
            "GET /_ping".to_owned(),
        ),
        (json.to_owned(), "POST /info {\"a\":1}".to_owned()),
    ] {
        assert_eq!(told(Pasted::parse(&text)), want, "{text}");
    }
    let words = shlex::split(CALLED).unwrap();
    assert!(Pasted::is_split(&words));
    assert_eq!(told(Pasted::parse_words(&words)), create);
}

#[test]
fn a_line_that_is_no_request_or_of_another_one_is_refused() {
    let other = CALLED.replace("name=web", "name=db");
    for (text, want) in [
        (FORM_DATA.to_owned(), BadPaste::Unknown),
        (
            "level=info msg=\"API listen on /run/docker.sock\"".to_owned(),
            BadPaste::Unknown,
        ),
        ("level=debug msg=\"Calling".to_owned(), BadPaste::Quote),
        (
            format!("{CALLED}\n{other}"),
            BadPaste::Two(
                "`POST /v1.45/containers/create?name=web`".to_owned(),
                "`POST /v1.45/containers/create?name=db`".to_owned(),
            ),
        ),
    ] {
        assert_eq!(Pasted::parse(&text), Err(want), "{text}");
    }
}

#[test]
fn a_line_of_an_access_log_is_its_request() {
    for (text, want) in [
        ("GET /info", Ok("GET /info")),
        (
            "GET /v1.45/containers/json HTTP/1.1",
            Ok("GET /v1.45/containers/json"),
        ),
        (
            "\"GET /v1.45/containers/json HTTP/1.1\"",
            Ok("GET /v1.45/containers/json"),
        ),
        (
            "10.0.0.2 - - [21/Nov/2026:12:07:01 +0000] \"POST /containers/web/kill HTTP/1.1\" 403 20 \"-\" \"it's\"",
            Ok("POST /containers/web/kill"),
        ),
        (
            "GET /containers/json?filters={\"health\":[\"unhealthy\"]} HTTP/1.1",
            Ok("GET /containers/json?filters={\"health\":[\"unhealthy\"]}"),
        ),
        ("GET", Err(BadPaste::Unknown)),
        ("/info", Err(BadPaste::Unknown)),
        ("GET info", Err(BadPaste::Unknown)),
        ("see GET /info", Err(BadPaste::Unknown)),
        (
            "\"GET /info HTTP/1.1\" \"GET /_ping HTTP/1.1\"",
            Err(BadPaste::Unknown),
        ),
        (" \n", Err(BadPaste::Empty)),
    ] {
        let parsed = Pasted::parse(text);
        match want {
            Ok(want) => assert_eq!(told(parsed), want, "{text}"),
            Err(want) => assert_eq!(parsed, Err(want), "{text}"),
        }
    }
}

#[test]
fn a_line_of_the_record_is_its_request() {
    let record = r#"{"event":"request","method":"GET","path":"/v1.45/containers/json","query":["all=1","filters","name=a b"],"verdict":"allow"}"#;
    let want = "GET /v1.45/containers/json?all=1&filters=&name=a%20b without filters";
    let begin = record.replace("\"request\"", "\"begin\"");
    for text in [
        record.to_owned(),
        format!("dockgate-1  | {record}"),
        format!("{begin}\n{record}"),
    ] {
        assert_eq!(told(Pasted::parse(&text)), want, "{text}");
    }
    for (text, want) in [
        (
            r#"{"event":"request","verdict":"deny","reason":"bad_header"}"#,
            BadPaste::Head,
        ),
        (r#"{"method":"GET","path":"/info"}"#, BadPaste::Unknown),
        (r#"{"method":"GET","path":"/info""#, BadPaste::Unknown),
    ] {
        assert_eq!(Pasted::parse(text), Err(want), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_request_or_told(
        text in "(curl |\\$ curl |msg=\"|\\{|GET )?([-a-zA-Z0-9 @=/:?#&%.'\"\\\\{}\\[\\]\n]|--json |-d|HTTP/1.1|é)*"
    ) {
        if let Ok(pasted) = Pasted::parse(&text) {
            prop_assert!(!pasted.target.is_empty());
        }
    }
}

#[test]
fn a_docker_command_is_the_request_that_decides_about_it() {
    for (command, want) in [
        ("docker ps", "GET /containers/json"),
        ("docker ps -a --format json", "GET /containers/json"),
        ("$ docker restart web | cat", "POST /containers/web/restart"),
        (
            "docker container restart web",
            "POST /containers/web/restart",
        ),
        ("docker container ls", "GET /containers/json"),
        ("docker image rm a/b:1", "DELETE /images/a/b:1"),
        ("docker rm -f web", "DELETE /containers/NAME"),
        ("docker network inspect web", "GET /networks/web"),
        ("docker volume ls", "GET /volumes"),
        ("docker run alpine", "POST /containers/create"),
        ("ContainerRestart", "POST /containers/NAME/restart"),
        ("SystemPing", "GET /_ping"),
    ] {
        assert_eq!(told(Pasted::parse(command)), want, "{command}");
    }
    // Options could ask for anything, and without them the answer would be that of an ordinary container.
    for command in [
        "docker run --privileged alpine",
        "docker create -v /:/host alpine",
        "docker exec -u 0 web sh",
        "docker volume create -o type=nfs data",
        "docker build --network host .",
    ] {
        let answer = told(Pasted::parse(command));
        assert!(
            answer.contains("explain does not read them"),
            "{command}: {answer}"
        );
    }
    let unknown = told(Pasted::parse("docker compose up"));
    assert!(
        unknown.starts_with("`docker compose up` is not a command"),
        "{unknown}"
    );
    let words = ["docker", "restart", "web"].map(str::to_owned);
    assert!(Pasted::is_split(&words));
    assert_eq!(
        told(Pasted::parse_words(&words)),
        "POST /containers/web/restart"
    );
}
