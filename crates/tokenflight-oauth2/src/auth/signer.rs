use tokenflight_core::BoxFuture;

use crate::BoxError;

/// A private key that does not leave its place: a key service, a hardware module, an agent. It is
/// asked for each attempt, before the request counts as sent, and has ten seconds.
///
/// ```
/// use std::sync::Arc;
/// use tokenflight_core::{BoxFuture, Time};
/// use tokenflight_oauth2::{Algorithm, AssertionKey, BoxError, ClientAuth, auth::Signer};
///
/// struct KeyService;
///
/// impl Signer for KeyService {
///     fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, BoxError>> {
///         Box::pin(async move {
///             let _ = message; // Sent to the service, which answers with the signature.
///             Ok(vec![0; 64])
///         })
///     }
/// }
///
/// # fn example(time: Arc<dyn Time>) {
/// let key = AssertionKey::from_signer(Algorithm::ES256, KeyService, time).key_id("2026-11");
/// let auth = ClientAuth::assertion("client-id", key);
/// # let _ = auth;
/// # }
/// ```
pub trait Signer: Send + Sync + 'static {
    /// The signature of the message, as RFC 7515 wants it: for ECDSA the two numbers one after the
    /// other, not in DER (RFC 7518 §3.4).
    ///
    /// # Errors
    ///
    /// Any. Nothing is sent, and the next attempt asks again.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the time is over.
    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, BoxError>>;
}
