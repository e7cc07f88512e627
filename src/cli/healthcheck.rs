//! `healthcheck`: whether the listeners and the daemon answer.
//!
//! It reads the same settings as the server, from the same environment.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::exit::{Exit, Stop};
use crate::app;
use crate::config::{Config, Flags, ListenAddress, load};
use crate::net::tls::probe::Asked;
use crate::policy::Reason;
use crate::privileges;
use crate::proxy::handler::reply::REASON;
use crate::proxy::health::HEALTH_AGENT;

/// The time for each step. Docker stops the whole check after 30 s.
const LIMIT: Duration = Duration::from_secs(3);
/// The longest head of an answer that is read, in bytes.
const MAX_HEAD: usize = 8 * 1024;

/// What is wrong with a listener.
#[derive(Debug, PartialEq, Eq)]
enum Sick {
    /// It does not answer in time. The daemon may be the cause.
    Slow,
    /// This.
    Wrong(String),
}

/// Asks every listener, then the daemon.
pub(super) fn run(flags: &Flags, out: &mut dyn Write) -> Result<Exit, Stop> {
    let (config, problems) = Config::read(flags, load::environment())?;
    // The server runs with what was right when it started, and a restart would end it.
    for problem in problems {
        writeln!(out, "warning: a restart or reload would fail: {problem}")?;
    }
    let unhealthy = unhealthy(&config);
    match &unhealthy {
        Some(why) => writeln!(out, "unhealthy: {why}")?,
        None => writeln!(out, "healthy")?,
    }
    Ok(Exit::done_if(unhealthy.is_none()))
}

/// The first thing that does not work, if anything does not.
fn unhealthy(config: &Config) -> Option<String> {
    let mut slow = None;
    for listener in &config.listeners {
        let address = &listener.address;
        match ask(address, listener.tls.is_some()) {
            Ok(()) => {}
            Err(Sick::Slow) => {
                slow = Some(address);
                break;
            }
            Err(Sick::Wrong(why)) => return Some(format!("{address} {why}")),
        }
    }
    // The daemon is asked with the rights of the server.
    if let Err(error) = privileges::assume(&config.upstream, config.run_as) {
        return Some(error.to_string());
    }
    if let Err(message) = app::ping(config) {
        return Some(format!("{}: {message}", config.upstream));
    }
    let seconds = LIMIT.as_secs();
    slow.map(|address| {
        format!(
            "{address} does not answer in {seconds} s, though the daemon does: all connections that \
             `limits.connections` allows are taken, or the server hangs"
        )
    })
}

/// Any HTTP answer counts as healthy, also a denial, except two: the server cannot reach the daemon, even if this
/// process can, or it forwards nothing at all.
fn ask(address: &ListenAddress, has_tls: bool) -> Result<(), Sick> {
    let socket = match address {
        ListenAddress::Tcp(address) if address.port() == 0 => {
            let why = "has a port that the system chose, so it cannot be checked: set a port";
            return Err(Sick::Wrong(why.to_owned()));
        }
        ListenAddress::Tcp(address) => connect(*address).map(Socket::from),
        ListenAddress::Unix(path) => connect_unix(path),
    };
    let is_slow = [io::ErrorKind::TimedOut, io::ErrorKind::WouldBlock];
    let asked = Asked::default();
    let head = socket.and_then(|socket| {
        socket.set_read_timeout(Some(LIMIT))?;
        socket.set_write_timeout(Some(LIMIT))?;
        if has_tls {
            converse(asked.connect(socket).map_err(io::Error::other)?)
        } else {
            converse(socket)
        }
    });
    // It answers clients that have a certificate, which this one has not.
    if asked.is_set() {
        return Ok(());
    }
    let head = head.map_err(|error| {
        if is_slow.contains(&error.kind()) {
            Sick::Slow
        } else {
            Sick::Wrong(format!("does not answer: {error}"))
        }
    })?;
    judge(&head).map_err(|why| Sick::Wrong(why.to_owned()))
}

/// Connects to a listener from its own host. A listener on all addresses may be IPv4 only.
fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let to = |ip: IpAddr| TcpStream::connect_timeout(&(ip, address.port()).into(), LIMIT);
    match address.ip() {
        IpAddr::V6(ip) if ip.is_unspecified() => {
            to(Ipv6Addr::LOCALHOST.into()).or_else(|_| to(Ipv4Addr::LOCALHOST.into()))
        }
        IpAddr::V4(ip) if ip.is_unspecified() => to(Ipv4Addr::LOCALHOST.into()),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => to(ip),
    }
}

/// Connects, unless the queue of the socket is full: then it would wait forever.
fn connect_unix(path: &Path) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)?;
    socket.set_nonblocking(false)?;
    Ok(socket)
}

/// Asks, and returns the head of the answer.
fn converse(mut socket: impl Read + Write) -> io::Result<Vec<u8>> {
    let request = format!(
        "GET /_ping HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {HEALTH_AGENT}\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes())?;
    let (mut head, mut space) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < MAX_HEAD {
        let count = socket.read(&mut space)?;
        if count == 0 {
            break;
        }
        head.extend_from_slice(space.get(..count).unwrap_or_default());
    }
    Ok(head)
}

/// What is wrong with a server, by the head of its answer.
fn judge(head: &[u8]) -> Result<(), &'static str> {
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split("\r\n").take_while(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.split(' ').nth(1));
    let unrecorded = Reason::AuditUnavailable.code();
    let has_reason = |code: &str| {
        let mut headers = lines.clone().filter_map(|line| line.split_once(": "));
        headers.any(|(name, value)| name.eq_ignore_ascii_case(REASON.as_str()) && value == code)
    };
    match status {
        None if head.is_empty() => Err("does not answer: it closes the connection"),
        None => Err("does not answer with HTTP: another program uses this address"),
        Some("502") => Err("does not answer: it cannot reach the daemon"),
        Some("503") if has_reason(unrecorded) => {
            Err("denies all requests because it cannot write the audit log")
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_life_unless_it_says_that_nothing_is_forwarded() {
        for (head, is_life) in [
            ("HTTP/1.1 200 OK\r\n\r\nOK", true),
            (
                "HTTP/1.1 403 Forbidden\r\nDockgate-Reason: not_granted\r\n\r\n",
                true,
            ),
            ("HTTP/1.1 502 Bad Gateway\r\n\r\n", false),
            (
                "HTTP/1.1 503 Service Unavailable\r\nDockgate-Reason: draining\r\n\r\n",
                true,
            ),
            (
                "HTTP/1.1 503 Service Unavailable\r\nDockgate-Reason: audit_unavailable\r\n\r\n",
                false,
            ),
            (
                "HTTP/1.1 503 Service Unavailable\r\n\r\nDockgate-Reason: audit_unavailable\r\n",
                true,
            ),
            ("SSH-2.0-OpenSSH_9.2\r\n", false),
            ("", false),
        ] {
            assert_eq!(judge(head.as_bytes()).is_ok(), is_life, "{head}");
        }
    }
}
