mod fixture;
mod redaction;

use std::path::PathBuf;

use fixture::{fixture, planted};
use futures_util::FutureExt;
use http::Version;
use http_body::Body;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::*;
use crate::policy::filter::ReplyRule;
use crate::policy::filter::error_text::ErrorRule;
use crate::proxy::head::Head;

const NOBODY: &str = "unix:///nobody/listens/here";
const LIST: &str = "GET /v1.45/containers/json";
const EVENTS: &str = "GET /v1.45/events";

fn ok(lines: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{lines}\r\n{body}")
}

fn of_length(body: &str) -> String {
    let lines = format!(
        "Content-Length: {}\r\nETag: x\r\nContent-MD5: x\r\n",
        body.len()
    );
    ok(
        &(lines + "Accept-Ranges: bytes\r\nApi-Version: 1.45\r\n"),
        body,
    )
}

fn chunked(chunks: &[&str]) -> String {
    let chunk = |text: &&str| format!("{:x}\r\n{text}\r\n", text.len());
    ok(
        "Transfer-Encoding: chunked\r\n",
        &chunks.iter().map(chunk).collect::<String>(),
    )
}

/// The fields of a record that say how a request ended.
fn ended(record: &Value) -> (i64, i64, &str, &str) {
    let number = |key: &str| record[key].as_i64().unwrap_or_default();
    let text = |key: &str| record[key].as_str().unwrap();
    (
        number("status"),
        number("bytes_out"),
        text("reason"),
        text("end"),
    )
}

#[tokio::test]
async fn a_reply_that_is_known_whole_has_its_exact_length() {
    for (reply, body) in [
        (of_length("a\n-b\nc\n"), "a\nc\n"),
        (of_length("-a\n"), ""),
        (of_length(""), ""),
        (chunked(&["-a\n", "b", ""]), "b"),
    ] {
        let (got, record) = fixture(NOBODY).on_wire(LIST, planted(), &reply).await;
        let (head, rest) = got.split_once("\r\n\r\n").unwrap();
        assert_eq!(rest, body, "{got}");
        let head = head.to_ascii_lowercase();
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{got}"
        );
        for gone in ["etag", "content-md5", "accept-ranges", "transfer-encoding"] {
            assert!(!head.contains(gone), "{gone}: {got}");
        }
        assert_eq!(
            head.contains("api-version"),
            reply.contains("Api-Version"),
            "{got}"
        );
        let bytes = i64::try_from(body.len()).unwrap();
        assert_eq!(ended(&record), (200, bytes, "not_judged", "complete"));
    }
}

/// Lines of this many bytes together, a thousand each.
fn lines(count: usize) -> String {
    format!("{}\n", "x".repeat(999)).repeat(count)
}

#[tokio::test]
async fn the_framing_of_a_reply_tells_nothing_of_what_is_left_out() {
    let left_out = format!("-{}\n", "y".repeat(40_000));
    let (few, many) = (lines(3), lines(40));
    for (kept, is_whole) in [(&few, true), (&many, false)] {
        let (half, rest) = kept.split_at(kept.len() / 3000 * 1000);
        let mut seen = Vec::new();
        for reply in [
            of_length(kept),
            chunked(&[kept, ""]),
            of_length(&[half, &left_out, rest, &left_out].concat()),
            chunked(&[&left_out, half, &left_out, &left_out, rest, ""]),
            chunked(&[half, rest, &left_out, ""]),
        ] {
            let (got, record) = fixture(NOBODY).on_wire(LIST, planted(), &reply).await;
            let (head, body) = got.split_once("\r\n\r\n").unwrap();
            let head = head.to_ascii_lowercase();
            let has_length = head.contains(&format!("content-length: {}", kept.len()));
            assert_eq!(has_length, is_whole, "{head}");
            let bytes = i64::try_from(kept.len()).unwrap();
            assert_eq!(ended(&record), (200, bytes, "not_judged", "complete"));
            seen.push(body.to_owned());
        }
        assert!(seen.iter().all(|body| *body == seen[0]), "{}", kept.len());
    }
}

#[tokio::test]
async fn a_reply_that_cannot_be_filtered_is_502_before_its_first_byte() {
    let compressed = ok("Content-Encoding: gzip\r\nContent-Length: 2\r\n", "a\n");
    let broken = ok("Content-Length: 9\r\n", "-a\n");
    for (reply, why) in [
        (
            of_length("-a\n!\nb\n"),
            "the reply of the Docker daemon cannot be filtered: a line is bad",
        ),
        (
            chunked(&["-a\n", "!b\n", "c\n"]),
            "the reply of the Docker daemon cannot be filtered: a line is bad",
        ),
        (
            compressed,
            "the reply of the Docker daemon cannot be filtered: it is compressed",
        ),
        (broken, "the Docker daemon's reply broke off or is not HTTP"),
    ] {
        let (got, record) = fixture(NOBODY).on_wire(LIST, planted(), &reply).await;
        assert!(got.starts_with("HTTP/1.1 502 "), "{got}");
        assert!(
            got.ends_with(&format!("{{\"message\":\"dockgate: {why}\"}}\n")),
            "{got}"
        );
        assert!(
            got.to_ascii_lowercase().contains("connection: close"),
            "{got}"
        );
        let bytes = i64::try_from(got.split_once("\r\n\r\n").unwrap().1.len()).unwrap();
        assert_eq!(ended(&record), (502, bytes, "bad_daemon_reply", "complete"));
        assert_eq!(record["detail"], why);
    }
}

#[tokio::test]
async fn a_reply_that_cannot_be_filtered_is_cut_after_its_first_byte() {
    let many = lines(17);
    let first = format!("4000\r\n{}\r\n", &many[..16_384]);
    for (line, reply, body, bytes) in [
        (LIST, chunked(&[&many, "b\n!\n", ""]), &*first, 16_384),
        (EVENTS, chunked(&["a\n", "!\n", ""]), "2\r\na\n\r\n", 2),
        (EVENTS, chunked(&["!\n", ""]), "", 0),
    ] {
        let (got, record) = fixture(NOBODY).on_wire(line, planted(), &reply).await;
        // If nothing was written yet, hyper may not even write the head.
        let rest = got.split_once("\r\n\r\n").map_or("", |(_, rest)| rest);
        assert_eq!(rest, body, "{got}");
        assert!(!got.contains("502"), "{got}");
        assert_eq!(ended(&record), (200, bytes, "not_judged", "filter_failed"));
        let why =
            "the rest of the reply was not passed on, because it cannot be filtered: a line is bad";
        assert_eq!(record["detail"], why);
    }
}

#[tokio::test]
async fn a_daemon_that_leaves_after_the_first_byte_is_on_record() {
    let many = lines(17);
    let reply = chunked(&[&many, "b"]);
    let (got, record) = fixture(NOBODY).on_wire(LIST, planted(), &reply).await;
    let first = format!("\r\n\r\n4000\r\n{}\r\n", &many[..16_384]);
    assert!(got.ends_with(&first), "{got}");
    assert_eq!(ended(&record), (200, 16_384, "not_judged", "daemon_gone"));
}

#[tokio::test]
async fn a_reply_without_a_body_is_not_filtered() {
    let with_length = "Content-Length: 7\r\nETag: x\r\n\r\n";
    for (line, status) in [
        ("HEAD /v1.45/_ping", "200 OK"),
        (LIST, "204 No Content"),
        (LIST, "304 Not Modified"),
    ] {
        let lines = if status.starts_with("204") {
            "ETag: x\r\n\r\n"
        } else {
            with_length
        };
        let reply = format!("HTTP/1.1 {status}\r\n{lines}");
        let (got, record) = fixture(NOBODY).on_wire(line, planted(), &reply).await;
        assert!(got.starts_with(&format!("HTTP/1.1 {status}")), "{got}");
        assert!(got.to_ascii_lowercase().contains("etag: x"), "{got}");
        assert_eq!(record["end"], "complete", "{status}");
    }
}

#[tokio::test]
async fn without_a_rule_a_reply_is_passed_on_as_it_is() {
    for rule in [
        ReplyRule::Pass,
        ReplyRule::Errors(Box::<ErrorRule>::default()),
    ] {
        let (got, record) = fixture(NOBODY)
            .on_wire(LIST, rule, &of_length("-a\n!\n"))
            .await;
        assert!(got.ends_with("\r\n\r\n-a\n!\n"), "{got}");
        assert!(got.to_ascii_lowercase().contains("etag: x"), "{got}");
        assert_eq!(ended(&record), (200, 5, "not_judged", "complete"));
    }
}

#[tokio::test]
async fn an_error_is_reworded_also_where_a_reply_could_last() {
    let id = "fedcba9876543210".repeat(4);
    let body = format!("{{\"message\":\"container {id} is gone\"}}\n");
    let want = "{\"message\":\"container … is gone\"}\n";
    for line in [LIST, EVENTS] {
        let reply = of_length(&body).replacen("200 OK", "404 Not Found", 1);
        let rule = ReplyRule::Errors(Box::<ErrorRule>::default());
        let (got, _) = fixture(NOBODY).on_wire(line, rule, &reply).await;
        assert!(got.starts_with("HTTP/1.1 404 "), "{got}");
        assert!(got.ends_with(&format!("\r\n\r\n{want}")), "{got}");
        let length = format!("content-length: {}\r\n", want.len());
        assert!(got.to_ascii_lowercase().contains(&length), "{got}");
    }
}

#[tokio::test]
async fn a_version_that_is_too_old_is_still_noticed() {
    let body = "{\"message\":\"client version 1.22 is too old. Minimum is 1.40\"}\n";
    for rule in [
        ReplyRule::Pass,
        ReplyRule::Errors(Box::<ErrorRule>::default()),
    ] {
        let reply = of_length(body).replacen("200 OK", "400 Bad Request", 1);
        let (got, record) = fixture(NOBODY).on_wire(LIST, rule, &reply).await;
        assert!(got.ends_with(body), "{got}");
        let detail = record["detail"].as_str().unwrap();
        assert!(detail.contains("lift_api_version"), "{detail}");
    }
}

#[tokio::test]
async fn the_head_of_an_endless_reply_is_sent_at_once() {
    let fixture = fixture(NOBODY);
    let (reply, mut daemon) = fixture.answer(EVENTS, planted(), &chunked(&[])).await;
    assert_eq!(
        (reply.status(), reply.version()),
        (StatusCode::OK, Version::HTTP_11)
    );
    let mut body = reply.into_body();
    assert!(!body.is_end_stream());
    assert_eq!(body.size_hint().exact(), None);
    assert!(body.frame().now_or_never().is_none());
    for part in ["2\r\n-a\r\n", "2\r\n\nb\r\n", "2\r\nc\n\r\n"] {
        daemon.write_all(part.as_bytes()).await.unwrap();
    }
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "bc\n");
    drop(body);
    let record = fixture.record();
    assert_eq!(ended(&record), (200, 3, "not_judged", "client_gone"));
    assert!(fixture.handler.state.released.is_set());
}

/// A filter waits for an answer that does not come, or for the daemon.
const WAITING: [&str; 2] = ["2\r\n?a\r\n1\r\n\n\r\n", "2\r\n-a\r\n"];

#[tokio::test]
async fn what_ends_a_connection_ends_a_reply_that_waits() {
    let path = folder("waits");
    let silent = UnixListener::bind(&path).unwrap();
    let upstream = format!("unix://{}", path.display());
    for (waiting, revoked, end) in WAITING
        .iter()
        .flat_map(|waiting| [(*waiting, true, "revoked"), (*waiting, false, "drained")])
    {
        let fixture = fixture(&upstream);
        let state = &fixture.handler.state;
        let (reply, mut daemon) = fixture.answer(EVENTS, planted(), &chunked(&[])).await;
        daemon.write_all(waiting.as_bytes()).await.unwrap();
        let mut body = reply.into_body();
        wait_in(&mut body).await;
        let _asked = asked(&silent, waiting).await;
        state.draining.set(!revoked);
        state.revoked.set(revoked);
        let next = body.frame().await;
        assert_eq!(next.is_some_and(|next| next.is_err()), revoked, "{waiting}");
        drop(body);
        assert_eq!(
            ended(&fixture.record()),
            (200, 0, "not_judged", end),
            "{waiting}"
        );
    }
}

#[tokio::test]
async fn what_ends_a_connection_ends_a_reply_that_has_not_begun() {
    let path = folder("begins");
    let silent = UnixListener::bind(&path).unwrap();
    let upstream = format!("unix://{}", path.display());
    for (waiting, status, end) in WAITING.iter().flat_map(|waiting| {
        [
            (*waiting, Some((403, "client_unknown")), "revoked"),
            (*waiting, None, "client_gone"),
        ]
    }) {
        let fixture = fixture(&upstream);
        let state = &fixture.handler.state;
        let (sent, mut daemon, entry) = fixture.sent(LIST, planted(), &chunked(&[])).await;
        daemon.write_all(waiting.as_bytes()).await.unwrap();
        let head = Head::default();
        let mut passing = Box::pin(fixture.handler.hand_on(sent, &head, entry));
        wait_for(&mut passing).await;
        let _asked = asked(&silent, waiting).await;
        state.draining.set(true);
        wait_for(&mut passing).await;
        if let Some((status, reason)) = status {
            state.revoked.set(true);
            let reply = passing.await;
            assert_eq!(reply.status(), status, "{waiting}");
            assert_eq!(reply.headers()["dockgate-reason"], reason, "{waiting}");
        } else {
            drop(passing);
        }
        assert_eq!(
            ended(&fixture.record()),
            (0, 0, "not_judged", end),
            "{waiting}"
        );
    }
    // Only the error of a reply that could last waits for its beginning, and ends with the drain.
    let fixture = fixture(NOBODY);
    let reply = chunked(&["-a"]).replacen("200 OK", "500 Oh", 1);
    let (sent, _daemon, entry) = fixture.sent(EVENTS, planted(), &reply).await;
    let head = Head::default();
    let mut passing = Box::pin(fixture.handler.hand_on(sent, &head, entry));
    wait_for(&mut passing).await;
    fixture.handler.state.draining.set(true);
    let reply = passing.await;
    assert_eq!(reply.headers()["dockgate-reason"], "draining");
    assert_eq!(ended(&fixture.record()), (0, 0, "not_judged", "drained"));
}

#[tokio::test]
async fn a_filters_question_is_asked_on_a_separate_connection() {
    let path = folder("answers");
    let listener = UnixListener::bind(&path).unwrap();
    let asked = async {
        let (mut heads, mut kept) = (Vec::new(), Vec::new());
        for reply in ["404 Not Found", "500 Oh", "403 Forbidden"] {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let length = socket.read(&mut head).await.unwrap();
            heads.push(String::from_utf8_lossy(&head[..length]).into_owned());
            let reply = format!("HTTP/1.1 {reply}\r\nContent-Length: 2\r\n\r\n{{}}");
            socket.write_all(reply.as_bytes()).await.unwrap();
            kept.push(socket);
        }
        heads
    };
    let fixture = fixture(&format!("unix://{}", path.display()));
    let reply = of_length("?a\n?b\n?c\n");
    let passed = fixture.on_wire(LIST, planted(), &reply);
    let ((got, record), heads) = tokio::join!(passed, asked);
    let want = "a is missing\nb is unknown\nc is unknown\n";
    let (_, body) = got.split_once("\r\n\r\n").unwrap();
    let texts = body
        .split_inclusive('\n')
        .filter(|line| line.contains(" is "));
    let texts: String = texts.collect();
    assert_eq!(texts, want, "{got}");
    assert_eq!(
        ended(&record),
        (
            200,
            i64::try_from(want.len()).unwrap(),
            "not_judged",
            "complete"
        )
    );
    for (head, name) in heads.iter().zip(["a", "b", "c"]) {
        assert!(
            head.starts_with(&format!("GET /containers/{name}/json HTTP/1.1\r\n")),
            "{head}"
        );
    }
}

#[tokio::test]
async fn a_daemon_that_cannot_be_asked_leaves_a_question_open() {
    let (got, _) = fixture(NOBODY)
        .on_wire(LIST, planted(), &of_length("?a\n"))
        .await;
    assert!(got.ends_with("a is unknown\n"), "{got}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_awaited_for_three_seconds() {
    let path = folder("silent");
    let _silent = UnixListener::bind(&path).unwrap();
    let fixture = fixture(&format!("unix://{}", path.display()));
    let before = tokio::time::Instant::now();
    let (got, _) = fixture.on_wire(LIST, planted(), &of_length("?a\n")).await;
    assert!(got.ends_with("a is unknown\n"), "{got}");
    let passed = before.elapsed().as_secs_f64();
    assert!((2.9..3.5).contains(&passed), "{passed} s");
}

/// A path for a daemon's socket.
fn folder(name: &str) -> PathBuf {
    let name = format!("dockgate-filtered-{}-{name}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    _ = std::fs::remove_file(&path);
    path
}

/// The connection on which a filter asks, if it waits for an answer.
async fn asked(daemon: &UnixListener, waiting: &str) -> Option<UnixStream> {
    if waiting.contains('?') {
        return Some(daemon.accept().await.unwrap().0);
    }
    assert!(daemon.accept().now_or_never().is_none());
    None
}

/// Lets everything else happen, and expects that the future is still waiting.
async fn wait_for(future: &mut (impl Future<Output: Sized> + Unpin)) {
    for _ in 0..50 {
        tokio::task::yield_now().await;
        assert!(future.now_or_never().is_none());
    }
}

async fn wait_in(body: &mut ReplyBody) {
    for _ in 0..50 {
        tokio::task::yield_now().await;
        assert!(body.frame().now_or_never().is_none());
    }
}
