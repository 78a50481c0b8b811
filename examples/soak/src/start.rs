use std::{io::Write, sync::Arc};

use tokenflight::{BoxError, StoredTokens, TokenSet};

use super::{
    TokenFile,
    interrupt::Interrupt,
    login,
    server::Server,
    settings::{Login, Settings},
    wire::wall,
};

/// The login a soak begins with, and the file its successors go to.
pub(super) struct Start {
    pub(super) file: Arc<TokenFile>,
    pub(super) tokens: TokenSet,
}

/// Where that comes from. The file is locked, and nothing has been sent yet.
pub(super) enum Source<'a> {
    /// The user has put it into the file.
    File(Start),
    /// It is going to be made.
    Login(&'a Login, Arc<TokenFile>),
}

impl<'a> Source<'a> {
    pub(super) fn new(settings: &'a Settings) -> Result<Self, BoxError> {
        let path = &settings.token_file;
        Ok(match &settings.login {
            Some(login) => Self::Login(login, Arc::new(TokenFile::create(path)?)),
            None => {
                let (file, tokens) = TokenFile::open(path)?;
                Self::File(Start { file: Arc::new(file), tokens })
            }
        })
    }

    pub(super) const fn file(&self) -> &Arc<TokenFile> {
        match self {
            Self::File(start) => &start.file,
            Self::Login(_, file) => file,
        }
    }

    /// Waits for the user, if there is no login yet.
    pub(super) async fn start(
        self,
        server: &Server<'_>,
        interrupt: &Interrupt,
        err: &mut dyn Write,
    ) -> Result<Start, BoxError> {
        let (login, file) = match self {
            Self::File(start) => return Ok(start),
            Self::Login(login, file) => (login, file),
        };
        let tokens = login::make(login, server, interrupt, err).await?;
        let path = server.settings.token_file.display();
        // Before they are used, and before anything else can go wrong.
        file.write(&StoredTokens::from_set(&tokens, wall(), None)).map_err(|error| format!("{path}: {error}"))?;
        writeln!(err, "The login is in {path}.")?;
        // It came after all, when the run was to end.
        if let Some(reason) = interrupt.reason() {
            return Err(format!("{reason}; the login has not been used").into());
        }
        Ok(Start { file, tokens })
    }
}
