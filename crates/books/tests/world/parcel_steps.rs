//! Steps of one parcel. Each must succeed. Steps about a payment use the last one unless another is
//! named.

use books::*;

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

    fn next(&self) -> PaymentId {
        PaymentId { number: self.last_payment().number + 1, ..self.last_payment() }
    }

    /// Assigns the parcel to the firm and dispatches it with a courier.
    pub fn dispatch(self) -> ParcelSteps<'a> {
        let parcel = self.parcel;
        self.must(assign(parcel)).must(dispatch(parcel))
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
        let payment = self.next();
        self.must(begin_card(payment, amount))
    }

    pub fn qr(self, amount: u64) -> ParcelSteps<'a> {
        let payment = self.next();
        self.must(begin_qr(payment, amount))
    }

    pub fn cash(self, amount: u64) -> ParcelSteps<'a> {
        let payment = self.next();
        self.must(collect_cash(payment, amount))
    }

    pub fn approve(self) -> ParcelSteps<'a> {
        let payment = self.last_payment();
        self.must(approve(payment))
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
        self.must(clear(payment.id, payment.amount.minor(), payment.deducted_by_network.minor()))
    }
}
