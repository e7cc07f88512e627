//! The connection to the daemon: one for each client's connection, and the only place where
//! requests are sent.
//!
//! The connection is driven by the task of the client's connection, and polled before the client's
//! side: if the daemon has closed it, that is known before the next request is sent.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::{Either, FutureExt};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_TYPE, HOST, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::body::RequestBody;
use super::daemon::Daemon;
use super::head::Head;
use super::outage::is_lack_of_files;
use crate::docker::{Method, Reply, Upgrade};
use crate::net::chunks::Heard;
use crate::net::socket::{MAX_BUFFER, Socket};
use crate::net::tap::Tap;
use crate::policy::{Denial, Permit, Reason, Terms};
use crate::proxy::wake_flag::WakeFlag;
use crate::sync::lock;

/// The daemon, as one client's connection sees it.
pub(crate) struct Upstream {
    daemon: Arc<Daemon>,
    link: Mutex<Link>,
    /// Set when something happens to the connection.
    pub(crate) wake_flag: WakeFlag,
    pub(crate) heard: Arc<Heard>,
}

#[derive(Default)]
struct Link {
    sender: Option<SendRequest<RequestBody>>,
    connection: Option<Connection>,
}

/// hyper's connection. Its result is ignored, because every failure is also reported elsewhere.
type Connection = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// The connection to the daemon, when it can accept a request immediately.
pub(crate) struct Ready(SendRequest<RequestBody>);

/// The outcome of a request that was sent.
pub(crate) type Answered = Result<Response<Incoming>, Failure>;

/// Why a request got no reply.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The daemon had closed the connection before it read the request: it can be evaluated and sent
    /// once more, with this body.
    Unsent(Box<RequestBody>),
    /// It was sent, but not a byte came back.
    Unheard,
    /// A reply began and broke off, or is not HTTP.
    Broken,
    /// The reply's head did not arrive in time.
    Silent,
}

impl Upstream {
    pub(crate) fn new(daemon: Arc<Daemon>) -> Self {
        Self {
            daemon,
            link: Mutex::default(),
            wake_flag: WakeFlag::new(),
            heard: Arc::default(),
        }
    }

    /// Sends a permitted request now: when this returns, the request is on its way. It is the only exit. Of
    /// the client's head it uses the headers that are passed on; `upgrade` is the protocol that the connection
    /// switches to.
    ///
    /// Returns what was sent as the permit's terms, together with the future reply.
    pub(crate) fn send<'s>(
        &'s self,
        Ready(mut sender): Ready,
        permit: Permit,
        head: &Head,
        body: RequestBody,
        upgrade: Option<Upgrade>,
    ) -> Result<(Box<Terms>, impl Future<Output = Answered> + use<'s>), Denial> {
        let call = &permit.request.call;
        let is_safe = call.method.is_safe() && body.is_empty() && upgrade.is_none();
        self.heard.watch(matches!(call.reply(), Reply::Stream(_)));
        let request = build(&permit, head, body, upgrade)?;
        let heard_before = self.heard.bytes.get();
        let asked = sender.try_send_request(request);
        let asked = match self.daemon.reply_head {
            Some(limit) => Either::Left(Box::pin(timeout(limit, asked))),
            None => Either::Right(asked.map(Ok)),
        };
        let answered = asked.map(move |answered| match answered {
            Ok(Ok(reply)) => {
                self.daemon.is_unreadable.set(false);
                // Keeps the connection for the next request.
                lock(&self.link).sender = Some(sender);
                Ok(reply)
            }
            Ok(Err(failed)) => {
                let is_unheard = self.heard.bytes.get() == heard_before;
                Err(self.failure(failed, is_unheard, is_safe))
            }
            Err(_) => Err(Failure::Silent),
        });
        Ok((permit.spend(), answered))
    }

    /// Why a request got no reply.
    fn failure(
        &self,
        mut failed: TrySendError<Request<RequestBody>>,
        is_unheard: bool,
        is_safe: bool,
    ) -> Failure {
        match failed.take_message() {
            Some(unsent) => Failure::Unsent(Box::new(unsent.into_body())),
            // The daemon may have read it, but it is safe to send twice.
            None if is_unheard && is_safe => Failure::Unsent(Box::default()),
            None if is_unheard => Failure::Unheard,
            None => {
                self.daemon.tell_unreadable(failed.error());
                Failure::Broken
            }
        }
    }

    /// The connection, if it can accept a request immediately.
    pub(crate) fn ready(&self) -> Option<Ready> {
        let mut link = lock(&self.link);
        let is_ready = link.sender.as_ref().is_some_and(SendRequest::is_ready);
        link.sender.take_if(|_| is_ready).map(Ready)
    }

    /// Waits until [`ready`](Self::ready) has a connection: the kept one, or a new one if there is
    /// none or the daemon has closed it.
    pub(crate) async fn make_ready(&self) -> Result<(), Denial> {
        let sender = match self.kept().await {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        lock(&self.link).sender = Some(sender);
        Ok(())
    }

    /// Drops the connection, together with the request's body that is still being sent.
    pub(crate) fn cut(&self) {
        *lock(&self.link) = Link::default();
    }

    /// Drives the connection, if something has happened to it. Must be called whenever the client's
    /// task is polled.
    pub(crate) fn poll(&self) {
        if !self.wake_flag.take_ring() {
            return;
        }
        let mut link = lock(&self.link);
        if let Some(connection) = &mut link.connection
            && connection
                .as_mut()
                .poll(&mut self.wake_flag.context())
                .is_ready()
        {
            // A failure is reported to the caller that waits for the reply.
            link.connection = None;
        }
    }

    /// The kept connection, if there is one and the daemon has not closed it.
    async fn kept(&self) -> Option<SendRequest<RequestBody>> {
        let mut sender = lock(&self.link).sender.take()?;
        if sender.is_ready() {
            return Some(sender);
        }
        let ready = Box::pin(timeout(self.daemon.connect, sender.ready())).await;
        // It is replaced if it is closed, and also if it hangs.
        ready.ok()?.ok().map(|()| sender)
    }

    async fn connect(&self) -> Result<SendRequest<RequestBody>, Denial> {
        let socket = self.daemon.dial().await.map_err(|error| {
            self.daemon.outage.failed(&self.daemon.address, &error);
            let message = if is_lack_of_files(&error) {
                "too many files are open for a connection to the Docker daemon: raise the limit on \
                 open files, or lower limits.connections"
            } else {
                "the Docker daemon cannot be reached: is it running?"
            };
            Denial::new(Reason::DaemonUnreachable, message)
        })?;
        self.daemon.outage.connected();
        let socket = TokioIo::new(Tap {
            stream: socket,
            listener: Arc::clone(&self.heard),
        });
        let opened = Builder::new()
            .title_case_headers(true)
            .max_buf_size(MAX_BUFFER)
            .handshake(socket)
            .await;
        let (mut sender, connection) = opened.map_err(|_| Denial::from(Failure::Broken))?;
        lock(&self.link).connection = Some(Box::pin(connection.with_upgrades()));
        self.wake_flag.ring();
        let ready = sender.ready().await;
        ready.map_err(|_| Denial::from(Failure::Broken))?;
        Ok(sender)
    }
}

/// Takes over the connection after the daemon has agreed to a hijack: its socket, and the bytes
/// that the daemon sent after its head.
pub(crate) async fn take_over(reply: &mut Response<Incoming>) -> Result<(Socket, Bytes), Denial> {
    let closed = || {
        let message = "the Docker daemon closed the connection after it had agreed to upgrade it";
        Denial::new(Reason::BadDaemonReply, message)
    };
    let upgraded = hyper::upgrade::on(reply).await.map_err(|_| closed())?;
    let parts = upgraded
        .downcast::<TokioIo<Tap<Socket, Arc<Heard>>>>()
        .map_err(|_| closed())?;
    Ok((parts.io.into_inner().stream, parts.read_buf))
}

/// The request to send: all of it comes from the checked call, the allowed headers and the prepared
/// body.
fn build(
    terms: &Terms,
    head: &Head,
    body: RequestBody,
    upgrade: Option<Upgrade>,
) -> Result<Request<RequestBody>, Denial> {
    let call = &terms.request.call;
    let content_type = body.content_type;
    let mut request = Request::new(body);
    *request.method_mut() = match call.method {
        Method::DELETE => http::Method::DELETE,
        Method::GET => http::Method::GET,
        Method::HEAD => http::Method::HEAD,
        Method::POST => http::Method::POST,
        Method::PUT => http::Method::PUT,
    };
    *request.uri_mut() = call.render().try_into().map_err(|_| {
        // The parser of targets limits the bytes and the length of what is rendered from them.
        Denial::new(
            Reason::InternalError,
            "the request cannot be sent on; this is a bug in dockgate",
        )
    })?;
    let with_hijack = upgrade.iter().flat_map(|_| &head.crossing_with_hijack);
    let crossing = head.crossing.iter().chain(with_hijack).cloned();
    let mut headers = HeaderMap::with_capacity(head.crossing.len() + 1);
    for (name, value) in crossing {
        headers.append(name, value);
    }
    if terms.reply.hidden().is_some() {
        // Only a reply in plain JSON can be redacted.
        headers.remove(ACCEPT);
        headers.remove(ACCEPT_ENCODING);
    }
    headers.insert(HOST, HeaderValue::from_static("docker"));
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Some(upgrade) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static(upgrade.as_str()));
    }
    *request.headers_mut() = headers;
    Ok(request)
}

impl From<Failure> for Denial {
    fn from(failure: Failure) -> Self {
        let (reason, message) = match failure {
            Failure::Unsent(_) | Failure::Unheard => (
                Reason::BadDaemonReply,
                "the Docker daemon closed the connection without a reply",
            ),
            Failure::Broken => (
                Reason::BadDaemonReply,
                "the Docker daemon's reply broke off or is not HTTP",
            ),
            Failure::Silent => (
                Reason::DaemonSilent,
                "the Docker daemon did not answer in time",
            ),
        };
        Self::new(reason, message)
    }
}
