//! The seven contestants. Each file begins with what there is to learn from it.
//!
//! The first six are written the way programs that keep a login in a file usually are: they replace
//! the file as a whole, keep the rotated refresh token, renew a little ahead of time and once after
//! a 401, and ask for a login when the server says `invalid_grant`. What they differ in is only
//! *who may refresh when*.

mod flock_all;
mod flock_gives_up;
mod lock_stolen;
mod lock_write;
mod no_lock;
mod open;
mod program;
mod reread;
mod shared;
mod tools;

use self::tools::Tools;
pub(super) use self::{
    open::{open, wire},
    program::{NoToken, Opened, Program},
};
