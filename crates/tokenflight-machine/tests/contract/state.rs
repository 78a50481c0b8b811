//! One state of the model: what is stored, what is under way, what each holder knows. Small plain
//! values without pointers.
//!
//! Times are ticks relative to now, ids are numbers that mean nothing but "the same".

use crate::config::Budget;

/// The name of an operation, an owner, a lock or an incarnation. Zero is none.
pub(crate) type Id = u8;

/// How many holders there can be.
pub(crate) const HOLDERS: usize = 3;

/// How many logins there can be, the first one included.
pub(crate) const FAMILIES: usize = 5;

/// How often a refresh token of one login is replaced.
pub(crate) const ROTATIONS: usize = 7;

/// How many writes a failover can lose.
pub(crate) const LOST: usize = 4;

/// A token set. Two with the same numbers came from the same response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Whose login it belongs to.
    pub(crate) family: u8,
    /// Which refresh token of the family.
    pub(crate) refresh: u8,
    /// Which answer of the family.
    pub(crate) access: u8,
    /// For how long the access token is usable.
    pub(crate) usable: u8,
}

impl Tokens {
    /// Whether both are from the same response.
    pub(crate) fn same_set(&self, other: &Self) -> bool {
        (self.family, self.access) == (other.family, other.access)
    }

    /// Whether both carry the same refresh token.
    pub(crate) fn same_refresh(&self, other: &Self) -> bool {
        (self.family, self.refresh) == (other.family, other.refresh)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    Active(Tokens),
    Ended(Tokens),
    LoggedOut,
}

/// A claim, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) owner: Id,
    pub(crate) op: Id,
    /// None if the storage has no clock.
    pub(crate) since: Option<i8>,
    pub(crate) until: i8,
    pub(crate) length: u8,
    pub(crate) lock: Id,
    pub(crate) dying: bool,
}

/// What is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) op: Id,
    pub(crate) home: Id,
    pub(crate) epoch: u8,
    pub(crate) login: Id,
    pub(crate) rotation: u8,
    pub(crate) set: Id,
    pub(crate) session: Session,
    pub(crate) claim: Option<Claim>,
    pub(crate) doubt: Option<Option<i8>>,
}

impl Record {
    pub(crate) fn tokens(&self) -> Option<&Tokens> {
        match &self.session {
            Session::Active(tokens) | Session::Ended(tokens) => Some(tokens),
            Session::LoggedOut => None,
        }
    }

    pub(crate) fn order(&self) -> (u8, u8) {
        (self.epoch, self.rotation)
    }
}

/// A write that was computed and not yet done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Swap {
    pub(crate) expected: Id,
    pub(crate) incarnation: Id,
    pub(crate) new: Record,
    /// What the holder is told when it is done.
    pub(crate) granted: bool,
    /// The tokens that it replaces, as far as the reply tells.
    pub(crate) replaced: Option<Tokens>,
    /// The tokens in the entry on which it was computed.
    pub(crate) computed_on: Option<Tokens>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Life {
    #[default]
    Awake,
    Paused,
    Dead,
}

/// Where a flight, a login or a logout is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Idle,
    /// About to load, or waiting to load again.
    Decide,
    /// Has decided to claim.
    Claim,
    /// The claim is granted; the last look at it is due.
    Guard,
    /// The next step is the first byte.
    Ready,
    /// The request was sent; no answer yet.
    Sent,
    /// Has something to write.
    Write,
}

/// From the decision to claim until what it led to is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) owner: Id,
    pub(crate) op: Id,
    pub(crate) seen: Id,
    pub(crate) born: Id,
    pub(crate) yields: Id,
    pub(crate) watched: u8,
    /// Since the first try of the claim was sent.
    pub(crate) age: u8,
    /// A try of the claim may have been applied.
    pub(crate) unknown: bool,
    pub(crate) epoch: u8,
    pub(crate) login: Id,
    pub(crate) over: Id,
    pub(crate) tokens: Tokens,
    /// How old the doubt is; `Some(None)`: its age is not known.
    pub(crate) doubt: Option<Option<u8>>,
}

/// What is written after an attempt, or for a login or logout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    None,
    Commit,
    End,
    Untouched,
    Ambiguous,
    Login,
    Logout,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) kind: Kind,
    pub(crate) id: Id,
    /// A first try was made.
    pub(crate) begun: bool,
    /// The incarnation at the first load that worked.
    pub(crate) born: Option<Id>,
    pub(crate) base: Id,
    pub(crate) next: Tokens,
    /// A try may have been applied, and the tokens of the entry the last such try was computed on.
    pub(crate) unknown: bool,
    pub(crate) tried: Option<Tokens>,
    /// What an observer knows: whether a login or logout took effect, and over which tokens.
    pub(crate) landed: bool,
    pub(crate) replaced: Option<Tokens>,
    /// Logins and logouts of others that came after the first try.
    pub(crate) later: [Id; 3],
}

/// The real watch, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    pub(crate) op: Id,
    pub(crate) incarnation: Id,
    pub(crate) since: u8,
    pub(crate) last: u8,
    /// The store has failed since.
    pub(crate) broken: bool,
}

/// A session of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) life: Life,
    /// Does not reach the storage.
    pub(crate) cut: bool,
    /// Has had an answer of the storage, and its clock has drifted since.
    pub(crate) met: bool,
    pub(crate) drift: bool,
    /// How far its wall clock is off.
    pub(crate) wall: i8,
    /// The turn file that it has locked.
    pub(crate) lock: Id,
    /// The entry as last seen; claim and doubt are left out.
    pub(crate) known: Option<Record>,
    /// The incarnation in which that was.
    pub(crate) incarnation: Id,
    /// The last attempt's owner, if it sent nothing and its claim may be stored.
    pub(crate) unsent: Id,
    pub(crate) watch: Option<Watch>,
    /// Has asked the store in this tick, and waits.
    pub(crate) polled: bool,
    /// How many ticks it leaves a failed write alone (zero unless the rules are broken on purpose).
    pub(crate) rest: u8,
    /// Its last try ended in an error.
    pub(crate) erred: bool,
    /// Writing back what a failover has lost: the operation.
    pub(crate) again: Id,
    pub(crate) phase: Phase,
    pub(crate) attempt: Attempt,
    pub(crate) write: Write,
    pub(crate) swap: Option<Swap>,
}

impl Holder {
    /// Holds an answer that is not stored yet, to the presentation of these tokens.
    pub(crate) fn owes_for(&self, tokens: &Tokens) -> bool {
        self.phase == Phase::Write && self.write.kind == Kind::Commit && self.attempt.tokens.same_set(tokens)
    }

    /// Waits for an answer to the presentation of these tokens.
    pub(crate) fn presents(&self, tokens: &Tokens) -> bool {
        self.phase == Phase::Sent && self.attempt.tokens.same_set(tokens)
    }
}

/// A request on its way to the authorization server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) holder: u8,
    /// The attempt that waits for the answer; zero if none does any more.
    pub(crate) owner: Id,
    pub(crate) tokens: Tokens,
    pub(crate) age: u8,
    /// The access token was still usable when it was sent.
    pub(crate) usable: bool,
    /// It has arrived, and this is the answer.
    pub(crate) answer: Option<Answer>,
}

/// What the authorization server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Granted(Tokens),
    Refused,
}

/// What the authorization server knows of one login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) alive: bool,
    pub(crate) current: u8,
    pub(crate) answers: u8,
    /// Since each predecessor of the current refresh token was first presented.
    pub(crate) spent: [u8; ROTATIONS],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) record: Record,
    pub(crate) incarnation: Id,
    pub(crate) up: bool,
    /// The file at the turn's path.
    pub(crate) turn: Id,
    /// Earlier records, the latest first.
    pub(crate) history: [Option<Record>; LOST],
    pub(crate) zombie: Option<Swap>,
    pub(crate) holders: [Holder; HOLDERS],
    pub(crate) requests: [Option<Request>; HOLDERS],
    pub(crate) families: [Family; FAMILIES],
    pub(crate) logins: u8,
    pub(crate) left: Budget,
    /// Something happened against which the contract promises nothing.
    pub(crate) excused: bool,
    /// The law that the last step broke.
    pub(crate) broken: Option<crate::laws::Law>,
}
