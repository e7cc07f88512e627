use proptest::prelude::*;

use super::*;

fn parse(head: &str) -> Result<Head, BadHead> {
    Head::parse(head.as_bytes()).map_err(|refused| refused.bad)
}

#[test]
fn reads_what_real_clients_send() {
    let head = parse("POST /exec/a/start HTTP/1.1\r\nHost: \r\nConnection: Upgrade\r\nUpgrade: tcp\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n").unwrap();
    assert_eq!(
        (head.framing, head.upgrade.as_deref(), head.host.as_deref()),
        (Framing::Chunked, Some("tcp"), Some(""))
    );
    let fluent_bit = parse("GET /events HTTP/1.0\r\n\r\n").unwrap();
    assert!(!fluent_bit.keep_alive && !fluent_bit.is_http11 && !fluent_bit.has_body());
    let kept = parse("GET /_ping HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").unwrap();
    assert!(kept.keep_alive);
    let closing = parse("GET /_ping HTTP/1.1\r\nHost:x\r\nConnection: close\r\n\r\n").unwrap();
    assert!(!closing.keep_alive);
}

#[test]
fn refuses_what_two_readers_could_read_differently() {
    for (head, want) in [
        ("GET  /x HTTP/1.1\r\n\r\n", BadHead::RequestLine),
        ("GET\t/x HTTP/1.1\r\n\r\n", BadHead::RequestLine),
        ("GET /x\r\n\r\n", BadHead::RequestLine),
        ("GET /x HTTP/1.1 \r\n\r\n", BadHead::RequestLine),
        ("GET /x HTTP/2.0\r\n\r\n", BadHead::Version),
        ("GET /x http/1.1\r\n\r\n", BadHead::Version),
        ("PRI * HTTP/2.0\r\n\r\n", BadHead::Method("PRI".to_owned())),
        (
            "CONNECT /x HTTP/1.1\r\n\r\n",
            BadHead::Method("CONNECT".to_owned()),
        ),
        (
            "TRACE /x HTTP/1.1\r\n\r\n",
            BadHead::Method("TRACE".to_owned()),
        ),
        ("GET /x HTTP/1.1\r\n\r\n", BadHead::HostMissing),
        (
            "GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            BadHead::Doubled("Host".to_owned()),
        ),
        ("GET /x HTTP/1.1\r\nHost : a\r\n\r\n", BadHead::Header),
        ("GET /x HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", BadHead::Header),
        ("GET /x HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", BadHead::Header),
        ("GET /x HTTP/1.1\r\nHost: a\r\nb\r\n\r\n", BadHead::Header),
        (
            "GET /x HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n",
            BadHead::Expect,
        ),
    ] {
        assert_eq!(parse(head), Err(want), "{head:?}");
    }
}

#[test]
fn frames_a_body_in_one_way_or_not_at_all() {
    for (lines, want) in [
        ("Content-Length: 0", Ok(Framing::Length(0))),
        ("Content-Length: 15", Ok(Framing::Length(15))),
        ("transfer-encoding: Chunked ", Ok(Framing::Chunked)),
        (
            "Content-Length: 15\r\nContent-Length: 15",
            Err(BadHead::Framing),
        ),
        (
            "Content-Length: 0\r\nTransfer-Encoding: chunked",
            Err(BadHead::Framing),
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 0",
            Err(BadHead::Framing),
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            Err(BadHead::Framing),
        ),
        (
            "Transfer-Encoding: gzip, chunked",
            Err(BadHead::TransferEncoding),
        ),
        (
            "Transfer-Encoding: identity",
            Err(BadHead::TransferEncoding),
        ),
        ("Transfer-Encoding:", Err(BadHead::TransferEncoding)),
        ("Content-Length: 15, 15", Err(BadHead::ContentLength)),
        ("Content-Length: +1", Err(BadHead::ContentLength)),
        ("Content-Length: -1", Err(BadHead::ContentLength)),
        ("Content-Length: 01", Err(BadHead::ContentLength)),
        ("Content-Length: 0x1", Err(BadHead::ContentLength)),
        ("Content-Length:", Err(BadHead::ContentLength)),
        (
            "Content-Length: 9223372036854775807",
            Ok(Framing::Length(9_223_372_036_854_775_807)),
        ),
        (
            "Content-Length: 9223372036854775808",
            Err(BadHead::ContentLength),
        ),
        (
            "Content-Length: 18446744073709551615",
            Err(BadHead::ContentLength),
        ),
        (
            "Content-Length: 99999999999999999999",
            Err(BadHead::ContentLength),
        ),
    ] {
        let head = format!("POST /x HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n");
        assert_eq!(parse(&head).map(|head| head.framing), want, "{lines}");
    }
    let old = parse("POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(old, Err(BadHead::TransferEncoding));
}

#[test]
fn only_allowed_end_to_end_headers_are_sent_on() {
    let head = parse(
        "GET /x HTTP/1.1\r\nHost: a\r\nAccept: b\r\nCookie: c\r\nAuthorization: d\r\nX-Meta-E: f\r\nX-Registry-Auth: g\r\n\
         Connection: x-registry-auth, close\r\nX-Forwarded-For: h\r\nSec-WebSocket-Key: i\r\n\r\n",
    )
    .unwrap();
    let names: Vec<_> = head
        .crossing
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["accept", "x-meta-e"]);
    assert!(
        head.crossing_with_hijack
            .iter()
            .any(|(name, _)| name == "sec-websocket-key")
    );
    let doubled =
        parse("GET /x HTTP/1.1\r\nHost: a\r\nX-Registry-Auth: g\r\nX-Registry-Auth: g\r\n\r\n");
    assert_eq!(doubled, Err(BadHead::Doubled("x-registry-auth".to_owned())));
}

#[test]
fn a_byte_that_is_not_allowed_in_a_head_ends_reading() {
    for (text, want) in [
        (&b"GET /x HTTP/1.1\n"[..], BadHead::Byte(b'\n')),
        (b"GET /x\rHTTP/1.1", BadHead::Byte(b'\r')),
        (b"GET /x HTTP/1.1\r\n\r", BadHead::Incomplete),
        (b"GET /x HTTP/1.1\r\n\rX", BadHead::Byte(b'\r')),
        (b"GET /x HTTP/1.1\r\n\n", BadHead::Byte(b'\n')),
        (b"GET /x HTTP/1.1\r\nA: b\n\n", BadHead::Byte(b'\n')),
        (b"GET /x HTTP/1.1\r\nA: b\r\n\n", BadHead::Byte(b'\n')),
        (
            b"GET /x HTTP/1.1\r\nA: b\r\nC: d\n\r\n",
            BadHead::Byte(b'\n'),
        ),
        (
            b"GET /x HTTP/1.1\r\nA: b\nC: d\r\n\r\n",
            BadHead::Byte(b'\r'),
        ),
        (
            b"GET /x HTTP/1.1\r\nA: b\nTransfer-Encoding: chunked\r\nC: d\n\r\n",
            BadHead::Byte(b'\r'),
        ),
        (
            b"GET /x HTTP/1.1\r\nA: b\nTransfer-Encoding: chunked\r\n\n",
            BadHead::Byte(b'\r'),
        ),
        (
            b"GET /x HTTP/1.1\r\nA: b\nContent-Length: 5\r\n\r\n",
            BadHead::Byte(b'\r'),
        ),
        (
            b"GET /x HTTP/1.1\r\nA: b\nX-Transfer-Encoding: chunked\r\n\r\n",
            BadHead::Byte(b'\r'),
        ),
        (b"GET /x HTTP/1.1\nA: b\n\r\n", BadHead::Byte(b'\n')),
        (b"GET /x HTTP/1.1\r\nA: b\n\r", BadHead::Incomplete),
        (b"GET /x HTTP/1.1\r\nA: b\n\rC: d", BadHead::Byte(b'\r')),
        (b"GET /x HTTP/1.1\r\nA: b\rC: d\n\r\n", BadHead::Byte(b'\r')),
        (b"GET /\0", BadHead::Byte(0)),
        (b"GET /\x7f", BadHead::Byte(0x7f)),
        (b"\r\nGET / HTTP/1.1", BadHead::RequestLine),
        (b" GET", BadHead::RequestLine),
        (b"\x16\x03\x01", BadHead::Tls),
    ] {
        let whole = Scan::default()
            .check(text)
            .and_then(|end| end.ok_or(BadHead::Incomplete));
        assert_eq!(whole, Err(want.clone()), "{}", text.escape_ascii());
        assert_eq!(byte_by_byte(text), Err(want), "{}", text.escape_ascii());
    }
}

/// Checks a head that arrives byte by byte.
fn byte_by_byte(text: &[u8]) -> Result<usize, BadHead> {
    let mut scan = Scan::default();
    for end in 1..=text.len() {
        if let Some(end) = scan.check(&text[..end])? {
            return Ok(end);
        }
    }
    Err(BadHead::Incomplete)
}

#[test]
fn a_head_ends_at_its_empty_line_however_it_comes_in() {
    let text = b"GET /x HTTP/1.1\r\nHost:\ta\r\n\r\nGET /y HTTP/1.1\r\n\r\n";
    assert_eq!(Scan::default().check(text), Ok(Some(28)));
    assert_eq!(byte_by_byte(text), Ok(28));
}

#[test]
fn header_lines_may_all_end_in_a_line_feed() {
    let text = b"GET /x HTTP/1.1\r\nHost: a\nAccept: b\n\r\nGET /y";
    assert_eq!(Scan::default().check(text), Ok(Some(37)), "C");
    assert_eq!(byte_by_byte(text), Ok(37), "C");
    let chunked = b"POST /x HTTP/1.1\r\nHost: a\nTransfer-Encoding: chunked\r\n\r\n0";
    assert_eq!(byte_by_byte(chunked), Ok(chunked.len() - 1), "C");
    let head = Head::parse(&chunked[..chunked.len() - 1]).unwrap();
    assert_eq!(head.framing, Framing::Chunked, "C");
    let head = Head::parse(&text[..37]).unwrap();
    assert_eq!((head.host.as_deref(), head.crossing.len()), (Some("a"), 1));
}

#[test]
fn too_many_lines_are_refused() {
    let head = format!(
        "GET /x HTTP/1.1\r\nHost: a\r\n{}\r\n",
        "a: b\r\n".repeat(MAX_LINES)
    );
    assert_eq!(parse(&head), Err(BadHead::TooLarge));
}

proptest! {
    #[test]
    fn a_head_is_checked_alike_whole_and_byte_by_byte(text in "([A-Z] a\r\n)?[A-Z]?[a: \t\r\n\\x00]{0,16}") {
        let whole = Scan::default().check(text.as_bytes()).and_then(|end| end.ok_or(BadHead::Incomplete));
        prop_assert_eq!(whole, byte_by_byte(text.as_bytes()));
    }

    #[test]
    fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Head::parse(&bytes);
    }

    #[test]
    fn no_header_line_panics(line in "[ -~]{0,40}") {
        let _ = parse(&format!("GET /x HTTP/1.1\r\n{line}\r\n\r\n"));
    }
}

#[test]
fn a_method_without_end_is_refused_before_another_reader_sees_it() {
    for (length, is_read) in [(MAX_METHOD, true), (MAX_METHOD + 1, false)] {
        let head = format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(length));
        let parsed = Head::parse(head.as_bytes());
        assert_eq!(parsed.is_ok(), is_read, "{length}");
        let bad = parsed.err().map(|refused| refused.bad);
        assert!(is_read || bad == Some(BadHead::RequestLine), "{bad:?}");
    }
}
