//! What differs between systems.

mod clock;
mod mount;
#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use self::other::{check_folder, check_owner, id, is_same, make_folder, private, sync_folder};
#[cfg(unix)]
pub(crate) use self::unix::{check_folder, check_owner, id, is_same, make_folder, private, sync_folder};
pub(crate) use self::{
    clock::{clock, wall_clock},
    mount::{is_network, kind},
};
