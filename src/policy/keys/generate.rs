//! Generates the blocks, their keys, and what reads and finds them, from the table of keys.

/// Generates the blocks and their keys. A row is `key: type = default, "the default in words" => Name(columns);`, with
/// the columns of [`Row`](super::row::Row). If the key has several lists, the list's name follows `Name`. A key that
/// allows nothing has no `=>`.
macro_rules! keys {
    ($($(#[doc = $doc:literal])+ $field:ident $name:ident {
        $($(#[doc = $key_doc:literal])+ $key:ident: $type:ty = $default:expr, $told:literal
            $(=> $($asked:ident $($list:literal)?($check:ident, $record:ident, $reaches:ident, $host:ident, $without:expr)),+)?;)*
    })+) => {
        /// A key, or one of the ways to ask for what it allows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Key {
            $($($($(
                #[doc = concat!("Allowed by `", stringify!($field), ".", stringify!($key), "`.")]
                $asked,
            )+)?)*)+
        }

        impl Key {
            /// Every one. If several ask for the same key, audit records name the first.
            pub const ALL: &[Self] = &[$($($($(Self::$asked,)+)?)*)+];

            pub(crate) fn block(self) -> Block {
                match self { $($($($(Self::$asked)|+ => Block::$name,)?)*)+ }
            }

            /// Its row of the table.
            pub(crate) fn row(self) -> &'static Row {
                match self {
                    $($($($(Self::$asked => const { &Row {
                        name: concat!(stringify!($field), ".", stringify!($key) $(, $list)?),
                        shape: <$type as Setting>::shape,
                        literal: <$type as Setting>::literal,
                        check: Check::$check,
                        record: Record::$record,
                        reaches: Reaches::$reaches,
                        host: Host::$host,
                        without: $without,
                    } },)+)?)*)+
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

        /// The blocks of a policy. A block that it does not have keeps its defaults.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct Blocks {
            /// The blocks that it has.
            written: Vec<Block>,
            $($(#[doc = $doc])+ pub(crate) $field: $name,)+
        }

        impl Blocks {
            /// The keys of the blocks in a policy file.
            pub(crate) const KEYS: &[&str] = &[$(stringify!($field)),+];

            /// Reads the blocks of a policy's table, and reports each problem with its key.
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
                for problem in read.create.fill.problems(&read.create) {
                    wrong("create.fill".to_owned(), problem);
                }
                // A variable could make an allowed program run another one, so a list of commands allows no variables
                // by default.
                read.exec.env.is_closed = read.exec.commands.is_some();
                read
            }

            /// The JSON Schemas of the blocks, by name.
            pub(crate) fn schemas() -> Vec<(&'static str, serde_json::Value)> {
                vec![$((stringify!($field), $name::schema())),+]
            }

            /// Takes over the parent's blocks that this policy does not have.
            pub(crate) fn inherit(&mut self, parent: &Self) {
                $(
                    if parent.has(Block::$name) && !self.has(Block::$name) {
                        self.$field = parent.$field.clone();
                        self.written.push(Block::$name);
                    }
                )+
            }

            /// Whether a block is `unrestricted`.
            pub(crate) fn is_lifted(&self, block: Block) -> bool {
                match block { $(Block::$name => self.$field.unrestricted),+ }
            }

            /// The value of a key.
            pub(crate) fn setting(&self, key: Key) -> &dyn Setting {
                match key {
                    $($($($(Key::$asked)|+ => &self.$field.$key,)?)*)+
                }
            }
        }
    };
}

pub(super) use keys;
