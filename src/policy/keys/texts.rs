//! Names and numbers, each as it is written and no pattern.

use toml::Value;

use super::setting::{BadSetting, Decides, Setting, entries, list_of};
use crate::policy::value;

/// Makes the types. A row says when an entry allows what is asked for.
macro_rules! texts {
    ($($(#[doc = $doc:literal])+ $name:ident |$entry:ident, $asked:ident| $allows:expr;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default)]
        pub struct $name(Vec<String>);

        impl Setting for $name {
            fn read(value: &Value) -> Result<Self, BadSetting> {
                let read = |text: &str| (!text.is_empty()).then(|| text.to_owned());
                entries(value, "must not be empty", read).map(Self)
            }

            fn literal(recorded: &str) -> Option<String> {
                Some(recorded.to_owned())
            }
        }

        impl Decides for $name {
            fn allows(&self, value: &value::Value) -> bool {
                let allows = |$entry: &str, $asked: &str| $allows;
                let text = value.text();
                text.is_some_and(|asked| self.0.iter().any(|entry| allows(entry, asked)))
            }

            fn entries(&self) -> Vec<String> {
                self.0.clone()
            }

            fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }
    )+};
}

texts! {
    /// Exact texts.
    Texts |entry, asked| entry == asked;

    /// Capabilities, with `CAP_` or without, in whatever case.
    Capabilities |entry, asked| entry.eq_ignore_ascii_case(asked)
        || entry.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("CAP_"))
            && entry.get(4..).is_some_and(|name| name.eq_ignore_ascii_case(asked));

    /// Devices: paths, with all permissions or with those that stand behind a colon, rules and names.
    Devices |entry, asked| entry == asked || is_within(entry, asked);
}

impl Texts {
    /// These texts.
    #[must_use]
    pub fn of(texts: &[&str]) -> Self {
        Self(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    /// Whether a text is one of them.
    #[must_use]
    pub fn has(&self, text: &str) -> bool {
        self.0.iter().any(|listed| listed == text)
    }
}

/// Whether an entry allows the permissions that are asked for with the path of a device.
fn is_within(entry: &str, asked: &str) -> bool {
    let parted = asked
        .rsplit_once(':')
        .filter(|(path, _)| path.starts_with('/'));
    let Some((path, permissions)) = parted else {
        return false;
    };
    let behind = entry.strip_prefix(path);
    behind.is_some_and(|behind| {
        let allowed = behind
            .strip_prefix(':')
            .filter(|allowed| !allowed.contains(':'));
        let is_all = |allowed: &str| permissions.chars().all(|letter| allowed.contains(letter));
        behind.is_empty() || allowed.is_some_and(is_all)
    })
}

/// Users by number: `uid`, `uid:gid`, or `@non-root` for any but 0, user and group both given.
#[derive(Clone, Debug)]
pub struct Users(Vec<String>);

const NON_ROOT: &str = "@non-root";

impl Users {
    /// Whether a text can be an entry: a number, two of them, or the word for all but root.
    fn is_entry(text: &str) -> bool {
        let is_number = |part: &str| part.parse::<u32>().is_ok_and(|id| id.to_string() == part);
        text == NON_ROOT || text.splitn(2, ':').all(is_number)
    }

    /// Whether a user may be taken. A name is never: which user it is, the image says.
    fn covers(&self, user: &str) -> bool {
        self.0.iter().any(|listed| {
            if listed == NON_ROOT {
                user.split_once(':')
                    .is_some_and(|(uid, gid)| is_above_zero(uid) && is_above_zero(gid))
            } else {
                listed == user
            }
        })
    }
}

impl Setting for Users {
    fn read(value: &Value) -> Result<Self, BadSetting> {
        let read = |text: &str| Self::is_entry(text).then(|| text.to_owned());
        entries(value, "must be uid:gid in numbers, or @non-root", read).map(Self)
    }

    fn schema() -> serde_json::Value {
        list_of(&format!("^({NON_ROOT}|[0-9]+(:[0-9]+)?)$"))
    }

    fn literal(recorded: &str) -> Option<String> {
        (!recorded.starts_with('@')).then(|| recorded.to_owned())
    }
}

impl Decides for Users {
    fn allows(&self, value: &value::Value) -> bool {
        value.text().is_some_and(|user| self.covers(user))
    }

    fn entry(&self, value: &value::Value) -> Result<String, &'static str> {
        let user = value.text().filter(|user| Self::is_entry(user));
        user.map(str::to_owned)
            .ok_or("send the number of the user, and add that: the image decides what a name means")
    }
}

fn is_above_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u32>().is_ok_and(|id| id > 0)
}
