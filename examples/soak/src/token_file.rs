use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Map, Value};
use tokenflight::{BoxError, RefreshToken, StoredTokens, TokenSet};

/// What [`StoredTokens`] have a place for. Everything else in the file stays as it is.
const OURS: [&str; 4] = ["access_token", "refresh_token", "expires_in", "scope"];

/// What is said of a file that a new login must not replace.
const TAKEN: &str = "is there already, and --login does not overwrite a login: leave --login out to use the file, name \
     another one, or remove it";

/// The user's login, in a file: JSON as a token endpoint answers.
///
/// It is replaced as a whole: a reader sees the old login or the new one, also after a crash. While this
/// value lives, a lock beside the file keeps a second soak away, which would present the same refresh token.
pub struct TokenFile {
    path: PathBuf,
    others: Map<String, Value>,
    state: Mutex<State>,
    _lock: Lock,
}

#[derive(Default)]
struct State {
    newest: Option<RefreshToken>,
    /// The one in the file.
    stored: Option<RefreshToken>,
    /// What could not be written, and would be lost.
    unwritten: Option<StoredTokens>,
    /// Whether the file is still to be made. What stands at its place then is not of this run.
    fresh: bool,
}

impl TokenFile {
    /// Reads the file and locks it.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is no token response with a refresh token, or is locked. The error quotes nothing of it.
    pub fn open(path: &Path) -> Result<(Self, TokenSet), BoxError> {
        // Behind a link it is the file that is replaced, not the link.
        let path = fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let named = |problem: &str| format!("{}: {problem}", path.display());
        let lock = Lock::take(beside(&path, "lock"))?;
        let text = fs::read(&path).map_err(|error| named(&error.to_string()))?;
        // What serde says of a value quotes the value.
        let Ok(Value::Object(mut others)) = serde_json::from_slice(&text) else {
            return Err(named("not a JSON object").into());
        };
        let [access, refresh, expires_in, scope] = OURS.map(|name| others.remove(name));
        let text = |value: Option<Value>| match value {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            _ => None,
        };
        let access = text(access).ok_or_else(|| named("no access_token"))?;
        let refresh = text(refresh).ok_or_else(|| named("no refresh_token"))?;
        let mut set = TokenSet::new(access).refresh_token(refresh);
        // How long ago it was issued is not known; it is renewed before anybody relies on it.
        if let Some(seconds) = expires_in.as_ref().and_then(Value::as_f64) {
            set = set.expires_in_seconds(seconds);
        }
        if let Some(scope) = text(scope) {
            set = set.scope(scope);
        }
        let newest = set.refresh().cloned();
        let state = Mutex::new(State { stored: newest.clone(), newest, ..State::default() });
        Ok((Self { path, others, state, _lock: lock }, set))
    }

    /// Locks a file that is not there yet, for a login that is going to be made. The first write makes it.
    ///
    /// # Errors
    ///
    /// If there is something at its place, or nothing can be written beside it.
    pub fn create(path: &Path) -> Result<Self, BoxError> {
        let named = |problem: &str| format!("{}: {problem}", path.display());
        let name = path.file_name().ok_or_else(|| named("not the name of a file"))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let folder = fs::canonicalize(folder).map_err(|error| named(&error.to_string()))?;
        let place = folder.join(name);
        // It also shows that the folder can be written, before a login is made for nothing.
        let lock = Lock::take(beside(&place, "lock"))?;
        // A link to nowhere counts as a file: where it leads is not for us to fill.
        match fs::symlink_metadata(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(named(&error.to_string()).into()),
            Ok(_) => return Err(named(TAKEN).into()),
        }
        let state = Mutex::new(State { fresh: true, ..State::default() });
        Ok(Self { path: place, others: Map::new(), state, _lock: lock })
    }

    /// Replaces the login. When this returns it is durable.
    ///
    /// # Errors
    ///
    /// If it cannot be written. The file is whole all the same, and the tokens are kept for a last try at the end of the run.
    pub fn write(&self, tokens: &StoredTokens) -> io::Result<()> {
        let mut state = self.state();
        state.newest = tokens.refresh.clone();
        let naming = if state.fresh { claim } else { replace };
        let written = put(&self.path, &self.text(tokens), naming);
        if written.is_ok() {
            state.fresh = false;
            state.stored.clone_from(&tokens.refresh);
        }
        // With the refresh token that is in the file anyway, an access token is no loss.
        state.unwritten = Some(tokens).filter(|tokens| tokens.refresh != state.stored).cloned();
        written
    }

    /// The refresh token to present next.
    pub(super) fn newest(&self) -> Option<RefreshToken> {
        self.state().newest.clone()
    }

    /// Whether there are tokens that could not be written.
    pub(super) fn is_behind(&self) -> bool {
        self.state().unwritten.is_some()
    }

    /// The last try to save what could not be written: once more, then among the temporary files. Where it is, if it was needed.
    pub(super) fn rescue(&self) -> io::Result<Option<PathBuf>> {
        let Some(tokens) = self.state().unwritten.clone() else { return Ok(None) };
        if self.write(&tokens).is_ok() {
            return Ok(None);
        }
        let path = std::env::temp_dir().join(format!("soak-rescued-{:016x}.json", fastrand::u64(..)));
        private(&path, self.text(&tokens).as_bytes())?;
        self.state().unwritten = None;
        Ok(Some(path))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn text(&self, tokens: &StoredTokens) -> String {
        let lifetime = tokens.lifetime.map(|lifetime| match lifetime.subsec_nanos() {
            0 => Value::from(lifetime.as_secs()),
            _ => Value::from(lifetime.as_secs_f64()),
        });
        let values = [
            tokens.access.as_ref().map(|token| token.expose().into()),
            tokens.refresh.as_ref().map(|token| token.expose().into()),
            lifetime,
            tokens.scope.as_deref().map(Value::from),
        ];
        let mut all = self.others.clone();
        all.extend(OURS.into_iter().zip(values).filter_map(|(name, value)| Some((name.to_owned(), value?))));
        format!("{:#}\n", Value::Object(all))
    }
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A file beside this one.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

/// Written beside it, made durable, and then given its name.
fn put(path: &Path, text: &str, naming: fn(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
    let draft = beside(path, &format!("{:016x}.tmp", fastrand::u64(..)));
    let named = private(&draft, text.as_bytes()).and_then(|()| naming(&draft, path));
    if named.is_err() {
        // Half a login is of no use.
        let _ = fs::remove_file(&draft);
        return named;
    }
    // The new name is durable when its folder is; where folders cannot be opened, the system does what it can.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Gives the draft a name, also one that was taken.
fn replace(draft: &Path, path: &Path) -> io::Result<()> {
    fs::rename(draft, path)
}

/// Gives the draft a name that is free: a login took its time, and a file may have come there meanwhile.
fn claim(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Ok(()) => {
            // The login has its name. A second one that stays is for its owner only, too.
            let _ = fs::remove_file(draft);
            Ok(())
        }
        // Not every file system has hard links; there, looking first has to do.
        Err(_) if fs::symlink_metadata(path).is_err() => fs::rename(draft, path),
        Err(error) => Err(error),
    }
}

/// A new file that only its owner can read.
fn private(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// A file that is there as long as a soak uses the login.
struct Lock(PathBuf);

impl Lock {
    fn take(path: PathBuf) -> Result<Self, BoxError> {
        match private(&path, format!("{}\n", std::process::id()).as_bytes()) {
            Ok(()) => Ok(Self(path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(format!("{} is there: another soak uses this login. If none does, remove it", path.display())
                    .into())
            }
            Err(error) => Err(format!("{}: {error}", path.display()).into()),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::{env, time::Duration};

    use super::*;

    /// A file whose folder has gone, with tokens that could not be written.
    fn lost() -> (TokenFile, PathBuf, PathBuf) {
        let folder = env::temp_dir().join(format!("soak-test-{:016x}", fastrand::u64(..)));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("tokens.json");
        fs::write(&path, r#"{"access_token": "a", "refresh_token": "r"}"#).unwrap();
        let (file, _) = TokenFile::open(&path).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        let next = StoredTokens::from_set(&TokenSet::new("b").refresh_token("s"), Duration::ZERO, None);
        assert!(file.write(&next).is_err());
        (file, folder, path)
    }

    #[test]
    fn tokens_that_cannot_be_written_are_rescued() {
        let (file, ..) = lost();
        let rescued = file.rescue().unwrap().unwrap();
        let (_, set) = TokenFile::open(&rescued).unwrap();
        assert_eq!(set.refresh(), Some(&RefreshToken::new("s")));
        fs::remove_file(rescued).unwrap();
        assert!(file.rescue().unwrap().is_none(), "once is enough");
    }

    /// A folder, which no system gives a second name, is as good as a draft where there are no hard links.
    #[test]
    fn a_name_is_claimed_without_hard_links_too() {
        let folder = env::temp_dir().join(format!("soak-test-{:016x}", fastrand::u64(..)));
        let (draft, path) = (folder.join("draft"), folder.join("path"));
        fs::create_dir_all(&draft).unwrap();
        claim(&draft, &path).unwrap();
        assert!(path.is_dir() && !draft.exists());

        fs::create_dir(&draft).unwrap();
        assert!(claim(&draft, &path).is_err());
        assert!(draft.exists(), "it has taken the name of another one");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_folder_that_comes_back_gets_the_tokens_after_all() {
        let (file, folder, path) = lost();
        fs::create_dir(&folder).unwrap();
        assert!(file.rescue().unwrap().is_none());
        assert!(fs::read_to_string(&path).unwrap().contains("\"s\""));
        fs::remove_dir_all(&folder).unwrap();
    }
}
