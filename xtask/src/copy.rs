//! A copy of the sources to plant mistakes in, so that no source and no usual build holds one.

use crate::prelude::*;

/// A copy of the working tree.
#[derive(Debug)]
pub(crate) struct Copy(PathBuf);

impl Copy {
    /// Copies what is not ignored, committed or not, to this folder below the target directory. A
    /// file that is there as it should be keeps its date, and is not built again.
    pub(crate) fn make(name: &str) -> Result<Self, String> {
        let copy = Self(target_dir(name).join("tree"));
        for name in tracked()? {
            let (from, to) = (root().join(&name), copy.0.join(&name));
            // Deleted here and not yet committed.
            let Ok(content) = fs::read(&from) else { continue };
            if fs::read(&to).is_ok_and(|there| there == content) {
                continue;
            }
            let written = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&to, content));
            written.map_err(|error| format!("{}: {error}", to.display()))?;
        }
        Ok(copy)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn apply(&self, patch: &Path) -> Result<(), String> {
        apply(&self.0, patch, &[])
    }

    pub(crate) fn take_back(&self, patch: &Path) -> Result<(), String> {
        apply(&self.0, patch, &["--reverse"])
    }
}

/// The files of the working tree that are not ignored, committed or not.
pub(crate) fn tracked() -> Result<Vec<String>, String> {
    let names = git(root(), &["ls-files", "-coz", "--exclude-standard"])?;
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Whether a patch fits the sources.
pub(crate) fn fits(patch: &Path) -> Result<(), String> {
    apply(root(), patch, &["--check"])
}

/// The patches in a folder of the workspace, by name.
pub(crate) fn patches(folder: &str) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(root().join(folder)).map_err(|error| format!("{folder}: {error}"))?;
    let mut patches: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    patches.retain(|path| path.extension().is_some_and(|ending| ending == "patch"));
    patches.sort();
    if patches.is_empty() { Err(format!("there is no patch in {folder}")) } else { Ok(patches) }
}

fn apply(tree: &Path, patch: &Path, extra: &[&str]) -> Result<(), String> {
    let patch = patch.display().to_string();
    git(tree, &[&["apply"], extra, &[patch.as_str()]].concat()).map(drop)
}

/// Runs git in a folder and hands back what it printed.
pub(crate) fn git(folder: &Path, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new("git");
    command.current_dir(folder).args(args);
    // The copy lies in a repository, and a patch in a repository is applied to what that tracks.
    if folder != root() {
        command.env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder));
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(name);
        }
    }
    let output = command.output().map_err(|error| format!("git: {error}"))?;
    if !output.status.success() {
        return Err(format!("git {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
