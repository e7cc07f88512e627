//! Closed lists whose members have a name in texts.

/// Makes a closed list, its members in one order, and the name of each.
macro_rules! closed {
    ($(#[$meta:meta])* $list:ident, by $name:ident { $($(#[$doc:meta])* $member:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        pub enum $list { $($(#[$doc])* $member),+ }

        impl $list {
            /// Every member of the list.
            pub const ALL: &[Self] = &[$(Self::$member),+];

            /// Its name.
            #[must_use]
            pub fn $name(self) -> &'static str {
                match self { $(Self::$member => $text),+ }
            }
        }
    };
}

pub(super) use closed;
