//! Dockgate's own questions to the daemon: one at start, and those of the health check.
//!
//! They are asked as a client's are: parsed, judged, and sent by the one exit.

use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::USER_AGENT;
use http_body_util::{BodyExt, Collected, Limited};
use serde::Deserialize;

use super::budget::Budget;
use super::head::Head;
use super::lookup;
use super::upstream::{Daemon, Upstream};
use crate::docker::{ApiVersion, Call, Operation, Target, classify};
use crate::net::client::ClientKey;
use crate::policy::{
    Answer, Answers, Context, Denial, Judgement, Lookup, Permit, Reason, Request, Rules,
};
use crate::policyfile::{Entry, Grants, Policy};

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Whether the daemon answers.
    Ping,
    /// What it is.
    Version,
}

/// What the daemon says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Engine {
    version: String,
    api_version: String,
    #[serde(rename = "MinAPIVersion")]
    least_api_version: String,
    components: Vec<Component>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Component {
    name: String,
}

/// The `User-Agent` of the health check when it asks a listener.
pub const HEALTH_AGENT: &str = "dockgate-healthcheck";
/// How long a question may take.
const LIMIT: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// The longest name or version that is shown, in characters.
const MAX_SHOWN: usize = 40;

impl Question {
    /// The request, as a client of ours would send it.
    fn head(self) -> &'static str {
        match self {
            Self::Ping => concat!(
                "GET /_ping HTTP/1.1\r\nHost: docker\r\nUser-Agent: dockgate/",
                env!("CARGO_PKG_VERSION"),
                "\r\n\r\n"
            ),
            Self::Version => concat!(
                "GET /version HTTP/1.1\r\nHost: docker\r\nUser-Agent: dockgate/",
                env!("CARGO_PKG_VERSION"),
                "\r\n\r\n"
            ),
        }
    }

    /// What the question may ask, and nothing else.
    fn rules(self) -> Rules {
        let mut grants = Grants::default();
        grants.insert(Entry::Operation(match self {
            Self::Ping => Operation::SystemPing,
            Self::Version => Operation::SystemVersion,
        }));
        Rules::new(vec![Policy::of("dockgate", grants)], Grants::default())
    }
}

/// Asks the daemon on a connection of its own; returns its answer's body.
///
/// # Errors
///
/// It cannot be reached, is silent, or its answer is no success.
pub async fn ask(daemon: &Arc<Daemon>, question: Question) -> Result<Bytes, Denial> {
    let upstream = Upstream::new(Arc::clone(daemon));
    drive(&upstream, send(&upstream, question)).await
}

/// Looks something up on a connection of its own; `None` where the daemon refuses to say, as another proxy does.
///
/// # Errors
///
/// As with [`ask`], or the answer is neither of these: it is to be asked again.
pub async fn look_up(daemon: &Arc<Daemon>, lookup: &Lookup) -> Result<Option<Answer>, Denial> {
    let upstream = Upstream::new(Arc::clone(daemon));
    // No client can have this asked more than once at a time.
    let mut taken = Arc::new(Budget::new(0))
        .share_of(ClientKey::User(0))
        .nothing();
    let asking = lookup::ask(&upstream, lookup, &mut taken);
    let (answer, status) = drive(&upstream, asking).await?;
    certain(answer, status)
}

/// An answer on which what is known for as long as Dockgate runs can rest.
fn certain(answer: Option<Answer>, status: StatusCode) -> Result<Option<Answer>, Denial> {
    match answer {
        None if status != StatusCode::FORBIDDEN => {
            Err(lookup::failed(&format!("has the answer {status}")))
        }
        answer => Ok(answer),
    }
}

/// Polls the connection beside the question that is asked on it.
async fn drive<T>(
    upstream: &Upstream,
    asking: impl Future<Output = Result<T, Denial>>,
) -> Result<T, Denial> {
    let mut asking = std::pin::pin!(asking);
    let asked = poll_fn(|cx| {
        upstream.poll();
        let asked = asking.as_mut().poll(cx);
        upstream.wake_flag.belong_to(cx.waker());
        asked
    });
    tokio::time::timeout(LIMIT, asked)
        .await
        .unwrap_or_else(|_| Err(bad("the Docker daemon did not answer in time")))
}

async fn send(upstream: &Upstream, question: Question) -> Result<Bytes, Denial> {
    let head = Head::parse(question.head().as_bytes()).map_err(|_| defect())?;
    let reply = lookup::put(upstream, &head, || permit(question, &head)).await?;
    if !reply.status().is_success() {
        let status = reply.status().as_u16();
        return Err(bad(&format!("the Docker daemon answered with {status}")));
    }
    let answer = Limited::new(reply.into_body(), MAX_ANSWER).collect().await;
    let broken = |_| bad("the Docker daemon's answer broke off or is too long");
    answer.map(Collected::to_bytes).map_err(broken)
}

/// Leave to ask a question, by the same way as that of a client's request.
fn permit(question: Question, head: &Head) -> Result<Permit, Denial> {
    let target = Target::parse(&head.target).map_err(|_| defect())?;
    let call = classify(&head.method, target).map_err(|_| defect())?;
    let known = Answers::default();
    let context = Context {
        known: &known,
        own: None,
    };
    match question.rules().evaluate(Request::new(call), context) {
        Judgement::Allow(permit) => Ok(permit),
        Judgement::Deny(denial) => Err(denial),
        Judgement::Ask(..) | Judgement::Inspect(_) | Judgement::Missing(_) => Err(defect()),
    }
}

fn defect() -> Denial {
    bad("dockgate's own question is none; this is a defect")
}

fn bad(message: &str) -> Denial {
    Denial::new(Reason::BadDaemonReply, message)
}

/// Whether a request is the health check's own ping, which is not recorded. Nobody can hide more by
/// pretending than a ping from this very host.
#[must_use]
pub fn is_health_check(call: &Call, head: &Head, client: &str) -> bool {
    let is_local = || {
        client == "-"
            || client
                .parse::<SocketAddr>()
                .is_ok_and(|address| address.ip().is_loopback())
    };
    let mut agents = head.crossing.iter().filter(|(name, _)| *name == USER_AGENT);
    call.operation() == Some(Operation::SystemPing)
        && !head.has_body()
        && agents
            .next()
            .is_some_and(|(_, agent)| agent == HEALTH_AGENT)
        && is_local()
}

impl Engine {
    /// Reads the answer to [`Question::Version`]. What is not in it is not shown.
    #[must_use]
    pub fn parse(answer: &[u8]) -> Self {
        serde_json::from_slice(answer).unwrap_or_default()
    }
}

impl Engine {
    /// Whether it unpacks compressed uploads itself. Before, Docker ran programs that it found in the
    /// container, as root on the host (CVE-2026-41567).
    #[must_use]
    pub fn unpacks_safely(&self) -> bool {
        let is_docker = self
            .components
            .iter()
            .all(|it| !it.name.starts_with("Podman"));
        !is_docker || numbers(&self.version).is_some_and(|version| version >= MENDED)
    }
}

impl Engine {
    /// The least API version that it takes.
    #[must_use]
    pub fn least_api_version(&self) -> Option<ApiVersion> {
        ApiVersion::parse(&self.least_api_version)
    }
}

/// The first release of Docker that unpacks uploads itself.
const MENDED: [u32; 3] = [29, 5, 1];

/// The three numbers that a version begins with; `26.1.5+dfsg1` has more behind them.
fn numbers(version: &str) -> Option<[u32; 3]> {
    let core = version.split(['-', '+']).next()?;
    let mut parts = core.split('.').map(str::parse);
    Some([
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    ])
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.components.first().map(|first| first.name.as_str());
        let name = name.filter(|name| !name.is_empty()).unwrap_or("Engine");
        write!(f, "{}", shown(name))?;
        for (before, text) in [
            (" ", &self.version),
            (", API ", &self.api_version),
            (" from ", &self.least_api_version),
        ] {
            if !text.is_empty() {
                write!(f, "{before}{}", shown(text))?;
            }
        }
        Ok(())
    }
}

/// What another program says, for a terminal.
fn shown(text: &str) -> String {
    text.chars()
        .filter(|character| *character == ' ' || character.is_ascii_graphic())
        .take(MAX_SHOWN)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_answer_about_the_own_container_is_no_answer() {
        for (status, is_certain) in [(403, true), (500, false), (503, false), (301, false)] {
            let status = StatusCode::from_u16(status).unwrap();
            let kept = certain(None, status);
            assert_eq!(kept.is_ok(), is_certain, "{status}: {kept:?}");
        }
        let missing = certain(Some(Answer::Missing), StatusCode::NOT_FOUND);
        assert!(matches!(missing, Ok(Some(Answer::Missing))), "{missing:?}");
    }

    #[test]
    fn shows_what_the_daemon_says_of_itself() {
        for (answer, want) in [
            (
                r#"{"Version":"26.1.5","ApiVersion":"1.45","MinAPIVersion":"1.24","Components":[{"Name":"Engine"}]}"#,
                "Engine 26.1.5, API 1.45 from 1.24",
            ),
            (
                r#"{"Version":"5.4.2","ApiVersion":"1.41","Components":[{"Name":"Podman Engine"},{"Name":"Conmon"}]}"#,
                "Podman Engine 5.4.2, API 1.41",
            ),
            ("", "Engine"),
            (r#"{"Version":"1\u001b[2J"}"#, "Engine 1[2J"),
        ] {
            assert_eq!(Engine::parse(answer.as_bytes()).to_string(), want);
        }
    }

    #[test]
    fn knows_the_engines_that_unpack_uploads_themselves() {
        for (answer, want) in [
            (r#"{"Version":"29.5.1"}"#, true),
            (r#"{"Version":"30.0.0-rc.1"}"#, true),
            (r#"{"Version":"29.5.0"}"#, false),
            (r#"{"Version":"29.5.1x"}"#, false),
            (r#"{"Version":"26.1.5+dfsg1"}"#, false),
            (r#"{"Version":"dev"}"#, false),
            (
                r#"{"Version":"5.4.2","Components":[{"Name":"Podman Engine"}]}"#,
                true,
            ),
            ("", false),
        ] {
            assert_eq!(
                Engine::parse(answer.as_bytes()).unpacks_safely(),
                want,
                "{answer}"
            );
        }
    }

    #[test]
    fn each_question_is_granted_what_it_asks_and_nothing_else() {
        for (question, target, other) in [
            (Question::Ping, "/_ping", "/version"),
            (Question::Version, "/version", "/_ping"),
        ] {
            let head = Head::parse(question.head().as_bytes()).unwrap();
            assert_eq!(head.target, target);
            let allows = |target: &str| {
                let call = classify("GET", Target::parse(target).unwrap()).unwrap();
                let known = Answers::default();
                let context = Context {
                    known: &known,
                    own: None,
                };
                let request = Request::new(call);
                matches!(
                    question.rules().evaluate(request, context),
                    Judgement::Allow(_)
                )
            };
            assert!(allows(target) && !allows(other), "{question:?}");
        }
    }
}
