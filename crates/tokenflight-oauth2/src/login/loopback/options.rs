use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use tokio::net::TcpListener;

use super::Loopback;
use crate::login::LoginError;

/// How the redirect URI looks, for servers that compare it exactly with a registered one. Made by
/// [`Loopback::options`].
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `bind`"]
pub struct LoopbackOptions {
    address: IpAddr,
    host: Option<String>,
    ports: Vec<u16>,
    path: String,
}

impl Loopback {
    /// A free port of `127.0.0.1`.
    ///
    /// # Errors
    ///
    /// When there is none.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future listens to nothing.
    pub async fn bind() -> Result<Self, LoginError> {
        Self::options().bind().await
    }

    /// A chosen address, name, port and path.
    pub fn options() -> LoopbackOptions {
        LoopbackOptions::default()
    }
}

impl Default for LoopbackOptions {
    fn default() -> Self {
        let address = Ipv4Addr::LOCALHOST.into();
        Self { address, host: None, ports: vec![0], path: "/callback".to_owned() }
    }
}

impl LoopbackOptions {
    /// The address to listen at: a loopback one. Default `127.0.0.1`.
    pub const fn address(mut self, address: IpAddr) -> Self {
        self.address = address;
        self
    }

    /// The name in the redirect URI, such as `localhost`. Default: the address.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// The ports to try, the first free one counts; zero is any. Default: any.
    pub fn ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.ports = ports.into_iter().collect();
        self
    }

    /// The path of the redirect URI. Default `/callback`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Listens.
    ///
    /// # Errors
    ///
    /// [`LoginError::Io`] if no port is free or what is asked is no loopback address, name or path.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future listens to nothing.
    pub async fn bind(self) -> Result<Loopback, LoginError> {
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidInput, what);
        if !self.address.is_loopback() {
            return Err(invalid("the callback must not be reachable from other machines").into());
        }
        let path = self.path.parse::<http::uri::PathAndQuery>().ok().filter(|path| path.query().is_none());
        if !self.path.starts_with('/') || path.is_none() {
            return Err(invalid("the path of a redirect URI begins with a slash and has no query").into());
        }
        let named = |host: &str| host.parse::<http::uri::Authority>().is_ok_and(|authority| authority.host() == host);
        if self.host.as_deref().is_some_and(|host| !named(host)) {
            return Err(invalid("this is no host name").into());
        }
        let mut last = invalid("no port was given");
        for port in self.ports {
            match TcpListener::bind(SocketAddr::new(self.address, port)).await {
                Ok(listener) => return Ok(Loopback::new(listener, self.host.as_deref(), self.path)?),
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }
}
