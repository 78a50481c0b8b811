//! The suite for [`Cell`].

use futures_util::future::join_all;
use tokenflight_core::{
    EndReason, TokenSet,
    store::{
        Blob, Cell, Entry, EntryState, GrantKey, Incarnation, OpId, StoreError, StoredTokens, Swap, Version, codec,
    },
};

use super::{
    Setting,
    cut::{MOST, polled},
    setting::goes_on,
};

macro_rules! rules {
    ($($words:literal => $rule:path),* $(,)?) => {
        /// The rules that [`cell`] checks, in the words with which it complains.
        pub const CELL_RULES: &[&str] = &[$($words),*];

        /// Checks a [`Cell`] against its contract. Then
        /// [`CellStore`](tokenflight_core::store::CellStore) makes a store of it that passes
        /// [`store`](super::store()).
        ///
        /// # Panics
        ///
        /// With the first rule that is broken, or with the cell's error.
        pub async fn cell(cell: &dyn Cell, setting: &Setting) {
            $($rule(&Trial::new(cell, setting, $words)).await;)*
        }
    };
}

rules! {
    "a key that was never written has no value" => unknown_keys_are_empty,
    "a value comes back byte for byte" => values_come_back_as_they_were,
    "a value is replaced if the version is the one that was read, and only then" => versions_are_compared,
    "an incarnation that has passed does not come back" => incarnations_are_compared,
    "a swap that was dropped half-way took place or did not" => dropped,
    "a swap that is held up is lost if another came first" => held_up,
    "of many swaps at once, one takes place" => one_of_many,
    "keys do not disturb each other" => keys_do_not_disturb_each_other,
    "the storage's clock goes on" => the_clock_goes_on,
}

struct Trial<'a> {
    cell: &'a dyn Cell,
    setting: &'a Setting,
    key: GrantKey,
    rule: &'static str,
}

/// A value of a version of its own, and that version's name.
fn value(text: &str) -> (OpId, Blob) {
    let mut entry = Entry::default();
    entry.op = OpId::unique();
    let set = TokenSet::new(text).refresh_token(text);
    entry.state = EntryState::Active(StoredTokens::from_set(&set, std::time::Duration::from_secs(1), None));
    (entry.op, codec::encode(&entry))
}

impl<'a> Trial<'a> {
    fn new(cell: &'a dyn Cell, setting: &'a Setting, rule: &'static str) -> Self {
        Self { cell, setting, key: GrantKey::new(format!("{}/cell/{rule}", setting.prefix)), rule }
    }

    fn on(&self, ending: &str) -> Self {
        let key = GrantKey::new(format!("{}{ending}", self.key.as_str()));
        Self { key, cell: self.cell, setting: self.setting, rule: self.rule }
    }

    #[track_caller]
    fn check(&self, holds: bool, detail: &str) {
        assert!(holds, "the cell breaks its contract: {}: {detail}", self.rule);
    }

    #[track_caller]
    fn done<T>(&self, result: Result<T, StoreError>) -> T {
        result.unwrap_or_else(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            panic!("the cell breaks its contract: {}: {error}: {cause}", self.rule)
        })
    }

    async fn value(&self) -> Option<Blob> {
        self.done(self.cell.load(&self.key).await).bytes
    }

    async fn version(&self, op: OpId) -> Version {
        Version { op, incarnation: self.done(self.cell.load(&self.key).await).facts.incarnation }
    }

    async fn swap(&self, expected: OpId, (op, new): &(OpId, Blob)) -> Swap {
        let expected = self.version(expected).await;
        self.done(self.cell.swap(&self.key, expected, *op, new.clone()).await)
    }

    async fn stores(&self, expected: OpId, new: &(OpId, Blob)) {
        let swap = self.swap(expected, new).await;
        self.check(swap == Swap::Stored, "a swap over the version that is stored is lost");
        self.check(self.value().await.as_ref() == Some(&new.1), "another value is stored");
    }

    async fn loses(&self, expected: OpId, when: &str) {
        let before = self.value().await;
        let swap = self.swap(expected, &value("lost")).await;
        self.check(swap == Swap::Lost, &format!("a swap takes place {when}"));
        self.check(self.value().await == before, &format!("a swap that is lost changes the value {when}"));
    }
}

async fn unknown_keys_are_empty(t: &Trial<'_>) {
    t.check(t.value().await.is_none(), "there is a value");
    t.loses(OpId::unique(), "over a version where there is no value").await;
    t.check(t.value().await.is_none(), "there is a value");
}

async fn values_come_back_as_they_were(t: &Trial<'_>) {
    let mut before = OpId::NONE;
    let mut ended = Entry::default();
    ended.op = OpId::unique();
    ended.state = EntryState::Ended {
        tokens: StoredTokens::default(),
        reason: EndReason::new("invalid_grant").description("it's \"over\" \\ \u{fc}ber\u{1f511}\u{1}\u{7f}"),
        at: std::time::Duration::from_millis(1),
    };
    let ended = (ended.op, codec::encode(&ended));
    for new in [value("short"), value(&"long".repeat(20_000)), value("' \" \\ \u{e9}\u{1f511}\n"), ended] {
        t.stores(before, &new).await;
        before = new.0;
    }
}

async fn versions_are_compared(t: &Trial<'_>) {
    let (first, second, third) = (value("first"), value("second"), value("third"));
    t.stores(OpId::NONE, &first).await;
    t.loses(OpId::NONE, "as the first one, where there is a value").await;
    t.loses(OpId::unique(), "over another version").await;
    t.stores(first.0, &second).await;
    t.loses(first.0, "over a version that was replaced").await;
    // The same operation again, after its answer was lost.
    let again = t.swap(first.0, &second).await;
    t.check(again == Swap::Lost, "a swap takes place twice");
    t.stores(second.0, &third).await;
}

async fn incarnations_are_compared(t: &Trial<'_>) {
    let first = value("first");
    t.stores(OpId::NONE, &first).await;
    let mut expected = t.version(first.0).await;
    let Some(incarnation) = expected.incarnation else { return };
    expected.incarnation = Some(Incarnation::new(incarnation.get() ^ 1));
    let (op, new) = value("late");
    let swap = t.done(t.cell.swap(&t.key, expected, op, new).await);
    t.check(swap == Swap::Lost, "a swap that was computed in another incarnation takes place");
    t.check(t.value().await == Some(first.1), "a swap that was computed in another incarnation changes the value");
}

async fn one_of_many(t: &Trial<'_>) {
    let mut before = OpId::NONE;
    for round in 0..2 {
        let expected = t.version(before).await;
        let news: Vec<_> = (0..16).map(|n| value(&format!("{round}-{n}"))).collect();
        let swaps = news.iter().map(|(op, new)| t.cell.swap(&t.key, expected, *op, new.clone()));
        let swaps = join_all(swaps).await.into_iter().map(|swap| t.done(swap) == Swap::Stored);
        let winners: Vec<_> = swaps.zip(&news).filter(|(stored, _)| *stored).map(|(_, new)| new).collect();
        t.check(winners.len() == 1, &format!("{} took place", winners.len()));
        t.check(t.value().await.as_ref() == winners.first().map(|(_, new)| new), "another value is stored");
        before = winners.first().map_or(before, |(op, _)| *op);
    }
}

async fn held_up(t: &Trial<'_>) {
    for polls in 1..MOST {
        let t = t.on(&format!("/{polls}"));
        let (first, late, quick) = (value("first"), value("late"), value("quick"));
        t.stores(OpId::NONE, &first).await;
        let expected = t.version(first.0).await;
        let mut future = t.cell.swap(&t.key, expected, late.0, late.1.clone());
        if polled(&mut future, polls).await.is_some() {
            break;
        }
        let between = t.swap(first.0, &quick).await == Swap::Stored;
        let late_stored = t.done(future.await) == Swap::Stored;
        t.check(between != late_stored, "of two swaps over one version, both or none took place");
        let winner = if between { quick.1 } else { late.1 };
        t.check(t.value().await == Some(winner), "another value is stored than was answered");
    }
}

async fn dropped(t: &Trial<'_>) {
    for polls in 1..MOST {
        let t = t.on(&format!("/{polls}"));
        let (first, second, third) = (value("first"), value("second"), value("third"));
        t.stores(OpId::NONE, &first).await;
        let expected = t.version(first.0).await;
        let mut future = t.cell.swap(&t.key, expected, second.0, second.1.clone());
        let finished = polled(&mut future, polls).await.is_some();
        drop(future);
        let found = t.value().await;
        t.check(found == Some(first.1.clone()) || found.as_ref() == Some(&second.1), "half of it is left");
        t.swap(first.0, &second).await;
        t.check(t.value().await.as_ref() == Some(&second.1), "it is lost when it is done again");
        t.stores(second.0, &third).await;
        if finished {
            break;
        }
    }
}

async fn keys_do_not_disturb_each_other(t: &Trial<'_>) {
    let endings = ["", "/", "/..", ":a", ":A", ":a ", "/a/b", "%2Fa", "\\a", "\u{e9}", "e\u{301}", "*", "'--"];
    let trials: Vec<_> = endings.iter().map(|ending| (t.on(ending), value(ending))).collect();
    for (t, value) in &trials {
        t.check(t.value().await.is_none(), "a key sees the value of another");
        t.stores(OpId::NONE, value).await;
    }
    for (t, (_, value)) in &trials {
        t.check(t.value().await.as_ref() == Some(value), "a key sees the value of another");
    }
}

async fn the_clock_goes_on(t: &Trial<'_>) {
    let before = t.done(t.cell.load(&t.key).await).facts;
    t.setting.clock.pass(t.setting.length).await;
    let after = t.done(t.cell.load(&t.key).await).facts;
    if let Err(detail) = goes_on(before, after, t.setting.length) {
        t.check(false, &detail);
    }
}
