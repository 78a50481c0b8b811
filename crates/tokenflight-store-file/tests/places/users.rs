//! Whose files are used.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
};

use tokenflight_core::store::StoreErrorKind;
use tokenflight_store_file::{FileError, FileStore};

use crate::support::{
    Folder,
    child::skipped,
    ops::{file_error, holds, key, log_in, try_claim},
};

/// Whether this is root; without it a test says what it left out.
pub(crate) fn is_root(what: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skipped(&format!("{what}: only root can"));
    }
    root
}

#[test]
fn what_belongs_to_another_user_is_refused_also_for_root_and_stays_theirs() {
    if !is_root("files of another user") {
        return;
    }
    for name in ["", "alice.json", "alice.json.lock", "alice.json.turn"] {
        let folder = Folder::new();
        let state = folder.join("state");
        log_in(&FileStore::in_dir(&state), 1).unwrap();
        let _ = try_claim(&FileStore::in_dir(&state), 1);
        chown(state.join(name), Some(12345), None).unwrap();
        let before = fs::metadata(state.join(name)).unwrap();
        let store = FileStore::in_dir(&state);
        // The lock of a turn is no login's matter. A child that another test starts has the lock of
        // the first claim as well, until it runs its program: so long the turn is taken.
        let error = match name {
            "alice.json.turn" => std::iter::repeat_with(|| try_claim(&store, 2)).take(10_000).find_map(Result::err),
            _ => log_in(&store, 2).err(),
        };
        let error = error.expect(name);
        let found = file_error(&error);
        assert!(matches!(found, FileError::OtherUser { owner: 12345, .. }), "{name}: {found:?}");
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        let after = fs::metadata(state.join(name)).unwrap();
        assert_eq!((after.uid(), after.ino()), (12345, before.ino()), "{name} was replaced");
    }
}

#[test]
fn a_folder_that_others_may_write_to_is_refused_in_words() {
    for mode in [0o770, 0o707, 0o1777] {
        let folder = Folder::new();
        let state = folder.join("state");
        fs::create_dir(&state).unwrap();
        fs::set_permissions(&state, Permissions::from_mode(mode)).unwrap();
        let error = log_in(&FileStore::in_dir(&state), 1).unwrap_err();
        let found = file_error(&error);
        assert!(matches!(found, FileError::Shared { .. }), "{mode:o}: {found:?}");
        assert!(found.to_string().contains("chmod 700"), "{found}");
        assert_eq!(fs::read_dir(&state).unwrap().count(), 0, "{mode:o}: something was made there");
    }
}

#[test]
fn what_the_store_makes_is_for_its_owner_only() {
    let folder = Folder::new();
    let state = folder.join("deep/state");
    let store = FileStore::in_dir(&state);
    log_in(&store, 1).unwrap();
    let _ = try_claim(&store, 1);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!([mode(&state), mode(&folder.join("deep"))], [0o700, 0o700]);
    for name in ["alice.json", "alice.json.lock", "alice.json.turn"] {
        assert_eq!(mode(&state.join(name)), 0o600, "{name}");
    }
    // A wider one is narrowed by the next write.
    fs::set_permissions(state.join("alice.json"), Permissions::from_mode(0o644)).unwrap();
    assert!(holds(&store, 1));
    log_in(&store, 2).unwrap();
    assert_eq!(mode(&store.path(&key()).unwrap()), 0o600);
}
