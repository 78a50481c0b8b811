//! `cargo xtask bench --compare REV`: the counts of this tree beside those of another revision.

use crate::{copy::git, counts::Count, prelude::*};

pub(crate) fn run(revision: &str) -> Result<(), String> {
    let place = target_dir("bench").join("other");
    check_out(revision, &place)?;
    let outcome = replace_benches(&place).and_then(|()| {
        let theirs = counts::all(&place, &target_dir("bench").join("other-target"));
        let theirs = theirs.map_err(|error| format!("{revision}, measured with this tree's benches: {error}"))?;
        let ours = counts::all(root(), &target_dir("."))?;
        print(revision, &theirs, &ours);
        Ok(())
    });
    git(root(), &["worktree", "remove", "--force", &place.display().to_string()])?;
    outcome
}

fn check_out(revision: &str, place: &Path) -> Result<(), String> {
    // What an interrupted run has left behind.
    if place.exists() {
        git(root(), &["worktree", "remove", "--force", &place.display().to_string()])?;
    }
    git(root(), &["worktree", "add", "--force", "--detach", &place.display().to_string(), revision]).map(drop)
}

/// Both are measured by the same code.
fn replace_benches(place: &Path) -> Result<(), String> {
    let theirs = place.join("benches");
    fs::remove_dir_all(&theirs).map_err(|error| format!("{}: {error}", theirs.display()))?;
    printed(Command::new("cp").arg("-r").arg(root().join("benches")).arg(theirs)).map(drop)
}

fn print(revision: &str, theirs: &[Count], ours: &[Count]) {
    let mut text =
        format!("instructions\t{revision}\tthis tree\tratio\tallocations and bytes, {revision}\tthis tree\n");
    for our in ours {
        let Some(their) = theirs.iter().find(|their| their.name() == our.name()) else { continue };
        let [(before, allocated), (now, allocates)] = [their, our].map(|count| {
            let allocations = count.allocations.map_or_else(String::new, |(count, bytes)| format!("{count}, {bytes}"));
            (count.instructions, allocations)
        });
        let line = format!("{}\t{before:.0}\t{now:.0}\t{:.2}\t{allocated}\t{allocates}\n", our.name(), now / before);
        text.push_str(&line);
    }
    columns::print(&text, &[]);
}

/// Whether the revision is one.
pub(crate) fn known(revision: &str) -> bool {
    git(root(), &["rev-parse", "--quiet", "--verify", &format!("{revision}^{{commit}}")]).is_ok()
}
