//! Names that are stored once.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Strings with numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    names: Vec<Arc<str>>,
    numbers: BTreeMap<Arc<str>, u32>,
    last: u32,
}

impl Names {
    pub(super) fn number(&mut self, name: &Arc<str>) -> u32 {
        // Callers mostly repeat the very same string, or another with the same letters.
        let same = |last: &Arc<str>| Arc::ptr_eq(last, name) || last == name;
        if self.names.get(self.last as usize).is_some_and(same) {
            return self.last;
        }
        self.last = match self.numbers.get(name) {
            Some(&number) => number,
            None => {
                let number = small(self.names.len());
                self.names.push(name.clone());
                self.numbers.insert(name.clone(), number);
                number
            }
        };
        self.last
    }

    pub(super) fn get(&self, number: u32) -> &Arc<str> {
        &self.names[number as usize]
    }
}

/// Topic partitions with numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Logs {
    logs: Vec<(u32, i32)>,
    numbers: BTreeMap<(u32, i32), u32>,
    /// What was asked for last, by the last digits of the partition. Nothing that has no number any more.
    recent: [Option<((u32, i32), u32)>; RECENT],
}

/// A power of two.
const RECENT: usize = 8;

impl Logs {
    pub(super) fn number(&mut self, topic: u32, partition: i32) -> u32 {
        let log = (topic, partition);
        let slot = partition as usize % RECENT;
        match self.recent[slot] {
            Some((recent, number)) if recent == log => number,
            _ => {
                let number = self.look_up(log);
                self.recent[slot] = Some((log, number));
                number
            }
        }
    }

    fn look_up(&mut self, log: (u32, i32)) -> u32 {
        if let Some(&number) = self.numbers.get(&log) {
            return number;
        }
        let number = small(self.logs.len());
        self.logs.push(log);
        self.numbers.insert(log, number);
        number
    }

    /// Gives the partitions of a topic new numbers from now on. Returns the old ones.
    pub(super) fn renew(&mut self, topic: u32) -> Vec<u32> {
        self.recent = [None; RECENT];
        let of_topic = (topic, i32::MIN)..=(topic, i32::MAX);
        let old: Vec<((u32, i32), u32)> = self.numbers.range(of_topic).map(|(log, n)| (*log, *n)).collect();
        for (log, _) in &old {
            self.numbers.remove(log);
        }
        old.into_iter().map(|(_, number)| number).collect()
    }

    pub(super) fn get(&self, number: u32) -> (u32, i32) {
        self.logs[number as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.logs.len()
    }
}

/// A position in a table of the history as a handle.
pub(super) fn small(position: usize) -> u32 {
    match u32::try_from(position) {
        Ok(handle) if handle != super::FOREIGN => handle,
        _ => panic!("a history holds at most four billion observations of a kind"),
    }
}
