//! What takes the whole of the judgement.

pub(in crate::policy) mod fuzz;
