//! An entry as versioned JSON.
//!
//! * Members of the record that are not known are kept, and written back as they were: a newer
//!   version of the program may have put them there, or the application.
//! * Every buffer that holds a token is wiped when it is dropped.
//! * Ids are hexadecimal text: JSON numbers are inexact beyond 2⁵³; times are whole milliseconds.
//!
//! ```
//! use std::time::Duration;
//! use tokenflight_core::store::{Entry, codec};
//!
//! let entry = codec::decode(br#"{"v":1,"epoch":1,"state":"logged_out","color":"blue"}"#)?;
//! assert_eq!(entry.epoch.get(), 1);
//! let text = codec::encode(&entry);
//! assert!(std::str::from_utf8(text.expose())?.contains(r#""color":"blue""#));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod read;
mod text;
mod write;

pub use self::{
    read::{DecodeError, decode},
    write::encode,
};

/// The members of the format. None of these is ever an [extra](super::Entry::extra) one, so no name
/// stands in a record twice.
const KNOWN: &[&str] = &[
    "v",
    "op",
    "home",
    "epoch",
    "login",
    "rotation",
    "set",
    "state",
    "access_token",
    "refresh_token",
    "lifetime",
    "received",
    "scope",
    "issuer",
    "client_id",
    "ended_code",
    "ended_description",
    "ended_at",
    "claim",
    "doubt",
];

/// The version of the format that is written. A record of a later one is refused: what it means is
/// not known here.
pub const VERSION: u64 = 1;
