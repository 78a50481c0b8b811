//! Documentation that compiles with the code: how it works, its promises, dangers and costs.

pub mod guarantees;
pub mod internals;
pub mod performance;
pub mod pitfalls;
