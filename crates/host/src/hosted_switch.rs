//! The switch as the sockets see it.

use books::{Event, NetworkId, Refusal, Timestamp, WalletId};
use switch::{
    LinkId, Output, PhoneRequest, QueryResult, Settings, Switch, TerminalConnection,
    TerminalDialect, WalletNotification,
};

/// [`switch::Switch`] in production, a script in tests. No method may block.
pub trait HostedSwitch {
    /// One whole message of a terminal: TPDU, header and ISO 8583 message, in the dialect of its
    /// listener.
    fn on_terminal_message(
        &mut self,
        line: TerminalConnection,
        dialect: &'static TerminalDialect,
        message: &mut [u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    );
    /// A terminal's connection is closed. The switch keeps no state of a connection.
    fn on_line_closed(&mut self, _line: TerminalConnection) {}
    fn on_link_up(&mut self, link: LinkId, now: Timestamp, out: &mut Vec<Output>);
    fn on_link_down(&mut self, link: LinkId, now: Timestamp, out: &mut Vec<Output>);
    fn on_network_message(
        &mut self,
        link: LinkId,
        message: &mut [u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    );
    /// The messages of a round, which cost less together.
    fn on_network_messages(
        &mut self,
        messages: &mut [(LinkId, &mut [u8])],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        for (link, message) in messages {
            self.on_network_message(*link, message, now, out);
        }
    }
    /// The answer to [`Output::Command`]; it is durable.
    fn on_command_answer(
        &mut self,
        ticket: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    );
    /// The answers of a round with their tickets, which cost less together.
    fn on_command_answers(
        &mut self,
        answers: &mut dyn Iterator<Item = (u64, Result<Vec<Event>, Refusal>)>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        for (ticket, answer) in answers {
            self.on_command_answer(ticket, answer, now, out);
        }
    }
    /// The answer to [`Output::Query`]; what it reflects is durable.
    fn on_query_result(
        &mut self,
        ticket: u64,
        fact: QueryResult,
        now: Timestamp,
        out: &mut Vec<Output>,
    );
    /// A wallet's notification with a valid signature. The reply is [`Output::WalletReply`] with
    /// the same `reply`.
    fn on_wallet_notification(
        &mut self,
        note: WalletNotification,
        reply: u64,
        out: &mut Vec<Output>,
    );
    /// A wallet asks for the status of its order. The reply is an [`Output::WalletReply`].
    fn on_wallet_order_query(
        &mut self,
        wallet: WalletId,
        reference: &str,
        reply: u64,
        out: &mut Vec<Output>,
    );
    /// A courier asks by phone. The reply is [`Output::PhoneReply`] with the same `reply`.
    fn on_phone_request(
        &mut self,
        request: PhoneRequest,
        reply: u64,
        now: Timestamp,
        out: &mut Vec<Output>,
    );
    /// References and amounts (minor units) of the orders that the wallet must refund.
    fn refunds_due(&self, wallet: WalletId) -> Vec<(String, u64)>;
    /// Withdraws a network from a time on; None reinstates it.
    fn on_network_withdrawn(&mut self, network: NetworkId, from: Option<Timestamp>);
    /// Takes the settings that can change, from now on.
    fn change_settings(&mut self, settings: &Settings);
    /// Runs the timers that are due.
    fn tick(&mut self, now: Timestamp, out: &mut Vec<Output>);
    /// When `tick` is next needed.
    fn next_timer(&self) -> Option<Timestamp>;
    /// Accepts no new payments; those in flight finish.
    fn stop(&mut self);
    /// Sends each network a sign-off.
    fn sign_off(&mut self, now: Timestamp, out: &mut Vec<Output>);
    /// Payments and other work that have not finished.
    fn in_flight(&self) -> usize;
    /// Reversals and refunds that no network or wallet has acknowledged yet.
    fn queued_reversals(&self) -> usize;
    /// Whether the network has accepted the link's sign-on.
    fn is_signed_on(&self, link: LinkId) -> bool;
    fn withdrawn_from(&self, network: NetworkId) -> Option<Timestamp>;
}

impl HostedSwitch for Switch {
    fn on_terminal_message(
        &mut self,
        line: TerminalConnection,
        dialect: &'static TerminalDialect,
        message: &mut [u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        Switch::on_terminal_message(self, line, dialect, message, now, out);
    }

    fn on_link_up(&mut self, link: LinkId, now: Timestamp, out: &mut Vec<Output>) {
        Switch::on_link_connected(self, link, now, out);
    }

    fn on_link_down(&mut self, link: LinkId, now: Timestamp, out: &mut Vec<Output>) {
        Switch::on_link_closed(self, link, now, out);
    }

    fn on_network_message(
        &mut self,
        link: LinkId,
        message: &mut [u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        Switch::on_network_messages(self, &mut [(link, message)], now, out);
    }

    fn on_network_messages(
        &mut self,
        messages: &mut [(LinkId, &mut [u8])],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        Switch::on_network_messages(self, messages, now, out);
    }

    fn on_command_answer(
        &mut self,
        ticket: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        Switch::on_command_result(self, ticket, answer, now, out);
    }

    fn on_command_answers(
        &mut self,
        answers: &mut dyn Iterator<Item = (u64, Result<Vec<Event>, Refusal>)>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        Switch::on_command_results(self, answers, now, out);
    }

    fn on_query_result(
        &mut self,
        ticket: u64,
        fact: QueryResult,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        Switch::on_query_result(self, ticket, fact, now, out);
    }

    fn on_wallet_notification(
        &mut self,
        note: WalletNotification,
        reply: u64,
        out: &mut Vec<Output>,
    ) {
        Switch::on_wallet_notification(self, note, reply, out);
    }

    fn on_wallet_order_query(
        &mut self,
        wallet: WalletId,
        reference: &str,
        reply: u64,
        out: &mut Vec<Output>,
    ) {
        Switch::on_wallet_query(self, wallet, reference, reply, out);
    }

    fn on_phone_request(
        &mut self,
        request: PhoneRequest,
        reply: u64,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        Switch::on_phone_request(self, request, reply, now, out);
    }

    fn refunds_due(&self, wallet: WalletId) -> Vec<(String, u64)> {
        Switch::wallet_refunds_due(self, wallet)
    }

    fn on_network_withdrawn(&mut self, network: NetworkId, from: Option<Timestamp>) {
        Switch::network_withdrawn(self, network, from);
    }

    fn change_settings(&mut self, settings: &Settings) {
        Switch::change_settings(self, settings);
    }

    fn tick(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        Switch::tick(self, now, out);
    }

    fn next_timer(&self) -> Option<Timestamp> {
        Switch::next_timer(self)
    }

    fn stop(&mut self) {
        Switch::stop(self);
    }

    fn sign_off(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        Switch::sign_off(self, now, out);
    }

    fn in_flight(&self) -> usize {
        Switch::in_flight(self)
    }

    fn queued_reversals(&self) -> usize {
        Switch::queued_reversals(self)
    }

    fn is_signed_on(&self, link: LinkId) -> bool {
        self.links_up().any(|up| up == link)
    }

    fn withdrawn_from(&self, network: NetworkId) -> Option<Timestamp> {
        Switch::withdrawn_from(self, network)
    }
}
