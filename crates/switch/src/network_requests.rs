//! The steps that all requests to a network share: begin in the books, send, receive the response,
//! record it, answer the terminal.

use books::{
    Approval, Command, Event, PaymentResolution, Refusal, ResolveAdvice, ResolveCompletion,
    ResolvePurchase, ResolveReversal, ResponseCode, ReverseVoid, Timestamp,
};
use iso8583::Message;

use crate::in_flight::{Continuation, InFlight, InFlightState};
use crate::network::{AwaitedResponse, message_key};
use crate::operator_event::OperatorEvent;
use crate::payments::read_authorisation_code;
use crate::port::{self, Output, QueryResult};
use crate::request::RequestKind;
use crate::response_code;
use crate::responses::ResponseFields;
use crate::switch::Switch;
use crate::timers::Timer;

impl Switch {
    /// The books have answered a command of an in-flight request.
    pub(crate) fn on_request_command_result(
        &mut self,
        id: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.requests.get(&id) else { return };
        match in_flight.state {
            InFlightState::BeginningInBooks => self.on_begun(id, answer, now, out),
            InFlightState::RecordingReversal => {
                self.on_reversal_without_original(id, answer, now, out);
            }
            InFlightState::RecordingResponse(code) => {
                self.on_response_recorded(id, code, answer, now, out);
            }
            InFlightState::RecordingUnknown(queued) => {
                self.on_unknown_recorded(id, queued, answer, now, out);
            }
            InFlightState::LookingUpOriginal
            | InFlightState::AwaitingNetwork
            | InFlightState::LookingUpFirstResponse
            | InFlightState::CheckingUpload => {}
        }
    }

    fn on_begun(
        &mut self,
        id: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.requests.get_mut(&id) else { return };
        let events = match answer {
            Ok(events) => events,
            Err(Refusal::Repeated) if in_flight.waiting_reversal.is_none() => {
                // The first request has ended, or began before a crash.
                in_flight.state = InFlightState::LookingUpFirstResponse;
                let query = port::Query::Transaction(in_flight.header.trace());
                return self.query(Continuation::Request(id), query, out);
            }
            Err(refusal) => {
                if let Refusal::WrongBatch(open) = &refusal {
                    let (terminal, open) = (in_flight.header.terminal, *open);
                    if let Some(session) = self.sessions.get_mut(&terminal) {
                        session.batch = open;
                    }
                }
                return self.finish(
                    id,
                    response_code::of_refusal(&refusal),
                    &ResponseFields::default(),
                    now,
                    out,
                );
            }
        };
        let payment = events.iter().find_map(|event| match event {
            Event::PaymentBegun { payment }
            | Event::PaymentCollected { payment, .. }
            | Event::OfflineSaleSuspended { payment, .. } => Some(*payment),
            _ => None,
        });
        in_flight.payment = in_flight.payment.or(payment);
        if in_flight.is_reversible()
            && let Some(reversal) = in_flight.waiting_reversal.take()
        {
            // The network has not received the request. It is sent the reversal all the same.
            self.reverse_in_flight(id, reversal, out);
            self.end_request(id);
            return;
        }
        match in_flight.kind {
            RequestKind::Cash | RequestKind::CashRefund => {
                self.finish(id, ResponseCode::APPROVED, &ResponseFields::default(), now, out);
            }
            RequestKind::Qr => self.on_qr_begun(id, now, out),
            RequestKind::QrRefund => self.on_qr_refund_begun(id, now, out),
            RequestKind::Refund => self.on_refund_begun(id, now, out),
            _ => self.send_to_network(id, now, out),
        }
    }

    /// Sends a request's message to its network and waits for the response.
    pub(crate) fn send_to_network(&mut self, id: u64, now: Timestamp, out: &mut Vec<Output>) {
        let Some(in_flight) = self.requests.get_mut(&id) else { return };
        let network = &mut self.networks[in_flight.network_index];
        let (link, message) = (network.next_link(), in_flight.network_message.take());
        let (Some(link), Some(message), Some(sent)) = (link, message, in_flight.network_reference)
        else {
            // The network went down after it was chosen. It has not received the request.
            return self.record_response(id, ResponseCode::NETWORK_UNAVAILABLE, now, out);
        };
        network.awaited.insert(message_key(sent), AwaitedResponse::Request(id));
        in_flight.state = InFlightState::AwaitingNetwork;
        self.timers.set(now.plus_ms(self.settings.timing.answer_ms), Timer::NetworkTimeout(id));
        out.push(Output::ToNetwork { link, message });
    }

    /// A network has responded to a request.
    pub(crate) fn on_network_response(
        &mut self,
        id: u64,
        message: &Message<'_>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.requests.get_mut(&id) else { return };
        if in_flight.state != InFlightState::AwaitingNetwork {
            return;
        }
        let given = response_code::read(message);
        let code = response_code::for_terminal(given);
        if code != given {
            in_flight.network_code = Some(given);
        }
        in_flight.authorisation_code = match in_flight.kind {
            RequestKind::Advice => in_flight.authorisation_code,
            _ => read_authorisation_code(message),
        };
        in_flight.chip_data = message.bytes(55).map(<[u8]>::to_vec).unwrap_or_default();
        if in_flight.kind == RequestKind::Balance {
            let sent = in_flight.network_reference;
            let network = self.networks[in_flight.network_index].settings.name.clone();
            let balance = message.bytes(54).ok();
            let text = network_code_text(in_flight);
            let answer = ResponseFields {
                network_reference: sent,
                text: text.as_deref(),
                balance,
                network_name: Some(&network),
                ..ResponseFields::default()
            };
            return self.finish(id, code, &answer, now, out);
        }
        self.record_response(id, code, now, out);
    }

    /// Records the network's response. The terminal is answered when that is durable (M3).
    fn record_response(
        &mut self,
        id: u64,
        code: ResponseCode,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.requests.get_mut(&id) else { return };
        let approved = code == ResponseCode::APPROVED;
        let resolution = if approved {
            PaymentResolution::Approved(Approval::Network(in_flight.authorisation_code))
        } else {
            PaymentResolution::Declined { code }
        };
        let Some(payment) = in_flight.payment else {
            // The books have no payment for this request.
            return self.finish(id, code, &ResponseFields::default(), now, out);
        };
        let command = match in_flight.kind {
            RequestKind::Sale | RequestKind::PreAuthorisation => {
                Command::ResolvePurchase(ResolvePurchase { payment, resolution })
            }
            RequestKind::Completion => {
                Command::ResolveCompletion(ResolveCompletion { payment, resolution })
            }
            RequestKind::Void | RequestKind::VoidPreAuthorisation => {
                Command::ResolveReversal(ResolveReversal { payment, done: approved, code })
            }
            RequestKind::Advice => {
                let code = in_flight.network_code.unwrap_or(code);
                // Not processed. The switch forwards it again when the terminal does.
                if response_code::must_resend(code) {
                    return self.finish(
                        id,
                        ResponseCode::SYSTEM_ERROR,
                        &ResponseFields::default(),
                        now,
                        out,
                    );
                }
                if !approved {
                    let network = self.networks[in_flight.network_index].settings.network;
                    out.push(Output::OperatorEvent(OperatorEvent::AdviceRejected {
                        network,
                        code,
                    }));
                    in_flight.network_code = Some(code);
                }
                Command::ResolveAdvice(ResolveAdvice { payment, code })
            }
            _ => return self.finish(id, code, &ResponseFields::default(), now, out),
        };
        // The terminal approved an offline sale itself: the network's decline does not undo it.
        let shown =
            if in_flight.kind == RequestKind::Advice { ResponseCode::APPROVED } else { code };
        in_flight.state = InFlightState::RecordingResponse(shown);
        self.command(Continuation::Request(id), command, out);
    }

    fn on_response_recorded(
        &mut self,
        id: u64,
        code: ResponseCode,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.requests.get_mut(&id) else { return };
        let is_late = |event: &Event| matches!(event, Event::LateApproval { .. });
        let refusal = match answer {
            // It ended before, so the books have nothing that is approved.
            Ok(events) if events.iter().any(is_late) => Some(Refusal::PaymentState),
            Ok(_) | Err(Refusal::Repeated) => None,
            Err(refusal) => Some(refusal),
        };
        let code = match refusal {
            None => code,
            Some(refusal) => {
                out.push(Output::OperatorEvent(OperatorEvent::UnexpectedRefusal(
                    refusal.to_string(),
                )));
                ResponseCode::SYSTEM_ERROR
            }
        };
        let (sent, authorisation) = (in_flight.network_reference, in_flight.authorisation_code);
        let chip = std::mem::take(&mut in_flight.chip_data);
        let network = self.networks[in_flight.network_index].settings.name.clone();
        let text = network_code_text(in_flight);
        let answer = ResponseFields {
            network_reference: sent,
            authorisation_code: authorisation,
            text: text.as_deref(),
            chip_data: Some(chip.as_slice()).filter(|chip| !chip.is_empty()),
            network_name: Some(&network),
            ..ResponseFields::default()
        };
        self.finish(id, code, &answer, now, out);
    }

    /// A network has not responded in time: the outcome is unknown (M4).
    pub(crate) fn on_network_timeout(&mut self, id: u64, now: Timestamp, out: &mut Vec<Output>) {
        let queued = self.next_id();
        let Some(in_flight) = self.requests.get_mut(&id) else { return };
        let (InFlightState::AwaitingNetwork, Some(sent)) =
            (in_flight.state, in_flight.network_reference)
        else {
            return;
        };
        let network = &mut self.networks[in_flight.network_index];
        network.record_failure(now, self.settings.timing.cooldown_ms);
        out.push(Output::OperatorEvent(OperatorEvent::NetworkTimeout {
            network: network.settings.network,
            trace: in_flight.header.trace(),
            network_reference: sent,
        }));
        let resolution = PaymentResolution::Unknown;
        let command = in_flight.payment.and_then(|payment| match in_flight.kind {
            RequestKind::Sale | RequestKind::PreAuthorisation => {
                Some(Command::ResolvePurchase(ResolvePurchase { payment, resolution }))
            }
            RequestKind::Completion => {
                Some(Command::ResolveCompletion(ResolveCompletion { payment, resolution }))
            }
            RequestKind::Void | RequestKind::VoidPreAuthorisation => {
                Some(Command::ReverseVoid(ReverseVoid { payment }))
            }
            _ => None,
        });
        match command {
            Some(command) => {
                network.awaited.insert(message_key(sent), AwaitedResponse::Late(queued));
                in_flight.state = InFlightState::RecordingUnknown(queued);
                self.command(Continuation::Request(id), command, out);
            }
            None => {
                network.awaited.remove(&message_key(sent));
                // The switch forwards an offline sale again when the terminal does.
                let code = match in_flight.kind {
                    RequestKind::Advice => ResponseCode::SYSTEM_ERROR,
                    _ => ResponseCode::OUTCOME_UNKNOWN,
                };
                self.finish(id, code, &ResponseFields::default(), now, out);
            }
        }
    }

    fn on_unknown_recorded(
        &mut self,
        id: u64,
        queued: u64,
        answer: Result<Vec<Event>, Refusal>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.requests.get(&id) else { return };
        match answer {
            Ok(_) => {
                if let Some(new_reversal) = self.reversal_of(in_flight) {
                    self.enqueue_reversal(queued, new_reversal, now, out);
                }
                let sent = self.requests.get(&id).and_then(|in_flight| in_flight.network_reference);
                let answer =
                    ResponseFields { network_reference: sent, ..ResponseFields::default() };
                self.finish(id, ResponseCode::OUTCOME_UNKNOWN, &answer, now, out);
            }
            Err(refusal) => {
                // The terminal's own reversal was faster.
                if refusal != Refusal::Repeated {
                    out.push(Output::OperatorEvent(OperatorEvent::UnexpectedRefusal(
                        refusal.to_string(),
                    )));
                }
                self.finish(
                    id,
                    ResponseCode::OUTCOME_UNKNOWN,
                    &ResponseFields::default(),
                    now,
                    out,
                );
            }
        }
    }

    /// The books have answered a query of an in-flight request.
    pub(crate) fn on_request_query_result(
        &mut self,
        id: u64,
        result: QueryResult,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.requests.get(&id) else { return };
        match (in_flight.state, result) {
            (InFlightState::LookingUpFirstResponse, QueryResult::Transaction(view)) => {
                self.answer_repeat(id, view, now, out);
            }
            (InFlightState::LookingUpOriginal, QueryResult::Transaction(view)) => {
                self.on_original(id, view, now, out);
            }
            (InFlightState::LookingUpOriginal, QueryResult::ParcelsOut(view, listed)) => {
                self.on_parcels_out(id, view, &listed, now, out);
            }
            (
                InFlightState::LookingUpOriginal | InFlightState::CheckingUpload,
                QueryResult::Terminal(view),
            ) => {
                self.on_terminal_for_request(id, view, now, out);
            }
            _ => {}
        }
    }

    /// Answers a repeat with the first answer.
    fn answer_repeat(
        &mut self,
        id: u64,
        view: Option<books::terminal_view::TransactionView>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(in_flight) = self.requests.get_mut(&id) else { return };
        let Some(view) = view else {
            return self.finish(
                id,
                ResponseCode::SYSTEM_ERROR,
                &ResponseFields::default(),
                now,
                out,
            );
        };
        let (terminal, stan) = (in_flight.header.terminal_id(), in_flight.header.stan);
        out.push(Output::OperatorEvent(OperatorEvent::Repeated { terminal, stan }));
        if in_flight.kind == RequestKind::Advice && view.awaits_network {
            // The books have it, but the network has not acknowledged it: forward it once more.
            return self.forward_offline_sale_again(id, &view, now, out);
        }
        if in_flight.kind == RequestKind::Qr && view.response_code.is_none() {
            return self.show_qr(id, &view, now, out);
        }
        let code = match view.response_code {
            Some(code) => code,
            // The wallet refunds a QR payment later; the terminal does not wait.
            None if in_flight.kind == RequestKind::QrRefund => ResponseCode::APPROVED,
            None => ResponseCode::SYSTEM_ERROR,
        };
        let index = self.network_index_of(view.route);
        let network = index.map(|index| self.networks[index].settings.name.clone());
        let answer = ResponseFields {
            network_reference: view.network_reference,
            authorisation_code: view.authorisation_code,
            network_name: network.as_deref(),
            ..ResponseFields::default()
        };
        self.finish(id, code, &answer, now, out);
    }
}

/// Field 44 where the terminal gets another code than the network's. A rejected offline sale stays
/// in the batch.
fn network_code_text(in_flight: &InFlight) -> Option<String> {
    let verb = match in_flight.kind {
        RequestKind::Advice => "rejected",
        _ => "answered",
    };
    in_flight.network_code.map(|code| format!("network {verb}: {code}"))
}
