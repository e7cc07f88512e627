//! What is made of the table of keys: the blocks, their keys, and what reads and finds them.

/// Makes the blocks and their keys. A row is `key: type = default, "the default in words" => what is asked for(columns);`, as
/// [`Row`](super::row::Row) has the columns; with the list of a key behind what is asked for, where the key has several.
macro_rules! keys {
    ($($(#[doc = $doc:literal])+ $field:ident $name:ident {
        $($(#[doc = $key_doc:literal])+ $key:ident: $type:ty = $default:expr, $told:literal
            => $($asked:ident $($list:literal)?($check:ident, $record:ident, $reaches:ident, $host:ident, $without:expr)),+;)*
    })+) => {
        /// What is asked for, by the key that allows it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Key {
            $($($(
                #[doc = concat!("Allowed by `", stringify!($field), ".", stringify!($key), "`.")]
                $asked,
            )+)*)+
        }

        impl Key {
            /// Every one. What several ask for in different ways of one key, the first of them is recorded as.
            pub const ALL: &[Self] = &[$($($(Self::$asked,)+)*)+];

            /// The block that it is in.
            pub(crate) fn block(self) -> Block {
                match self { $($($(Self::$asked)|+ => Block::$name,)*)+ }
            }

            /// What the table says of it.
            pub(crate) fn row(self) -> &'static Row {
                match self {
                    $($($(Self::$asked => const { &Row {
                        name: concat!(stringify!($field), ".", stringify!($key) $(, $list)?),
                        shape: <$type as Setting>::shape,
                        literal: <$type as Setting>::literal,
                        check: Check::$check,
                        record: Record::$record,
                        reaches: Reaches::$reaches,
                        host: Host::$host,
                        without: $without,
                    } },)+)*)+
                }
            }
        }

        $(
            $(#[doc = $doc])+
            #[derive(Clone, Debug)]
            pub(crate) struct $name {
                $($(#[doc = $key_doc])+ pub(crate) $key: $type,)*
            }

            impl Default for $name {
                fn default() -> Self {
                    Self { $($key: $default,)* }
                }
            }

            impl $name {
                const KEYS: &[&str] = &[$(stringify!($key)),*];

                fn read(table: &Table, wrong: Wrong<'_>) -> Self {
                    let block = stringify!($field);
                    for (key, keys) in unknown(table, Self::KEYS) {
                        wrong(format!("{block}.{key}"), format!("unknown key{keys}"));
                    }
                    let mut read = Self::default();
                    $(take(table, block, stringify!($key), &mut read.$key, wrong);)*
                    read
                }

                fn schema() -> serde_json::Value {
                    let mut keys = serde_json::Map::new();
                    $(
                        let told = concat!($($key_doc,)+ " Default: ", $told, ".");
                        keys.insert(stringify!($key).to_owned(), described(<$type>::schema(), told));
                    )*
                    let told = concat!($($doc),+);
                    described(setting::table(keys), told)
                }
            }
        )+

        /// The blocks of a policy; one that it does not have holds with its defaults.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct Blocks {
            /// Which of them it has.
            written: Vec<Block>,
            $($(#[doc = $doc])+ pub(crate) $field: $name,)+
        }

        impl Blocks {
            /// The keys of the blocks in a policy file.
            pub(crate) const KEYS: &[&str] = &[$(stringify!($field)),+];

            /// Reads the blocks of a policy's table; each problem is reported with its key.
            pub(crate) fn read(table: &Table, wrong: Wrong<'_>) -> Self {
                let mut read = Self::default();
                $(
                    let name = stringify!($field);
                    match table.get(name) {
                        None => {}
                        Some(Value::Table(table)) => {
                            read.$field = $name::read(table, wrong);
                            read.written.push(Block::$name);
                        }
                        Some(_) => wrong(name.to_owned(), format!("must be a table: [{name}]")),
                    }
                )+
                // Who may run only some programs chooses no variable for them.
                read.exec.env.is_closed = read.exec.commands.is_some();
                read
            }

            /// The blocks by their names, as JSON Schema.
            pub(crate) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
                vec![$((stringify!($field), $name::schema())),+]
            }

            /// Takes over the blocks of a parent that it does not have.
            pub(crate) fn inherit(&mut self, parent: &Self) {
                $(
                    if parent.has(Block::$name) && !self.has(Block::$name) {
                        self.$field = parent.$field.clone();
                        self.written.push(Block::$name);
                    }
                )+
            }

            /// Whether a block allows everything that it could.
            pub(crate) fn is_lifted(&self, block: Block) -> bool {
                match block { $(Block::$name => self.$field.unrestricted),+ }
            }

            /// What stands under a key.
            pub(crate) fn setting(&self, key: Key) -> &dyn Setting {
                match key {
                    $($($(Key::$asked)|+ => &self.$field.$key,)*)+
                }
            }
        }
    };
}

pub(super) use keys;
