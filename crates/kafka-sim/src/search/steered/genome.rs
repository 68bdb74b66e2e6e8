//! What a run is made of, as numbers that can be changed and mixed.

use kafka_sim_cluster::fault::{FaultDraft, ScheduleDraft};
use kafka_sim_core::SimRng;

use super::super::generate::{NETWORK, fault, number};

/// Something that a search changes a little to reach more.
pub(in crate::search) trait Genome: Clone {
    /// One change.
    fn change(&mut self, rng: &mut SimRng);

    /// Every part comes from one or the other.
    fn mix(&mut self, other: &Self, rng: &mut SimRng);
}

impl Genome for ScheduleDraft {
    /// Another instant, kind, role or trigger of a fault, a fault more or less, or other kinds altogether.
    fn change(&mut self, rng: &mut SimRng) {
        match rng.below(8) {
            0..=3 => change_one(self, rng),
            4 => add_or_remove_broker_fault(self, rng),
            5 if !self.network.is_empty() && rng.chance(1, 2) => {
                self.network.remove(rng.index(self.network.len()));
            }
            5 => self.network.push(fault(rng)),
            6 => copy_one(self, rng),
            _ => {
                let kinds = [&mut self.broker_kinds, &mut self.network_kinds, &mut self.client_kinds];
                *kinds[rng.index(3)] ^= 1 << rng.below(16);
            }
        }
        self.network.truncate(usize::try_from(NETWORK).expect("it is small"));
    }

    fn mix(&mut self, other: &ScheduleDraft, rng: &mut SimRng) {
        for (mine, others) in self.brokers.iter_mut().zip(&other.brokers) {
            if rng.chance(1, 2) {
                *mine = *others;
            }
        }
        let mut pool = std::mem::take(&mut self.network);
        pool.extend(&other.network);
        self.network = pool.into_iter().filter(|_| rng.chance(1, 2)).collect();
        self.broker_kinds |= other.broker_kinds;
        self.network_kinds |= other.network_kinds;
    }
}

/// Changes a number a little, or altogether.
pub(in crate::search) fn change_number(changed: &mut u16, rng: &mut SimRng) {
    let step = number(rng) >> rng.between(2, 12);
    *changed = match rng.below(3) {
        0 => number(rng),
        1 => changed.saturating_add(step),
        _ => changed.saturating_sub(step),
    };
}

fn numbers(fault: &mut FaultDraft) -> [&mut u16; 9] {
    [
        &mut fault.at,
        &mut fault.lasts,
        &mut fault.kind,
        &mut fault.target,
        &mut fault.broker,
        &mut fault.partition,
        &mut fault.survivors,
        &mut fault.trigger,
        &mut fault.count,
    ]
}

fn change_one(draft: &mut ScheduleDraft, rng: &mut SimRng) {
    let all = draft.brokers.iter_mut().flatten();
    let mut faults: Vec<_> = all.chain(&mut draft.network).chain(&mut draft.clients).collect();
    if faults.is_empty() {
        return;
    }
    let at = rng.index(faults.len());
    let numbers = numbers(faults[at]);
    let which = rng.index(numbers.len());
    for (_, number) in (0..).zip(numbers).filter(|(index, _)| *index == which) {
        change_number(number, rng);
    }
}

fn add_or_remove_broker_fault(draft: &mut ScheduleDraft, rng: &mut SimRng) {
    if draft.brokers.is_empty() {
        return;
    }
    let at = rng.index(draft.brokers.len());
    draft.brokers[at] = match draft.brokers[at] {
        Some(_) if rng.chance(1, 2) => None,
        _ => Some(fault(rng)),
    };
}

/// A fault of brokers strikes once more, at another time.
fn copy_one(draft: &mut ScheduleDraft, rng: &mut SimRng) {
    if draft.brokers.is_empty() {
        return;
    }
    let (from, to) = (rng.index(draft.brokers.len()), rng.index(draft.brokers.len()));
    draft.brokers[to] = draft.brokers[from].map(|fault| FaultDraft {
        at: number(rng),
        ..fault
    });
}
