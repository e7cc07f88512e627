//! The settings and policies in force, for the audit log.

use crate::audit::process::{InForce, Owner, PolicyInForce};
use crate::config::{Config, ListenAddress, Whose};

/// What is in force on listeners at these addresses.
pub(super) fn in_force(config: &Config, addresses: &[ListenAddress]) -> InForce {
    let policies = config.rulings(addresses).flat_map(|(whose, rules)| {
        let policies = rules.policies().iter();
        policies.map(move |policy| PolicyInForce {
            whose: match &whose {
                Whose::Listener(address) => Owner::Listener(address.clone()),
                Whose::Client(name) => Owner::Client(name.to_string()),
            },
            name: policy.name.to_string(),
            sha256: policy.sha256(),
        })
    });
    InForce {
        settings: config.sha256.clone(),
        policies: policies.collect(),
    }
}
