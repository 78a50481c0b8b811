//! A power cut after each call: what is on the disk then is something that the calls so far allow.

use std::{collections::HashMap, fs};

use futures_executor::block_on;
use tokenflight_core::store::Store;
use tokenflight_store_file::FileStore;

use crate::{
    kill::assert_taken_over,
    operation::{ALL, is_done},
    support::{child::strace, ops::key},
    trace::{Call, Run, calls},
};

/// What the calls so far have made durable, and what they have begun.
#[derive(Clone, Debug, Default)]
struct Disk {
    /// By number, what is open.
    open: HashMap<String, Place>,
    /// The folder was made, and its name is not durable.
    made: bool,
    /// The draft's bytes are durable.
    synced: bool,
    renamed: bool,
    /// The name that the rename gave is durable.
    named: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Draft,
    Folder,
    Above,
}

/// What a system may find in the place of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    NoFolder,
    Old,
    /// So many hundredths of the new bytes.
    New(usize),
}

impl Place {
    fn of(text: &str) -> Option<Self> {
        let path = text.split('"').nth(1)?;
        match path.rsplit('/').next()? {
            ".alice.json.tmp" => Some(Self::Draft),
            "state" => Some(Self::Folder),
            name if name.starts_with("store-file-") => Some(Self::Above),
            _ => None,
        }
    }
}

impl Disk {
    fn call(&mut self, call: &Call) {
        let (text, result) = call.text.rsplit_once(" = ").unwrap_or((&call.text, ""));
        let number = result.split(' ').next().unwrap_or_default();
        if number.starts_with('-') {
            return;
        }
        let argument = || text.split_once('(').unwrap().1.split([',', ')']).next().unwrap();
        match call.name.as_str() {
            "openat" => {
                let place = Place::of(text);
                self.open.remove(number);
                self.open.extend(place.map(|place| (number.to_owned(), place)));
                if place == Some(Place::Draft) {
                    self.synced = false;
                }
            }
            "mkdir" if Place::of(text) == Some(Place::Folder) => self.made = true,
            "write" if self.open.get(argument()) == Some(&Place::Draft) => self.synced = false,
            "fsync" => match self.open.get(argument()) {
                Some(Place::Draft) => self.synced = true,
                Some(Place::Folder) => self.named = self.renamed,
                Some(Place::Above) => self.made = false,
                None => {}
            },
            name if name.starts_with("rename") => self.renamed = true,
            _ => {}
        }
    }

    fn allows(&self) -> Vec<Found> {
        let mut found = Vec::new();
        if self.made {
            found.push(Found::NoFolder);
        }
        if !self.named {
            found.push(Found::Old);
        }
        if self.renamed {
            let parts: &[usize] = if self.synced { &[100] } else { &[0, 50, 100] };
            found.extend(parts.iter().map(|part| Found::New(*part)));
        }
        found
    }
}

#[test]
fn a_power_cut_after_any_call_leaves_the_old_record_or_the_new_one() {
    let Some(strace) = strace() else { return };
    for name in ALL {
        let calls = calls(&strace, name);
        let rename = calls.iter().rfind(|call| call.name.starts_with("rename")).unwrap();
        // Killed there, a process leaves the bytes of both records, and the lock file that they
        // were written beside.
        let inject = format!("inject={}:signal=KILL:when={}", rename.name, rename.number);
        let run = Run::new(&strace, name, &["-e".to_owned(), inject]);
        let (record, draft) = (run.state().join("alice.json"), run.state().join(".alice.json.tmp"));
        let (old, new) = (fs::read(&record).ok(), fs::read(&draft).unwrap());
        let (mut disk, mut tried) = (Disk::default(), Vec::new());
        for call in &calls {
            disk.call(call);
            for found in disk.allows() {
                if tried.contains(&found) {
                    continue;
                }
                tried.push(found);
                match (found, &old) {
                    (Found::NoFolder, _) => {
                        assert_eq!(*name, "first", "the folder was there: {call:?}");
                        continue;
                    }
                    (Found::Old, Some(old)) => fs::write(&record, old).unwrap(),
                    (Found::Old, None) => drop(fs::remove_file(&record)),
                    (Found::New(part), _) => fs::write(&record, &new[..new.len() * part / 100]).unwrap(),
                }
                let read = block_on(FileStore::in_dir(run.state()).load(&key()));
                let read = read.unwrap_or_else(|error| panic!("{name}, {found:?} after {call:?}: {error:?}"));
                assert_eq!(is_done(name, read.entry.as_ref()), matches!(found, Found::New(_)), "{name}, {call:?}");
                assert_taken_over(name, &run, call);
            }
        }
        // When it is acknowledged nothing else is possible.
        assert_eq!(disk.allows(), [Found::New(100)], "{name}: {calls:#?}");
        println!("{name}: after {} calls a power cut can leave {tried:?}", calls.len());
    }
}
