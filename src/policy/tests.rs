//! What takes the whole of the judgement.

mod fuzz;
