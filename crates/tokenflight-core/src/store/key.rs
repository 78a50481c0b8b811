use std::sync::Arc;

/// The name of a grant in a store: of the family of refresh tokens that one login creates, not of a
/// cached token. Two audiences of one login share it.
///
/// It is opaque and injective: never joined from parts with a separator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantKey(Arc<str>);

impl GrantKey {
    /// A key with this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
