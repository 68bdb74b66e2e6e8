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
    /// By topic and partition.
    numbers: Vec<((u32, i32), u32)>,
}

impl Logs {
    pub(super) fn number(&mut self, topic: u32, partition: i32) -> u32 {
        let log = (topic, partition);
        match self.numbers.binary_search_by_key(&log, |(log, _)| *log) {
            Ok(place) => self.numbers[place].1,
            Err(place) => {
                let number = small(self.logs.len());
                self.logs.push(log);
                self.numbers.insert(place, (log, number));
                number
            }
        }
    }

    /// Gives the partitions of a topic new numbers from now on. Returns the old ones.
    pub(super) fn renew(&mut self, topic: u32) -> Vec<u32> {
        let from = self.numbers.partition_point(|((other, _), _)| *other < topic);
        let to = self.numbers.partition_point(|((other, _), _)| *other <= topic);
        self.numbers.drain(from..to).map(|(_, number)| number).collect()
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
