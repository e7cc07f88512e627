//! `healthcheck`: whether the listeners answer, and the daemon behind them.
//!
//! It reads the same settings as the server beside it, in its environment.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::{Exit, tell};
use crate::app;
use crate::config::{Config, Flags, ListenAddress, load};
use crate::identity;
use crate::proxy::probe::HEALTH_AGENT;

/// How long each step may take; docker gives up on the whole after 30 s.
const LIMIT: Duration = Duration::from_secs(3);
/// What every HTTP answer begins with.
const HTTP: &[u8] = b"HTTP/1.";
/// Where in an answer its status stands.
const STATUS: std::ops::Range<usize> = 9..12;

/// Asks every listener, then the daemon.
pub(super) fn run(flags: &Flags, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let config = match Config::load(flags, load::environment()) {
        Ok(config) => config,
        Err(problems) => return tell(&problems, err),
    };
    for listener in &config.listeners {
        let address = &listener.address;
        if let Err(error) = ask(address) {
            writeln!(out, "unhealthy: {address} does not answer: {error}")?;
            return Ok(Exit::Failed);
        }
    }
    // The daemon is asked with no more rights than the server has.
    if let Err(error) = identity::assume(&config.upstream, config.run_as) {
        writeln!(out, "unhealthy: {error}")?;
        return Ok(Exit::Failed);
    }
    if let Err(message) = app::ping(&config) {
        writeln!(out, "unhealthy: {}: {message}", config.upstream)?;
        return Ok(Exit::Failed);
    }
    writeln!(out, "healthy")?;
    Ok(Exit::Done)
}

/// Takes any HTTP answer for life, a refusal too: what is granted is no question of health. Only 502
/// is none, as the server could not ask the daemon, whatever this process can.
fn ask(address: &ListenAddress) -> io::Result<()> {
    match address {
        ListenAddress::Tcp(address) => {
            let socket = connect(*address)?;
            socket.set_read_timeout(Some(LIMIT))?;
            socket.set_write_timeout(Some(LIMIT))?;
            converse(socket)
        }
        ListenAddress::Unix(path) => {
            let socket = UnixStream::connect(path)?;
            socket.set_read_timeout(Some(LIMIT))?;
            socket.set_write_timeout(Some(LIMIT))?;
            converse(socket)
        }
    }
}

/// Connects to a listener from its own host. One that listens everywhere may do so by IPv4 alone.
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

fn converse(mut socket: impl Read + Write) -> io::Result<()> {
    let request = format!(
        "GET /_ping HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {HEALTH_AGENT}\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(request.as_bytes())?;
    let mut begin = [0; STATUS.end];
    socket.read_exact(&mut begin)?;
    match begin.get(STATUS) {
        Some(b"502") => Err(io::Error::other("it cannot reach the daemon")),
        Some(_) if begin.starts_with(HTTP) => Ok(()),
        Some(_) | None => Err(io::Error::other("what is there speaks no HTTP")),
    }
}
