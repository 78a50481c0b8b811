//! Where the server is, and that tokens do not travel in the clear by accident.

use std::{net::IpAddr, time::Duration};

use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};

use crate::PostgresError;

/// The configuration that an address gives, with what the store adds.
pub(crate) fn config(address: &str) -> Result<Config, PostgresError> {
    // Its error names the key that is wrong, not the value.
    let mut config: Config = address.parse().map_err(PostgresError::address)?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(PostgresError::address("it names no host"));
    }
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    if config.get_application_name().is_none() {
        config.application_name("tokenflight");
    }
    // A server that went away without closing is noticed while the connection is idle.
    if config.get_keepalives_interval().is_none() {
        config
            .keepalives_idle(Duration::from_secs(15))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3);
    }
    Ok(config)
}

/// Whether connections without encryption are meant: they stay on this machine, or the address says
/// `sslmode=disable`.
pub(crate) fn may_be_plain(config: &Config) -> bool {
    let near = |host: &Host| match host {
        #[cfg(unix)]
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
    };
    let stays = match config.get_hostaddrs() {
        [] => config.get_hosts().iter().all(near),
        addresses => addresses.iter().all(IpAddr::is_loopback),
    };
    match config.get_ssl_mode() {
        SslMode::Disable => true,
        SslMode::Prefer => stays,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_travel_in_the_clear_only_on_this_machine_or_if_that_is_said() {
        for (address, plain) in [
            ("postgres://app@localhost/app", true),
            ("postgres://app@127.0.0.1/app", true),
            ("postgres://app@[::1]/app", true),
            ("host=/run/postgresql user=app", true),
            ("postgres://app@db.internal/app", false),
            ("postgres://app@localhost,db.internal/app", false),
            ("host=localhost hostaddr=10.0.0.1 user=app", false),
            ("postgres://app@localhost/app?sslmode=require", false),
            ("postgres://app@db.internal/app?sslmode=disable", true),
        ] {
            assert_eq!(may_be_plain(&config(address).unwrap()), plain, "{address}");
        }
    }

    #[test]
    fn an_address_that_is_wrong_is_refused_without_its_password() {
        for address in ["postgres://app:hunter2@/app", "host=x password=hunter2 nonsense=1", "hunter2"] {
            let error = config(address).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
