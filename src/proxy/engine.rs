//! What the daemon says about itself.

use std::fmt;

use serde::Deserialize;

use crate::docker::ApiVersion;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Engine {
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

/// The longest name or version that is shown, in characters.
const MAX_SHOWN: usize = 40;

impl Engine {
    /// Parses the answer to the version request. Parts that are missing are not shown.
    pub(crate) fn parse(answer: &[u8]) -> Self {
        serde_json::from_slice(answer).unwrap_or_default()
    }

    /// Whether it unpacks compressed uploads itself. Earlier releases of Docker ran programs from the
    /// container for that, as root on the host (CVE-2026-41567).
    pub(crate) fn unpacks_safely(&self) -> bool {
        !self.is_docker() || numbers(&self.version).is_some_and(|version| version >= MENDED)
    }

    /// Whether it is Docker, and not Podman.
    pub(crate) fn is_docker(&self) -> bool {
        let mut components = self.components.iter();
        components.all(|it| !it.name.starts_with("Podman"))
    }

    pub(crate) fn least_api_version(&self) -> Option<ApiVersion> {
        ApiVersion::parse(&self.least_api_version)
    }
}

/// The first release of Docker that unpacks uploads itself.
const MENDED: [u32; 3] = [29, 5, 1];

/// The three numbers at the beginning of a version; `26.1.5+dfsg1` has more after them.
fn numbers(version: &str) -> Option<[u32; 3]> {
    let core = version.split(['-', '+']).next()?;
    let parts = core.split('.').take(3).map(str::parse);
    let parts: Vec<u32> = parts.collect::<Result<_, _>>().ok()?;
    parts.try_into().ok()
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.components.first().map(|first| first.name.as_str());
        let name = name.filter(|name| !name.is_empty()).unwrap_or("Engine");
        // Docker calls itself only "Engine".
        let name = if name == "Engine" {
            "Docker Engine"
        } else {
            name
        };
        write!(f, "{}", shown(name))?;
        if !self.version.is_empty() {
            write!(f, " {}", shown(&self.version))?;
        }
        let (least, api) = (shown(&self.least_api_version), shown(&self.api_version));
        match (least.as_str(), api.as_str()) {
            (_, "") => {}
            ("", api) => write!(f, " (API {api})")?,
            (least, api) => write!(f, " (API {least}-{api})")?,
        }
        Ok(())
    }
}

/// Text from another program, made safe for a terminal.
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
    fn shows_what_the_daemon_says_of_itself() {
        for (answer, want) in [
            (
                r#"{"Version":"26.1.5","ApiVersion":"1.45","MinAPIVersion":"1.24","Components":[{"Name":"Engine"}]}"#,
                "Docker Engine 26.1.5 (API 1.24-1.45)",
            ),
            (
                r#"{"Version":"5.4.2","ApiVersion":"1.41","Components":[{"Name":"Podman Engine"},{"Name":"Conmon"}]}"#,
                "Podman Engine 5.4.2 (API 1.41)",
            ),
            ("", "Docker Engine"),
            (r#"{"Version":"1\u001b[2J"}"#, "Docker Engine 1[2J"),
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
}
