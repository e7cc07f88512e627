//! Keys whose entries are exact names and numbers.

use super::setting::{Entry, List};
use crate::policy::value::Value;

/// Generates the types. A row says when an entry allows a value.
macro_rules! texts {
    ($($(#[doc = $doc:literal])+ $name:ident $entry_name:ident |$entry:ident, $asked:ident| $allows:expr;)+) => {$(
        $(#[doc = $doc])+
        pub(crate) type $name = List<$entry_name>;

        #[doc = concat!("An entry of [`", stringify!($name), "`].")]
        #[derive(Clone, Debug)]
        pub(crate) struct $entry_name(String);

        impl Entry for $entry_name {
            fn parse(text: &str) -> Option<Self> {
                (!text.is_empty()).then(|| Self(text.to_owned()))
            }

            fn written(&self) -> Option<String> {
                Some(self.0.clone())
            }

            fn allows(&self, value: &Value) -> bool {
                let allows = |$entry: &str, $asked: &str| $allows;
                value.text().is_some_and(|asked| allows(&self.0, asked))
            }

            fn literal(recorded: &str) -> Option<String> {
                Some(recorded.to_owned())
            }
        }
    )+};
}

texts! {
    /// Exact texts.
    Texts Text |entry, asked| entry == asked;

    /// Capabilities, with `CAP_` or without, in upper or lower case.
    Capabilities Capability |entry, asked| entry.eq_ignore_ascii_case(asked)
        || entry.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("CAP_"))
            && entry.get(4..).is_some_and(|name| name.eq_ignore_ascii_case(asked));

    /// Devices: rules, names, and paths with all permissions or with those after a colon.
    Devices Device |entry, asked| entry == asked || is_within(entry, asked);
}

impl Texts {
    pub(crate) fn of(texts: &[&str]) -> Self {
        Self(texts.iter().map(|text| Text((*text).to_owned())).collect())
    }

    /// Whether a text is one of them.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.0.iter().any(|listed| listed.0 == text)
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

pub(crate) type Users = List<User>;

/// A user by number: `uid`, `uid:gid`, or `@non-root` for any user and group above 0, if both are given.
#[derive(Clone, Debug)]
pub(crate) struct User(String);

const NON_ROOT: &str = "@non-root";

impl Entry for User {
    const WANT: &'static str = "must be numbers such as 1000:1000, or @non-root";
    const PATTERN: Option<&'static str> = Some("^(@non-root|[0-9]+(:[0-9]+)?)$");

    fn parse(text: &str) -> Option<Self> {
        let is_number = |part: &str| part.parse::<u32>().is_ok_and(|id| id.to_string() == part);
        let is_entry = text == NON_ROOT || text.splitn(2, ':').all(is_number);
        is_entry.then(|| Self(text.to_owned()))
    }

    /// A name is never allowed, because the image decides which user it is.
    fn allows(&self, value: &Value) -> bool {
        let user = value.text().unwrap_or_default();
        if self.0 == NON_ROOT {
            let ids = user.split_once(':');
            return ids.is_some_and(|(uid, gid)| is_above_zero(uid) && is_above_zero(gid));
        }
        self.0 == user
    }

    fn of(value: &Value) -> Result<String, &'static str> {
        let user = value.text().and_then(Self::parse);
        user.map(|user| user.0)
            .ok_or("send the user's number and allow that, because the image decides what a user name means")
    }

    fn literal(recorded: &str) -> Option<String> {
        (!recorded.starts_with('@')).then(|| recorded.to_owned())
    }
}

fn is_above_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u32>().is_ok_and(|id| id > 0)
}
