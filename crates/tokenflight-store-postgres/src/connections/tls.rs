//! Encryption by rustls, with ring.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::PostgresError;

/// Makes encrypted streams.
#[derive(Clone)]
pub(crate) struct Connector(MakeRustlsConnect);

impl Connector {
    pub(crate) fn native() -> Result<Self, PostgresError> {
        Self::new(rustls_native_certs::load_native_certs().certs, "the system has no root certificates")
    }

    pub(crate) fn pem(pem: &[u8]) -> Result<Self, PostgresError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        Self::new(certificates.map_err(PostgresError::address)?, "there is no certificate in the roots")
    }

    pub(crate) fn get(&self) -> MakeRustlsConnect {
        self.0.clone()
    }

    fn new(certificates: Vec<CertificateDer<'static>>, none: &str) -> Result<Self, PostgresError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates);
        if roots.is_empty() {
            return Err(PostgresError::address(none));
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(PostgresError::address)?;
        Ok(Self(MakeRustlsConnect::new(builder.with_root_certificates(roots).with_no_client_auth())))
    }
}
