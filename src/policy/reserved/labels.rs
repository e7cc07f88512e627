//! Labels that tell clients apart: in the body or the query of a request, and in the image of a new container.

use std::borrow::Cow;

use super::{Claim, Reserved, Taken};
use crate::docker::judged::Judged;
use crate::docker::{Call, Document, Json, Parameters};
use crate::policy::objects::Container;
use crate::policy::requirements::labels_in_changes;

const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";

/// A label that containers would get, and its place in the request.
struct Label<'a> {
    path: &'static str,
    key: Cow<'a, str>,
    value: Cow<'a, str>,
}

impl Reserved {
    /// Whether a label tells clients apart.
    pub(crate) fn has_label(&self, key: &str, value: &str) -> bool {
        let mut labels = self.labels.iter();
        labels.any(|(reserved, its)| reserved == key && its == value)
    }

    /// A reserved label, or the labels of a reserved service, that containers would get.
    pub(super) fn label(&self, claim: Claim<'_>) -> Option<Taken> {
        if self.labels.is_empty() && self.services.is_empty() {
            return None;
        }
        let labels = labels_of(claim.call, claim.body);
        let had = |key: &str, value: &str| claim.old.is_some_and(|old| had(old, key, value));
        let is_taken = |label: &&Label<'_>| {
            self.has_label(&label.key, &label.value) && !had(&label.key, &label.value)
        };
        if let Some(label) = labels.iter().find(is_taken) {
            return Some(taken(label, LABEL));
        }
        let find = |key: &str, value: &str| {
            let mut labels = labels.iter();
            labels.find(|label| label.key == key && label.value == value)
        };
        self.services.iter().find_map(|(project, service)| {
            let is_had = had(PROJECT, project) && had(SERVICE, service);
            find(PROJECT, project).filter(|_| !is_had)?;
            Some(taken(find(SERVICE, service)?, OF_SERVICE))
        })
    }

    /// Sets the reserved labels that a new container could get from its image and that its body does not set. They
    /// become empty, or what they were in the container that it replaces.
    pub(crate) fn withhold(&self, judged: Judged, body: &mut Json, old: Option<&Container>) {
        let of = match judged.body {
            Some(Document::Container) => Some(body),
            Some(document) if document.is_service() => {
                body.at_mut(&["TaskTemplate", "ContainerSpec"])
            }
            Some(_) | None => None,
        };
        let Some(of) = of else {
            return;
        };
        let labels = of.at("Labels");
        let mut missing: Vec<&str> = Vec::new();
        for (key, _) in &self.labels {
            if labels.get(key).is_none() && !missing.contains(&&**key) {
                missing.push(key);
            }
        }
        missing.extend(self.missing_of_services(labels));
        for key in missing {
            let kept = old.and_then(|old| old.label(key));
            let value = kept.map_or_else(|| self.harmless(key), str::to_owned);
            if let Some(labels) = of.get_or_insert("Labels") {
                labels.set(key.to_owned(), Json::Text(value.into()));
            }
        }
    }

    /// The label without which the image could make the container one of a reserved service.
    fn missing_of_services(&self, labels: &Json) -> Option<&'static str> {
        if self.services.is_empty() {
            return None;
        }
        let Some(service) = labels.get(SERVICE) else {
            return Some(SERVICE);
        };
        let mut services = self.services.iter();
        let is_reserved = services.any(|(_, reserved)| service.text() == Some(reserved));
        (is_reserved && labels.get(PROJECT).is_none()).then_some(PROJECT)
    }

    /// A value that identifies no client: the empty one, unless that is reserved too.
    fn harmless(&self, key: &str) -> String {
        let mut value = String::new();
        while self.has_label(key, &value) {
            value.push('-');
        }
        value
    }

    /// Whether a container with these labels belongs to a reserved service.
    pub(super) fn has_service(&self, has: impl Fn(&str, &str) -> bool) -> bool {
        let mut services = self.services.iter();
        services.any(|(project, service)| has(PROJECT, project) && has(SERVICE, service))
    }
}

/// Whether a container had a label.
fn had(container: &Container, key: &str, value: &str) -> bool {
    container.label(key) == Some(value)
}

fn taken(label: &Label<'_>, what: &'static str) -> Taken {
    Taken::new(label.path, format!("{}={}", label.key, label.value), what)
}

/// The labels that a request gives to containers, or to an image from which containers get them.
fn labels_of<'a>(call: &Call, body: &'a Json<'a>) -> Vec<Label<'a>> {
    let (path, labels) = match call.judged().body {
        Some(Document::Container | Document::ImageConfig) => ("Labels", body.at("Labels")),
        Some(Document::Service | Document::ServiceUpdate) => {
            let container = body.at("TaskTemplate").at("ContainerSpec");
            ("TaskTemplate.ContainerSpec.Labels", container.at("Labels"))
        }
        Some(
            Document::ConfigOrSecret
            | Document::ContainerUpdate
            | Document::Endpoint
            | Document::Exec
            | Document::ExecStart
            | Document::Leaving
            | Document::Network
            | Document::Volume
            | Document::VolumeUpdate,
        )
        | None => ("", &Json::Null),
    };
    let mut found = Vec::new();
    for (key, value) in labels.members() {
        let value = value.text().unwrap_or_default();
        let (key, value) = (Cow::Borrowed(&**key), Cow::Borrowed(value));
        // Podman splits a label at its first `=`.
        if let Some((name, rest)) = key.split_once('=') {
            let (key, value) = (name.to_owned().into(), format!("{rest}={value}").into());
            found.push(Label { path, key, value });
        }
        found.push(Label { path, key, value });
    }
    found.extend(labels_of_image(call));
    found
}

/// The labels that the query gives to a new image.
fn labels_of_image<'a>(call: &Call) -> Vec<Label<'a>> {
    let (path, labels) = match call.judged().query {
        Parameters::Build => {
            let labels = call.query.first("labels").unwrap_or_default();
            let labels = Json::parse(labels.as_bytes()).unwrap_or(Json::Null);
            let labels = labels.members().iter();
            let text = |value: &Json| value.text().unwrap_or_default().to_owned();
            let labels = labels.map(|(key, value)| (key.to_string(), text(value)));
            ("labels", labels.collect())
        }
        Parameters::Commit | Parameters::Fetch => ("changes", labels_in_changes(call)),
        Parameters::Archive
        | Parameters::Attach
        | Parameters::Checkpoint
        | Parameters::Free
        | Parameters::Load
        | Parameters::Name
        | Parameters::NoKeys
        | Parameters::Processes
        | Parameters::Push
        | Parameters::Registry
        | Parameters::Rename
        | Parameters::Rollback
        | Parameters::Tag => ("", Vec::new()),
    };
    let labels = labels.into_iter();
    let label = |(key, value): (String, String)| Label {
        path,
        key: key.into(),
        value: value.into(),
    };
    labels.map(label).collect()
}

pub(super) const LABEL: &str = "is a label that identifies a client in Dockgate's settings: choose another value, or leave it out";
pub(super) const OF_SERVICE: &str = "and its project are those of a Compose service that identifies a client in Dockgate's \
                          settings: choose another project or service";
