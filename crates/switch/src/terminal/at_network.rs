//! The steps that requests to a network share: begun in the books, sent, answered, recorded. Then
//! the terminal is answered.

use books::{
    Approval, BeginReversal, Command, Event, PaymentId, PaymentResolution, Refusal, ResolveAdvice,
    ResolveCompletion, ResolvePurchase, ResolveReversal, ResponseCode, ReverseVoid,
};
use iso8583::UnsealedMessage;
use machine::Actor;

use super::Terminals;
use super::card;
use super::in_flight::{InFlight, InFlightState, Leg, LegKind, Response, ReversalWork, Told};
use super::responses::ResponseFields;
use crate::dialect::RequestKind;
use crate::port::OperatorEvent;
use crate::response_code;
use crate::sides::{NetworkResponse, NewReversal};

impl Terminals<'_> {
    /// The books have begun the request: its message is sent.
    pub(crate) fn on_begun(
        &mut self,
        id: u64,
        in_flight: InFlight,
        answer: Result<Vec<Event>, Refusal>,
    ) {
        let Some((mut in_flight, events)) = self.begun(id, in_flight, answer) else { return };
        let (InFlightState::Beginning(leg, message)
        | InFlightState::BeginningOfflineSale(leg, message, _)) = in_flight.work
        else {
            return;
        };
        in_flight.work = InFlightState::LookingUpFirst;
        let begun = events.iter().find_map(|event| match event {
            Event::PaymentBegun { payment }
            | Event::PaymentCollected { payment, .. }
            | Event::OfflineSaleSuspended { payment, .. } => Some(*payment),
            _ => None,
        });
        let payment = match leg.asked {
            LegKind::Completion(_, payment, _) | LegKind::Void(payment) => Some(payment),
            _ => begun,
        };
        let Some(payment) = payment else {
            // The books have no payment for this request.
            return self.finish(id, in_flight, ResponseCode::SYSTEM_ERROR);
        };
        if let Some(reversal) = in_flight.waiting_reversal
            && let Some(new_reversal) = leg.reversal(&in_flight.caller, payment)
        {
            // The network has not received the request. It is sent the reversal all the same.
            self.end(id, &in_flight);
            if let Some(waiting) = self.tables.requests.remove(&reversal) {
                self.begin_reversal(reversal, waiting, &leg, new_reversal);
            }
            return;
        }
        self.send(id, in_flight, leg, payment, message);
    }

    /// Begins the reversal of a request in flight that has a payment in the books.
    pub(crate) fn begin_reversal(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        leg: &Leg,
        new_reversal: NewReversal,
    ) {
        let payment = new_reversal.payment;
        let command = match leg.asked {
            LegKind::Void(_) => Command::ReverseVoid(ReverseVoid { payment }),
            _ => Command::BeginReversal(BeginReversal { payment }),
        };
        in_flight.work =
            InFlightState::Reversal(ReversalWork::Beginning(Told::Network(new_reversal)));
        self.command(id, in_flight, command);
    }

    /// Sends a request's message to its network and waits for the response.
    pub(crate) fn send(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        leg: Leg,
        payment: PaymentId,
        message: UnsealedMessage,
    ) {
        let expected = leg.expected(id, &in_flight.caller);
        if self.networks.send(message, expected, &mut self.step) {
            in_flight.work = InFlightState::AwaitingNetwork(leg, payment);
            self.tables.requests.insert(id, in_flight);
            return;
        }
        // The network went down after it was chosen. It has not received the request.
        let down = Response {
            code: ResponseCode::NETWORK_UNAVAILABLE,
            authorisation_code: None,
            chip_data: Vec::new(),
            network_code: None,
        };
        self.record_response(id, in_flight, leg, payment, down);
    }

    /// A network has responded to a request.
    pub(crate) fn on_network_response(&mut self, response: &NetworkResponse<'_>) {
        let id = response.id;
        let Some(in_flight) = self.tables.requests.remove(&id) else { return };
        if let Some(card) = in_flight.pin_try {
            self.note_pin(card, in_flight.caller.header.terminal, response.code);
        }
        let code = response_code::for_terminal(response.code);
        let network_code = Some(response.code).filter(|given| *given != code);
        match in_flight.work {
            InFlightState::AwaitingBalance(leg) => {
                let text = network_code_text(RequestKind::Balance, network_code);
                if code != ResponseCode::APPROVED {
                    return self.decline_by(id, in_flight, code, text, Some(leg));
                }
                let network = self.networks.settings(leg.network).name.clone();
                let answer = ResponseFields {
                    network_reference: Some(leg.sent),
                    balance: response.balance,
                    network_name: Some(&network),
                    ..ResponseFields::default()
                };
                self.finish_with(id, in_flight, code, &answer);
            }
            InFlightState::AwaitingNetwork(leg, payment) => {
                let authorisation_code = match leg.asked {
                    LegKind::OfflineSale(_, own) => own,
                    _ => response.authorisation_code,
                };
                let chip_data = response.chip_data.and_then(card::issuer_chip_data);
                let chip_data = chip_data.map(<[u8]>::to_vec).unwrap_or_default();
                let response = Response { code, authorisation_code, chip_data, network_code };
                self.record_response(id, in_flight, leg, payment, response);
            }
            _ => {
                self.tables.requests.insert(id, in_flight);
            }
        }
    }

    /// Records the network's response. The terminal is answered when that is durable (M3).
    fn record_response(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        leg: Leg,
        payment: PaymentId,
        mut response: Response,
    ) {
        let settings = self.networks.settings(leg.network);
        let (network, not_processed) = (settings.network, settings.dialect.not_processed);
        let code = response.code;
        let approved = code == ResponseCode::APPROVED;
        let resolution = if approved {
            PaymentResolution::Approved(Approval::Network(response.authorisation_code))
        } else {
            PaymentResolution::Declined { code }
        };
        let command = match leg.asked {
            LegKind::Purchase(_) => {
                Command::ResolvePurchase(ResolvePurchase { payment, resolution })
            }
            LegKind::Completion(..) => {
                Command::ResolveCompletion(ResolveCompletion { payment, resolution })
            }
            LegKind::Void(_) => {
                Command::ResolveReversal(ResolveReversal { payment, done: approved, code })
            }
            LegKind::OfflineSale(..) => {
                let code = response.network_code.unwrap_or(code);
                // Not processed. The switch forwards it again when the terminal does.
                if not_processed.contains(&code) {
                    return self.finish(id, in_flight, ResponseCode::SYSTEM_ERROR);
                }
                if !approved {
                    self.step.report(OperatorEvent::AdviceRejected { network, code });
                    response.network_code = Some(code);
                }
                // The terminal approved an offline sale itself: the network's decline does not undo
                // it.
                response.code = ResponseCode::APPROVED;
                Command::ResolveAdvice(ResolveAdvice { payment, code })
            }
            LegKind::Balance => return self.finish(id, in_flight, code),
        };
        in_flight.work = InFlightState::RecordingResponse(leg, payment, response);
        self.command_by(id, in_flight, Actor::Network(network), command);
    }

    pub(crate) fn on_response_recorded(
        &mut self,
        id: u64,
        mut in_flight: InFlight,
        answer: Result<Vec<Event>, Refusal>,
    ) {
        let InFlightState::RecordingResponse(leg, _, response) = &mut in_flight.work else {
            return;
        };
        let is_late = |event: &Event| matches!(event, Event::LateApproval { .. });
        let refusal = match answer {
            // It ended before, so the books have nothing that is approved.
            Ok(events) if events.iter().any(is_late) => Some(Refusal::PaymentState),
            Ok(_) | Err(Refusal::Repeated) => None,
            Err(refusal) => Some(refusal),
        };
        let code = match refusal {
            None => response.code,
            Some(refusal) => {
                self.step.report(OperatorEvent::UnexpectedRefusal(refusal.to_string()));
                ResponseCode::SYSTEM_ERROR
            }
        };
        let (sent, authorisation_code) = (leg.sent, response.authorisation_code);
        let chip = std::mem::take(&mut response.chip_data);
        let network = self.networks.settings(leg.network).name.clone();
        let text = network_code_text(in_flight.caller.kind, response.network_code);
        let answer = ResponseFields {
            network_reference: Some(sent),
            authorisation_code,
            text: text.as_deref(),
            chip_data: Some(chip.as_slice()).filter(|chip| !chip.is_empty()),
            network_name: Some(&network),
            ..ResponseFields::default()
        };
        self.finish_with(id, in_flight, code, &answer);
    }

    /// A network has not responded in time: the outcome is unknown (M4).
    pub(crate) fn on_network_timeout(&mut self, id: u64) {
        let Some(mut in_flight) = self.tables.requests.remove(&id) else { return };
        let (leg, payment) = match in_flight.work {
            InFlightState::AwaitingNetwork(leg, payment) => (leg, Some(payment)),
            InFlightState::AwaitingBalance(leg) => (leg, None),
            _ => {
                self.tables.requests.insert(id, in_flight);
                return;
            }
        };
        let trace = in_flight.caller.header.trace();
        self.step.report(OperatorEvent::NetworkTimeout {
            network: self.networks.settings(leg.network).network,
            trace,
            network_reference: leg.sent,
        });
        let resolution = PaymentResolution::Unknown;
        let unknown = payment.and_then(|payment| match leg.asked {
            LegKind::Purchase(_) => Some((
                payment,
                Actor::System,
                Command::ResolvePurchase(ResolvePurchase { payment, resolution }),
            )),
            LegKind::Completion(..) => Some((
                payment,
                Actor::System,
                Command::ResolveCompletion(ResolveCompletion { payment, resolution }),
            )),
            LegKind::Void(_) => Some((
                payment,
                Actor::Terminal(trace.terminal),
                Command::ReverseVoid(ReverseVoid { payment }),
            )),
            LegKind::OfflineSale(..) | LegKind::Balance => None,
        });
        let Some((payment, by, command)) = unknown else {
            self.networks.time_out(leg.network, leg.sent, None, &mut self.step);
            // The switch forwards an offline sale again when the terminal does.
            let code = match leg.asked {
                LegKind::OfflineSale(..) => ResponseCode::SYSTEM_ERROR,
                _ => ResponseCode::OUTCOME_UNKNOWN,
            };
            return self.finish(id, in_flight, code);
        };
        let queued = self.step.next_id();
        self.networks.time_out(leg.network, leg.sent, Some(queued), &mut self.step);
        in_flight.work = InFlightState::RecordingUnknown(leg, payment, queued);
        self.command_by(id, in_flight, by, command);
    }

    pub(crate) fn on_unknown_recorded(
        &mut self,
        id: u64,
        in_flight: InFlight,
        answer: Result<Vec<Event>, Refusal>,
    ) {
        let InFlightState::RecordingUnknown(leg, payment, queued) = in_flight.work else { return };
        if answer.is_err() {
            // The terminal's own reversal was faster.
            self.step.report_refusal(answer);
            return self.finish(id, in_flight, ResponseCode::OUTCOME_UNKNOWN);
        }
        if let Some(new_reversal) = leg.reversal(&in_flight.caller, payment) {
            self.networks.reverse(queued, new_reversal, &mut self.step);
        }
        let answer =
            ResponseFields { network_reference: Some(leg.sent), ..ResponseFields::default() };
        self.finish_with(id, in_flight, ResponseCode::OUTCOME_UNKNOWN, &answer);
    }
}

/// Field 44 where the terminal gets another code than the network's. A rejected offline sale stays
/// in the batch.
fn network_code_text(kind: RequestKind, network_code: Option<ResponseCode>) -> Option<String> {
    let verb = match kind {
        RequestKind::Advice => "rejected",
        _ => "answered",
    };
    network_code.map(|code| format!("network {verb}: {code}"))
}
