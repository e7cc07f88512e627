//! The text of an error that can quote what is hidden.
//!
//! When a container does not start, the daemon quotes its command and the paths that are mounted. No list of its
//! messages is complete, so the client gets only what clients search for.

use super::PLACEHOLDER;
use crate::docker::Json;
use crate::docker::json::escape;
use crate::policy::filter::{BadReply, Filter};

/// The longest error, in bytes.
const MOST: usize = 64 * 1024;

/// Beginnings of messages that quote only what the request has, and that clients search for.
const SHOWN: &[&str] = &[
    "No such ",
    "client version ",
    "Conflict. The container name ",
    "pull access denied ",
    "manifest ",
    "not found",
    "network ",
];

/// Rewords one error, which it reads whole.
#[derive(Debug, Default)]
pub(super) struct ErrorMessage {
    text: Vec<u8>,
}

impl Filter for ErrorMessage {
    fn push(&mut self, part: &[u8], _out: &mut Vec<u8>) -> Result<(), BadReply> {
        if part.len() > MOST - self.text.len() {
            return Err(BadReply::REDACTION);
        }
        self.text.extend_from_slice(part);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BadReply> {
        let said = Json::pick(&self.text, &["message"]);
        let message = said.as_ref().map_or("", |said| said.text_at("message"));
        if SHOWN.iter().any(|begin| message.starts_with(begin)) {
            out.append(&mut self.text);
            return Ok(());
        }
        let mut text = "{\"message\":\"".to_owned();
        let hint = "the Docker daemon's error is in its log. This client does not get it, because it can quote ";
        escape(hint, &mut text);
        escape(PLACEHOLDER, &mut text);
        text.push_str("\"}\n");
        out.extend(text.into_bytes());
        Ok(())
    }
}
