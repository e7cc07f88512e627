//! The bytes of ordinary requests, and a policy for all of them.

/// A GET as a client library sends it.
pub(crate) fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: docker\r\n\r\n")
}

/// A POST with these header lines, each with its line end, and this body with its length.
pub(crate) fn post(target: &str, lines: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: docker\r\n{lines}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// A POST with this body in one chunk.
pub(crate) fn chunked(target: &str, lines: &str, body: &str) -> String {
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: docker\r\n{lines}Transfer-Encoding: chunked\r\n\r\n"
    );
    format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

/// A policy that allows every operation with any body. Groups never contain `control` operations, so
/// these are named.
pub(crate) fn everything() -> String {
    let blocks = [
        "archive", "build", "create", "exec", "images", "networks", "volumes",
    ];
    let lifted = blocks.map(|block| format!("\n[{block}]\nunrestricted = true"));
    every_operation() + &lifted.concat()
}

/// A policy that allows every operation, each with only the defaults of its block.
pub(crate) fn every_operation() -> String {
    let table = include_str!("../data/docker-api.tsv").lines().skip(1);
    let rows = table.map(|line| line.split('\t').collect::<Vec<_>>());
    let control = rows
        .filter(|row| row[5] == "control")
        .map(|row| format!("{:?}", row[0]));
    let entries: Vec<_> = ["*:read", "*:content", "*:write"]
        .map(|group| format!("{group:?}"))
        .into();
    format!(
        "allow = [{}]",
        entries
            .into_iter()
            .chain(control)
            .collect::<Vec<_>>()
            .join(", ")
    )
}
