//! Whose a connection is, and whether that still holds.
//!
//! It is decided once, when the connection is accepted. After a reload, and when something happened to the client's
//! container, the connection [asks again](Standing::is_over), and ends if the answer is another.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use super::peers::Known;
use super::request_state::RequestState;
use super::shared::{ListenerRules, Shared};
use crate::clients::identify::Identity;
use crate::docker::Operation;
use crate::net::client::{Client, ClientKey, Found};
use crate::policy::objects::Container;
use crate::policy::{Denial, Reason, Rules};
use crate::sync::lock;

/// Whose a connection is.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) shared: Arc<Shared>,
    pub(crate) state: Arc<RequestState>,
    pub(crate) client: Arc<Client>,
    known: Known,
    /// `None` if it could not be found out.
    identity: Option<Identity>,
    /// Why every request on the connection is denied, if it is.
    pub(crate) barred: Option<Denial>,
    /// The operation that was sent last, with the rules under which it was.
    sent: Mutex<Option<(Option<Operation>, Arc<ListenerRules>)>>,
}

impl Standing {
    /// The standing of a connection. `found` is whose it is, or why that is not known.
    pub(crate) fn new(
        shared: Arc<Shared>,
        mut client: Client,
        known: Known,
        found: Result<Identity, Denial>,
    ) -> Self {
        let named = match &found {
            Ok(Identity::Client { name, by }) => Some((Arc::clone(name), *by)),
            Ok(Identity::Others | Identity::Unknown | Identity::Ambiguous(..)) | Err(_) => None,
        };
        if let Some((name, _)) = &named {
            client.key = ClientKey::Named(Arc::clone(name));
        }
        let container = known.container().cloned();
        let certificate = known.presented.as_ref();
        let certificate = certificate.map(|it| Arc::clone(&it.certificate));
        if named.is_some() || container.is_some() || certificate.is_some() {
            client.found = Some(Arc::new(Found {
                named,
                container,
                certificate,
            }));
        }
        let (identity, barred) = match found {
            Ok(identity) => {
                let barred = why_barred(&identity, &client);
                (Some(identity), barred)
            }
            Err(denial) => (None, Some(denial)),
        };
        Self {
            barred,
            shared,
            state: Arc::default(),
            client: Arc::new(client),
            known,
            identity,
            sent: Mutex::default(),
        }
    }

    /// Denies every request on the connection.
    pub(crate) fn bar(&mut self, denial: Denial) {
        self.barred.get_or_insert(denial);
    }

    /// Denies every request on the connection, whosever it is.
    pub(crate) fn bar_first(&mut self, denial: Denial) {
        self.barred = Some(denial);
    }

    /// The container that it is pinned to.
    pub(crate) fn container(&self) -> Option<&Arc<Container>> {
        self.known.container()
    }

    /// The rules for this connection, among those of its listener.
    pub(crate) fn rules<'r>(&self, of: &'r ListenerRules) -> Result<&'r Rules, Denial> {
        let Some(name) = self.client.name() else {
            return Ok(&of.rules);
        };
        let rights = of.rights(name);
        rights.map(|rights| &rights.rules).ok_or_else(gone)
    }

    /// Notes what is being sent, and under which rules.
    pub(crate) fn sends(&self, operation: Option<Operation>, under: &Arc<ListenerRules>) {
        *lock(&self.sent) = Some((operation, Arc::clone(under)));
    }

    /// Whether the connection was asked again and must end. From then on nothing more is passed on.
    pub(crate) fn is_revoked(&self) -> bool {
        let is_revoked = self.state.asked_again.replace(false) && self.is_over();
        if is_revoked {
            self.state.revoked.set(true);
        }
        is_revoked
    }

    /// Ends when the connection must end.
    pub(crate) async fn over(&self) {
        let state = &self.state;
        poll_fn(|cx| {
            state.wake_flag.take_ring();
            if self.is_revoked() {
                return Poll::Ready(());
            }
            state.wake_flag.belong_to(cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// Whether the connection must end: it is another client's now or nobody's, or what it is doing would not be
    /// allowed any more. What the new rules would have to ask the daemon about does not count as allowed.
    pub(crate) fn is_over(&self) -> bool {
        if self.state.has_left.is_set() {
            return true;
        }
        if let (Some((entrance, _)), Some(presented)) = (&self.shared.tls, &self.known.presented)
            && !entrance.current().accepts(presented)
        {
            return true;
        }
        let now = self.shared.listener_rules();
        let whose = now.whose(self.known.peer, self.known.facts()).ok();
        if whose.is_none() || whose != self.identity {
            return true;
        }
        let Ok(rules) = self.rules(&now) else {
            return true;
        };
        let sent = lock(&self.sent);
        let sent = sent.as_ref().filter(|_| self.state.is_answering.is_set());
        sent.is_some_and(|(operation, before)| {
            let before = self.rules(before);
            !before.is_ok_and(|before| rules.keeps(*operation, before))
        })
    }
}

/// The denial for a connection whose client is not in the settings any more.
pub(crate) fn gone() -> Denial {
    let message = "the settings or the container of this client changed: connect again";
    Denial::new(Reason::ClientUnknown, message)
}

/// Why a connection has no rights, if it has none.
fn why_barred(identity: &Identity, client: &Client) -> Option<Denial> {
    let address = &client.address;
    match identity {
        Identity::Client { .. } | Identity::Others => None,
        Identity::Unknown => {
            let message = format!(
                "{} belongs to no client of Dockgate's settings: add its network, its container, its user, its certificate or \
                 its address to the `from` of a [[client]]",
                if **address == *"-" {
                    "the user of this connection"
                } else {
                    address
                }
            );
            Some(Denial::new(Reason::ClientUnknown, message))
        }
        Identity::Ambiguous(one, other) => {
            let message = format!(
                "{address} belongs to two clients of Dockgate's settings, {one} and {other}: change the `from` of one of them"
            );
            Some(Denial::new(Reason::ClientAmbiguous, message))
        }
    }
}
