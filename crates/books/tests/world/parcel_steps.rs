//! Steps of one parcel. Each must succeed. Steps about a payment use the last one unless another is
//! named.

use books::*;
use money::Amount;

use super::*;

pub struct ParcelSteps<'a> {
    world: &'a mut World,
    parcel: ParcelId,
}

impl<'a> ParcelSteps<'a> {
    pub fn new(world: &'a mut World, parcel: ParcelId) -> ParcelSteps<'a> {
        ParcelSteps { world, parcel }
    }

    fn must(self, command: Command) -> ParcelSteps<'a> {
        self.world.must(command);
        self
    }

    pub fn id(&self) -> ParcelId {
        self.parcel
    }

    pub fn last_payment(&self) -> PaymentId {
        PaymentId { parcel: self.parcel, number: self.world.view(self.parcel).payment_count }
    }

    /// The next payment's trace in the open batch of the terminal that is signed on.
    fn next_trace(&self) -> Trace {
        let batch = self.world.engine.terminal_view(SIGNED_ON).expect("it is registered").batch;
        let last = self.last_payment();
        trace_of(batch, PaymentId { number: last.number + 1, ..last })
    }

    fn sell(self, route: PaymentRoute, amount: u64) -> ParcelSteps<'a> {
        let command = sell_at(self.next_trace(), self.parcel, route, amount);
        self.must(command)
    }

    /// Assigns the parcel to the firm and dispatches it with a courier.
    pub fn dispatch(self) -> ParcelSteps<'a> {
        let (parcel, view) = (self.parcel, self.world.view(self.parcel));
        self.must(assign_all(FIRM, &[(parcel, view.assignments + 1)]))
            .must(dispatch_all(COURIER, &[(parcel, view.attempts + 1)]))
    }

    pub fn attempt(self) -> ParcelSteps<'a> {
        let (parcel, before) = (self.parcel, self.world.view(self.parcel).attempts);
        self.must(attempt(parcel, before + 1))
    }

    pub fn refuse(self) -> ParcelSteps<'a> {
        let parcel = self.parcel;
        self.must(refuse(parcel))
    }

    pub fn return_to_seller(self) -> ParcelSteps<'a> {
        let parcel = self.parcel;
        self.must(Command::ReturnParcel(ReturnParcel { parcel }))
    }

    pub fn card(self, amount: u64) -> ParcelSteps<'a> {
        self.sell(debit_card(), amount)
    }

    pub fn qr(self, amount: u64) -> ParcelSteps<'a> {
        self.sell(PaymentRoute::Qr { wallet: WALLET }, amount)
    }

    pub fn cash(self, amount: u64) -> ParcelSteps<'a> {
        let command = take_cash_at(self.next_trace(), self.parcel, amount, amount);
        self.must(command)
    }

    pub fn approve(self) -> ParcelSteps<'a> {
        let payment = self.last_payment();
        let by_card = self.world.payment(payment).method.is_card();
        self.must(if by_card { approve(payment) } else { pay(payment) })
    }

    pub fn decline(self) -> ParcelSteps<'a> {
        let payment = self.last_payment();
        self.must(decline(payment))
    }

    pub fn unknown(self) -> ParcelSteps<'a> {
        let payment = self.last_payment();
        self.must(outcome_unknown(payment))
    }

    pub fn reverse(self) -> ParcelSteps<'a> {
        let payment = self.last_payment();
        self.must(reverse(payment))
    }

    /// Clears it for its amount, with the deduction that the tariff allows.
    pub fn clear(self) -> ParcelSteps<'a> {
        let payment = self.world.payment(self.last_payment());
        let minor = |amount: Amount| i64::try_from(amount.minor()).expect("a small amount");
        self.must(clear(payment.id, minor(payment.amount), minor(payment.deducted_by_network)))
    }
}
