//! Reading the source as text.

use std::{fs, io, path::Path};

use crate::cargo::root;

/// A source file.
#[derive(Debug)]
pub(crate) struct File {
    name: String,
    text: String,
}

impl File {
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// The path from the root of the workspace, with `/`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// The text without line comments. Coarse: a `//` inside a string counts as a comment too.
    pub(crate) fn code(&self) -> String {
        let mut code = String::with_capacity(self.text.len());
        for line in self.text.lines() {
            code.push_str(line.split("//").next().unwrap_or_default());
            code.push('\n');
        }
        code
    }
}

/// All Rust files below a directory of the workspace, by name.
pub(crate) fn files(below: &str) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    collect(&root().join(below), &mut files).map_err(|error| format!("{below}: {error}"))?;
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn collect(directory: &Path, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.push(File::new(name, fs::read_to_string(&path)?));
        }
    }
    Ok(())
}
