//! Dockgate's own questions to the daemon: about objects that a request names, on the client's own connection to
//! it; and about the daemon itself, on a separate connection. All of them go through the one exit, with a permit.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::USER_AGENT;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Collected, Limited};
use hyper::body::Incoming;

use super::body::RequestBody;
use super::budget::{Budget, Share, Taken};
use super::daemon::Daemon;
use super::head::Head;
use super::upstream::{Failure, Upstream};
use crate::docker::Object;
use crate::docker::json::elements::{Elements, Kept, Place, Progress};
use crate::docker::json::parsed_size;
use crate::net::client::ClientKey;
use crate::policy::objects::Listed;
use crate::policy::permit::Probe;
use crate::policy::{Answer, Denial, Lookup, Permit, Reason};

/// How long the daemon may take to answer a lookup.
const LIMIT: Duration = Duration::from_secs(10);
/// The longest answer to a lookup, in bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// The most lookups for one request.
pub const MAX_LOOKUPS: usize = 64;
/// How long a question on a separate connection may take.
const PROBE_LIMIT: Duration = Duration::from_secs(3);
/// The longest answer to a probe, in bytes.
const MAX_PROBED: usize = 64 * 1024;

const UNREADABLE: &str = "its answer cannot be read";

/// The only header that is sent with Dockgate's own questions.
const AGENT: &str = concat!("dockgate/", env!("CARGO_PKG_VERSION"));

/// What the daemon answered to a lookup.
pub(crate) struct Found {
    /// `None` if the daemon would not answer.
    pub(crate) answer: Option<Answer>,
    pub(crate) status: StatusCode,
    /// The length of its text, in bytes.
    pub(crate) length: usize,
}

/// Says which objects of a list are kept.
pub(crate) type Keeps<'k> = &'k (dyn Fn(&Listed) -> bool + Send + Sync);

/// What was read of an answer.
enum Read {
    /// Its text.
    Text(Bytes),
    /// The objects of a list that are kept, and the length of their texts.
    Listed(Vec<Listed>, usize),
}

/// Looks something up. The connection stays ready for the request.
pub(crate) async fn look_up(
    upstream: &Upstream,
    lookup: &Lookup,
    taken: &mut Taken,
    keeps: Keeps<'_>,
) -> Result<Found, Denial> {
    let asking = async {
        let permit = || Permit::to_ask(lookup).ok_or_else(|| failed("the question is not valid"));
        let reply = put(upstream, permit).await?;
        let status = reply.status();
        if let Some(place) = lookup.list().filter(|_| status == StatusCode::OK) {
            let (listed, length) = list(reply.into_body(), place, taken, keeps).await?;
            upstream.make_ready().await?;
            return Ok((status, Read::Listed(listed, length)));
        }
        let mut body = Limited::new(reply.into_body(), MAX_ANSWER);
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| failed("its answer broke off or is too long"))?;
            if let Some(data) = frame.data_ref() {
                taken.take(data.len())?;
                bytes.extend_from_slice(data);
            }
        }
        upstream.make_ready().await?;
        Ok((status, Read::Text(bytes.freeze())))
    };
    let (status, read): (StatusCode, Read) = tokio::time::timeout(LIMIT, asking)
        .await
        .unwrap_or_else(|_| Err(failed("it did not answer in time")))?;
    let body = match read {
        Read::Text(body) => body,
        Read::Listed(listed, length) => {
            let answer = Some(Answer::Listed(listed.into()));
            return Ok(Found {
                answer,
                status,
                length,
            });
        }
    };
    let unreadable = |_| failed(UNREADABLE);
    taken.take(parsed_size(&body, usize::MAX))?;
    let share = taken.share.clone();
    let turn = share.turn(body.len()).await;
    let answer = match status {
        StatusCode::OK | StatusCode::CREATED => Some(lookup.read(&body).map_err(unreadable)?),
        StatusCode::NOT_FOUND => Some(Answer::Missing),
        _ => None,
    };
    drop(turn);
    taken.give_back(body.len());
    Ok(Found {
        answer,
        status,
        length: body.len(),
    })
}

/// Reads a list as it arrives, however long it is: a scope can need the list of all objects. Returns what is kept, and
/// the length of its texts.
async fn list(
    mut body: Incoming,
    (kind, place): (Object, Place),
    taken: &mut Taken,
    keeps: Keeps<'_>,
) -> Result<(Vec<Listed>, usize), Denial> {
    let mut elements = Elements::new(place, MAX_ANSWER);
    let (mut kept, mut length) = (Vec::new(), 0);
    let (mut held, mut out) = (0, Vec::new());
    loop {
        let part = match body.frame().await {
            Some(frame) => Some(frame.map_err(|_| failed("its answer broke off"))?),
            None => None,
        };
        let (mut more, mut is_readable) = (0, true);
        let mut each = |_: usize, element: &[u8]| {
            match Listed::parse(kind, element) {
                Ok(listed) if keeps(&listed) => {
                    more += parsed_size(element, Listed::VALUES);
                    kept.push(listed);
                }
                Ok(_) => {}
                Err(_) => is_readable = false,
            }
            Kept::Dropped
        };
        let read = match &part {
            Some(part) => {
                let data = part.data_ref().map_or(&[][..], |data| data);
                elements.push(data, &mut out, &mut each)
            }
            None => elements.finish(&mut out, &mut each),
        };
        if read != Ok(Progress::Done) || !is_readable {
            return Err(failed(UNREADABLE));
        }
        // Everything between the elements is of no interest.
        out.clear();
        length += more;
        taken.take(more + elements.held())?;
        taken.give_back(held);
        held = elements.held();
        if part.is_none() {
            return Ok((kept, length));
        }
    }
}

/// Looks something up on a separate connection; `None` if the daemon refuses to answer, as another proxy may.
/// With any other failure the caller asks again later.
pub(crate) async fn look_up_alone(
    daemon: &Arc<Daemon>,
    lookup: &Lookup,
) -> Result<Option<Answer>, Denial> {
    // No client can cause more than one of these at a time.
    let budget = Arc::new(Budget::new(0));
    look_up_apart(daemon, lookup, &budget.share_of(ClientKey::User(0))).await
}

/// The same, for a client: the answer takes memory and time of its share.
pub(crate) async fn look_up_apart(
    daemon: &Arc<Daemon>,
    lookup: &Lookup,
    share: &Share,
) -> Result<Option<Answer>, Denial> {
    let upstream = Upstream::new(Arc::clone(daemon));
    let mut taken = share.nothing();
    let asking = look_up(&upstream, lookup, &mut taken, &|_| true);
    let found = drive(&upstream, asking).await?;
    certain(found.answer, found.status)
}

/// An answer that is certain enough to be remembered for as long as Dockgate runs.
fn certain(answer: Option<Answer>, status: StatusCode) -> Result<Option<Answer>, Denial> {
    match answer {
        None if status != StatusCode::FORBIDDEN => Err(failed(&format!("it answered {status}"))),
        answer => Ok(answer),
    }
}

/// Asks the daemon about itself, on a separate connection; returns the body of its answer.
pub(crate) async fn probe(daemon: &Arc<Daemon>, probe: Probe) -> Result<Bytes, Denial> {
    let upstream = Upstream::new(Arc::clone(daemon));
    let defect = || bad("dockgate's own question is not valid; this is a bug in dockgate");
    let asking = async {
        let reply = put(&upstream, || Permit::to_probe(probe).ok_or_else(defect)).await?;
        if !reply.status().is_success() {
            let status = reply.status().as_u16();
            return Err(bad(&format!("the Docker daemon answered with {status}")));
        }
        let most = match probe {
            Probe::Ping | Probe::Version => MAX_PROBED,
            Probe::Networks | Probe::Events { .. } | Probe::Changes => MAX_ANSWER,
        };
        let answer = Limited::new(reply.into_body(), most).collect().await;
        let broken = |_| bad("the Docker daemon's answer broke off or is too long");
        answer.map(Collected::to_bytes).map_err(broken)
    };
    drive(&upstream, asking).await
}

/// Follows what happens to containers. `each` gets every part of the daemon's answer, and `began` is called when it has
/// begun. Ends when the answer does.
pub(crate) async fn follow(
    daemon: &Arc<Daemon>,
    began: impl FnOnce(),
    mut each: impl FnMut(&[u8]),
) -> Result<(), Denial> {
    let upstream = Upstream::new(Arc::clone(daemon));
    let defect = || bad("dockgate's own question is not valid; this is a bug in dockgate");
    let asking = async {
        let reply = put(&upstream, || {
            Permit::to_probe(Probe::Changes).ok_or_else(defect)
        })
        .await?;
        if !reply.status().is_success() {
            let status = reply.status().as_u16();
            return Err(bad(&format!("the Docker daemon answered with {status}")));
        }
        began();
        let mut body = reply.into_body();
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(data) = frame.data_ref() {
                each(data);
            }
        }
        Ok(())
    };
    polled_with(&upstream, asking).await
}

/// Polls the connection together with the question that uses it, for a limited time.
async fn drive<T>(
    upstream: &Upstream,
    asking: impl Future<Output = Result<T, Denial>>,
) -> Result<T, Denial> {
    tokio::time::timeout(PROBE_LIMIT, polled_with(upstream, asking))
        .await
        .unwrap_or_else(|_| Err(bad("the Docker daemon did not answer in time")))
}

async fn polled_with<T>(upstream: &Upstream, asking: impl Future<Output = T>) -> T {
    let mut asking = std::pin::pin!(asking);
    poll_fn(|cx| {
        upstream.poll();
        let asked = asking.as_mut().poll(cx);
        upstream.wake_flag.belong_to(cx.waker());
        asked
    })
    .await
}

/// Sends a question, and sends it once more if the daemon had closed the connection.
async fn put(
    upstream: &Upstream,
    permit: impl Fn() -> Result<Permit, Denial>,
) -> Result<Response<Incoming>, Denial> {
    let head = Head {
        crossing: vec![(USER_AGENT, HeaderValue::from_static(AGENT))],
        ..Head::default()
    };
    let send = || {
        let permit = permit()?;
        let body = permit.request.body.as_deref().unwrap_or_default();
        let body = RequestBody::json(Bytes::copy_from_slice(body.as_bytes()));
        let ready = upstream.ready().ok_or(Failure::Unheard)?;
        let (_, answered) = upstream.send(ready, permit, &head, body, None)?;
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

fn bad(message: &str) -> Denial {
    Denial::new(Reason::BadDaemonReply, message)
}

/// The denial of a request that cannot be evaluated, because a lookup failed.
pub(crate) fn failed(why: &str) -> Denial {
    Denial::new(Reason::LookupFailed, format!("{ABOUT_OBJECT}{why}"))
}

const ABOUT_OBJECT: &str =
    "dockgate has to ask the daemon about an object that the request names, but ";

/// Why a question failed, without what it was about.
pub(crate) fn why(denial: &Denial) -> &str {
    let message = denial.message.as_str();
    message.strip_prefix(ABOUT_OBJECT).unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_answer_about_dockgates_own_container_is_not_an_answer() {
        for (status, is_certain) in [(403, true), (500, false), (503, false), (301, false)] {
            let status = StatusCode::from_u16(status).unwrap();
            let kept = certain(None, status);
            assert_eq!(kept.is_ok(), is_certain, "{status}: {kept:?}");
        }
        let missing = certain(Some(Answer::Missing), StatusCode::NOT_FOUND);
        assert!(matches!(missing, Ok(Some(Answer::Missing))), "{missing:?}");
    }
}
