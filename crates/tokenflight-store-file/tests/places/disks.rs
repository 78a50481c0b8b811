//! Disks that are full or read-only.

use std::{env, fs, path::Path, process::Command};

use tokenflight_core::store::{Reply, StoreErrorKind};
use tokenflight_store_file::{FileStore, Presenter};

use crate::{
    support::{
        Folder,
        child::{given, said, say},
        ops::{commit, file_error, holds, is_busy, is_granted, key, log_in, try_claim},
    },
    users::is_root,
};

const DISK: &str = "TOKENFLIGHT_DISK";

/// On a small disk: a claim, then no space left, then space again.
pub(crate) fn fill_and_say() {
    let disk = given(DISK);
    let disk = Path::new(&disk);
    let store = FileStore::in_dir(disk.join("state"));
    log_in(&store, 1).unwrap();
    assert!(is_granted(&try_claim(&store, 1)));
    let filler = disk.join("filler");
    while fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&filler)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &[0; 512]))
        .is_ok()
    {}
    let error = commit(&store, 2).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotDone, "{error:?}");
    say(&format!("{:?}", file_error(&error)));
    // The old record is whole, and the only successor is with this process: nothing else presents.
    assert!(holds(&store, 1));
    let other = FileStore::in_dir(disk.join("state"));
    say(&format!("{:?}", try_claim(&other, 2).map(|_| "no error")));
    fs::remove_file(&filler).unwrap();
    commit(&store, 2).unwrap();
    assert!(holds(&store, 2) && is_granted(&try_claim(&other, 2)));
    say("well again");
}

/// On a disk that cannot be written to: what is stored is served, and nothing is presented.
pub(crate) fn read_and_say() {
    let store = FileStore::in_dir(Path::new(&given(DISK)).join("state"));
    assert!(holds(&store, 1));
    let error = try_claim(&store, 1).unwrap_err();
    say(&format!("{:?}", file_error(&error)));
}

/// What a process says in a mount namespace of its own, after this shell command.
fn within(prepare: &str, part: &str, disk: &Path) -> String {
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &format!("{prepare} && exec \"$0\" \"$@\"")])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env("TOKENFLIGHT_PART", part)
        .env(DISK, disk)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    said(&text).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_full_disk_keeps_the_old_record_and_the_turn_until_the_successor_is_stored() {
    if !is_root("a full disk") {
        return;
    }
    let folder = Folder::new();
    let mount = format!("mount -t tmpfs -o size=64k none {}", folder.path().display());
    let said = within(&mount, "full", folder.path());
    let lines: Vec<_> = said.lines().collect();
    assert!(lines[0].contains("StorageFull"), "{said}");
    assert!(lines[1].contains("no error") && !lines[1].contains("Err"), "{said}");
    assert_eq!(lines[2], "well again");
}

#[test]
fn a_read_only_disk_serves_what_is_stored_and_presents_nothing() {
    if !is_root("a read-only disk") {
        return;
    }
    let folder = Folder::new();
    log_in(&FileStore::in_dir(folder.join("state")), 1).unwrap();
    let path = folder.path().display();
    let mount = format!("mount --bind {path} {path} && mount -o remount,ro,bind {path}");
    let said = within(&mount, "read-only", folder.path());
    assert!(said.contains("ReadOnlyFilesystem"), "{said}");
}

/// Where other machines reach the record, as far as the list of mounts tells.
pub(crate) fn share_and_say() {
    let state = Path::new(&given(DISK)).join("state");
    let store = FileStore::in_dir(&state);
    assert!(holds(&store, 1));
    for error in [log_in(&store, 2).unwrap_err(), try_claim(&store, 1).unwrap_err()] {
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        say(&format!("{:?}", file_error(&error)));
    }
    let (one, other) = (FileStore::in_dir(&state), FileStore::in_dir(&state));
    let (one, other) = (one.network_file_system(true), other.network_file_system(true));
    // Their locks are no proof, and their clocks are not compared.
    let Ok(Reply::Granted(entry)) = try_claim(&one, 1) else { panic!("it is allowed") };
    assert!(entry.claim.is_some_and(|claim| claim.lock.is_none() && claim.since.is_none()));
    assert!(is_busy(&try_claim(&other, 2)));
    drop(one);
    // Its holder may live on another machine.
    while other.status(&key()).unwrap().presenter == (Presenter::Alive { holder: Some("the child".into()) }) {}
    assert!(is_busy(&try_claim(&other, 2)));
}

#[test]
fn a_network_file_system_is_refused_in_words_unless_it_is_allowed() {
    if !is_root("a network file system") {
        return;
    }
    let folder = Folder::new();
    log_in(&FileStore::in_dir(folder.join("state")), 1).unwrap();
    // The kernel need not have one: what counts is what the list of mounts says.
    let list = folder.join("mounts");
    fs::write(&list, "1 0 0:1 / / rw - nfs4 server:/home rw\n").unwrap();
    let mount = format!("mount --bind {} /proc/$$/mountinfo", list.display());
    let said = within(&mount, "share", folder.path());
    assert!(said.lines().count() == 2 && said.lines().all(|line| line.contains(r#"kind: "nfs4""#)), "{said}");
}
