//! Closed lists: as enums whose members have a name in texts, and of words.

/// Makes a closed list, its members in one order, and the name of each, which its documentation ends in.
macro_rules! closed {
    ($(#[$meta:meta])* $list:ident, by $name:ident { $($(#[$doc:meta])* $member:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        pub enum $list { $($(#[$doc])* #[doc = concat!("`", $text, "`")] $member),+ }

        impl $list {
            /// Every one of them.
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

/// Whether a word is one of a list, which has them with spaces between.
pub(super) fn is_listed(word: &str, list: &str) -> bool {
    list.split(' ').any(|listed| listed == word)
}
