use std::time::Duration;

/// Into so many parts the window is divided. The oldest part goes as a whole.
const PARTS: usize = 8;

/// How many sessions lived and ended within a time: in a fixed place, however many answers.
#[derive(Debug)]
pub(super) struct Window {
    part: Duration,
    parts: [Part; PARTS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// Which part of all time this is.
    number: u128,
    sum: Sum,
}

/// What the server answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) lived: u32,
    pub(super) ended: u32,
}

impl Sum {
    pub(super) const fn answered(self) -> u32 {
        self.lived.saturating_add(self.ended)
    }

    fn add(&mut self, other: Self) {
        self.lived = self.lived.saturating_add(other.lived);
        self.ended = self.ended.saturating_add(other.ended);
    }
}

impl Window {
    pub(super) fn new(length: Duration) -> Self {
        Self { part: length / 8, parts: [Part::default(); PARTS] }
    }

    pub(super) fn clear(&mut self) {
        self.parts = [Part::default(); PARTS];
    }

    /// Counts an answer, at this moment of the boot clock.
    pub(super) fn count(&mut self, answer: Sum, now: Duration) {
        let number = self.number(now);
        let place = number % self.parts.len() as u128;
        let Some(part) = usize::try_from(place).ok().and_then(|place| self.parts.get_mut(place)) else { return };
        if part.number != number {
            *part = Part { number, sum: Sum::default() };
        }
        part.sum.add(answer);
    }

    /// What counts at this moment.
    pub(super) fn sum(&self, now: Duration) -> Sum {
        let number = self.number(now);
        let mut sum = Sum::default();
        let recent = |part: &&Part| part.number.saturating_add(PARTS as u128) > number;
        self.parts.iter().filter(recent).for_each(|part| sum.add(part.sum));
        sum
    }

    fn number(&self, now: Duration) -> u128 {
        now.as_nanos() / self.part.as_nanos().max(1)
    }
}
