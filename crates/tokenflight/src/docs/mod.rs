//! Documentation that compiles with the code: how it works, what it promises, what to beware of,
//! what it costs.

pub mod guarantees;
pub mod internals;
pub mod performance;
pub mod pitfalls;
