//! A daemon that keeps every byte it gets and answers as the test scripts it.
//!
//! Its record proves "not one byte of it reached the daemon". dockgate's own question at start is recognized
//! by its User-Agent, answered here and hidden from the tests. So are its lookups: they are answered from
//! the objects that the daemon has, and kept apart from clients' requests.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::folder::Folder;
use super::objects;
use super::stream::Stream;
use super::wait::{LIMIT, Signal};
use super::wire::{Framing, Head, Reader};

/// The daemon's answer to one request.
type Script = dyn Fn(&mut RequestState) + Send + Sync;

/// Stops when it is dropped, and then fails the test if a script failed.
pub(crate) struct FakeDaemon {
    upstream: String,
    state: Arc<State>,
    acceptor: Option<JoinHandle<()>>,
    /// Deleted together with it.
    _folder: Folder,
}

struct State {
    script: Box<Script>,
    log: Mutex<Log>,
    changed: Condvar,
}

#[derive(Default)]
struct Log {
    connections: Vec<Connection>,
    requests: Vec<Request>,
    failures: Vec<String>,
    threads: Vec<JoinHandle<()>>,
    stopping: bool,
    /// Its answer to dockgate's own question, if not the usual one.
    of_itself: Option<Vec<u8>>,
    /// What dockgate looked up, and on which connection.
    lookups: Vec<(usize, Head)>,
    /// Complete replies to lookups, by target, that differ from the usual ones.
    has: HashMap<String, Vec<u8>>,
    /// What the answer to a lookup of a target waits for.
    waits: HashMap<String, Signal>,
}

struct Connection {
    bytes: Vec<u8>,
    ended: bool,
    is_probe: bool,
    handle: Stream,
}

/// A request that the daemon got.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The number of the daemon's connection.
    pub(crate) connection: usize,
    pub(crate) head: Head,
    /// Its body, after a script has read it.
    pub(crate) body: Option<Vec<u8>>,
}

impl FakeDaemon {
    /// Answers every request with 200 and `{"fake":true}`, after reading its body.
    pub(crate) fn start() -> Self {
        Self::scripted(canned)
    }

    /// The same daemon, but with this answer, head and body, when dockgate asks at start what it
    /// is.
    pub(crate) fn that_is(self, reply: Vec<u8>) -> Self {
        self.state.change(|log| log.of_itself = Some(reply));
        self
    }

    /// Changes its answer when dockgate asks what it is: it was replaced by another release.
    pub(crate) fn is_now(&self, reply: Vec<u8>) {
        self.state.change(|log| log.of_itself = Some(reply));
    }

    /// The same daemon, but the object with this target has these additional fields in a lookup.
    pub(crate) fn that_has(self, target: &str, more: &str) -> Self {
        let object = objects::with(target, &serde_json::from_str(more).unwrap());
        self.that_answers(target, "200 OK", object.to_string().as_bytes())
    }

    /// The same daemon, but with this answer to a lookup of this target.
    pub(crate) fn that_answers(self, target: &str, status: &str, body: &[u8]) -> Self {
        let reply = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        self.that_sends(target, &[reply.as_bytes(), body].concat())
    }

    /// The same daemon, but with these bytes as the answer to a lookup of this target.
    pub(crate) fn that_sends(self, target: &str, reply: &[u8]) -> Self {
        self.state.change(|log| {
            log.has.insert(target.to_owned(), reply.to_owned());
        });
        self
    }

    /// The same daemon, but it answers a lookup of this target only when told.
    pub(crate) fn that_waits(self, target: &str, signal: &Signal) -> Self {
        self.state.change(|log| {
            log.waits.insert(target.to_owned(), signal.clone());
        });
        self
    }

    /// The same, in a folder of the test, where a dockgate may be waiting for it.
    pub(crate) fn start_in(folder: Folder) -> Self {
        Self::on_unix(folder, canned)
    }

    pub(crate) fn scripted(script: impl Fn(&mut RequestState) + Send + Sync + 'static) -> Self {
        Self::on_unix(Folder::new(), script)
    }

    /// The upstream for a daemon in this folder, whether there is one or not.
    pub(crate) fn upstream_in(folder: &Folder) -> String {
        format!("unix://{}/d.sock", folder.path().display())
    }

    fn on_unix(folder: Folder, script: impl Fn(&mut RequestState) + Send + Sync + 'static) -> Self {
        let path = folder.path().join("d.sock");
        let listener = UnixListener::bind(&path).unwrap();
        // As on the daemon's own socket, which its group may open.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).unwrap();
        let accept = move || listener.accept().map(|(stream, _)| Stream::Unix(stream));
        Self::accepting(Self::upstream_in(&folder), folder, script, accept)
    }

    pub(crate) fn on_tcp(script: impl Fn(&mut RequestState) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = format!("tcp://{}", listener.local_addr().unwrap());
        let accept = move || listener.accept().map(|(stream, _)| Stream::Tcp(stream));
        Self::accepting(upstream, Folder::new(), script, accept)
    }

    fn accepting(
        upstream: String,
        folder: Folder,
        script: impl Fn(&mut RequestState) + Send + Sync + 'static,
        accept: impl Fn() -> io::Result<Stream> + Send + 'static,
    ) -> Self {
        let state = Arc::new(State {
            script: Box::new(script),
            log: Mutex::default(),
            changed: Condvar::new(),
        });
        let shared = Arc::clone(&state);
        let acceptor = thread::spawn(move || {
            while let Ok(stream) = accept() {
                if !shared.serve_in_thread(stream) {
                    break;
                }
            }
        });
        Self {
            upstream,
            state,
            acceptor: Some(acceptor),
            _folder: folder,
        }
    }

    /// Its address, in the format of dockgate's `upstream`.
    pub(crate) fn upstream(&self) -> &str {
        &self.upstream
    }

    /// The requests that it got so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.log().requests.clone()
    }

    /// The first lines of the requests that it got so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.requests()
            .into_iter()
            .map(|request| request.head.first)
            .collect()
    }

    /// The targets that dockgate looked up so far, each with its connection.
    pub(crate) fn looked_up(&self) -> Vec<(usize, String)> {
        let log = self.state.log();
        let lookups = log.lookups.iter();
        lookups
            .map(|(connection, head)| (*connection, target_of(head).to_owned()))
            .collect()
    }

    /// Fails if any byte has arrived that does not belong to dockgate's own questions.
    #[track_caller]
    pub(crate) fn assert_only_looked_up(&self, case: &str) {
        let log = self.state.log();
        for (index, connection) in log.connections.iter().enumerate() {
            if connection.is_used() {
                let of_it = log.lookups.iter().filter(|(of, _)| *of == index);
                let asked: String = of_it.map(|(_, head)| head.raw.as_str()).collect();
                let bytes = String::from_utf8_lossy(&connection.bytes);
                assert_eq!(bytes, asked, "{case}: reached the daemon");
            }
        }
    }

    /// How many connections had a request or a part of one.
    pub(crate) fn connections(&self) -> usize {
        self.state
            .log()
            .connections
            .iter()
            .filter(|connection| connection.is_used())
            .count()
    }

    /// Waits for the head of request `number`, counted from 1.
    pub(crate) fn wait_for_request(&self, number: usize) -> Request {
        let log = self.state.wait(&format!("request {number}"), |log| {
            log.requests.len() >= number
        });
        log.requests[number - 1].clone()
    }

    /// Waits until the other side has closed, or half-closed, this connection.
    pub(crate) fn wait_for_end(&self, connection: usize) {
        drop(self.state.wait("the end of a connection", |log| {
            log.connections[connection].ended
        }));
    }

    /// All bytes on a connection.
    pub(crate) fn bytes(&self, connection: usize) -> Vec<u8> {
        self.state.log().connections[connection].bytes.clone()
    }

    /// Closes all connections, as a daemon does that restarts; it accepts new ones.
    pub(crate) fn close_connections(&self) {
        for connection in &self.state.log().connections {
            connection.handle.shutdown(Shutdown::Both);
        }
    }

    /// Fails if any byte has arrived that does not belong to the question at start.
    #[track_caller]
    pub(crate) fn assert_untouched(&self, case: &str) {
        let log = self.state.log();
        let used = log
            .connections
            .iter()
            .filter(|connection| connection.is_used());
        let seen: Vec<_> = used
            .map(|connection| String::from_utf8_lossy(&connection.bytes))
            .collect();
        assert!(seen.is_empty(), "{case}: reached the daemon: {seen:?}");
        assert!(
            log.connections.len() <= 1,
            "{case}: opened an unnecessary connection"
        );
    }
}

/// What dockgate may ask at start and for its health.
const PROBES: &[&str] = &["/_ping", "/version"];

fn target_of(head: &Head) -> &str {
    head.first.split(' ').nth(1).unwrap()
}

fn canned(exchange: &mut RequestState) {
    exchange.body();
    exchange.reply(
        "200 OK",
        "Content-Type: application/json\r\n",
        br#"{"fake":true}"#,
    );
}

impl Drop for FakeDaemon {
    fn drop(&mut self) {
        self.state.log().stopping = true;
        // Wakes the acceptor, which then sees that it should stop.
        let _ = Stream::connect(&self.upstream);
        let _ = self.acceptor.take().map(JoinHandle::join);
        self.close_connections();
        let threads = std::mem::take(&mut self.state.log().threads);
        for thread in threads {
            let _ = thread.join();
        }
        let failures = std::mem::take(&mut self.state.log().failures);
        assert!(
            failures.is_empty() || thread::panicking(),
            "in the fake daemon: {failures:?}"
        );
    }
}

impl Connection {
    fn is_used(&self) -> bool {
        // Its bytes arrive before it is known what they are.
        let begins_as_probe = PROBES.iter().any(|target| {
            let line = format!("GET {target} HTTP/1.1\r\nUser-Agent: dockgate/");
            self.bytes.starts_with(line.as_bytes())
        });
        !self.is_probe && !begins_as_probe && !self.bytes.is_empty()
    }
}

impl State {
    /// A test that has failed while it held the lock still has to clean up.
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.log());
        self.changed.notify_all();
    }

    fn wait(&self, what: &str, until: impl Fn(&Log) -> bool) -> MutexGuard<'_, Log> {
        let waited = self
            .changed
            .wait_timeout_while(self.log(), LIMIT, |log| !until(log));
        let log = waited.unwrap_or_else(PoisonError::into_inner).0;
        let asked: Vec<_> = log
            .requests
            .iter()
            .map(|request| &request.head.first)
            .collect();
        assert!(
            until(&log),
            "{what} did not reach the daemon within {LIMIT:?}; it got {asked:?}"
        );
        log
    }

    /// False if the daemon is stopping.
    fn serve_in_thread(self: &Arc<Self>, stream: Stream) -> bool {
        let mut log = self.log();
        if log.stopping {
            return false;
        }
        let index = log.connections.len();
        let handle = stream.try_clone();
        log.connections.push(Connection {
            bytes: Vec::new(),
            ended: false,
            is_probe: false,
            handle,
        });
        let state = Arc::clone(self);
        log.threads
            .push(thread::spawn(move || state.serve(index, &stream)));
        true
    }

    fn serve(self: &Arc<Self>, index: usize, stream: &Stream) {
        let recorder = Recorder {
            stream: stream.try_clone(),
            state: Arc::clone(self),
            index,
        };
        let mut reader = Reader::new(recorder);
        let guard = ReportPanic {
            state: Arc::clone(self),
        };
        // If the connection ends in the middle of a head, the bytes show it, not an error here.
        while let Ok(Some(head)) = reader.head() {
            let mut exchange = RequestState::new(self, index, head, &mut reader, stream);
            exchange.serve();
            if exchange.closes {
                break;
            }
        }
        stream.shutdown(Shutdown::Both);
        drop(guard);
    }
}

/// Keeps the bytes that are read, and the fact that the end was seen.
struct Recorder {
    stream: Stream,
    state: Arc<State>,
    index: usize,
}

impl Read for Recorder {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let result = self.stream.read(into);
        let waits = result
            .as_ref()
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.state.change(|log| {
            let connection = &mut log.connections[self.index];
            match result {
                Ok(count) if count > 0 => connection.bytes.extend_from_slice(&into[..count]),
                _ => connection.ended |= !waits,
            }
        });
        result
    }
}

struct ReportPanic {
    state: Arc<State>,
}

impl Drop for ReportPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            self.state
                .change(|log| log.failures.push("a script panicked".to_owned()));
        }
    }
}

/// One request on the daemon's side, for a script to answer.
pub(crate) struct RequestState<'a> {
    pub(crate) head: Head,
    state: &'a State,
    number: Option<usize>,
    reader: &'a mut Reader,
    stream: Stream,
    closes: bool,
}

impl<'a> RequestState<'a> {
    fn new(
        state: &'a State,
        index: usize,
        head: Head,
        reader: &'a mut Reader,
        stream: &Stream,
    ) -> Self {
        let is_own = head
            .get("User-Agent")
            .is_some_and(|agent| agent.starts_with("dockgate/"));
        let is_probe = is_own && PROBES.contains(&target_of(&head));
        let mut number = None;
        state.change(|log| {
            if is_probe {
                log.connections[index].is_probe = true;
            } else if is_own {
                log.lookups.push((index, head.clone()));
            } else {
                number = Some(log.requests.len());
                log.requests.push(Request {
                    connection: index,
                    head: head.clone(),
                    body: None,
                });
            }
        });
        Self {
            head,
            state,
            number,
            reader,
            stream: stream.try_clone(),
            closes: false,
        }
    }

    fn serve(&mut self) {
        if self.number.is_some() {
            (self.state.script)(self);
        } else if self.head.first.starts_with("POST /volumes/create ") {
            let asked = serde_json::from_slice(&self.body().unwrap()).unwrap();
            let other = self.state.log().has.get("/volumes/create").cloned();
            if let Some(reply) = other {
                self.send(reply);
            } else {
                let made = objects::made(&asked);
                self.reply("201 Created", "", made.to_string().as_bytes());
            }
        } else if !PROBES.contains(&self.target()) {
            assert!(
                self.head.first.starts_with("GET ")
                    && self.head.request_framing() == Framing::Length(0),
                "asked of its own: {}",
                self.head.first
            );
            let mut target = self.target().to_owned();
            if target.starts_with("/events?") {
                // Its times differ each time.
                target.truncate("/events".len());
            }
            let waits = self.state.log().waits.get(&target).cloned();
            if let Some(signal) = waits {
                signal.wait(&target);
            }
            let other = self.state.log().has.get(&target).cloned();
            let usual = || {
                let object = objects::usual(&target);
                let (status, body) = match object {
                    Some(object) => ("200 OK", object.to_string()),
                    None if target == "/events" => ("200 OK", String::new()),
                    None => ("404 Not Found", r#"{"message":"not there"}"#.to_owned()),
                };
                let length = body.len();
                format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").into()
            };
            self.send(other.unwrap_or_else(usual));
        } else {
            let of_itself = self.state.log().of_itself.clone();
            let usual = || {
                let engine = r#"{"Version":"26.1.5","ApiVersion":"1.45","MinAPIVersion":"1.24"}"#;
                let length = engine.len();
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{engine}").into()
            };
            self.send(of_itself.unwrap_or_else(usual));
        }
    }

    /// The requested path and query.
    pub(crate) fn target(&self) -> &str {
        target_of(&self.head)
    }

    /// The number of this request, counted from 1.
    pub(crate) fn number(&self) -> usize {
        self.number.unwrap() + 1
    }

    /// Reads the complete body as it is framed; `None` if the other side ended it early. No part of
    /// it is then read as anything else.
    pub(crate) fn body(&mut self) -> Option<Vec<u8>> {
        let body = self.reader.body(self.head.request_framing()).ok();
        self.closes |= body.is_none();
        if let Some(number) = self.number {
            self.state
                .change(|log| log.requests[number].body.clone_from(&body));
        }
        body
    }

    /// The next bytes after the head, whatever they are; none at their end.
    pub(crate) fn some(&mut self) -> Vec<u8> {
        self.reader.some().unwrap_or_default()
    }

    /// This many bytes after the head.
    pub(crate) fn exactly(&mut self, count: usize) -> Vec<u8> {
        self.reader.exactly(count).unwrap()
    }

    /// All bytes to the end.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        self.reader.rest().unwrap_or_default()
    }

    /// Whether nothing more arrives for a moment: the only thing without an event to wait for.
    pub(crate) fn stays_silent(&mut self) -> bool {
        self.stream
            .set_read_timeout(Some(Duration::from_millis(100)));
        let read = self.reader.some();
        self.stream.set_read_timeout(None);
        read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends bytes as they are; false if the other side is gone.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends a complete reply, with its Content-Length.
    pub(crate) fn reply(&mut self, status: &str, lines: &str, body: &[u8]) {
        let length = body.len();
        self.send(format!(
            "HTTP/1.1 {status}\r\n{lines}Content-Length: {length}\r\n\r\n"
        ));
        self.send(body);
    }

    /// Sends one chunk; false if the other side is gone.
    pub(crate) fn chunk(&mut self, data: &str) -> bool {
        self.send(format!("{:x}\r\n{data}\r\n", data.len()))
    }

    /// Sends chunks until none are accepted for a moment; returns the number of accepted bytes.
    pub(crate) fn chunks_until_blocked(&mut self) -> usize {
        let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
        self.stream
            .set_write_timeout(Some(Duration::from_millis(500)));
        let mut taken = 0;
        while let Ok(count) = self.stream.write(chunk.as_bytes()) {
            taken += count;
            assert!(taken < 64 << 20, "{taken} bytes accepted that are not read");
        }
        self.stream.set_write_timeout(None);
        taken
    }

    /// Closes the daemon's sending side, and keeps reading.
    pub(crate) fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write);
    }

    /// Closes the connection when the script ends.
    pub(crate) fn close(&mut self) {
        self.closes = true;
    }
}
