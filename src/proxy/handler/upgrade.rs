//! What a connection is to become, if its request is to hijack it.

use crate::docker::json::shortened;
use crate::docker::{Call, Operation, Reply, Upgrade};
use crate::policy::{Denial, Reason};
use crate::proxy::head::Head;

/// The operation's one value, which the client must ask for if the daemon knows no other way. On other operations
/// the header has no effect.
pub(super) fn wanted(call: &Call, head: &Head) -> Result<Option<Upgrade>, Denial> {
    let Reply::Hijack(upgrade) = call.reply() else {
        return Ok(None);
    };
    match head.upgrade.as_deref() {
        Some(asked) if asked.eq_ignore_ascii_case(upgrade.as_str()) => Ok(Some(upgrade)),
        None if upgrade == Upgrade::Tcp => Ok(Some(upgrade)),
        asked => Err(other(call, upgrade.as_str(), asked)),
    }
}

/// The denial of another upgrade than the operation's, in the daemon's own words if it has some.
fn other(call: &Call, wanted: &str, asked: Option<&str>) -> Denial {
    let asked = asked.map(shortened);
    if call.operation() == Some(Operation::Session) {
        let said = match asked {
            None => "no upgrade proto in request".to_owned(),
            Some(asked) => format!("protocol {asked} not supported"),
        };
        let message = format!("{said}: send the header Upgrade: {wanted}");
        return Denial::new(Reason::BadUpgrade, message);
    }
    let but = asked.map(|asked| format!(", but the request asks for {asked}"));
    let but = but.unwrap_or_default();
    let message = format!("the operation needs the header Upgrade: {wanted}{but}");
    Denial::new(Reason::UpgradeNotOffered, message)
}
