//! Faults that strike clients: what the network makes of them, and what the driver is told.

use std::sync::Arc;

use super::{ClientFate, Cluster, Output};
use crate::broker::CloseReason;
use crate::fault::{Fault, Healing};
use crate::net::{ChannelId, Side};

impl Cluster {
    /// Does nothing for faults of anything but clients.
    pub(super) fn strike_client(&mut self, fault: &Fault, out: &mut Vec<Output>) {
        let Some(host) = fault.client().map(Arc::<str>::from) else {
            return;
        };
        let fate = match fault {
            Fault::PauseClient(_) => ClientFate::Paused,
            Fault::PowerLossClient { survivors, .. } => ClientFate::PowerLost { survivors: *survivors },
            _ => ClientFate::Killed,
        };
        out.push(Output::Client {
            host: host.clone(),
            fate,
        });
        let machine = self.host(host);
        match fate {
            ClientFate::Paused => {}
            ClientFate::PowerLost { .. } => {
                let ends = self.net.channels_of(machine).collect();
                self.net.power_off(machine);
                self.client_ends_over(ends, out);
            }
            _ => {
                let ends: Vec<_> = self.net.channels_of(machine).collect();
                for (channel, side) in &ends {
                    self.net.close(self.now, *channel, *side);
                }
                self.client_ends_over(ends, out);
            }
        }
    }

    fn client_ends_over(&mut self, ends: Vec<(ChannelId, Side)>, out: &mut Vec<Output>) {
        for (channel, _) in ends {
            if let Some(ends) = self.client_ends(channel).copied() {
                self.client_hears_end(ends.conn, CloseReason::ByClient, out);
            }
        }
    }

    /// The end of a fault that struck a client, unless another one still does the same to it.
    pub(super) fn heal_client(&mut self, fault: &Fault, out: &mut Vec<Output>) {
        let Some(host) = fault.client().map(Arc::<str>::from) else {
            return;
        };
        let healing = fault.healing();
        if self
            .faults
            .active()
            .any(|other| other.client() == fault.client() && other.healing() == healing)
        {
            return;
        }
        let fate = match healing {
            Healing::ResumeClient => ClientFate::Resumed,
            _ => {
                let machine = self.host(host.clone());
                self.net.power_on(machine);
                ClientFate::Started
            }
        };
        out.push(Output::Client { host, fate });
    }
}
