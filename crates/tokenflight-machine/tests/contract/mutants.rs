//! Rules left out on purpose: each is a small change around a real function or a step of a holder,
//! here and nowhere else.

/// One rule less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
pub(crate) enum Mutant {
    NoOpId, OpIdAfterErrorsOnly, ResetWithoutCondition, ClientsWallClock, CommitByLease,
    SettleWithoutOwner, ClaimOverClaim, UnknownIsNotDone, NoGuard, GuardFromLastTry, NoQuiet,
    UnsavedNotFirst, EndWithoutToken, EndRemovesTokens, CommitWithoutEpoch, CommitWithoutAnything,
    CommitWithoutSet, NoDrain, TurnReleasedEarly, NoCommitOverEnd, DrainBeganAnew, NoCompare,
    NoDoubtOfClaim, ClaimWithoutNote, WatchNotRestarted, JumpedClockTrusted, CommitRetriedSlowly,
    EndOverForeignClaim,
    // Rules that were added after a trace showed the need.
    SeenIgnored, BaseFromFirstSuccess, SettleLiftsDoubt, HomeIgnored, LockOfClaimIgnored,
    OwnerIsProcess, SettleFreesAtOnce, CompareWithoutIncarnation, QuarantineNotWatched,
    RetryCountsAsFresh, AgainWithNewIds, GrantedFromAnotherLine, WindowJudgedAtLoad,
    AgainNotWritten, AncestorByHomeAlone, FreedWhateverTheWindow, FreedUntilUsed,
    WindowByJumpedClock,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) mutant: Mutant,
    pub(crate) what: &'static str,
    /// Where it is looked for.
    pub(crate) config: &'static str,
    /// Why no search finds it, if none does.
    pub(crate) implied: Option<&'static str>,
}

const fn known(mutant: Mutant, config: &'static str, what: &'static str) -> Known {
    Known { mutant, what, config, implied: None }
}

const fn implied(mutant: Mutant, config: &'static str, what: &'static str, why: &'static str) -> Known {
    Known { mutant, what, config, implied: Some(why) }
}

/// The rules of the contract as it was first written.
#[rustfmt::skip]
pub(crate) const RULES: [Known; 28] = [
    known(Mutant::NoOpId, "B4", "an operation does not recognise its own effect"),
    known(Mutant::OpIdAfterErrorsOnly, "B3", "it looks for its effect after an error only, not after a lost compare"),
    known(Mutant::ResetWithoutCondition, "B4", "a login is tried again without its condition"),
    known(Mutant::ClientsWallClock, "B10", "claims are timed by the client's wall clock"),
    known(Mutant::CommitByLease, "B5", "a commit needs the claim"),
    known(Mutant::SettleWithoutOwner, "B5", "a settle does not ask whose claim it is"),
    known(Mutant::ClaimOverClaim, "B1", "a claim ignores another's"),
    known(Mutant::UnknownIsNotDone, "B1", "an unknown outcome counts as not done"),
    known(Mutant::NoGuard, "B5", "nothing is asked before the first byte"),
    known(Mutant::GuardFromLastTry, "B5", "the guard counts from the last try of the claim"),
    known(Mutant::NoQuiet, "B6", "a claim that ran out is taken over at once"),
    known(Mutant::UnsavedNotFirst, "B6", "a commit that fails is given up"),
    known(Mutant::EndWithoutToken, "X1", "an end does not ask which token was refused"),
    known(Mutant::EndRemovesTokens, "A1", "an end removes the tokens"),
    implied(Mutant::CommitWithoutEpoch, "B3", "a commit does not compare the epoch",
        "every login has another token set, and that is compared"),
    known(Mutant::CommitWithoutAnything, "B3", "a commit compares neither epoch nor login nor token set"),
    known(Mutant::CommitWithoutSet, "N1", "a commit does not compare the token set"),
    known(Mutant::NoDrain, "A1", "a dead holder's request is not awaited"),
    known(Mutant::TurnReleasedEarly, "A7", "the turn is released when a commit fails"),
    known(Mutant::NoCommitOverEnd, "X1", "a commit over an end is refused"),
    known(Mutant::DrainBeganAnew, "A2", "every waiter begins the drain anew"),
    known(Mutant::NoCompare, "B1", "a swap does not compare"),
    known(Mutant::NoDoubtOfClaim, "B1", "a claim that ran out leaves no doubt"),
    known(Mutant::ClaimWithoutNote, "B1", "a claim is not written"),
    known(Mutant::WatchNotRestarted, "C4", "watching goes on over another entry"),
    known(Mutant::JumpedClockTrusted, "B11", "a clock that has jumped is trusted"),
    known(Mutant::CommitRetriedSlowly, "B6", "a commit is tried again more seldom than the quiet time"),
    implied(Mutant::EndOverForeignClaim, "B5", "an end ignores another's claim",
        "a claim leaves the token set as it is, so what the server refused is what the claim would present"),
];

/// Rules that were added, each after a trace.
#[rustfmt::skip]
pub(crate) const ADDED: [Known; 18] = [
    known(Mutant::SeenIgnored, "B3", "a claim is applied to an entry on which it was not decided"),
    known(Mutant::BaseFromFirstSuccess, "B4", "a login that began in an outage takes the first entry it reads for its base"),
    known(Mutant::SettleLiftsDoubt, "G1", "a settle or claim lifts the doubt"),
    known(Mutant::HomeIgnored, "B8", "processes remember the incarnation, the entry does not"),
    known(Mutant::LockOfClaimIgnored, "A4", "any lock proves that the holder of a claim is dead"),
    known(Mutant::OwnerIsProcess, "S1", "an owner is a process, and its own claims are no obstacle"),
    known(Mutant::SettleFreesAtOnce, "B2", "an ambiguous end frees the claim at once"),
    known(Mutant::CompareWithoutIncarnation, "B8", "a swap does not compare the incarnation"),
    known(Mutant::QuarantineNotWatched, "B8", "an entry of another incarnation is not watched for a claim's length"),
    known(Mutant::RetryCountsAsFresh, "B18", "what a retry writes across a failover counts as fresh"),
    known(Mutant::AgainWithNewIds, "B13", "what is written back gets a new home"),
    known(Mutant::GrantedFromAnotherLine, "B9", "a claim found after a failover counts as granted"),
    known(Mutant::WindowJudgedAtLoad, "G4", "the grace window is judged at the load only"),
    known(Mutant::AgainNotWritten, "B13", "what a failover lost is not written back"),
    known(Mutant::AncestorByHomeAlone, "B20", "an ancestor that a retry has written again is not recognised"),
    known(Mutant::FreedWhateverTheWindow, "G0", "with a grace window an ambiguous end frees the claim, whatever is left of it"),
    known(Mutant::FreedUntilUsed, "U1", "an ambiguous end frees the claim of a token that is good until its successor is used"),
    known(Mutant::WindowByJumpedClock, "G5", "a clock that has jumped judges the grace window"),
];
