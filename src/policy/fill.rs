//! Fills in what a new container leaves out, before the request is judged.

use crate::docker::{ApiVersion, Call, Document, Json};
use crate::policy::keys::Fill;

/// Something that is filled in.
#[derive(Clone, Copy)]
struct Part {
    bit: u8,
    /// The key of `create.fill`.
    key: &'static str,
}

/// The parts, by name, and the list of all of them.
macro_rules! parts {
    ($($name:ident = $bit:expr, $key:literal;)+) => {
        $(const $name: Part = Part { bit: $bit, key: $key };)+
        const PARTS: &[Part] = &[$($name),+];
    };
}

parts! {
    CAP_DROP = 1, "cap_drop";
    CPUS = 1 << 1, "cpus";
    MEMORY = 1 << 2, "memory";
    NETWORK = 1 << 3, "network";
    NO_NEW_PRIVILEGES = 1 << 4, "no_new_privileges";
    PIDS = 1 << 5, "pids";
    RUNTIME = 1 << 6, "runtime";
}

/// What was filled in, as a set of bits: every request that is evaluated has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filled(u8);

impl Filled {
    fn add(&mut self, part: Part) {
        self.0 |= part.bit;
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The keys of `create.fill`.
    pub(crate) fn keys(self) -> impl Iterator<Item = &'static str> {
        let parts = PARTS.iter();
        parts
            .filter(move |part| self.0 & part.bit != 0)
            .map(|part| part.key)
    }

    #[cfg(test)]
    pub(crate) fn all() -> Self {
        let mut all = Self::default();
        for part in PARTS {
            all.add(*part);
        }
        all
    }
}

/// Fills in a container's body.
pub(super) fn fill(call: &Call, body: &mut Json, fill: &Fill) -> Filled {
    let mut filled = Filled::default();
    if fill.is_nothing() || call.judged().body != Some(Document::Container) {
        return filled;
    }
    let is_off_the_network = body.at("NetworkDisabled").is_true();
    if body.at("HostConfig").is_null() {
        body.set("HostConfig", Json::Object(Vec::new()));
    }
    if let Some(host) = body.get_mut("HostConfig") {
        limits(call, host, fill, &mut filled);
        privileges(host, fill, &mut filled);
        if let Some(runtime) = &fill.runtime
            && host.text_at("Runtime").is_empty()
        {
            host.set("Runtime", text(runtime));
            filled.add(RUNTIME);
        }
    }
    if let Some(network) = fill.network.as_deref().filter(|_| !is_off_the_network)
        && names_no_network(body)
        && let Some(host) = body.get_mut("HostConfig")
    {
        host.set("NetworkMode", text(network));
        join(body, network);
        filled.add(NETWORK);
    }
    filled
}

fn limits(call: &Call, host: &mut Json, fill: &Fill, filled: &mut Filled) {
    let is_open = |host: &Json, key: &str| host.at(key).integer().unwrap_or_default() == 0;
    if let Some(cpus) = fill.limits.nano_cpus
        && is_open(host, "CpuQuota")
        && (is_open(host, "NanoCpus") || !ApiVersion::NANO_CPUS.is_read_under(call.version))
    {
        let period = host.at("CpuPeriod").integer().filter(|period| *period > 0);
        if period.is_none() && ApiVersion::NANO_CPUS.is_read_under(call.version) {
            host.set("NanoCpus", number(cpus));
        } else {
            // The daemon does not take `NanoCpus` and a period together, and old versions of the API have no `NanoCpus`.
            host.set("CpuQuota", number(quota(cpus, period)));
        }
        filled.add(CPUS);
    }
    if let Some(memory) = fill.limits.memory.filter(|_| is_open(host, "Memory")) {
        host.set("Memory", number(memory));
        filled.add(MEMORY);
    }
    if let Some(pids) = fill.limits.pids.filter(|_| is_open(host, "PidsLimit")) {
        host.set("PidsLimit", number(pids));
        filled.add(PIDS);
    }
}

/// The daemon's default period, in microseconds.
const PERIOD: i64 = 100_000;

/// The time in each period that billionths of a processor come to.
fn quota(nano_cpus: i64, period: Option<i64>) -> i64 {
    let whole = nano_cpus.saturating_mul(period.unwrap_or(PERIOD));
    whole / 1_000_000_000
}

fn privileges(host: &mut Json, fill: &Fill, filled: &mut Filled) {
    const OPTION: &str = "no-new-privileges";
    let is_option = |option: &str| option.split([':', '=']).next() == Some(OPTION);
    if fill.no_new_privileges && !host.at("SecurityOpt").texts().any(is_option) {
        append(host, "SecurityOpt", "no-new-privileges:true");
        filled.add(NO_NEW_PRIVILEGES);
    }
    for capability in &fill.cap_drop {
        let is_it = |dropped: &str| dropped.eq_ignore_ascii_case(capability);
        if !host.at("CapDrop").texts().any(is_it) {
            append(host, "CapDrop", capability);
            filled.add(CAP_DROP);
        }
    }
}

/// How clients write the network of a container that is not to join a certain one.
const UNNAMED: &str = "default";

/// Whether a container's body leaves open which network it joins.
fn names_no_network(body: &Json) -> bool {
    let is_unnamed = |name: &str| matches!(name, "" | UNNAMED);
    let endpoints = body.at("NetworkingConfig").at("EndpointsConfig");
    let mut endpoints = endpoints.members().iter();
    is_unnamed(body.at("HostConfig").text_at("NetworkMode"))
        && endpoints.all(|(name, _)| is_unnamed(name))
}

/// Gives the settings for the network that was left open to the one that is joined.
fn join(body: &mut Json, network: &str) {
    for (name, _) in body.members_mut(&["NetworkingConfig", "EndpointsConfig"]) {
        *name = network.to_owned().into();
    }
}

fn append(to: &mut Json, key: &str, entry: &str) {
    let entry = text(entry);
    match to.get_mut(key) {
        Some(Json::List(entries)) => entries.push(entry),
        // `null`, because the body has the shapes of its table.
        Some(_) | None => to.set(key.to_owned(), Json::List(vec![entry])),
    }
}

fn text(text: &str) -> Json<'static> {
    Json::Text(text.to_owned().into())
}

fn number(number: i64) -> Json<'static> {
    Json::Number(number.to_string().into())
}

#[cfg(test)]
mod tests;
