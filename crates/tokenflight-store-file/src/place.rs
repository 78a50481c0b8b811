//! Where a record lives, and what stands beside it.

use std::{
    ffi::{OsStr, OsString},
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use tokenflight_core::store::GrantKey;

use crate::{FileError, os};

/// How many links are followed to the record.
const LINKS: usize = 40;

/// The longest name that is made of a key. The names beside it are longer.
const LONGEST: usize = 220;

/// The files of one record, in the canonical folder where the record lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    pub(crate) record: PathBuf,
    /// Locked while one step reads and replaces the record.
    pub(crate) lock: PathBuf,
    /// Locked while one process presents.
    pub(crate) turn: PathBuf,
    /// What will replace the record. One name is enough: only who has `lock` writes.
    pub(crate) draft: PathBuf,
    /// A damaged record that a login has replaced.
    pub(crate) bad: PathBuf,
}

impl Place {
    /// Finds the record under this path: links are followed, also one to a file that does not exist
    /// yet, and the folder is canonical. `None` if there is no such folder.
    pub(crate) fn find(path: &Path) -> Result<Option<Self>, FileError> {
        let path = follow(path)?;
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(FileError::NotARecord { path });
        };
        match fs::canonicalize(folder) {
            Ok(folder) => Ok(Some(Self::new(folder, name))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(FileError::io("finding", folder, source)),
        }
    }

    /// Makes the folder of the record under this path, for its owner only.
    pub(crate) fn make(path: &Path) -> Result<(), FileError> {
        let path = follow(path)?;
        let Some(folder) = path.parent() else { return Err(FileError::NotARecord { path }) };
        os::make_folder(folder).map_err(|source| FileError::io("making", folder, source))
    }

    fn new(folder: PathBuf, name: &OsStr) -> Self {
        let beside = |before: &str, after: &str| {
            let mut whole = OsString::from(before);
            whole.push(name);
            whole.push(after);
            folder.join(whole)
        };
        Self {
            record: beside("", ""),
            lock: beside("", ".lock"),
            turn: beside("", ".turn"),
            draft: beside(".", ".tmp"),
            bad: beside("", ".bad"),
            folder,
        }
    }
}

/// The path without links in its last part.
fn follow(path: &Path) -> Result<PathBuf, FileError> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                let target = fs::read_link(&path).map_err(|source| FileError::io("following", &path, source))?;
                path = path.parent().unwrap_or_else(|| Path::new("")).join(target);
            }
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
            // A look that fails is no proof that it is no link.
            Err(source) => return Err(FileError::io("looking at", &path, source)),
        }
    }
    Err(FileError::NotARecord { path })
}

/// A name for a key in which every file system keeps keys apart: bytes other than `a-z`, `0-9`,
/// `.`, `_` and `-` are written in hexadecimal, so that neither case nor normalisation counts.
pub(crate) fn escape(key: &GrantKey) -> String {
    let key = key.as_str();
    let mut name = String::with_capacity(key.len());
    // Devices of Windows, whatever follows the dot.
    let stem = key.split('.').next().unwrap_or_default();
    let device = matches!(stem, "con" | "prn" | "aux" | "nul")
        || (stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")));
    for (at, &byte) in key.as_bytes().iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' if at > 0 || !device => name.push(char::from(byte)),
            _ => {
                let _ = write!(name, "%{byte:02X}");
            }
        }
    }
    name
}

/// The record of a key in a folder.
pub(crate) fn in_folder(folder: &Path, key: &GrantKey) -> Result<PathBuf, FileError> {
    let name = escape(key);
    match name.len() > LONGEST {
        true => Err(FileError::KeyTooLong { path: folder.to_owned() }),
        false => Ok(folder.join(name + ".json")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys_are_plain_and_differ_where_keys_do() {
        let name = |key: &str| escape(&GrantKey::new(key));
        assert_eq!(name("alice@as.example"), "alice%40as.example");
        assert_eq!(name("Alice/%2F"), "%41lice%2F%252%46");
        assert_eq!([name("con"), name("nul.txt"), name("com1")], ["%63on", "%6Eul.txt", "%63om1"]);
        assert_eq!(name("console"), "console");
        assert_eq!(name("é"), "%C3%A9");
        let folder = Path::new("/somewhere");
        assert_eq!(in_folder(folder, &GrantKey::new("..")).unwrap(), folder.join("...json"));
        assert!(matches!(in_folder(folder, &GrantKey::new("x".repeat(221))), Err(FileError::KeyTooLong { .. })));
    }
}
