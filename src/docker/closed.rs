//! Closed lists: enums whose members have names, and lists of words.

/// Makes an enum, the list of its members in the same order, and the name of each, which is added to its
/// documentation.
macro_rules! closed {
    ($(#[$meta:meta])* $list:ident, by $name:ident { $($(#[$doc:meta])* $member:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        pub enum $list { $($(#[$doc])* #[doc = concat!("`", $text, "`")] $member),+ }

        impl $list {
            /// All members, in order.
            pub const ALL: &[Self] = &[$(Self::$member),+];

            /// Its name.
            #[must_use]
            pub fn $name(self) -> &'static str {
                match self { $(Self::$member => $text),+ }
            }

            /// The member with this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|member| member.$name() == name)
            }
        }
    };
}

pub(crate) use closed;

/// Whether a word is in a list of words separated by spaces.
pub(super) fn is_listed(word: &str, list: &str) -> bool {
    list.split(' ').any(|listed| listed == word)
}
