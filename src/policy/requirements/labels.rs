//! Labels, of what is made and of a volume that a mount makes too.

use super::collector::{Requirements, unclear};
use crate::docker::Document;
use crate::docker::body::Asked;
use crate::docker::json::Member;
use crate::docker::mount::BadMount;
use crate::policy::keys::Key;
use crate::policy::objects::{POLICY_LABEL, PROJECT_LABELS};
use crate::policy::reason::Denial;
use crate::policy::requirement::What;
use crate::policy::value::Value;

pub(super) fn labels(requirements: &mut Requirements, asked: &Asked<'_>) -> Result<(), Denial> {
    label_members(requirements, &asked.path, asked.value.members())
}

pub(super) fn label_members(
    requirements: &mut Requirements,
    path: &str,
    labels: &[Member<'_>],
) -> Result<(), Denial> {
    let is_of_swarm = requirements.describes_service();
    for (key, value) in labels {
        let value = value.text().unwrap_or_default();
        // A node of the swarm fills them in, and mounts may refer to them.
        if value.contains("{{") && is_of_swarm {
            return Err(unclear(path, &BadMount::Template.to_string()));
        }
        // Podman splits a label at its first `=`.
        if key.contains('=') && !is_of_swarm {
            let why = "has a label with a `=` in its name: leave it out";
            return Err(unclear(path, why));
        }
        // Who updates a service sends all that it has.
        let is_update = requirements.describes(Document::ServiceUpdate);
        let service = requirements.object.clone().filter(|_| is_update);
        if let Some(label) = PROJECT_LABELS.iter().find(|label| **label == *key) {
            let (name, service) = (value.to_owned(), service.clone());
            let project = Value::Project {
                label,
                name,
                service,
            };
            requirements.push(path, What::Key(Key::Project, project));
        }
        let label = Value::Label {
            key: key.to_string(),
            value: value.to_owned(),
            service: service.filter(|_| key == POLICY_LABEL),
        };
        requirements.push(path, What::Key(Key::Label, label));
    }
    Ok(())
}
