//! Questions to the daemon about what a request names, on the client's own connection to it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use tokio::time::Instant;

use super::body::RequestBody;
use super::head::Head;
use super::upstream::{Outgoing, Upstream};
use crate::policy::facts::Container;
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

/// Asks the daemon; returns its answer and the status that it came with.
///
/// # Errors
///
/// It cannot be reached, is silent, or its answer is not what it must be.
pub async fn ask(
    upstream: &Upstream,
    lookup: &Lookup,
    permit: &Permit,
) -> Result<(Answer, u16), Denial> {
    let asking = async {
        let head = Head::parse(HEAD.as_bytes()).map_err(|_| failed("is no question"))?;
        let outgoing = Outgoing {
            head: &head,
            body: RequestBody::empty(),
            upgrade: None,
        };
        let reply = upstream.send(permit, outgoing).await?;
        let status = reply.status();
        let body = Limited::new(reply.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|_| failed("has an answer that broke off or is too long"))?;
        Ok((status, body.to_bytes()))
    };
    let (status, body): (StatusCode, Bytes) = tokio::time::timeout(LIMIT, asking)
        .await
        .unwrap_or_else(|_| Err(failed("has no answer in time")))?;
    let answer = match status {
        StatusCode::OK => lookup
            .read(&body)
            .map_err(|_| failed("has an answer that cannot be read"))?,
        StatusCode::NOT_FOUND => Answer::Missing,
        _ => return Err(failed(&format!("has the answer {status}"))),
    };
    Ok((answer, status.as_u16()))
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
        Lookup::Network(name) => format!("network {name} not found"),
        Lookup::Service(name) => format!("service {name} not found"),
        Lookup::Volume(name) => format!("get {name}: no such volume"),
    };
    Denial::new(Reason::NotFound, message)
}

/// The containers that were taken away of late, so that their replacements can be told from others.
#[derive(Debug, Default)]
pub struct Predecessors(Mutex<VecDeque<(Instant, Arc<Container>)>>);

/// How long a container that was taken away can be replaced. Updaters take several away before they make
/// the first anew.
const KEPT: Duration = Duration::from_secs(15 * 60);
/// How many are remembered.
const MOST: usize = 256;

impl Predecessors {
    /// Remembers a container that is taken away.
    pub fn remember(&self, container: &Arc<Container>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(since, old)| since.elapsed() < KEPT && old.name != container.name);
        if kept.len() == MOST {
            kept.pop_front();
        }
        kept.push_back((Instant::now(), Arc::clone(container)));
    }

    /// The container of this name that was taken away last.
    #[must_use]
    pub fn of(&self, name: &str) -> Answer {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = kept.iter().rev();
        let found = kept.find(|(since, old)| old.name == name && since.elapsed() < KEPT);
        found.map_or(Answer::Missing, |(_, old)| {
            Answer::Container(Arc::clone(old))
        })
    }
}
