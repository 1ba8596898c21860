//! The kinds of connections of the engine's process, and what each may cost.

use crate::framing::StreamFraming;
use crate::limits::{
    CONTROL_ADMISSION, CONTROL_LINE_BYTES_MAX, ConnectionLimits, FRAME_BYTES_MAX,
    GATEWAY_ADMISSION, HEARTBEAT_SILENCE_MAX, IN_FLIGHT_MAX, LINK_WAITING_BYTES_MAX,
    NETWORK_MESSAGE_BYTES_MAX, TERMINAL_MESSAGE_BYTES_MAX, WALLET_ADMISSION,
    WALLET_REQUEST_BYTES_MAX, WALLET_WAITING_BYTES_MAX,
};
use crate::sockets::{ConnectionKind, ConnectionPolicy, Sockets};

#[derive(Clone, Copy)]
pub(crate) struct Kinds {
    pub terminal: ConnectionKind,
    pub gateway: ConnectionKind,
    pub network: ConnectionKind,
    pub wallet: ConnectionKind,
    pub control: ConnectionKind,
}

impl Kinds {
    pub(crate) fn add(sockets: &mut Sockets, limits: &ConnectionLimits) -> Kinds {
        let [terminal, gateway, network, wallet, control] =
            policies(limits).map(|policy| sockets.add_kind(policy));
        Kinds { terminal, gateway, network, wallet, control }
    }

    /// Sets other limits. Connections that are open stay, even if they are more than that.
    pub(crate) fn limit(self, sockets: &mut Sockets, limits: ConnectionLimits) {
        let Kinds { terminal, gateway, network, wallet, control } = self;
        let kinds = [terminal, gateway, network, wallet, control];
        for (kind, policy) in kinds.into_iter().zip(policies(&limits)) {
            sockets.set_policy(kind, policy);
        }
        sockets.set_limits(limits);
    }
}

/// Of terminals, gateways, networks, wallets and the control socket.
fn policies(limits: &ConnectionLimits) -> [ConnectionPolicy; 5] {
    let terminal = ConnectionPolicy {
        framing: StreamFraming::LengthPrefixed,
        message_bytes_max: TERMINAL_MESSAGE_BYTES_MAX,
        idle_timeout: Some(limits.idle_timeout),
        waiting_bytes_max: limits.waiting_bytes_max,
        in_flight_max: limits.in_flight_max.clamp(1, IN_FLIGHT_MAX),
        admission: Some(limits.terminal_admission()),
    };
    let own = ConnectionPolicy {
        idle_timeout: None,
        waiting_bytes_max: LINK_WAITING_BYTES_MAX,
        in_flight_max: 0,
        admission: None,
        ..terminal
    };
    let once = ConnectionPolicy {
        idle_timeout: Some(limits.message_timeout * 3),
        in_flight_max: 1,
        ..terminal
    };
    let gateway = ConnectionPolicy {
        framing: StreamFraming::Frames,
        message_bytes_max: FRAME_BYTES_MAX,
        idle_timeout: Some(HEARTBEAT_SILENCE_MAX),
        admission: Some(GATEWAY_ADMISSION),
        ..own
    };
    let network = ConnectionPolicy { message_bytes_max: NETWORK_MESSAGE_BYTES_MAX, ..own };
    let wallet = ConnectionPolicy {
        framing: StreamFraming::Http,
        message_bytes_max: WALLET_REQUEST_BYTES_MAX,
        waiting_bytes_max: WALLET_WAITING_BYTES_MAX,
        admission: Some(WALLET_ADMISSION),
        ..once
    };
    let control = ConnectionPolicy {
        framing: StreamFraming::Lines,
        message_bytes_max: CONTROL_LINE_BYTES_MAX,
        waiting_bytes_max: LINK_WAITING_BYTES_MAX,
        idle_timeout: None,
        admission: Some(CONTROL_ADMISSION),
        ..once
    };
    [terminal, gateway, network, wallet, control]
}
