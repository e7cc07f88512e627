//! What takes the whole of the judgement.

pub(crate) mod fuzz;
