//! When the system last heard from the other end of a TCP connection.
//!
//! Programs learn of a connection only when they accept it. By then its sender may be gone, and another may have its
//! address. The kernel knows when the sender's last packet came, and tells it over `sock_diag`, as it tells `ss`.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// `AF_NETLINK` and `NETLINK_SOCK_DIAG`.
const NETLINK: (i32, i32) = (16, 4);
/// `SOCK_DIAG_BY_FAMILY`, a message's type, and `NLM_F_REQUEST`, a flag.
const BY_FAMILY: u16 = 20;
const REQUEST: u16 = 1;
const TCP: u8 = 6;
/// `INET_DIAG_INFO`, the attribute with a connection's times, and its bit in a question.
const INFO: u16 = 2;
const INFO_BIT: u8 = 1 << 1;
/// The lengths of `nlmsghdr`, of `inet_diag_msg` and of the header of an attribute.
const HEADER: usize = 16;
const MESSAGE: usize = 72;
const ATTRIBUTE: usize = 4;
/// Where `tcp_info` has the milliseconds since the last data and since the last acknowledgement.
const LAST_DATA: usize = 52;
const LAST_ACKNOWLEDGED: usize = 56;
/// The kernel counts in ticks, of 10 ms at most.
const TICK: Duration = Duration::from_millis(10);

/// How long ago the other end was last heard, at most.
pub(crate) fn last_heard(local: SocketAddr, peer: SocketAddr) -> io::Result<Duration> {
    let kernel = Socket::new(
        Domain::from(NETLINK.0),
        Type::DGRAM,
        Some(Protocol::from(NETLINK.1)),
    )?;
    // The answer is there when the question has been sent.
    kernel.set_nonblocking(true)?;
    kernel.send(&question(local, peer))?;
    let mut answer = [0; 4096];
    let length = (&kernel).read(&mut answer)?;
    let answer = answer.get(..length).unwrap_or_default();
    let since = since_heard(answer, peer.port()).ok_or(io::ErrorKind::NotFound)?;
    Ok(since + TICK)
}

fn question(local: SocketAddr, peer: SocketAddr) -> Vec<u8> {
    let (local_ip, peer_ip) = (local.ip().to_canonical(), peer.ip().to_canonical());
    let family = match local_ip {
        IpAddr::V4(_) => 2,
        IpAddr::V6(_) => 10,
    };
    let interface = match peer {
        SocketAddr::V6(peer) => peer.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    let length = 72_u32;
    let mut question = Vec::new();
    question.extend(length.to_ne_bytes());
    question.extend(BY_FAMILY.to_ne_bytes());
    question.extend(REQUEST.to_ne_bytes());
    question.extend([0; 8]); // its number, and the sender
    question.extend([family, TCP, INFO_BIT, 0]);
    question.extend(u32::MAX.to_ne_bytes()); // in whatever state
    question.extend(local.port().to_be_bytes());
    question.extend(peer.port().to_be_bytes());
    for ip in [local_ip, peer_ip] {
        match ip {
            IpAddr::V4(ip) => {
                question.extend(ip.octets());
                question.extend([0; 12]);
            }
            IpAddr::V6(ip) => question.extend(ip.octets()),
        }
    }
    question.extend(interface.to_ne_bytes());
    question.extend([u8::MAX; 8]); // any socket
    question
}

/// The time since the last packet, from the kernel's answer about a connection to this port.
fn since_heard(answer: &[u8], port: u16) -> Option<Duration> {
    let number = |bytes: &[u8], at: usize| {
        let bytes = bytes.get(at..at + 2)?;
        Some(u16::from_ne_bytes(bytes.try_into().ok()?))
    };
    // Of a listener, if the connection is gone.
    let to_port = answer.get(HEADER + 6..HEADER + 8)? == port.to_be_bytes();
    if number(answer, 4)? != BY_FAMILY || !to_port {
        return None;
    }
    let mut rest = answer.get(HEADER + MESSAGE..)?;
    loop {
        let length = usize::from(number(rest, 0)?).max(ATTRIBUTE);
        if number(rest, 2)? == INFO {
            let info = rest.get(ATTRIBUTE..length)?;
            let milliseconds = |at: usize| {
                let bytes = info.get(at..at + 4)?;
                Some(u32::from_ne_bytes(bytes.try_into().ok()?))
            };
            let since = milliseconds(LAST_DATA)?.min(milliseconds(LAST_ACKNOWLEDGED)?);
            return Some(Duration::from_millis(since.into()));
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::thread::sleep;

    use super::*;

    fn heard(address: &str, dialled: &str) {
        let listener = TcpListener::bind(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut sender = TcpStream::connect((dialled, port)).unwrap();
        sleep(Duration::from_millis(300));
        let (accepted, peer) = listener.accept().unwrap();
        let local = accepted.local_addr().unwrap();
        let since = last_heard(local, peer).unwrap();
        assert!(since >= Duration::from_millis(290), "{since:?} {address}");
        sender.write_all(b"a").unwrap();
        let since = last_heard(local, peer).unwrap();
        assert!(since < Duration::from_millis(200), "{since:?} {address}");
        sleep(Duration::from_millis(300));
        drop(sender);
        let since = last_heard(local, peer).unwrap();
        assert!(since < Duration::from_millis(200), "{since:?} {address}");
        drop(accepted);
        let elsewhere = SocketAddr::new(peer.ip(), 1);
        assert!(last_heard(local, elsewhere).is_err());
    }

    #[test]
    fn tells_when_a_connection_was_made_when_data_came_and_when_its_sender_left() {
        heard("127.0.0.1:0", "127.0.0.1");
        heard("[::1]:0", "::1");
        heard("[::]:0", "127.0.0.1");
    }
}
