//! Tests that need the whole evaluation.

pub(crate) mod fuzz;
