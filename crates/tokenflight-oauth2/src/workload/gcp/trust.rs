//! Where tokens may go although a file says so.

use http::Uri;

use super::ExternalAccountError as Error;
use crate::address::secure;

/// The universe of an account that names no other.
const USUAL: &str = "googleapis.com";

/// What the program believes of a file.
#[derive(Debug, Default)]
pub(super) struct Trust {
    pub(super) universe: Option<String>,
    pub(super) urls: bool,
}

impl Trust {
    /// The universe that the program has named, or the usual one. A file alone cannot choose
    /// another, because it would choose with it where tokens go.
    pub(super) fn universe(&self, told: Option<&str>) -> Result<&str, Error> {
        let universe = self.universe.as_deref().unwrap_or(USUAL);
        match told {
            Some(told) if !self.urls && !told.eq_ignore_ascii_case(universe) => {
                Err(Error::OtherUniverse(told.chars().filter(|char| !char.is_control()).take(128).collect()))
            }
            _ => Ok(universe),
        }
    }

    /// An address of a service of the universe.
    pub(super) fn address(&self, member: &'static str, url: &str, service: &str, universe: &str) -> Result<Uri, Error> {
        let uri = secure(url)?;
        let host = uri.host().unwrap_or_default();
        let known = format!("{service}.{universe}");
        // Another port is another server.
        let right = host.eq_ignore_ascii_case(&known) && matches!(uri.port_u16(), None | Some(443));
        if right || self.urls {
            return Ok(uri);
        }
        Err(Error::ForeignAddress { member, host: host.chars().take(255).collect() })
    }
}
