//! A handler to pass replies on, without a listener.

use std::io;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use http::Request;
use http_body_util::Empty;
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinSet;

use super::*;
use crate::audit::Log;
use crate::clients::identify::{Identity, Peer};
use crate::config::{Config, Flags};
use crate::net::client::Client;
use crate::policy::Permit;
use crate::policy::filter::ReplyRule;
use crate::policy::filter::tests::Lines;
use crate::policy::permit::Probe;
use crate::proxy::budget::Budget;
use crate::proxy::daemon::Daemon;
use crate::proxy::daemon_state::DaemonState;
use crate::proxy::handler::forward::Sent;
use crate::proxy::head::Head;
use crate::proxy::peers::Known;
use crate::proxy::shared::{Clients, ListenerRules, Shared};
use crate::proxy::standing::Standing;
use crate::sync::lock;

/// Hands each line of the audit log to the test.
struct Pipe(mpsc::Sender<String>);

impl io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        _ = self.0.send(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A handler on a client's connection, and the lines of its log.
pub(super) struct Fixture {
    pub(super) handler: Arc<Handler>,
    lines: mpsc::Receiver<String>,
    /// The connections to daemons.
    tasks: Mutex<JoinSet<()>>,
}

/// A handler whose daemon listens here, if there is one.
pub(super) fn fixture(daemon: &str) -> Fixture {
    let upstream = ("DOCKGATE_UPSTREAM".to_owned(), daemon.to_owned());
    let config = Config::load(&Flags::default(), [upstream]).unwrap();
    let (sender, lines) = mpsc::channel();
    let (log, _) = Log::start(Box::new(Pipe(sender)), &config.audit, 8, None).unwrap();
    let rules = ListenerRules {
        rules: config.listeners[0].rules.clone(),
        admission: config.admission.clone(),
        client: None,
        clients: Arc::new(Clients {
            known: Vec::new(),
            rights: Vec::new(),
            unknown: config.unknown_client,
        }),
    };
    let shared = Shared {
        listener: "listener".into(),
        on_loopback: true,
        listener_rules: Mutex::new(Arc::new(rules)),
        limits: config.limits.clone(),
        daemon: Arc::new(Daemon::new(&config, None)),
        log,
        budget: Arc::new(Budget::new(0)),
        daemon_state: Arc::new(DaemonState::default()),
        peers: Arc::default(),
        pinned: Arc::default(),
        tls: None,
    };
    let known = Known::of(Peer::Unix { uid: 0, gid: 0 });
    let client = Client::of_user(0);
    let standing = Standing::new(Arc::new(shared), client, known, Ok(Identity::Others));
    Fixture {
        handler: Arc::new(Handler::new(Arc::new(standing))),
        lines,
        tasks: Mutex::default(),
    }
}

pub(super) fn planted() -> ReplyRule {
    ReplyRule::Planted(|| Box::<Lines>::default())
}

impl Fixture {
    /// A request that was sent under a rule, the daemon's side of the connection, and the entry. The daemon has sent
    /// these bytes.
    pub(super) async fn sent(
        &self,
        line: &str,
        rule: ReplyRule,
        reply: &str,
    ) -> (Sent, DuplexStream, Box<Entry>) {
        let (method, target) = line.split_once(' ').unwrap();
        let (ours, mut daemon) = duplex(1024 * 1024);
        let (mut sender, connection) = client::handshake(TokioIo::new(ours)).await.unwrap();
        lock(&self.tasks).spawn(async move { _ = connection.await });
        let request = Request::builder().method(method).uri(target);
        let asked = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap());
        let replying = async {
            let mut head = [0; 1024];
            assert!(daemon.read(&mut head).await.unwrap() > 0);
            daemon.write_all(reply.as_bytes()).await.unwrap();
        };
        let (reply, ()) = tokio::join!(asked, replying);
        let reply = reply.unwrap();
        let mut terms = Permit::to_probe(Probe::Ping).unwrap().spend();
        terms.request.call = Call::parse(method, target).unwrap();
        terms.reply = rule;
        let shared = &self.handler.shared;
        let client = &self.handler.standing.client;
        let entry = Entry::open(&shared.log, client, &shared.listener).unwrap();
        let sent = Sent {
            terms,
            upgrade: None,
            reply,
        };
        (sent, daemon, Box::new(entry))
    }

    pub(super) async fn answer(
        &self,
        line: &str,
        rule: ReplyRule,
        reply: &str,
    ) -> (Response<ReplyBody>, DuplexStream) {
        let (sent, daemon, entry) = self.sent(line, rule, reply).await;
        let head = Head::default();
        (self.handler.hand_on(sent, &head, entry).await, daemon)
    }

    /// All bytes that a client gets, and its record. The daemon closes after these bytes.
    pub(super) async fn on_wire(
        &self,
        line: &str,
        rule: ReplyRule,
        reply: &str,
    ) -> (String, Value) {
        let (sent, daemon, entry) = self.sent(line, rule, reply).await;
        drop(daemon);
        let (handler, sent) = (Arc::clone(&self.handler), Mutex::new(Some((sent, entry))));
        let (ours, mut client) = duplex(1024 * 1024);
        let service = service_fn(move |_| {
            let (sent, entry) = lock(&sent).take().unwrap();
            let handler = Arc::clone(&handler);
            async move { Ok::<_, io::Error>(handler.hand_on(sent, &Head::default(), entry).await) }
        });
        let served = server::Builder::new().serve_connection(TokioIo::new(ours), service);
        let method = line.split_once(' ').unwrap().0;
        let request = format!("{method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        _ = served.await;
        let mut got = String::new();
        client.read_to_string(&mut got).await.unwrap();
        (got, self.record())
    }

    pub(super) fn record(&self) -> Value {
        let line = self
            .lines
            .recv_timeout(Duration::from_secs(5))
            .expect("a record");
        serde_json::from_str(&line).unwrap()
    }
}
