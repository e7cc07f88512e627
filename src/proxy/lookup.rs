//! Questions to the daemon about what a request names, on the client's own connection to it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::body::RequestBody;
use super::budget::Taken;
use super::head::Head;
use super::upstream::{Failure, Outgoing, Upstream};
use crate::docker::json::parsed_size;
use crate::policy::{Answer, Denial, Lookup, Permit, Reason};

/// How long the daemon may take to answer.
const LIMIT: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// How many questions one request may raise.
pub const MAX_LOOKUPS: usize = 64;

/// A question of ours has no other headers than these.
const HEAD: &str = concat!(
    "GET / HTTP/1.1\r\nHost: docker\r\nUser-Agent: dockgate/",
    env!("CARGO_PKG_VERSION"),
    "\r\n\r\n"
);

/// Asks the daemon; returns its answer, unless it would not give one, and the status of its reply. The
/// connection is ready for what the answer is needed for.
///
/// # Errors
///
/// It cannot be reached, is silent, or its answer is not what it must be.
pub async fn ask(
    upstream: &Upstream,
    lookup: &Lookup,
    taken: &mut Taken,
) -> Result<(Option<Answer>, StatusCode), Denial> {
    let asking = async {
        let head = Head::parse(HEAD.as_bytes()).map_err(|_| failed("is no question"))?;
        let permit = || Permit::to_ask(lookup).ok_or_else(|| failed("is no question"));
        let reply = put(upstream, &head, permit).await?;
        let status = reply.status();
        let mut body = Limited::new(reply.into_body(), MAX_ANSWER);
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| failed("has an answer that broke off or is too long"))?;
            if let Some(data) = frame.data_ref() {
                taken.take(data.len())?;
                bytes.extend_from_slice(data);
            }
        }
        upstream.make_ready().await?;
        Ok((status, bytes.freeze()))
    };
    let (status, body): (StatusCode, Bytes) = tokio::time::timeout(LIMIT, asking)
        .await
        .unwrap_or_else(|_| Err(failed("has no answer in time")))?;
    let unreadable = |_| failed("has an answer that cannot be read");
    taken.take(parsed_size(&body, usize::MAX))?;
    let answer = match status {
        StatusCode::OK | StatusCode::CREATED => Some(lookup.read(&body).map_err(unreadable)?),
        StatusCode::NOT_FOUND => Some(Answer::Missing),
        _ => None,
    };
    taken.give_back(body.len());
    Ok((answer, status))
}

/// Puts a question of Dockgate's own, once more where the daemon had closed the connection.
///
/// # Errors
///
/// It is not permitted, or the daemon cannot be reached, is silent, or replies what is no HTTP.
pub async fn put(
    upstream: &Upstream,
    head: &Head,
    permit: impl Fn() -> Result<Permit, Denial>,
) -> Result<Response<Incoming>, Denial> {
    let send = || {
        let closed = || Denial::from(Failure::Unheard);
        let permit = permit()?;
        let body = permit.request.body.as_deref().map(RequestBody::json);
        let outgoing = Outgoing {
            head,
            body: body.unwrap_or_else(RequestBody::empty),
            upgrade: None,
        };
        let (_, answered) =
            upstream.send(upstream.ready().ok_or_else(closed)?, permit, outgoing)?;
        Ok::<_, Denial>(answered)
    };
    upstream.make_ready().await?;
    match send()?.await {
        Err(Failure::Unsent(_)) => {
            upstream.make_ready().await?;
            Ok(send()?.await?)
        }
        answered => Ok(answered?),
    }
}

/// The refusal of what cannot be judged, as the question about it was not answered.
pub fn failed(why: &str) -> Denial {
    let message =
        format!("the daemon was asked about what the request names, and the question {why}");
    Denial::new(Reason::LookupFailed, message)
}

/// The refusal of what does not exist, in the daemon's own words.
pub fn missing(lookup: &Lookup) -> Denial {
    let message = match lookup {
        Lookup::Container(name) | Lookup::Predecessor(name) => format!("No such container: {name}"),
        Lookup::DefaultRuntime => "the daemon does not name its default runtime".to_owned(),
        Lookup::Exec(id) => format!("No such exec instance: {id}"),
        Lookup::Image(name) | Lookup::Moved { name, .. } | Lookup::Tag(name) => {
            format!("No such image: {name}")
        }
        Lookup::Labelled(_, label) => format!("nothing has the label {label}"),
        Lookup::Network(name) => format!("network {name} not found"),
        Lookup::Service(name) => format!("service {name} not found"),
        Lookup::UsersOf(name) | Lookup::Volume(name) => format!("get {name}: no such volume"),
        Lookup::NewVolume(volume) => format!("get {}: no such volume", volume.name),
    };
    Denial::new(Reason::NotFound, message)
}
