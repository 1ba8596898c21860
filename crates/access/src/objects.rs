//! The owners of parcels and couriers, for roles that cover only their own.

use std::any::Any;

use books::view::ParcelState;
use books::{
    AssignedParcel, Books, Command, CourierId, DispatchedParcel, FirmId, NoticeOwner, ParcelId,
    PaymentId, SellerId,
};

use crate::principal::AccessGrant;
use crate::table::AccessScope;

/// The owners of parcels and couriers.
pub trait AccessObjects {
    fn seller_of(&self, parcel: ParcelId) -> Option<SellerId>;
    /// The firm that has the parcel.
    fn firm_of(&self, parcel: ParcelId) -> Option<FirmId>;
    /// The courier who has the parcel out now, or took its last payment today: today's tour.
    fn courier_of(&self, parcel: ParcelId) -> Option<CourierId>;
    fn firm_of_courier(&self, courier: CourierId) -> Option<FirmId>;
}

impl AccessObjects for Books {
    fn seller_of(&self, parcel: ParcelId) -> Option<SellerId> {
        self.parcel_view(parcel).map(|parcel| parcel.seller)
    }

    fn firm_of(&self, parcel: ParcelId) -> Option<FirmId> {
        let listed = self.listed_parcel(parcel)?;
        let of_courier = listed.courier.and_then(|courier| self.firm_of_courier(courier));
        listed.firm.or(of_courier)
    }

    fn courier_of(&self, parcel: ParcelId) -> Option<CourierId> {
        let listed = self.listed_parcel(parcel)?;
        let is_out = listed.view.state == ParcelState::Out;
        let today = is_out || listed.date == Some(self.last_date());
        listed.courier.filter(|_| today)
    }

    fn firm_of_courier(&self, courier: CourierId) -> Option<FirmId> {
        self.courier_firm(courier)
    }
}

impl AccessScope {
    /// Whether a command touches only what the scope covers. A parcel that the books do not know
    /// belongs to nobody: only the field beside it can make the command one's own.
    #[must_use]
    pub fn covers(&self, command: &Command, objects: &dyn AccessObjects) -> bool {
        match self {
            AccessScope::All => true,
            AccessScope::Nothing => false,
            AccessScope::Own(grants) => grants.iter().any(|grant| is_own(command, *grant, objects)),
        }
    }

    /// Whether the scope covers a parcel.
    #[must_use]
    pub fn covers_parcel(&self, parcel: ParcelId, objects: &dyn AccessObjects) -> bool {
        match self {
            AccessScope::All => true,
            AccessScope::Nothing => false,
            AccessScope::Own(grants) => {
                let own = |grant: &AccessGrant| {
                    parcel_belonging(parcel, *grant, objects) == Belonging::Own
                };
                grants.iter().any(own)
            }
        }
    }
}

/// What a field of a command says of whose the command is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Belonging {
    Own,
    Foreign,
    /// It names nobody.
    Silent,
}

fn belongs(own: bool) -> Belonging {
    if own { Belonging::Own } else { Belonging::Foreign }
}

/// A command is one's own if something in it is, and nothing is another's.
fn is_own(command: &Command, grant: AccessGrant, objects: &dyn AccessObjects) -> bool {
    let (mut own, mut foreign) = (false, false);
    command.for_each_field(&mut |field| match field_belonging(field, grant, objects) {
        Belonging::Own => own = true,
        Belonging::Foreign => foreign = true,
        Belonging::Silent => {}
    });
    own && !foreign
}

fn field_belonging(field: &dyn Any, grant: AccessGrant, objects: &dyn AccessObjects) -> Belonging {
    let parcel = |parcel: ParcelId| parcel_belonging(parcel, grant, objects);
    if let Some(seller) = field.downcast_ref::<SellerId>() {
        return belongs(grant == AccessGrant::Seller(*seller));
    }
    if let Some(firm) = field.downcast_ref::<FirmId>() {
        return belongs(grant == AccessGrant::Firm(*firm));
    }
    if let Some(courier) = field.downcast_ref::<CourierId>() {
        return match grant {
            AccessGrant::Firm(firm) => belongs(objects.firm_of_courier(*courier) == Some(firm)),
            _ => belongs(grant == AccessGrant::Courier(*courier)),
        };
    }
    if let Some(owner) = field.downcast_ref::<NoticeOwner>() {
        return belongs(match (*owner, grant) {
            (NoticeOwner::Seller(one), AccessGrant::Seller(own)) => one == own,
            (NoticeOwner::Firm(one), AccessGrant::Firm(own)) => one == own,
            (NoticeOwner::Courier(one), AccessGrant::Courier(own)) => one == own,
            _ => false,
        });
    }
    if let Some(one) = field.downcast_ref::<ParcelId>() {
        return parcel(*one);
    }
    if let Some(payment) = field.downcast_ref::<PaymentId>() {
        return parcel(payment.parcel);
    }
    let assigned = field.downcast_ref::<Vec<AssignedParcel>>();
    let assigned = assigned.map(|all| all.iter().map(|one| one.parcel).collect::<Vec<_>>());
    let dispatched = || {
        let all = field.downcast_ref::<Vec<DispatchedParcel>>()?;
        Some(all.iter().map(|one| one.parcel).collect::<Vec<_>>())
    };
    match assigned.or_else(dispatched) {
        // Of a list every parcel is one's own.
        Some(all) => belongs(all.iter().all(|one| parcel(*one) == Belonging::Own)),
        None => Belonging::Silent,
    }
}

fn parcel_belonging(
    parcel: ParcelId,
    grant: AccessGrant,
    objects: &dyn AccessObjects,
) -> Belonging {
    match grant {
        AccessGrant::Seller(seller) => match objects.seller_of(parcel) {
            Some(of) => belongs(of == seller),
            None => Belonging::Silent,
        },
        AccessGrant::Firm(firm) => belongs(objects.firm_of(parcel) == Some(firm)),
        AccessGrant::Courier(courier) => belongs(objects.courier_of(parcel) == Some(courier)),
        AccessGrant::Buyer(own) => belongs(own == parcel),
        _ => Belonging::Foreign,
    }
}
