//! Compressed uploads, as bytes: the daemon gets the plain tar that was checked, or nothing complete.

use std::io::Write;

use crate::support::{FakeDaemon, Gate, Refused};
use flate2::Compression;
use flate2::write::GzEncoder;

const BAD_BODY: Refused = Refused(400, "bad_body");
const RESTRICTED: Refused = Refused(403, "restricted");
const TOO_LARGE: Refused = Refused(413, "body_too_large");
const POLICY: &str = "allow = ['PutContainerArchive']";

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// The head of an upload, and its bytes in chunks of this size or, without a size, in one piece.
fn upload(content: &[u8], chunk: Option<usize>) -> Vec<u8> {
    let head =
        "PUT /containers/web/archive?path=/ HTTP/1.1\r\nHost: docker\r\nContent-Encoding: gzip\r\n";
    let mut request = head.as_bytes().to_vec();
    let Some(chunk) = chunk else {
        request.extend(format!("Content-Length: {}\r\n\r\n", content.len()).as_bytes());
        request.extend(content);
        return request;
    };
    request.extend(b"Transfer-Encoding: chunked\r\n\r\n");
    for piece in content.chunks(chunk) {
        request.extend(format!("{:x}\r\n", piece.len()).as_bytes());
        request.extend(piece);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

#[test]
fn g10_a_gzip_upload_arrives_as_the_plain_tar() {
    let daemon = FakeDaemon::start();
    let mut gate = Gate::start(&daemon, POLICY);
    let plain: Vec<u8> = (0..50_000_u32).flat_map(u32::to_be_bytes).collect();
    let members = [gzip(&plain[..10]), gzip(b""), gzip(&plain[10..])].concat();
    for (case, content) in [("one member", gzip(&plain)), ("members", members)] {
        for chunk in [None, Some(1), Some(1000)] {
            let mut client = gate.connect();
            client.send(upload(&content, chunk));
            client.count(1);
            client.reply().assert_ok(case);
            let arrived = daemon.requests().pop().unwrap();
            assert!(
                arrived.body.as_deref() == Some(&plain),
                "G10: {case} {chunk:?}"
            );
            assert_eq!(arrived.head.get("Content-Encoding"), None, "G10: {case}");
            assert_eq!(arrived.head.get("Content-Length"), None, "G10: {case}");
            let record = gate.record();
            let record = if record["event"] == "request" {
                record
            } else {
                gate.record()
            };
            assert_eq!(
                record["bytes_in"],
                content.len(),
                "G10: {case}: what the client sent"
            );
        }
    }
}

#[test]
fn g10_invalid_gzip_never_arrives_completely() {
    let daemon = FakeDaemon::start();
    let gate = Gate::start(&daemon, POLICY);
    let plain: Vec<u8> = (0..50_000_u32).flat_map(u32::to_be_bytes).collect();
    let packed = gzip(&plain);
    let cut = packed.len() / 2;
    let mut wrong = packed.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let bomb = gzip(&vec![0; 1 << 20]).repeat(20);
    for (case, refused, content) in [
        ("cut short", BAD_BODY, packed[..cut].to_vec()),
        ("a wrong length", BAD_BODY, wrong),
        (
            "more after it",
            BAD_BODY,
            [&packed[..], b"etc/passwd"].concat(),
        ),
        (
            "no gzip after its magic",
            BAD_BODY,
            b"\x1f\x8b\x08etc/passwd".to_vec(),
        ),
        ("gzip twice", RESTRICTED, gzip(&packed)),
        (
            "zstd in gzip",
            RESTRICTED,
            gzip(b"\x28\xb5\x2f\xfd and more"),
        ),
        ("xz", RESTRICTED, b"\xfd7zXZ\0 and more".to_vec()),
        ("a bomb", TOO_LARGE, bomb),
    ] {
        for chunk in [None, Some(1000)] {
            let mut client = gate.connect();
            client.send(upload(&content, chunk));
            client.count(1);
            refused.assert(&client.reply(), case);
            let requests = daemon.requests().into_iter();
            let mut uploads = requests.filter(|request| request.head.first.starts_with("PUT"));
            assert!(uploads.all(|upload| upload.body.is_none()), "G10: {case}");
        }
    }
}

#[test]
fn g10_an_engine_that_unpacks_by_itself_and_an_unrestricted_block_get_the_sent_bytes() {
    let packed = gzip(b"a plain tar");
    let newer = r#"{"Version":"29.5.1"}"#;
    let newer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{newer}",
        newer.len()
    );
    let lifted = "allow = ['PutContainerArchive']\n[archive]\nunrestricted = true";
    for (daemon, policy) in [
        (FakeDaemon::start().that_is(newer.into_bytes()), POLICY),
        (FakeDaemon::start(), lifted),
    ] {
        let gate = Gate::start(&daemon, policy);
        let mut client = gate.connect();
        client.send(upload(&packed, None));
        client.count(1);
        client.reply().assert_ok(policy);
        let arrived = daemon.requests().pop().unwrap();
        assert_eq!(
            arrived.body.as_deref(),
            Some(&packed[..]),
            "beside G10: {policy}"
        );
    }
}
