//! Redacts replies as they arrive.

use std::sync::Arc;

use super::error::ErrorMessage;
use super::keys::Key;
use super::shapes::{Shape, shape};
use super::walk::Walk;
use super::{Class, Redaction};
use crate::docker::json::elements::{Elements, Kept};
use crate::docker::{Call, Json};
use crate::policy::filter::{BadReply, Filter};

/// The longest element of a list or stream, and the longest document, in bytes.
pub(crate) const MOST: usize = 8 * 1024 * 1024;

/// What is hidden in the reply to a call.
#[derive(Clone, Debug)]
pub(crate) struct Redacted {
    redaction: Arc<Redaction>,
    shape: Option<Shape>,
    /// Whether the text of an error can quote what is hidden.
    has_quotes: bool,
}

impl Redacted {
    pub(crate) fn of(redaction: &Arc<Redaction>, call: &Call) -> Self {
        Self {
            redaction: Arc::clone(redaction),
            shape: call.operation().and_then(shape),
            has_quotes: call.effect().changes_state() && redaction.hides_errors(),
        }
    }

    /// The hidden classes, if any reply to the call can have them.
    pub(crate) fn hidden(&self) -> Option<&Arc<Redaction>> {
        self.shape.map(|_| &self.redaction)
    }

    /// The filter for a reply with this status, unless it is passed on as it is.
    pub(crate) fn filter(&self, status: u16) -> Option<Box<dyn Filter>> {
        match status {
            200..300 => {
                let shape = self.shape?;
                Some(Box::new(Redactor::new(Arc::clone(&self.redaction), shape)))
            }
            400 | 404 | 500.. if self.has_quotes => Some(Box::new(ErrorMessage::default())),
            _ => None,
        }
    }
}

/// Hides values in a reply, one element at a time.
#[derive(Debug)]
struct Redactor {
    redaction: Arc<Redaction>,
    root: Key,
    elements: Elements,
}

impl Redactor {
    fn new(redaction: Arc<Redaction>, shape: Shape) -> Self {
        Self {
            redaction,
            root: shape.root,
            elements: Elements::new(shape.place, MOST),
        }
    }

    fn read(&mut self, part: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), BadReply> {
        let Self {
            redaction,
            root,
            elements,
        } = self;
        let mut is_readable = true;
        let mut each = |_: usize, element: &[u8]| {
            redacted(redaction, *root, element).unwrap_or_else(|| {
                is_readable = false;
                Kept::Dropped
            })
        };
        let read = match part {
            Some(part) => elements.push(part, out, &mut each),
            None => elements.finish(out, &mut each),
        };
        match read {
            Ok(_) if is_readable => Ok(()),
            Ok(_) | Err(_) => Err(BadReply::REDACTION),
        }
    }
}

/// What is shown instead of an element; `None` if it cannot be read.
fn redacted(redaction: &Redaction, root: Key, element: &[u8]) -> Option<Kept> {
    let mut walk = Walk::new(redaction, element);
    if root == Key::Event && redaction.hides(Class::Host) {
        let event = Json::pick(element, &["Type"])?;
        walk.is_of_host = matches!(event.text_at("Type"), "daemon" | "node");
    }
    let shown = walk.all(root).ok()?;
    Some(shown.map_or(Kept::As, Kept::Instead))
}

impl Filter for Redactor {
    fn push(&mut self, part: &[u8], out: &mut Vec<u8>) -> Result<(), BadReply> {
        self.read(Some(part), out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), BadReply> {
        self.read(None, out)
    }
}

/// Hides values in a document of a reply to this call, which is given whole.
pub(crate) fn redact(
    redaction: &Arc<Redaction>,
    call: &Call,
    document: &[u8],
) -> Result<Vec<u8>, BadReply> {
    let mut out = Vec::new();
    let Some(mut filter) = Redacted::of(redaction, call).filter(200) else {
        return Ok(document.to_vec());
    };
    filter.push(document, &mut out)?;
    filter.finish(&mut out)?;
    Ok(out)
}
