use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokenflight_core::{
    BoxFuture,
    store::{Blob, Cell, ClockId, Facts, GrantKey, Incarnation, Loaded, OpId, StoreError, Swap, Version},
};

use super::{flaws, pause};

flaws! {
    /// What is wrong with a cell.
    CellFlaw:
    Nothing, EmptyForMissing, CutsLongValues, LatinOnly, IgnoresVersions, FirstAlwaysWins,
    SwapsTwice, WritesThoughLost, IgnoresIncarnation, HalfWritten, ComparesEarly,
    ComparesEarlyInACrowd, KeysInOneCase, ClockStands,
}

pub(crate) struct FlawedCell {
    flaw: CellFlaw,
    values: Mutex<HashMap<String, (OpId, Blob)>>,
    under_way: AtomicUsize,
}

const INCARNATION: Option<Incarnation> = Some(Incarnation::new(3));

impl FlawedCell {
    pub(crate) fn new(flaw: CellFlaw) -> Self {
        Self { flaw, values: Mutex::default(), under_way: AtomicUsize::new(0) }
    }

    fn name(&self, key: &GrantKey) -> String {
        if self.flaw == CellFlaw::KeysInOneCase { key.as_str().to_lowercase() } else { key.as_str().to_owned() }
    }

    fn spoiled(&self, new: &Blob) -> Blob {
        let bytes = new.expose();
        Blob::new(match self.flaw {
            CellFlaw::CutsLongValues => bytes[..bytes.len().min(65_536)].to_vec(),
            CellFlaw::LatinOnly => bytes.iter().map(|byte| byte & 0x7f).collect(),
            _ => bytes.to_vec(),
        })
    }

    fn fits(&self, name: &str, expected: Version, op: OpId) -> bool {
        let stored = self.values.lock().unwrap().get(name).map_or(OpId::NONE, |(op, _)| *op);
        let flawed = match self.flaw {
            CellFlaw::IgnoresVersions => true,
            CellFlaw::FirstAlwaysWins => expected.op == OpId::NONE,
            CellFlaw::SwapsTwice => stored == op,
            _ => false,
        };
        let incarnation = expected.incarnation == INCARNATION || self.flaw == CellFlaw::IgnoresIncarnation;
        (stored == expected.op || flawed) && incarnation
    }

    fn write(&self, name: &str, op: OpId, new: Blob) {
        self.values.lock().unwrap().insert(name.to_owned(), (op, new));
    }
}

impl Cell for FlawedCell {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Loaded, StoreError>> {
        Box::pin(async move {
            let mut bytes = self.values.lock().unwrap().get(&self.name(key)).map(|(_, bytes)| bytes.clone());
            if self.flaw == CellFlaw::EmptyForMissing {
                bytes = bytes.or_else(|| Some(Blob::new(Vec::new())));
            }
            let mut facts = match self.flaw {
                CellFlaw::ClockStands => Facts::at(ClockId::new(1), Duration::from_secs(9), true),
                _ => Facts::in_process(),
            };
            facts.incarnation = INCARNATION;
            Ok(Loaded::new(bytes, facts))
        })
    }

    fn swap<'a>(
        &'a self,
        key: &'a GrantKey,
        expected: Version,
        op: OpId,
        new: Blob,
    ) -> BoxFuture<'a, Result<Swap, StoreError>> {
        Box::pin(async move {
            let (name, new) = (self.name(key), self.spoiled(&new));
            let crowd = self.under_way.fetch_add(1, Ordering::Relaxed) > 1;
            let early = self.flaw == CellFlaw::ComparesEarly || (self.flaw == CellFlaw::ComparesEarlyInACrowd && crowd);
            let fits = early.then(|| self.fits(&name, expected, op));
            if self.flaw == CellFlaw::HalfWritten && self.fits(&name, expected, op) {
                let half = new.expose()[..new.expose().len() / 2].to_vec();
                self.write(&name, expected.op, Blob::new(half));
            }
            pause().await;
            self.under_way.fetch_sub(1, Ordering::Relaxed);
            if !fits.unwrap_or_else(|| self.fits(&name, expected, op)) {
                if self.flaw == CellFlaw::WritesThoughLost {
                    self.write(&name, op, new);
                }
                return Ok(Swap::Lost);
            }
            self.write(&name, op, new);
            Ok(Swap::Stored)
        })
    }
}
