//! One parcel and what happens at its door. Each step must go well; the last tender is meant where
//! none is named.

use engine::*;

use super::*;

pub struct Door<'a> {
    world: &'a mut World,
    parcel: ParcelId,
}

impl<'a> Door<'a> {
    pub fn new(world: &'a mut World, parcel: ParcelId) -> Door<'a> {
        Door { world, parcel }
    }

    fn must(self, command: Command) -> Door<'a> {
        self.world.must(command);
        self
    }

    /// The parcel's identifier.
    pub fn id(&self) -> ParcelId {
        self.parcel
    }

    /// The last tender.
    pub fn last(&self) -> TenderId {
        TenderId { parcel: self.parcel, number: self.world.view(self.parcel).tenders }
    }

    fn next(&self) -> TenderId {
        TenderId { number: self.last().number + 1, ..self.last() }
    }

    /// With the firm, and out with its courier.
    pub fn out(self) -> Door<'a> {
        let parcel = self.parcel;
        self.must(assign(parcel)).must(dispatch(parcel))
    }

    pub fn attempt(self) -> Door<'a> {
        let (parcel, before) = (self.parcel, self.world.view(self.parcel).attempts);
        self.must(attempt(parcel, before + 1))
    }

    pub fn refuse(self) -> Door<'a> {
        let parcel = self.parcel;
        self.must(refuse(parcel))
    }

    pub fn come_back(self) -> Door<'a> {
        let parcel = self.parcel;
        self.must(Command::ReturnParcel { parcel })
    }

    pub fn card(self, amount: u64) -> Door<'a> {
        let tender = self.next();
        self.must(card(tender, amount))
    }

    pub fn qr(self, amount: u64) -> Door<'a> {
        let tender = self.next();
        self.must(qr(tender, amount))
    }

    pub fn cash(self, amount: u64) -> Door<'a> {
        let tender = self.next();
        self.must(cash(tender, amount))
    }

    pub fn approve(self) -> Door<'a> {
        let tender = self.last();
        self.must(approve(tender))
    }

    pub fn decline(self) -> Door<'a> {
        let tender = self.last();
        self.must(decline(tender))
    }

    pub fn unknown(self) -> Door<'a> {
        let tender = self.last();
        self.must(unknown(tender))
    }

    pub fn reverse(self) -> Door<'a> {
        let tender = self.last();
        self.must(reverse(tender))
    }

    /// Cleared for its amount, with what the tariff lets the network or wallet keep back.
    pub fn clear(self) -> Door<'a> {
        let tender = self.world.tender(self.last());
        self.must(clear(tender.id, tender.amount.minor(), tender.kept_by_network.minor()))
    }
}
