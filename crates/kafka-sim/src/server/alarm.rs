//! Wakes the cluster when something is due.

use std::cell::Cell;
use std::time::Duration;

use kafka_sim_core::SimTime;
use tokio::sync::Notify;

use super::driver::Driver;

/// The longest sleep. Waking for nothing once in an hour costs nothing and keeps the timer's arithmetic in bounds.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// The one timer of a server.
///
/// What is due next moves with almost every request, mostly to later. The timer is only set anew when it moves to
/// earlier than what it is set to; waking too early is harmless and rare.
#[derive(Debug)]
pub(super) struct Alarm {
    set_to: Cell<SimTime>,
    earlier: Notify,
}

impl Alarm {
    pub(super) fn new() -> Alarm {
        Alarm {
            set_to: Cell::new(SimTime::MAX),
            earlier: Notify::new(),
        }
    }

    /// Something is due at `due` and nothing before.
    pub(super) fn expect(&self, due: SimTime) {
        if due < self.set_to.get() {
            self.set_to.set(due);
            self.earlier.notify_one();
        }
    }
}

/// Advances the cluster whenever something is due, for ever.
pub(super) async fn ring(driver: &Driver) {
    loop {
        let due = driver.next_due();
        driver.alarm.set_to.set(due);
        tokio::select! {
            () = tokio::time::sleep(driver.clock.until(due, LONGEST_SLEEP)) => driver.advance(),
            () = driver.alarm.earlier.notified() => {}
        }
    }
}
