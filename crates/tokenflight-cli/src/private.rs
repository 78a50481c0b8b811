//! Small files for their owner only, replaced as a whole.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// No file of ours is larger.
const LARGEST: u64 = 64 * 1024;

/// Makes a folder and what is missing above it, for its owner only.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The folder for what is to stay in memory, if the system has one. It is made if it is missing.
pub(crate) fn runtime_folder() -> Option<PathBuf> {
    let run = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute());
    run.map(|run| run.join("tokenflight")).filter(|folder| make_folder(folder).is_ok())
}

/// Opens a file that is used for its lock, and for a few words about its holder.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Replaces a file, or makes it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".tmp");
    // One that is there is a dead writer's. Two living ones do not meet: they have the lock of the
    // refresher, or are a person's.
    let _ = fs::remove_file(&draft);
    let written = options().write(true).create_new(true).open(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    });
    written.inspect_err(|_| drop(fs::remove_file(&draft)))
}

/// Reads a small file. There may be none.
pub(crate) fn read(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let size = file.metadata()?.len();
    if size > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than 64 KiB"));
    }
    // Of its full size from the start: a growing buffer leaves secrets behind. Pipes tell no size.
    let size = if size == 0 { LARGEST } else { size };
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1));
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn options() -> OpenOptions {
    #[cfg(unix)]
    return std::os::unix::fs::OpenOptionsExt::mode(&mut OpenOptions::new(), 0o600).clone();
    #[cfg(not(unix))]
    OpenOptions::new()
}
