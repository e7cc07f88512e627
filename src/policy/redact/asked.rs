//! What a request may not ask while values are hidden: questions whose answers show them, and to write the
//! placeholder into an object.

use super::class::Class;
use super::{PLACEHOLDER, PLACEHOLDER_IN_BASE64, Redaction};
use crate::docker::{Call, Json, Operation, Parameters, ps};
use crate::policy::reason::{Denial, Reason};
use crate::policy::request::Request;

impl Redaction {
    /// The denial of a request that asks for what is hidden, or that contains the placeholder.
    pub(crate) fn denial(&self, request: &Request<'_>) -> Option<Denial> {
        let call = &request.call;
        let has_placeholder = request.body.as_ref().is_some_and(has_placeholder);
        let message = if has_placeholder {
            format!(
                "the body contains {PLACEHOLDER}, which stands for a value that this client was not shown: leave it out, \
                 or use a policy without that class in `redact`"
            )
        } else {
            self.question(call)?
        };
        Some(Denial::new(Reason::Restricted, message))
    }

    /// Why a call must not be sent, because its answer would show what is hidden.
    fn question(&self, call: &Call) -> Option<String> {
        let arguments = call.query.text("ps_args");
        if call.judged().query == Parameters::Processes && !arguments.is_empty() {
            let shows_env = self.hides(Class::Env) && ps::harmless(arguments).is_none();
            // With columns of its own, the command need not be in the last one.
            let is_table = ps::harmless(arguments).is_some() && !arguments.contains(['o', 'O']);
            if shows_env || self.hides(Class::Commands) && !is_table {
                return Some(
                    "`ps_args` can show what the policy's `redact` hides: send -ef, aux, or none"
                        .to_owned(),
                );
            }
        }
        let filters = call.query.text("filters");
        if filters.is_empty() {
            return None;
        }
        let asked = match Json::parse(filters.as_bytes()) {
            Ok(filters @ Json::Object(_)) => self.asked_by(call, &filters)?,
            Ok(_) | Err(_) => "filters that can be read in two ways".to_owned(),
        };
        Some(format!(
            "the filter asks for what the policy's `redact` hides: leave out {asked}"
        ))
    }

    /// The first filter that asks for what is hidden.
    fn asked_by(&self, call: &Call, filters: &Json<'_>) -> Option<String> {
        filters.members().iter().find_map(|(key, filter)| {
            let names = filter.members().iter().map(|(value, _)| &**value);
            let mut values = names.chain(filter.texts());
            let asking = values.find(|value| self.is_asked(call, key, value))?;
            // What the client guesses may be right, and the message is logged.
            let name = asking.split_once('=').map(|(name, _)| name);
            Some(match name {
                Some(name) => format!("{key}={name}=..."),
                None => format!("{key}=..."),
            })
        })
    }

    fn is_asked(&self, call: &Call, key: &str, value: &str) -> bool {
        let key = key.to_ascii_lowercase();
        let is_node = call.operation() == Some(Operation::NodeList);
        match &*key {
            "command" => self.hides(Class::Commands),
            "event" => {
                let is_exec = value.contains(':') && !value.starts_with("health_status:");
                is_exec && self.hides(Class::Commands)
            }
            "name" => is_node && self.hides(Class::Host),
            "opt" | "options" => self.hides(Class::VolumeOptions),
            // Podman compares paths on the host too.
            "volume" => value.contains('/') && self.hides(Class::Mounts),
            _ if key.contains("label") => {
                let name = value.split_once('=').map(|(name, _)| name);
                let is_hidden = |name: &str| name.contains('*') || self.hides_label(name);
                self.hides(Class::Labels) && name.is_some_and(is_hidden)
            }
            _ => false,
        }
    }
}

/// Whether a body has the placeholder, in a key or a value.
fn has_placeholder(body: &Json<'_>) -> bool {
    let is_it = |text: &str| text.contains(PLACEHOLDER) || text.contains(PLACEHOLDER_IN_BASE64);
    match body {
        Json::Text(text) => is_it(text),
        Json::List(items) => items.iter().any(has_placeholder),
        Json::Object(members) => members
            .iter()
            .any(|(key, value)| is_it(key) || has_placeholder(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}
