//! Tables of a list that variables set: `DOCKGATE_LISTENER_0__ADDRESS`, `DOCKGATE_CLIENT_0__NAME`.

use std::collections::BTreeMap;

use figment::value::Value;

use super::layers::{CLIENTS, LISTENERS, Layer, Layers, variable};
use super::rows::{self, SettingRow};
use super::settings::{ClientTable, ListenerTable};
use super::table::SettingKind;
use crate::policyfile::Problem;

/// A list of tables that variables can set too: `DOCKGATE_LISTENER_0__ADDRESS`.
struct List {
    name: &'static str,
    rows: &'static [SettingRow],
    /// The origin that its layer gets.
    origin: &'static str,
    /// The key that each table must have, and an example of it.
    needs: &'static str,
    example: &'static str,
}

const LISTS: &[List] = &[
    List {
        name: "listener",
        rows: ListenerTable::ROWS,
        origin: LISTENERS,
        needs: "address",
        example: "tcp://0.0.0.0:2376",
    },
    List {
        name: "client",
        rows: ClientTable::ROWS,
        origin: CLIENTS,
        needs: "name",
        example: "traefik",
    },
];

/// The tables that variables set, by their list and number.
#[derive(Default)]
pub(crate) struct Numbered(BTreeMap<&'static str, BTreeMap<usize, Layers>>);

impl Numbered {
    /// Reads a variable, without its prefix in `key`. Whether it is one of these.
    pub(crate) fn read(
        &mut self,
        name: &str,
        key: &str,
        text: &str,
        problems: &mut Vec<Problem>,
    ) -> bool {
        let parts = LISTS.iter().find_map(|list| {
            let rest = key.strip_prefix(&list.name.to_ascii_uppercase())?;
            let (at, inner) = rest.strip_prefix('_')?.split_once("__")?;
            Some((list, at.parse::<usize>().ok()?, inner))
        });
        let Some((list, at, inner)) = parts else {
            return false;
        };
        let inner = inner.to_ascii_lowercase().replace("__", ".");
        let own = |inner: &str| format!("{}[{at}].{inner}", list.name);
        let row = rows::all(list.rows).remove(&inner);
        let value = match row.filter(|_| variable(&own(&inner)) == name) {
            Some(row) => row.shape.parse(text),
            None => Err(rows::unknown(list.rows, &inner, |near| {
                variable(&own(near))
            })),
        };
        let set = self.0.entry(list.name).or_default().entry(at).or_default();
        match value {
            Ok(value) => set.over(Layer::of(name, &inner, value)),
            Err(message) => problems.push(Problem::of_key(name, own(&inner), message)),
        }
        true
    }

    /// Lays the tables over what the file has.
    pub(crate) fn keep(mut self, layers: &mut Layers, problems: &mut Vec<Problem>) {
        for list in LISTS {
            let tables = self.0.remove(list.name).unwrap_or_default();
            let mut counted = tables.iter().enumerate();
            let wrong = counted.find_map(|(count, (at, set))| {
                let missing = if *at == count { *at } else { count };
                let is_whole = missing == *at && set.is_set(list.needs);
                (!is_whole).then_some(missing)
            });
            if let Some(at) = wrong {
                let (list, needs, example) = (list.name, list.needs, list.example);
                let name = variable(&format!("{list}[{at}].{needs}"));
                let message = format!(
                    "is missing: {list}s count from 0, and each needs its {needs}: write {name}={example}"
                );
                problems.push(Problem::of_file(&name, message));
            } else if !tables.is_empty() {
                let tables: Vec<Value> = tables.values().map(Layers::values).collect();
                layers.over(Layer::of(list.origin, list.name, tables));
            }
        }
    }
}

/// The variable that somebody meant with a key that lacks the number of its table.
pub(crate) fn meant(key: &str) -> Option<String> {
    LISTS.iter().find_map(|list| {
        let inner = key.strip_prefix(list.name)?.strip_prefix('.')?;
        let is_own = rows::all(list.rows).contains_key(inner);
        is_own.then(|| variable(&format!("{}[0].{inner}", list.name)))
    })
}
