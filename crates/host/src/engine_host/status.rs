//! What the control socket says of this process.

use super::{HostService, OpenListener};
use crate::hosted_switch::HostedSwitch;
use crate::sockets::Sockets;

impl<C: HostedSwitch> HostService<C> {
    pub(super) fn status(&self, sockets: &Sockets) -> String {
        let endings = sockets.endings();
        serde_json::json!({
            "ok": true,
            "stopping": self.stopping.is_some(),
            "trial": self.trial,
            "plain": self.plain,
            "listeners": self.listeners.iter().map(listener_status).collect::<Vec<_>>(),
            "trusted_gateways": self.gateways.trusted(),
            "clock_jump_ms": Some(self.clock.machine_jump_ms()).filter(|_| self.clock_jumped),
            "terminals": sockets.count(self.kinds.terminal),
            "gateways": self.gateways.status(),
            "links": self.links.status(&self.core),
            "messages": self.messages,
            "in_flight": self.core.in_flight(),
            "reversals": self.core.queued_reversals(),
            "events": self.events,
            "waiting_for_journal": self.mail.waiting(),
            "accepted": sockets.accepted(),
            "ended": endings,
        })
        .to_string()
    }
}

fn listener_status(open: &OpenListener) -> serde_json::Value {
    serde_json::json!({
        "address": open.address,
        "dialect": open.planned.dialect.name,
        "protection": open.planned.protection(),
    })
}
