//! What holds over every history of one entry.

use crate::support::*;
use proptest::prelude::*;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A new operation of this kind, decided on the entry that was stored so many writes ago.
    New(Kind, usize),
    /// An operation from the past is tried again.
    Again(usize),
    /// So many seconds pass.
    Pass(u64),
    /// So many writes are lost, and another incarnation begins.
    FailOver(usize),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Claim { watched: u64, yields: bool },
    Commit,
    End,
    Settle { strict: bool },
    Login { based: bool },
    Logout { based: bool },
    Restore,
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => (prop_oneof![Just(0u64), Just(15), Just(75)], any::<bool>())
            .prop_map(|(watched, yields)| Kind::Claim { watched, yields }),
        3 => Just(Kind::Commit),
        1 => Just(Kind::End),
        3 => any::<bool>().prop_map(|strict| Kind::Settle { strict }),
        1 => any::<bool>().prop_map(|based| Kind::Login { based }),
        1 => any::<bool>().prop_map(|based| Kind::Logout { based }),
        1 => Just(Kind::Restore),
    ]
}

fn steps(failovers: bool) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (kinds(), 0..3usize).prop_map(|(kind, age)| Step::New(kind, age)),
        4 => any::<usize>().prop_map(Step::Again),
        2 => prop_oneof![Just(1u64), Just(5), Just(80)].prop_map(Step::Pass),
        u32::from(failovers) => (0..4usize).prop_map(Step::FailOver),
    ];
    prop::collection::vec(step, 1..40)
}

/// One entry, its storage, and all that was ever asked of it.
struct World {
    now: u64,
    incarnation: Incarnation,
    clocked: bool,
    /// What is stored, after everything that was stored before it.
    entries: Vec<Option<Entry>>,
    ops: Vec<Op>,
    failed_over: bool,
}

/// One operation, with what was stored before and after it.
struct Done<'a> {
    op: &'a Op,
    before: Option<Entry>,
    after: Option<Entry>,
    reply: Reply,
    /// Whether this very operation has had its effect before.
    repeated: bool,
}

impl World {
    fn new(clocked: bool) -> Self {
        let incarnation = Incarnation::new(0);
        Self { now: 1_000, incarnation, clocked, entries: vec![None], ops: Vec::new(), failed_over: false }
    }

    fn facts(&self) -> Facts {
        let mut facts = if self.clocked { Facts::at(ClockId::new(9), secs(self.now), true) } else { Facts::none() };
        facts.incarnation = Some(self.incarnation);
        facts
    }

    fn stored(&self) -> Option<Entry> {
        self.entries.last().cloned().flatten()
    }

    fn new_op(&self, kind: Kind, age: usize) -> Op {
        let at = self.entries.len().saturating_sub(1 + age);
        let seen = self.entries[at].clone().unwrap_or_default();
        let holder = seen.claim.as_ref().map_or(Owner::new(1), |claim| claim.owner);
        let base = |based: bool| based.then_some(seen.login);
        let n = u32::try_from(self.ops.len()).unwrap() + 10;
        let body = match kind {
            Kind::Claim { yields, .. } => Body::Claim {
                owner: Owner::unique(),
                seen: seen.op,
                length: LENGTH,
                yields: yields.then_some(holder),
                holder: Box::default(),
            },
            Kind::Commit => commit(&seen, n),
            Kind::End => end(holder, &seen),
            Kind::Settle { strict } => settle(holder, if strict { STRICT } else { Outcome::Untouched }),
            Kind::Login { based } => Body::Reset { base: base(based), tokens: Some(tokens(n)) },
            Kind::Logout { based } => Body::Reset { base: base(based), tokens: None },
            Kind::Restore => Body::Again { record: Box::new(seen) },
        };
        let watched = if let Kind::Claim { watched, .. } = kind { secs(watched) } else { secs(0) };
        op(&self.facts(), body).watched(watched)
    }

    fn step(
        &mut self,
        step: Step,
        check: &mut impl FnMut(&Self, Done<'_>) -> Result<(), TestCaseError>,
    ) -> Result<(), TestCaseError> {
        let op = match step {
            Step::Pass(seconds) => {
                self.now += seconds;
                return Ok(());
            }
            Step::FailOver(lose) => {
                let left = self.entries.len().saturating_sub(lose).max(1);
                self.entries.truncate(left);
                self.incarnation = Incarnation::new(self.incarnation.get() + 1);
                self.failed_over = true;
                return Ok(());
            }
            Step::New(kind, age) => self.new_op(kind, age),
            Step::Again(which) if self.ops.is_empty() => {
                return self.step(Step::New(Kind::Login { based: false }, which % 2), check);
            }
            Step::Again(which) => self.ops[which % self.ops.len()].clone(),
        };
        let repeated = self.ops.iter().any(|other| other.id == op.id)
            && self.entries.iter().flatten().any(|entry| entry.op == op.id);
        let before = self.stored();
        let (next, reply) = apply(before.as_ref(), &op, &self.facts());
        if let Some(next) = next {
            self.entries.push(Some(next));
        }
        if !self.ops.iter().any(|other| other.id == op.id) {
            self.ops.push(op.clone());
        }
        check(self, Done { op: &op, before, after: self.stored(), reply, repeated })
    }
}

fn run(
    clocked: bool,
    steps: Vec<Step>,
    mut check: impl FnMut(&World, Done<'_>) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut world = World::new(clocked);
    steps.into_iter().try_for_each(|step| world.step(step, &mut check))
}

/// Whether two entries are the same but for their writer.
fn same(one: Option<&Entry>, other: Option<&Entry>) -> bool {
    let anonymous = |entry: Option<&Entry>| {
        entry.cloned().map(|mut entry| {
            entry.op = OpId::NONE;
            entry
        })
    };
    anonymous(one) == anonymous(other)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn numbers_never_decrease(clocked: bool, steps in steps(true)) {
        run(clocked, steps, |_, done| {
            let order = |entry: &Option<Entry>| entry.clone().unwrap_or_default().order();
            prop_assert!(order(&done.after) >= order(&done.before));
            Ok(())
        })?;
    }

    #[test]
    fn the_answer_shows_what_is_stored(clocked: bool, steps in steps(true)) {
        run(clocked, steps, |_, done| {
            let stored = done.after.unwrap_or_default();
            match done.reply {
                Reply::Granted(entry) | Reply::Changed(entry) | Reply::Conflict(entry) | Reply::Overtaken(entry)
                | Reply::Stored { entry, .. } => prop_assert_eq!(entry, stored),
                Reply::Busy { .. } | Reply::Nothing => {}
            }
            Ok(())
        })?;
    }

    #[test]
    fn an_operation_done_twice_in_a_row_is_done_once(clocked: bool, steps in steps(true)) {
        run(clocked, steps, |world, done| {
            let (next, reply) = apply(done.after.as_ref(), done.op, &world.facts());
            prop_assert!(next.is_none() || next == done.after, "{:?}", done.op);
            let done_again = std::mem::discriminant(&reply) == std::mem::discriminant(&done.reply)
                // There is nothing left to settle.
                || reply == Reply::Nothing;
            prop_assert!(done_again, "{:?}, then {:?}", done.reply, reply);
            Ok(())
        })?;
    }

    /// But for a login or logout that names no base: the last writer wins and brings its name back.
    #[test]
    fn what_took_effect_once_changes_nothing_when_it_is_repeated_later(clocked: bool, steps in steps(false)) {
        let mut brought_back = false;
        run(clocked, steps, |_, done| {
            let unchanged = same(done.before.as_ref(), done.after.as_ref());
            brought_back |= matches!(done.op.body, Body::Reset { base: None, .. }) && done.repeated && !unchanged;
            prop_assert!(!done.repeated || unchanged || brought_back, "{:?}", done.op);
            Ok(())
        })?;
    }

    #[test]
    fn doubt_is_lifted_by_a_commit_an_end_or_a_login_only(clocked: bool, steps in steps(true)) {
        run(clocked, steps, |_, done| {
            let doubt = |entry: &Option<Entry>| entry.as_ref().and_then(|entry| entry.doubt);
            let lifts = matches!(
                done.op.body,
                Body::Commit { .. } | Body::End { .. } | Body::Reset { .. } | Body::Again { .. }
            );
            if doubt(&done.before).is_some() && !lifts {
                prop_assert_eq!(doubt(&done.after), doubt(&done.before));
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_claim_that_was_never_settled_leaves_doubt_to_the_next(clocked: bool, steps in steps(true)) {
        run(clocked, steps, |_, done| {
            let Body::Claim { owner, yields, .. } = &done.op.body else { return Ok(()) };
            let replaced = done.before.and_then(|entry| entry.claim);
            if let (Some(claim), Reply::Granted(entry)) = (replaced, &done.reply)
                && claim.owner != *owner && Some(claim.owner) != *yields
            {
                prop_assert!(entry.doubt.is_some());
            }
            Ok(())
        })?;
    }

    #[test]
    fn no_claim_is_granted_while_another_is_in_force(clocked: bool, steps in steps(true)) {
        run(clocked, steps, |world, done| {
            let Body::Claim { owner, yields, .. } = &done.op.body else { return Ok(()) };
            let Some(claim) = done.before.and_then(|entry| entry.claim) else { return Ok(()) };
            let over = if world.clocked { claim.until <= secs(world.now) } else { done.op.watched >= claim.length };
            let foreign = claim.owner != *owner && Some(claim.owner) != *yields;
            prop_assert!(!(foreign && !over && matches!(done.reply, Reply::Granted(_))));
            Ok(())
        })?;
    }

    /// A claim is granted on the entry it was decided on, in the incarnation it was decided in, or
    /// was granted before.
    #[test]
    fn a_claim_is_granted_on_what_was_seen(clocked: bool, steps in steps(true)) {
        run(clocked, steps, |world, done| {
            if let (Body::Claim { seen, .. }, Reply::Granted(entry)) = (&done.op.body, &done.reply) {
                let fresh = done.before.unwrap_or_default().op == *seen && done.op.born == Some(world.incarnation);
                let before = entry.claim.as_ref().is_some_and(|claim| claim.op == done.op.id);
                prop_assert!(fresh || (before && entry.home == Some(world.incarnation)));
            }
            Ok(())
        })?;
    }

    /// The tokens of a record that was lost and is written back bring their names with them.
    #[test]
    fn a_token_set_has_one_name_for_ever(clocked: bool, steps in steps(true)) {
        let mut known = std::collections::HashMap::new();
        run(clocked, steps, |_, done| {
            if let Some(entry) = &done.after
                && let Some(tokens) = entry.tokens()
            {
                let first = known.entry(entry.set).or_insert_with(|| tokens.clone());
                prop_assert_eq!(&*first, tokens);
            }
            Ok(())
        })?;
    }
}
