//! Notices between hosts, by `NOTIFY` and `LISTEN`: who waits for another host's claim need not
//! wait for its next poll.

mod cell;
mod channel;
mod heard;

pub use self::cell::NotifyingCell;
