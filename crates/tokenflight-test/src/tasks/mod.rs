//! Tasks whose rest can be waited for under any executor, or none.

mod all;
mod task;

pub use self::{all::Tasks, task::Task};
