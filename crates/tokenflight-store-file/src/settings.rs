use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use tokenflight_core::store::GrantKey;

use crate::{FileError, place};

/// Where the records are, and what is allowed.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) home: Home,
    /// Whether they may be where other machines reach them.
    pub(crate) network: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Home {
    /// A folder with a record for each key.
    Dir(PathBuf),
    /// One record, and the key it was first used with.
    File(PathBuf, OnceLock<GrantKey>),
}

impl Home {
    pub(crate) fn dir(path: &Path) -> Self {
        Self::Dir(absolute(path))
    }

    pub(crate) fn file(path: &Path) -> Self {
        Self::File(absolute(path), OnceLock::new())
    }
}

impl Settings {
    /// The path under which the record of a key is looked for.
    pub(crate) fn path(&self, key: &GrantKey) -> Result<PathBuf, FileError> {
        match &self.home {
            Home::Dir(folder) => place::in_folder(folder, key),
            Home::File(path, only) => match only.get_or_init(|| key.clone()) == key {
                true => Ok(path.clone()),
                false => Err(FileError::SecondKey { path: path.clone() }),
            },
        }
    }
}

/// The working directory may change later.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
