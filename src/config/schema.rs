//! What a settings file may contain, as JSON Schema of draft 07, for completion and validation in editors.
//!
//! It is made from the table of settings. Like the schema of policies, it is never stricter than the reader.

use serde_json::Value;

use super::rows;
use super::settings::Settings;
use super::table::SettingKind;
use crate::policyfile::schema::document;

/// The schema of a settings file.
#[must_use]
pub fn settings() -> Value {
    document("The settings of Dockgate", rows::schema(Settings::ROWS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::rows::{ValueShape, all, default};
    use crate::config::settings::{ClientTable, ListenerTable};

    const DOCUMENT: &str = include_str!("../../docs/settings.md");

    /// The document's word for what a setting takes.
    fn word(key: &str, shape: ValueShape) -> &'static str {
        match shape {
            ValueShape::Flag => "boolean",
            ValueShape::List => "list",
            ValueShape::Number => "number",
            ValueShape::Tables => "list of tables",
            ValueShape::Text if key == "limits.reply_head" => "duration, or `\"off\"`",
            ValueShape::Text if key == "limits.upload_rate" => "bytes per second, or `\"off\"`",
            ValueShape::Text if key.starts_with("limits.") => "duration",
            ValueShape::TableOrFalse => "table, or `false`",
            ValueShape::Text | ValueShape::Table => "text",
        }
    }

    #[test]
    fn every_setting_is_in_the_document_with_its_kind_its_default_and_its_variable() {
        let mut rows = 0;
        for (key, row) in all(Settings::ROWS) {
            let mut want = format!("\n| `{key}` | {} |", word(&key, row.shape));
            if let Some(default) = default(row) {
                want = format!("{want} `{default}` |");
            }
            let line = DOCUMENT.split_once(&want).map(|(_, rest)| rest);
            let line = line
                .and_then(|rest| rest.lines().next())
                .unwrap_or_default();
            let variable = key.to_ascii_uppercase().replace('.', "__");
            let end = match &*key {
                "client" => " | `DOCKGATE_CLIENT_0__NAME` and [others](#clients) |".to_owned(),
                "listener" => {
                    " | `DOCKGATE_LISTENER_0__ADDRESS` and [others](#listeners) |".to_owned()
                }
                _ => format!(" | `DOCKGATE_{variable}` |"),
            };
            assert!(
                line.ends_with(&end),
                "docs/settings.md lacks {} ...{end}",
                want.trim()
            );
            rows += 1;
        }
        let told = DOCUMENT.matches("| `DOCKGATE_").count();
        assert_eq!(
            told, rows,
            "docs/settings.md has a setting that does not exist"
        );
        let inner = all(ListenerTable::ROWS).into_iter();
        for (key, row) in inner.chain(all(ClientTable::ROWS)) {
            let want = format!("\n| `{key}` | {} |", word(&key, row.shape));
            assert!(
                DOCUMENT.contains(&want),
                "docs/settings.md lacks {}",
                want.trim()
            );
        }
    }

    #[test]
    fn every_setting_has_a_sentence() {
        let rows = Settings::ROWS.iter().chain(ListenerTable::ROWS);
        let rows = rows.chain(ClientTable::ROWS);
        let inner = all(Settings::ROWS).into_values();
        for row in rows.chain(inner) {
            let about = row.about.trim();
            assert!(
                about.ends_with('.') && about.lines().count() == 1,
                "{}: {about}",
                row.key
            );
        }
    }
}
