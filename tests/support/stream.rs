//! A TCP or unix connection, as one type.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Connects to an address in dockgate's format: `tcp://host:port` or `unix:///path`.
    pub(crate) fn connect(address: &str) -> io::Result<Self> {
        if let Some(path) = address.strip_prefix("unix://") {
            return UnixStream::connect(path).map(Self::Unix);
        }
        let stream = TcpStream::connect(address.strip_prefix("tcp://").unwrap())?;
        // Bytes that are written one by one should arrive one by one.
        stream.set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }

    /// Connects over TCP from this address, which the standard library cannot choose.
    pub(crate) fn connect_from(source: &str, address: &str) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        socket.bind(&parse(source).into()).unwrap();
        let address = parse(address.strip_prefix("tcp://").unwrap());
        socket.connect(&address.into()).unwrap();
        Self::Tcp(socket.into())
    }

    pub(crate) fn try_clone(&self) -> Self {
        match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone().unwrap()),
            Self::Unix(stream) => Self::Unix(stream.try_clone().unwrap()),
        }
    }

    /// Ignores that the other side may be gone already.
    pub(crate) fn shutdown(&self, how: Shutdown) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
        };
    }

    pub(crate) fn set_read_timeout(&self, limit: Option<Duration>) {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(limit).unwrap(),
            Self::Unix(stream) => stream.set_read_timeout(limit).unwrap(),
        }
    }

    pub(crate) fn set_write_timeout(&self, limit: Option<Duration>) {
        match self {
            Self::Tcp(stream) => stream.set_write_timeout(limit).unwrap(),
            Self::Unix(stream) => stream.set_write_timeout(limit).unwrap(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(into),
            Self::Unix(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
