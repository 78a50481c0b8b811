use std::{path::Path, sync::Arc};

use tokenflight::{BoxError, TokenSet};

use super::TokenFile;

/// The login a soak begins with, and the file its successors go to.
pub(super) struct Start {
    pub(super) file: Arc<TokenFile>,
    pub(super) tokens: TokenSet,
}

impl Start {
    /// The login that the user has put into the file.
    ///
    /// A login that the soak makes itself belongs here, as another constructor. The first thing it must do with the tokens
    /// is to write the file.
    pub(super) fn from_file(path: &Path) -> Result<Self, BoxError> {
        let (file, tokens) = TokenFile::open(path)?;
        Ok(Self { file: Arc::new(file), tokens })
    }
}
