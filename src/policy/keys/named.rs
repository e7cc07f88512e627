//! Keys that choose objects by name, or by whether they belong to the policy.

use super::pattern::Patterns;
use super::setting::{List, Setting, bad_entry, list_of, pattern, strings};
use crate::policy::value::{Shape, Value};

/// Generates the types. A row has the error for a bad entry, the keywords that are allowed besides patterns of names,
/// and which keywords apply without the key.
macro_rules! chosen {
    ($($(#[doc = $doc:literal])+ $name:ident $shape:ident $want:literal [$($word:ident $spelled:literal = $default:literal),+];)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub(crate) struct $name {
            $(#[doc = concat!("`", $spelled, "`")] pub(crate) $word: bool,)+
            /// Patterns of names.
            pub(crate) names: Patterns,
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($word: $default,)+ names: Patterns::default() }
            }
        }

        impl Setting for $name {
            fn shape() -> Shape {
                Shape::$shape
            }

            fn read(value: &toml::Value) -> Result<Self, String> {
                const WORDS: &[&str] = &[$($spelled),+];
                let texts = strings(value)?;
                let names = texts.iter().filter(|text| !WORDS.contains(text)).map(|text| {
                    let name = pattern(text).filter(|_| !text.starts_with('@'));
                    name.ok_or_else(|| bad_entry(text, $want))
                });
                Ok(Self {
                    $($word: texts.contains(&$spelled),)+
                    names: List(names.collect::<Result<_, _>>()?),
                })
            }

            fn schema() -> serde_json::Value {
                list_of(concat!("^(", $($spelled, "$|",)+ "[^@])"))
            }

            fn allows(&self, value: &Value) -> bool {
                self.names.allows(value)
            }

            fn entries(&self) -> Vec<String> {
                let words = [$(self.$word.then_some($spelled)),+].into_iter();
                let words = words.flatten().map(str::to_owned);
                words.chain(self.names.entries()).collect()
            }
        }
    )+};
}

chosen! {
    /// Networks to join: by name, `@default` for the daemon's own, `@own` for those created through the same policy,
    /// `@project` for those of a project that `create.projects` allows.
    NetworkNames Text "must be a network's name, @default, @own or @project"
        [default "@default" = true, own "@own" = true, project "@project" = false];

    /// Named volumes: by name, `@own` for those created through the same policy, `@new` for those that do not exist
    /// yet, `@project` for those of a project that `create.projects` allows.
    VolumeNames Text "must be a volume's name, @own, @new or @project"
        [own "@own" = true, new "@new" = true, project "@project" = false];

    /// Compose projects and swarm stacks: by name, `@own` if everything in them was created through the same policy,
    /// `@new` if nothing in them exists yet.
    ProjectNames Project "must be a project's name, @own or @new" [own "@own" = false, new "@new" = false];
}
