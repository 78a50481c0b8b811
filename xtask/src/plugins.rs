//! Plugins of cargo: pinned, and installed beside the build.

use crate::prelude::*;

/// A plugin and its version.
pub(crate) type Plugin = (&'static str, &'static str);

pub(crate) const DENY: Plugin = ("cargo-deny", "0.20.2");
pub(crate) const HACK: Plugin = ("cargo-hack", "0.6.46");
pub(crate) const MUTANTS: Plugin = ("cargo-mutants", "27.1.0");

/// Where it is. Installs it if it is not there in this version, as cargo finds out.
pub(crate) fn ready((name, version): Plugin, report: &mut Report) -> Option<PathBuf> {
    let root = target_dir("tools");
    let install = Cargo::new("install --quiet --locked").arg(format!("{name}@{version}"));
    let install = install.arg("--root").arg(root.display().to_string());
    report.attempt(&format!("{name} {version}"), false, || install.run().map(|()| root.join("bin").join(name)))
}
