//! The engine. (Documentation follows with the code.)

mod callback_store;
mod memory_store;
mod sync;
pub mod time;
